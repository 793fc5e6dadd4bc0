//! Why something is not scraped: each fault produced over real connections, with the very sentence it gives.

mod faults;
mod targets;
