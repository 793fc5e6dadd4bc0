//! `query_exemplars`: which exemplars an expression shows, and in which shape.

use narthex_model::Labels;
use narthex_tsdb::{Batch, Exemplar};

use super::world::{Api, NOW, encoded};

fn api() -> Api {
    let api = Api::empty(|_| {});
    for (job, value, before) in [("a", 1.5, 2_500), ("b", f64::INFINITY, 1_000)] {
        let labels = Labels::from_pairs([("__name__", "latency_bucket"), ("job", job)]);
        let time = NOW * 1000 - before;
        let mut batch = Batch::new(time);
        batch.push_float_labelled(&labels, time, 1.0);
        let exemplar = Exemplar {
            labels: Labels::from_pairs([("trace_id", "<x>")]),
            value,
            time,
        };
        batch.push_exemplar_labelled(&labels, exemplar);
        assert_eq!(api.store.append(&batch, time).unwrap().rejected, []);
    }
    api
}

#[test]
fn exemplars_of_the_series_that_the_selectors_of_an_expression_find() {
    let api = api();
    let ask = |query: &str, more: &str| {
        api.data(&format!("/api/v1/query_exemplars?query={}{more}", encoded(query)))
    };
    let a = r#"{"seriesLabels":{"__name__":"latency_bucket","job":"a"},"exemplars":[{"labels":{"trace_id":"<x>"},"value":"1.5","timestamp":1699999997.500}]}"#;
    let b = r#"{"seriesLabels":{"__name__":"latency_bucket","job":"b"},"exemplars":[{"labels":{"trace_id":"<x>"},"value":"+Inf","timestamp":1699999999}]}"#;
    assert_eq!(ask("latency_bucket", ""), format!("[{a},{b}]"));
    assert_eq!(
        ask(
            r#"histogram_quantile(0.9, rate(latency_bucket{job="a"}[5m]))"#,
            ""
        ),
        format!("[{a}]")
    );
    assert_eq!(
        ask(
            r#"latency_bucket{job="b"} / latency_bucket{job="a"} offset 1h"#,
            ""
        ),
        format!("[{a},{b}]")
    );
    assert_eq!(
        ask("latency_bucket", "&start=1699999998&end=1700000000"),
        format!("[{b}]")
    );
    assert_eq!(ask("latency_bucket", "&start=1700000000"), "[]");
    assert_eq!(ask("other", ""), "[]");
}
