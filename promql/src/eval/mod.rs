//! Evaluation: one operator a file, columns from the selectors up.

mod absent;
mod aggregate;
mod annotate;
mod binary;
mod call;
mod column;
mod context;
mod element;
mod evaluator;
mod findings;
mod guard;
mod histogram_calls;
mod irregular;
mod label_calls;
mod mapped;
mod matching;
mod names;
mod negate;
mod output;
mod range_call;
mod range_vector;
mod samples;
mod scratch;
mod select;
mod set_ops;
mod sort;
mod steps;
mod stream;
mod vector;
mod vector_binary;
mod window;

pub(crate) use context::{Context, Record};
pub(crate) use evaluator::Evaluator;
pub(crate) use guard::Guard;
pub(crate) use output::{instant_value, matrix_value, range_value};
pub(crate) use steps::Steps;
