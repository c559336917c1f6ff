//! What a program says of itself when it is asked to: the variable `GORT_DEBUG`, a list with commas.

#![forbid(unsafe_code)]

use crate::base;

/// The name of the list.
const DEBUG: &str = "GORT_DEBUG";

/// Whether the list has this word. `boot`: how the runtime was started, stage by stage.
pub(crate) fn asks_for(word: &str) -> bool {
    let has = |list: &[u8]| list.split(|&b| b == b',').any(|w| w.trim_ascii() == word.as_bytes());
    base::ask_variable(DEBUG, has) == Some(true)
}
