//! From the checked syntax tree to what is to be evaluated: times resolved, constants folded, equal subtrees one node.

mod arithmetic;
mod durations;
mod levels;
mod locality;
mod lower;
mod node;

pub(crate) use arithmetic::{compare_floats, float_operation};
pub(crate) use levels::levels;
pub(crate) use locality::{Evaluating, Locality, locality};
pub(crate) use lower::plan;
pub(crate) use node::{
    AggregatePlan, BinaryPlan, CallPlan, Node, NodeId, Op, Plan, QueryTimes, Scope, SelectorPlan,
    SubqueryPlan, TimeShift,
};
