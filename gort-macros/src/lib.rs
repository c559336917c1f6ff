//! The attributes of gort.
//!
//! Each wraps a function: its body becomes a nested function, which a runtime runs. That takes no
//! parser of Rust, only its last pair of braces and the name before its parentheses.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

#[expect(missing_docs, reason = "gort documents what it re-exports")]
#[proc_macro_attribute]
pub fn main(options: TokenStream, function: TokenStream) -> TokenStream {
    wrap(options, function, &MAIN)
}

#[expect(missing_docs, reason = "gort documents what it re-exports")]
#[proc_macro_attribute]
pub fn test(options: TokenStream, function: TokenStream) -> TokenStream {
    wrap(options, function, &TEST)
}

/// A test that runs in the simulation, under many seeds: see `gort::sim`.
///
/// `#[gort::sim_test(seeds = 1000, procs = Some(2))]` sets what `gort::sim::Config` has: `seeds`,
/// `first`, `procs`, `strategy`, `faults`, `socket_buffer`, `step_limit`. The function returns
/// nothing.
#[proc_macro_attribute]
pub fn sim_test(options: TokenStream, function: TokenStream) -> TokenStream {
    wrap(options, function, &SIM_TEST)
}

/// What an attribute makes of a function.
struct Wrapper {
    /// The attribute that goes before it.
    attribute: &'static str,
    /// The names that its options may have.
    options: &'static [&'static str],
    /// The options, as a sentence says them.
    listed: &'static str,
    /// What an option is written as: before its name, before its value, after it.
    option: [&'static str; 3],
    /// The call of the nested function: before the options, and after them.
    call: [&'static str; 2],
}

/// Runs the nested function on a runtime that the options build.
const RUN: [&str; 2] = [
    "match ::gort::Builder::new()",
    ".run(__gort_body) { Ok(value) => value, Err(error) => ::core::panic!(\"gort: {error}\") }",
];

const MAIN: Wrapper = Wrapper {
    attribute: "",
    options: &["procs", "stack_size"],
    listed: "`procs = n` and `stack_size = bytes`",
    option: [".", "(", ")"],
    call: RUN,
};

const TEST: Wrapper = Wrapper { attribute: "#[::core::prelude::v1::test]", ..MAIN };

const SIM_TEST: Wrapper = Wrapper {
    attribute: "#[::core::prelude::v1::test]",
    options: &["seeds", "first", "procs", "strategy", "faults", "socket_buffer", "step_limit"],
    listed: "`seeds = n`, `procs = Some(n)` and the other fields of `gort::sim::Config`",
    option: ["", ": ", ","],
    call: [
        "::gort::sim::check(&::gort::sim::Config {",
        "..::core::default::Default::default() }, __gort_body)",
    ],
};

fn wrap(options: TokenStream, function: TokenStream, wrapper: &Wrapper) -> TokenStream {
    rewrite(options, function, wrapper).unwrap_or_else(|error| {
        let text = format!("::core::compile_error!({error:?});");
        text.parse().unwrap_or_default()
    })
}

fn rewrite(
    options: TokenStream,
    function: TokenStream,
    wrapper: &Wrapper,
) -> Result<TokenStream, String> {
    let settings = settings(options, wrapper)?;
    let tokens: Vec<TokenTree> = function.into_iter().collect();
    let Some((TokenTree::Group(body), head)) = tokens.split_last() else {
        return Err("gort: the attribute belongs on a function".into());
    };
    let name = head
        .windows(2)
        .position(|pair| pair[0].to_string() == "fn" && matches!(pair[1], TokenTree::Ident(_)))
        .ok_or("gort: the attribute belongs on a function")?
        + 1;
    match head.get(name + 1) {
        Some(TokenTree::Group(arguments)) if arguments.stream().is_empty() => {}
        _ => return Err("gort: the function takes no arguments and has no parameters".into()),
    }

    // `fn __gort_body() -> R { .. }`, without the attributes and the visibility.
    let mut inner = head[name - 1..].to_vec();
    inner[1] = TokenTree::Ident(Ident::new("__gort_body", Span::mixed_site()));
    inner.push(TokenTree::Group(body.clone()));
    let mut statements: TokenStream = inner.into_iter().collect();
    let [before, after] = wrapper.call;
    let call = format!("{before}{settings}{after}");
    let call: TokenStream = call.parse().map_err(|e| format!("gort: {e}"))?;
    statements.extend(respan(call));

    let mut outer: TokenStream = wrapper.attribute.parse().map_err(|e| format!("gort: {e}"))?;
    outer.extend(head.iter().cloned());
    outer.extend([TokenTree::Group(Group::new(Delimiter::Brace, statements))]);
    Ok(outer)
}

/// `procs = 2, stack_size = n` as the wrapper writes options.
fn settings(options: TokenStream, wrapper: &Wrapper) -> Result<String, String> {
    let mut calls = String::new();
    let tokens: Vec<TokenTree> = options.into_iter().collect();
    let parts = tokens.split(|t| matches!(t, TokenTree::Punct(p) if p.as_char() == ','));
    for part in parts.filter(|part| !part.is_empty()) {
        let [TokenTree::Ident(name), TokenTree::Punct(equals), value @ ..] = part else {
            return Err(format!("gort: options are {}", wrapper.listed));
        };
        let name = name.to_string();
        if equals.as_char() != '=' || value.is_empty() {
            return Err(format!("gort: give `{name}` a value: `{name} = n`"));
        }
        if !wrapper.options.contains(&name.as_str()) {
            return Err(format!("gort: no option `{name}`: there are {}", wrapper.listed));
        }
        let value: TokenStream = value.iter().cloned().collect();
        let [before, open, close] = wrapper.option;
        calls.push_str(&format!("{before}{name}{open}{value}{close}"));
    }
    Ok(calls)
}

/// Gives generated tokens the hygiene under which they see the nested function.
fn respan(tokens: TokenStream) -> TokenStream {
    let one = |mut token: TokenTree| {
        if let TokenTree::Group(group) = &token {
            token = TokenTree::Group(Group::new(group.delimiter(), respan(group.stream())));
        }
        token.set_span(Span::mixed_site());
        token
    };
    tokens.into_iter().map(one).collect()
}
