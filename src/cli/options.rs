//! The command line as typed options, and the sentences to log about what was given.

use super::flag::Effect;
use super::parse::Values;
use super::table::FEATURES;
use crate::server::{LogFormat, LogLevel, Notice, Options, ReadBounds, Retention};
use narthex_model::Duration;

/// Why the process does not start, and with which code it exits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The exit code.
    pub code: u8,
    /// The reason.
    pub text: String,
}

/// Typed options of parsed values.
///
/// # Errors
/// When a flag was given that narthex refuses.
pub fn options(values: &Values) -> Result<Options, Refusal> {
    let mut notices = Vec::new();
    refuse(values)?;
    for flag in values.given() {
        match flag.effect {
            Effect::Ignored(reason) => {
                notices.push(say(format!(
                    "flag --{} is accepted without effect: {reason}",
                    flag.name
                )));
            }
            Effect::Removed(reason) => notices.push(say(format!("flag --{}: {reason}", flag.name))),
            Effect::Acts | Effect::Refused(_) | Effect::AgentOnly => {}
        }
    }
    let features = features(values, &mut notices);
    let mut time = values.duration("storage.tsdb.retention.time");
    if time == Duration::ZERO {
        time = values.duration("storage.tsdb.retention");
    }
    Ok(Options {
        config_file: values.text("config.file").into(),
        config_file_given: values.is_given("config.file"),
        auto_reload: auto_reload(values, &features),
        listen: values.texts("web.listen-address"),
        web_config_file: values.text("web.config.file").to_owned(),
        read_timeout: values.duration("web.read-timeout"),
        max_connections: values.whole("web.max-connections"),
        external_url: values.text("web.external-url").to_owned(),
        route_prefix: values.text("web.route-prefix").to_owned(),
        max_listeners: values.whole("web.max-notifications-subscribers"),
        search_limit: values.whole("web.search.max-limit"),
        user_assets: values.text("web.user-assets").into(),
        api_level: values.text("web.api-level").to_owned(),
        enable_lifecycle: values.is_on("web.enable-lifecycle"),
        enable_admin_api: values.is_on("web.enable-admin-api"),
        enable_remote_write_receiver: values.is_on("web.enable-remote-write-receiver"),
        enable_otlp_receiver: values.is_on("web.enable-otlp-receiver"),
        remote_write_messages: write_messages(values),
        remote_read: read_bounds(values),
        remote_flush_deadline: values.duration("storage.remote.flush-deadline"),
        log_kept: values.duration("storage.tsdb.wal-kept-max"),
        page_title: values.text("web.page-title").to_owned(),
        cors_origin: values.text("web.cors.origin").to_owned(),
        storage_path: values.text("storage.tsdb.path").into(),
        retention: Retention {
            time,
            size: values.size("storage.tsdb.retention.size"),
        },
        fsync_interval: values.duration("storage.tsdb.fsync-interval"),
        lookback_delta: values.duration("query.lookback-delta"),
        query_timeout: values.duration("query.timeout"),
        query_max_concurrency: values.whole("query.max-concurrency"),
        query_max_samples: values.whole("query.max-samples"),
        query_max_bytes: values.size("query.max-bytes"),
        query_cache_bytes: values.size("query.cache-bytes"),
        adjust_timestamps: values.is_on("scrape.adjust-timestamps"),
        timestamp_tolerance: values.duration("scrape.timestamp-tolerance"),
        discovery_reload_interval: values.duration("scrape.discovery-reload-interval"),
        features,
        log_level: log_level(values),
        log_format: log_format(values),
        shown: values.shown(),
        notices,
    })
}

/// How often the configuration is looked at, if it is at all.
fn auto_reload(values: &Values, features: &[String]) -> Option<Duration> {
    let on = values.is_on("config.auto-reload") || features.iter().any(|f| f == "auto-reload-config");
    let interval = values.duration("config.auto-reload-interval");
    on.then(|| interval.max(Duration::from_millis(1_000)))
}

