//! Runs PromQL test scripts: `narthex-promql-tests DIR`.
fn main() {}
