//! `/federate`: the newest samples as another server scrapes them.

use narthex_model::stale_nan;

use super::world::{Api, NOW};

#[test]
fn newest_samples_untyped_with_times() {
    let api = Api::empty(|_| {});
    api.put(
        &[("__name__", "up"), ("job", "a"), ("instance", "i")],
        &[(60, 0.0), (10, 1.0)],
    );
    api.put(&[("__name__", "up"), ("job", "b")], &[(10, 2.0)]);
    api.put(&[("__name__", "gone")], &[(60, 1.0), (10, stale_nan())]);
    api.put(&[("__name__", "old")], &[(400, 1.0)]);
    api.put(&[("__name__", "a_b")], &[(0, 0.25)]);
    let answer = api.get("/federate?match[]=up&match[]=%7B__name__%3D~%22.%2B%22%7D");
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
    );
    let earlier = (NOW - 10) * 1000;
    assert_eq!(
        answer.text(),
        format!(
            "# TYPE a_b untyped\na_b{{instance=\"\"}} 0.25 {NOW}000\n\
             # TYPE up untyped\nup{{instance=\"i\",job=\"a\"}} 1 {earlier}\nup{{job=\"b\",instance=\"\"}} 2 {earlier}\n"
        )
    );
    assert_eq!(api.body(200, "/federate"), "");
    assert_eq!(
        api.body(400, "/federate?match[]=up%20x"),
        "1:4: parse error: unexpected identifier \"x\"\n"
    );
}
