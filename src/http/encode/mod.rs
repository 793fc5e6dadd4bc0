//! Values to the bytes that clients read: numbers, texts, answers; written in pieces, never built as a tree.
pub(crate) mod answer;
pub(crate) mod chunks;
pub(crate) mod envelope;
pub(crate) mod histogram;
pub(crate) mod json;
pub(crate) mod number;
pub(crate) mod object;
pub(crate) mod text;
pub(crate) mod time;
mod time_texts;
