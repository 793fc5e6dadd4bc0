//! Any text is parsed or refused, and what a query prints as is the same query.
#![no_main]

use libfuzzer_sys::fuzz_target;
use narthex_promql::{Features, parse, parse_selector};

fuzz_target!(|text: &str| {
    let _ = parse_selector(text);
    let _ = parse(text, &Features::ALL).map(|query| query.pretty());
    let Ok(query) = parse(text, &Features::default()) else {
        return;
    };
    // Ranges below a millisecond and bytes that are no UTF-8 print as something that is refused, as in Prometheus.
    let printed = query.to_string();
    let Ok(again) = parse(&printed, &Features::default()) else {
        return;
    };
    assert_eq!(again.to_string(), printed);
    assert_eq!(again.pretty(), query.pretty());
});
