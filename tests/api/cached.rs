//! Range queries that are asked again: kept answers are used as long as they hold, and nobody can tell.

use narthex_tsdb::Batch;

use super::world::{Api, NOW};

const STEP: i64 = 60;

fn api() -> Api {
    let api = Api::empty(|options| {
        options.enable_admin_api = true;
        options.per_step_stats = true;
    });
    for (job, slope) in [("a", 1.0), ("b", 10.0)] {
        let labels = [("__name__", "m"), ("job", job)];
        let samples: Vec<(i64, f64)> = (0..60)
            .rev()
            .map(|i| (i * 30 + 300, slope * (60 - i) as f64))
            .collect();
        // The last of the second job's are missing.
        let from = if job == "b" { 10 } else { 0 };
        api.put(&labels, &samples[..60 - from]);
    }
    api
}

fn path(query: &str, end: i64) -> String {
    let end = NOW - end;
    let start = end - 20 * STEP;
    format!("/api/v1/query_range?query={query}&start={start}&end={end}&step={STEP}")
}

/// How many queries were answered how, by what the server says of itself.
fn outcomes(api: &Api) -> [i64; 3] {
    let page = api.body(200, "/metrics");
    ["whole", "extended", "missed"].map(|outcome| {
        let name = format!("narthex_query_cache_requests_total{{outcome=\"{outcome}\"}} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
    })
}

/// Asks with and without kept answers, which must not differ.
fn ask(api: &Api, query: &str, end: i64) -> String {
    let path = path(query, end);
    let answer = api.body(200, &path);
    assert_eq!(answer, api.body(200, &format!("{path}&nocache=1")), "{path}");
    answer
}

#[test]
fn what_is_asked_again_is_answered_from_what_is_kept() {
    let api = api();
    let queries = ["sum(m)", "rate(m[5m])", "max_over_time(m[5m:1m])"];
    for query in queries {
        ask(&api, query, 320);
        ask(&api, query, 320);
        ask(&api, query, 260);
    }
    assert_eq!(outcomes(&api), [3, 3, 3]);
    // Statistics are of the whole query; others steps are other answers; a time is not a range.
    for other in ["&stats=all", "&nocache=true"] {
        api.body(200, &format!("{}{other}", path("sum(m)", 320)));
    }
    assert_eq!(outcomes(&api), [3, 3, 3]);
    ask(&api, "sum(m)", 321);
    assert_eq!(outcomes(&api), [3, 3, 4]);
    let (status, kind, text) = api.error(&format!("{}&nocache=perhaps", path("m", 320)));
    assert_eq!((status, kind.as_str()), (400, "bad_data"));
    assert_eq!(
        text,
        "invalid parameter \"nocache\": unable to parse boolean: strconv.ParseBool: parsing \"perhaps\": invalid syntax"
    );
}

#[test]
fn late_samples_end_what_is_kept_of_the_steps_that_see_them() {
    let api = api();
    let before = ask(&api, "sum(m)", 320);
    // Of job b, ten samples behind the newest of the other one.
    let late: Vec<(i64, f64)> = (0..10).rev().map(|i| (i * 30 + 301, 5.0)).collect();
    api.put(&[("__name__", "m"), ("job", "b")], &late);
    let after = ask(&api, "sum(m)", 320);
    assert_ne!(before, after);
    assert_eq!(outcomes(&api), [0, 1, 1]);
    // Refused samples change nothing.
    let mut batch = Batch::new(0);
    let series = narthex_model::Labels::from_pairs([("__name__", "m"), ("job", "b")]);
    batch.push_float_labelled(&series, 0, 1.0);
    let commit = api.store.append(&batch, NOW * 1000).unwrap();
    assert_eq!(commit.rejected.len(), 1);
    assert_eq!(ask(&api, "sum(m)", 320), after);
    assert_eq!(outcomes(&api), [1, 1, 1]);
}

#[test]
fn deletions_end_all_that_is_kept() {
    let api = api();
    let before = ask(&api, "sum(m)", 320);
    let range = format!("&start={}&end={}", NOW - 900, NOW - 800);
    let delete = format!("/api/v1/admin/tsdb/delete_series?match[]=m{{job=\"b\"}}{range}");
    assert_eq!(api.send("POST", &delete, &[], b"").status, 204);
    let after = ask(&api, "sum(m)", 320);
    assert_ne!(before, after);
    assert_eq!(outcomes(&api), [0, 0, 2]);
    assert_eq!(ask(&api, "sum(m)", 320), after);
    assert_eq!(outcomes(&api), [1, 0, 2]);
}
