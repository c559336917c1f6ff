//! The page of plots, made of the files that runs have left: one picture for each row, in which less is
//! better, and nothing that has to be fetched from elsewhere.

use std::fmt::Write as _;

use serde_json::Value;

use super::FOLDER;
use super::peers::Missing;
use super::results::{is_limit, short};
use super::workloads::WORKLOADS;
use crate::Error;
use crate::command::Project;

const STYLE: &str = "
:root { color-scheme: light dark; --ours: #2563eb; --peer: #94a3b8; --limit: #d9a441; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.05rem; margin: 0 0 .3rem; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(30rem, 1fr)); gap: 1rem; }
section { border: 1px solid #8884; border-radius: .6rem; padding: .8rem 1rem; }
svg { width: 100%; height: auto; } text { font: 12px system-ui, sans-serif; fill: currentColor; }
.ours { fill: var(--ours); } .peer { fill: var(--peer); } .limit { fill: var(--limit); }
.small { opacity: .7; font-size: .85rem; margin: 0; }
";

/// In the units of a picture: its width, where bars begin, how long one may be, a bar and its gap.
const WIDTH: f64 = 480.0;
const LEFT: f64 = 120.0;
const LONGEST: f64 = 290.0;
const BAR: f64 = 18.0;

/// Bars longer than so many times gort's are cut, or nothing would be seen of gort's.
const CUT: f64 = 12.0;

/// The page of all rows of which there is a file.
pub(super) fn of_all(project: &Project, missing: &[Missing]) -> Result<String, Error> {
    let mut rows = Vec::new();
    for workload in WORKLOADS {
        let file = format!("{FOLDER}/{}.json", workload.row);
        if let Ok(text) = project.sh.read_file(file) {
            rows.push(serde_json::from_str(&text)?);
        }
    }
    Ok(page(&rows, missing))
}

fn page(rows: &[Value], missing: &[Missing]) -> String {
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>gort and its peers</title>\n\
         <style>{STYLE}</style>\n<h1>gort and its peers</h1>\n\
         <p>Medians of runs in turn; shorter is better. <b>Blue</b> is gort, grey a peer, and yellow does \
         less than a runtime must: the floor. A bar with » is longer than there is room for.</p>\n"
    );
    for (name, why) in missing {
        // Writing to a String can't fail.
        let _ = writeln!(text, "<p>Without <b>{name}</b>: {}</p>", escaped(why));
    }
    text.push_str("<main>\n");
    for row in rows {
        text.push_str(&section(row));
    }
    text + "</main>\n</html>\n"
}

/// One row: its pictures, and where it was measured.
fn section(row: &Value) -> String {
    let name = row["row"].as_str().unwrap_or_default();
    let mut text = format!("<section>\n<h2>{}</h2>\n", escaped(name));
    let also = row["also"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for figure in std::iter::once("value").chain(also) {
        let unit =
            if figure == "value" { row["unit"].as_str().unwrap_or_default() } else { figure };
        for procs in 1..=64 {
            let bars = bars(row, procs, figure);
            if !bars.is_empty() {
                text.push_str(&picture(&format!("{unit}, {procs} processor(s)"), &bars));
            }
        }
    }
    for failed in row["failed"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let _ = writeln!(text, "<p class=\"small\">no result: {}</p>", escaped(failed));
    }
    let said = |key: &str| escaped(row["machine"][key].as_str().unwrap_or_default());
    let quick = if row["quick"] == true { "; a quick run" } else { "" };
    let _ = writeln!(
        text,
        "<p class=\"small\">{}, {}, commit {}, {}{quick}</p>\n</section>",
        said("processor"),
        said("kernel"),
        said("commit"),
        said("date")
    );
    text
}

/// The medians of a figure, gort's first and then from best to worst.
fn bars(row: &Value, procs: u64, figure: &str) -> Vec<(String, f64)> {
    let mut bars = Vec::new();
    for entry in row["entries"].as_array().into_iter().flatten() {
        let mut figures = entry["figures"].as_array().into_iter().flatten();
        let median = figures.find(|it| it["name"] == figure).and_then(|it| it["median"].as_f64());
        if let (true, Some(median)) = (entry["procs"] == procs, median) {
            bars.push((entry["peer"].as_str().unwrap_or_default().to_owned(), median));
        }
    }
    bars.sort_by(|a, b| {
        let ours = |label: &str| !label.starts_with("gort");
        ours(&a.0).cmp(&ours(&b.0)).then(a.1.total_cmp(&b.1))
    });
    bars
}

/// A picture of horizontal bars.
fn picture(title: &str, bars: &[(String, f64)]) -> String {
    let longest = bars.iter().map(|bar| bar.1).fold(0.0, f64::max);
    let ours = bars.iter().filter(|bar| bar.0.starts_with("gort")).map(|bar| bar.1);
    let most = ours.fold(f64::INFINITY, f64::min) * CUT;
    let full = if most > 0.0 { longest.min(most) } else { longest };
    let height = (bars.len() as f64 + 1.2) * (BAR + 4.0);
    let mut text = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\">\n\
         <text x=\"0\" y=\"14\" opacity=\".7\">{}</text>\n",
        escaped(title)
    );
    for (i, (label, median)) in bars.iter().enumerate() {
        let top = (i as f64 + 1.0) * (BAR + 4.0);
        let length = if full > 0.0 { (median / full * LONGEST).min(LONGEST) } else { 0.0 };
        let cut = if *median > full { " »" } else { "" };
        let class = match label {
            label if label.starts_with("gort") => "ours",
            label if is_limit(label) => "limit",
            _ => "peer",
        };
        let _ = writeln!(
            text,
            "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{BAR}\" \
             rx=\"2\"/><text x=\"{:.1}\" y=\"{:.1}\">{}{cut}</text>",
            LEFT - 6.0,
            top + 13.0,
            escaped(label),
            length.max(1.0),
            LEFT + length + 6.0,
            top + 13.0,
            short(*median)
        );
    }
    text + "</svg>\n"
}

/// The text as HTML has it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_has_a_picture_of_each_figure() {
        let figures = |a: f64, b: f64| json!([{ "name": "value", "median": a }, { "name": "p99_us", "median": b }]);
        let entry =
            |peer: &str, figures: Value| json!({ "peer": peer, "procs": 2, "figures": figures });
        let row = json!({
            "row": "wakeup", "unit": "us", "also": ["p99_us"], "failed": ["may, procs 2: a < b"],
            "machine": { "commit": "abc" },
            "entries": [entry("go", figures(900.0, 9.0)), entry("gort", figures(3.0, 4.0))],
        });
        let page = page(&[row], &[("boost", "no compiler".to_owned())]);
        assert_eq!(page.matches("<svg").count(), 2, "{page}");
        assert_eq!(page.matches("<rect").count(), 4);
        assert_eq!(page.matches('»').count() - 1, 1, "only Go's first bar is cut");
        assert!(page.contains("a &lt; b") && page.contains("<b>boost</b>: no compiler"));
        assert!(page.find(">gort<") < page.find(">go<"));
    }
}
