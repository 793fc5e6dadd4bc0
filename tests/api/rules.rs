//! Rule groups that are loaded and not evaluated: shapes, filters, pages.

use narthex::config::load_rules;
use narthex::promql::Features;

use super::world::Api;

const FIRST: &str = r#"
groups:
- name: b
  interval: 30s
  limit: 7
  labels: {team: x, level: group}
  rules:
  - record: job:up:sum
    expr: sum  by(job) (up)
  - alert: Down
    expr: up == 0
    for: 5m
    keep_firing_for: 90s
    labels: {level: rule}
    annotations: {summary: "{{ $labels.job }} <down>"}
- name: a
  rules:
  - record: one
    expr: vector(1)
- name: empty
"#;
const SECOND: &str = "groups: [{name: c, rules: [{alert: Always, expr: vector(1)}]}]";

fn api() -> (Api, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("1.yml", FIRST), ("2.yml", SECOND)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let api = Api::empty(|_| {});
    let pattern = folder.path().join("*.yml").to_string_lossy().into_owned();
    api.app
        .set_rules(load_rules(&[pattern], &Features::default()).unwrap());
    (api, folder)
}

/// A group's name and those of its rules.
type Named<'a> = (&'a str, &'a [&'a str]);

/// Names of groups and of their rules.
fn names(api: &Api, query: &str) -> Vec<(String, Vec<String>)> {
    let text = |value: &serde_json::Value| value["name"].as_str().unwrap().to_owned();
    let data = api.get(&format!("/api/v1/rules?{query}")).json()["data"].clone();
    let groups = data["groups"].as_array().unwrap();
    groups
        .iter()
        .map(|g| (text(g), g["rules"].as_array().unwrap().iter().map(text).collect()))
        .collect()
}

#[test]
fn every_field_has_its_type_and_place() {
    let (api, folder) = api();
    let file = folder.path().join("1.yml");
    let want = format!(
        concat!(
            r#"{{"groups":[{{"name":"b","file":"{file}","rules":["#,
            r#"{{"name":"job:up:sum","query":"sum by (job) (up)","labels":{{"level":"group","team":"x"}},"#,
            r#""health":"unknown","evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z","type":"recording"}},"#,
            r#"{{"state":"unknown","name":"Down","query":"up == 0","duration":300,"keepFiringFor":90,"#,
            r#""labels":{{"level":"rule","team":"x"}},"annotations":{{"summary":"{{{{ $labels.job }}}} \u003cdown\u003e"}},"#,
            r#""alerts":[],"health":"unknown","evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z","type":"alerting"}}],"#,
            r#""interval":30,"limit":7,"evaluationTime":0,"lastEvaluation":"0001-01-01T00:00:00Z"}}]}}"#
        ),
        file = file.display()
    );
    assert_eq!(api.data("/api/v1/rules?rule_group[]=b"), want);
    assert_eq!(api.data("/api/v1/alerts"), r#"{"alerts":[]}"#);
    let without_labels = api.data("/api/v1/rules?rule_name[]=one");
    assert!(
        without_labels.contains(r#""query":"vector(1)","health""#),
        "{without_labels}"
    );
}

#[test]
fn filters() {
    let (api, folder) = api();
    let second = folder.path().join("2.yml").display().to_string();
    let table: [(&str, &[Named<'_>]); 10] = [
        (
            "",
            &[
                ("a", &["one"]),
                ("b", &["job:up:sum", "Down"]),
                ("c", &["Always"]),
            ],
        ),
        ("type=alert", &[("b", &["Down"]), ("c", &["Always"])]),
        ("type=RECORD", &[("a", &["one"]), ("b", &["job:up:sum"])]),
        (
            "rule_name[]=one&rule_name[]=Down",
            &[("a", &["one"]), ("b", &["Down"])],
        ),
        ("rule_group[]=c", &[("c", &["Always"])]),
        ("rule_group[]=none", &[]),
        (&format!("file[]={second}"), &[("c", &["Always"])]),
        ("match[]={level=\"rule\"}", &[("b", &["Down"])]),
        (
            "match[]={level=\"rule\"}&match[]={team=\"x\"}",
            &[("b", &["job:up:sum", "Down"])],
        ),
        ("exclude_alerts=true&rule_name[]=Always", &[("c", &["Always"])]),
    ];
    for (query, want) in table {
        let want: Vec<(String, Vec<String>)> = want
            .iter()
            .map(|(g, rules)| ((*g).to_owned(), rules.iter().map(|r| (*r).to_owned()).collect()))
            .collect();
        assert_eq!(names(&api, &query.replace('"', "%22")), want, "{query}");
    }
}

#[test]
fn pages_follow_each_other_by_tokens() {
    let (api, _folder) = api();
    let mut seen = Vec::new();
    let mut query = "group_limit=1".to_owned();
    loop {
        seen.extend(names(&api, &query).into_iter().map(|(group, _)| group));
        let data = api.get(&format!("/api/v1/rules?{query}")).json()["data"].clone();
        let Some(token) = data["groupNextToken"].as_str() else {
            break;
        };
        query = format!("group_limit=1&group_next_token={token}");
    }
    assert_eq!(seen, ["a", "b", "c"]);
    for (query, text) in [
        ("type=x", "invalid parameter \"type\": not supported value \"x\""),
        (
            "group_limit=0",
            "invalid parameter \"group_limit\": group_limit needs to be greater than 0",
        ),
        (
            "group_limit=x",
            "invalid parameter \"group_limit\": group_limit needs to be a valid number: strconv.ParseInt: parsing \"x\": invalid syntax",
        ),
        (
            "group_next_token=abc",
            "invalid parameter \"group_next_token\": group_limit needs to be present in order to paginate over the groups",
        ),
        (
            "group_limit=1&group_next_token=abc",
            "invalid parameter \"group_next_token\": invalid group_next_token 'abc'. were rule groups changed?",
        ),
    ] {
        let error = api.error(&format!("/api/v1/rules?{query}"));
        assert_eq!(error, (400, "bad_data".into(), text.into()), "{query}");
    }
}

#[test]
fn alertmanagers_of_the_configuration() {
    let text = r#"
alerting:
  alertmanagers:
  - path_prefix: /am/
    scheme: https
    static_configs: [{targets: ['a:9093', 'b:9093']}]
    relabel_configs: [{source_labels: [__address__], regex: 'b:.*', action: drop}]
  - static_configs: [{targets: ['c:1']}]
"#;
    let api = Api::empty(|_| {});
    let loaded = narthex::config::load(text, std::path::Path::new("."), &|_| None).unwrap();
    api.app
        .set_config(std::sync::Arc::new(loaded.config), String::new());
    assert_eq!(
        api.data("/api/v1/alertmanagers"),
        concat!(
            r#"{"activeAlertmanagers":[{"url":"https://a:9093/am/api/v2/alerts"},{"url":"http://c:1/api/v2/alerts"}],"#,
            r#""droppedAlertmanagers":[{"url":"https://b:9093/am/api/v2/alerts"}]}"#
        )
    );
}
