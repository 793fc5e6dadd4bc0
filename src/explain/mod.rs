//! Why something is scraped, or is not: the answer to "where is my pod?", from what discovery found to the last scrape.

mod absence;
mod evidence;
mod explanation;
mod mends;
mod names;
mod question;
mod remarks;

pub use explanation::{Account, Explanation, JobAccount, StepAccount, explain};
pub use question::Question;

#[cfg(test)]
mod tests;
