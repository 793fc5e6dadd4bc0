//! Findings of operators that run on their own, outside of any column.

use narthex_model::Severity;

use super::context::Context;
use super::scratch::Scratch;
use crate::span::Span;

/// A finding as clients see it: `PromQL info: <text> (1:10)`.
pub(crate) fn positioned(query: &str, severity: Severity, text: &str, place: Span) -> String {
    let prefix = match severity {
        Severity::Warning => "PromQL warning: ",
        Severity::Info => "PromQL info: ",
    };
    let (line, column) = place.line_column(query);
    format!("{prefix}{text} ({line}:{column})")
}

/// Adds a finding that speaks of all steps at each of these places.
pub(super) fn annotate_whole(cx: &Context<'_>, severity: Severity, text: &str, places: &[Span]) {
    cx.note_whole();
    annotate(cx, severity, text, places);
}

/// Adds a finding at each of these places.
pub(super) fn annotate(cx: &Context<'_>, severity: Severity, text: &str, places: &[Span]) {
    let mut scratch = Scratch::new(cx);
    scratch.annotate(severity, text, places);
    cx.absorb(scratch);
}
