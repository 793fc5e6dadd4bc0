//! Any text is compiled or refused; the shortcuts of a pattern match what its engine matches.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_model::Pattern;

fuzz_target!(|input: (&str, &str)| {
    let (source, text) = input;
    let Ok(pattern) = Pattern::new(source) else {
        return;
    };
    let matches = pattern.regex().is_match(text);
    assert_eq!(pattern.is_match(text), matches);
    assert!(!matches || text.starts_with(pattern.prefix()));
    assert!(pattern.literals().is_none_or(|l| matches == l.iter().any(|l| l == text)));
});