fn log_level(values: &Values) -> LogLevel {
    match values.text("log.level") {
        "debug" => LogLevel::Debug,
        "warn" => LogLevel::Warn,
        "error" => LogLevel::Error,
        _ => LogLevel::Info,
    }
}

fn log_format(values: &Values) -> LogFormat {
    match values.text("log.format") {
        "json" => LogFormat::Json,
        _ => LogFormat::Logfmt,
    }
}

fn write_messages(values: &Values) -> Vec<String> {
    let texts = values.texts("web.remote-write-receiver.accepted-protobuf-messages");
    let names = texts.iter().flat_map(|text| text.split(','));
    names.map(|name| name.trim().to_owned()).collect()
}

fn read_bounds(values: &Values) -> ReadBounds {
    ReadBounds {
        samples: values.whole("storage.remote.read-sample-limit"),
        concurrent: values.whole("storage.remote.read-concurrent-limit"),
        frame_bytes: values.whole("storage.remote.read-max-bytes-in-frame"),
    }
}

fn say(text: String) -> Notice {
    Notice { text, option: None }
}

fn refuse(values: &Values) -> Result<(), Refusal> {
    for flag in values.given() {
        if let Effect::Refused(reason) = flag.effect
            && values.text(flag.name) != flag.default
        {
            let code = if flag.name == "agent" { 3 } else { 2 };
            let text = format!("flag --{} is refused: {reason}", flag.name);
            return Err(Refusal { code, text });
        }
    }
    let agent: Vec<String> = values
        .given()
        .filter(|flag| flag.effect == Effect::AgentOnly)
        .map(|flag| format!("\"--{}\"", flag.name))
        .collect();
    if agent.is_empty() {
        return Ok(());
    }
    Err(Refusal {
        code: 3,
        text: format!(
            "The following flag(s) can only be used in agent mode: [{}]",
            agent.join(" ")
        ),
    })
}

fn features(values: &Values, notices: &mut Vec<Notice>) -> Vec<String> {
    let mut on: Vec<String> = Vec::new();
    for list in values.texts("enable-feature") {
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match FEATURES
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, effect)| effect)
            {
                None => notices.push(Notice {
                    text: "Unknown option for --enable-feature".to_owned(),
                    option: Some(name.to_owned()),
                }),
                Some(Effect::Acts | Effect::AgentOnly) => on.push(name.to_owned()),
                Some(Effect::Ignored(reason) | Effect::Removed(reason) | Effect::Refused(reason)) => {
                    notices.push(say(format!(
                        "feature {name} is accepted without effect: {reason}"
                    )));
                }
            }
        }
    }
    on.sort();
    on.dedup();
    on
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    fn options(line: &str) -> Result<Options, Refusal> {
        let values = parse(
            line.split_whitespace().map(str::to_owned),
            &|_| Err(String::new()),
        )
        .unwrap();
        super::options(&values)
    }

    #[test]
    fn what_has_no_effect_is_said_once_by_name() {
        let options = options(
            "--storage.tsdb.wal-compression --storage.tsdb.retention=30d --alertmanager.timeout=5s \
             --enable-feature=promql-experimental-functions,nope --enable-feature=old-ui",
        )
        .unwrap();
        assert_eq!(options.notices.len(), 5, "{:?}", options.notices);
        let unknown = Notice {
            text: "Unknown option for --enable-feature".into(),
            option: Some("nope".into()),
        };
        assert!(options.notices.contains(&unknown));
        assert_eq!(options.retention.time.to_string(), "30d");
        assert!(options.has_feature("promql-experimental-functions") && !options.has_feature("old-ui"));
        assert!(super::tests::options("").unwrap().notices.is_empty());
    }

    #[test]
    fn agent_mode_is_refused_with_code_3() {
        assert_eq!(options("--agent").unwrap_err().code, 3);
        assert!(options("--no-agent").is_ok());
        let refusal = options("--storage.agent.path=x").unwrap_err();
        assert_eq!(
            (refusal.code, refusal.text.as_str()),
            (
                3,
                "The following flag(s) can only be used in agent mode: [\"--storage.agent.path\"]"
            )
        );
    }
}
