//! Changing the store by hand.

use narthex_tsdb::{Db, Options};

use super::world::{Api, encoded};

fn api() -> Api {
    let api = Api::empty(|options| options.enable_admin_api = true);
    for job in ["a", "b"] {
        api.put(
            &[("__name__", "up"), ("job", job)],
            &[(60, 1.0), (30, 1.0), (0, 1.0)],
        );
    }
    api
}

fn counts(api: &Api) -> String {
    let query = encoded("count_over_time(up[5m])");
    let body = api.get(&format!("/api/v1/query?query={query}")).json();
    let result = body["data"]["result"].as_array().unwrap();
    let count = |series: &serde_json::Value| {
        let (job, count) = (&series["metric"]["job"], &series["value"][1]);
        format!("{}={} ", job.as_str().unwrap(), count.as_str().unwrap())
    };
    result.iter().map(count).collect()
}

#[test]
fn series_are_deleted_by_matcher_and_time() {
    let api = api();
    assert_eq!(counts(&api), "a=3 b=3 ");
    let path = "/api/v1/admin/tsdb/delete_series";
    for (query, status, error) in [
        ("", 400, "no match[] parameter provided"),
        ("?match[]=up{", 400, "invalid parameter \\\"match[]\\\""),
        ("?match[]=up&start=x", 400, "invalid parameter \\\"start\\\""),
    ] {
        let answer = api.send("POST", &format!("{path}{query}"), &[], b"");
        assert_eq!(answer.status, status, "{query}");
        assert!(answer.text().contains(error), "{query}: {}", answer.text());
    }
    assert_eq!(counts(&api), "a=3 b=3 ");
    let before = super::world::NOW - 20;
    let selector = encoded("up{job=\"a\"}");
    let answer = api.send(
        "POST",
        &format!("{path}?match[]={selector}&end={before}"),
        &[],
        b"",
    );
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    assert_eq!(counts(&api), "a=1 b=3 ");
    let form = format!(
        "match[]={}&match[]={}",
        encoded("nothing"),
        encoded("{job=\"b\"}")
    );
    assert_eq!(api.post_form(path, &form).status, 204);
    assert_eq!(counts(&api), "a=1 ");
    let answer = api.send("PUT", "/api/v1/admin/tsdb/clean_tombstones", &[], b"");
    assert_eq!((answer.status, answer.text().as_str()), (204, ""));
    assert_eq!(counts(&api), "a=1 ");
}

#[test]
fn a_snapshot_is_a_data_directory() {
    let api = api();
    let named = |path: &str| {
        let answer = api.send("POST", path, &[], b"");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["data"]["name"].as_str().unwrap().to_owned()
    };
    let whole = named("/api/v1/admin/tsdb/snapshot");
    let blocks = named("/api/v1/admin/tsdb/snapshot?skip_head=true");
    assert!(
        whole.starts_with("20231114T221320Z-") && whole.len() == 33,
        "{whole}"
    );
    let open = |name: &str| {
        let path = api.folder().join("snapshots").join(name);
        Db::open(path, Options::default()).unwrap()
    };
    assert_eq!(
        open(&whole).stats().lowest_time,
        Some((super::world::NOW - 60) * 1_000)
    );
    assert_eq!(open(&blocks).stats().lowest_time, None);
    let answer = api.send("POST", "/api/v1/admin/tsdb/snapshot?skip_head=maybe", &[], b"");
    assert_eq!(answer.status, 400, "{}", answer.text());
}

#[test]
fn blocks_say_what_they_are() {
    let api = api();
    assert_eq!(api.data("/api/v1/status/tsdb/blocks"), r#"{"blocks":[]}"#);
    api.store.compact_all(&|_, _| {}).unwrap();
    let body = api.get("/api/v1/status/tsdb/blocks").json();
    let block = &body["data"]["blocks"][0];
    assert_eq!(block["stats"]["numSamples"], 6);
    assert_eq!(block["compaction"]["level"], 1);
    assert_eq!(block["ulid"].as_str().unwrap().len(), 26);
}
