//! Queries as a service: a gate, a deadline, cancellation, and threads of their own.

mod interrupt;
mod metrics;
mod service;

pub use interrupt::Stop;
pub use service::{Answer, Fault, QueryLimits, QueryService, Question, When};
