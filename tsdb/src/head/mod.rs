//! The mutable part of the store: series with their newest samples.

mod changes;
mod chunk;
mod codec;
mod column;
mod columns;
mod commits;
mod counters;
mod define;
mod exemplars;
#[expect(
    clippy::module_inception,
    reason = "the room and the thing in it share their name"
)]
mod head;
mod index;
pub(crate) mod order;
mod page;
mod reference;
mod retire;
mod run;
mod slot;
mod slot_values;
mod text;

pub(crate) use columns::Columns;
pub(crate) use commits::{Commits, Pin};
pub(crate) use counters::Counter;
pub use exemplars::Exemplar;
pub(crate) use head::Head;
pub(crate) use index::Index;
pub(crate) use page::{PAGE, Page, join, split};
pub use reference::SeriesRef;
pub(crate) use run::{Run, RunTimes};
pub(crate) use slot::{Late, Next, Place, Slot, TimedHistogram};
pub(crate) use slot_values::SlotTimes;
