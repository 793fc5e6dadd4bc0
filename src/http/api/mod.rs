//! The endpoints, one a file: parameters in, an answer out.
pub(crate) mod admin;
pub(crate) mod data;
pub(crate) mod exemplars;
pub(crate) mod label_values;
pub(crate) mod labels;
pub(crate) mod lifecycle;
pub(crate) mod metrics;
pub(crate) mod notifications;
pub(crate) mod query;
pub(crate) mod query_range;
pub(crate) mod rules;
pub(crate) mod series;
pub(crate) mod status;
pub(crate) mod status_tsdb;
