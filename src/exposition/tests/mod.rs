//! The text formats as a whole.

mod faults;
mod pages;
