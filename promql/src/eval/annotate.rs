//! Findings of operators that run on their own, outside of any column.

use narthex_model::Severity;

use super::context::Context;
use super::scratch::Scratch;
use crate::span::Span;

/// Adds a finding at each of these places.
pub(super) fn annotate(cx: &Context<'_>, severity: Severity, text: &str, places: &[Span]) {
    let mut scratch = Scratch::new(cx);
    scratch.annotate(severity, text, places);
    cx.absorb(scratch);
}
