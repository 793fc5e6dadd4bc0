//! `global` and `runtime`.

use super::decoder::{Decoder, is_null};
use super::fields::Fields;
use crate::config::error::Fatal;
use crate::config::size::parse_size;
use crate::config::yaml::Node;
use crate::config::{EscapingScheme, GlobalConfig, NameScheme, RuntimeConfig, ScrapeLimits, ScrapeProtocol};
use narthex_model::{Duration, LabelsBuilder};

/// What environment variables say, and which of those asked for are not set.
pub(crate) struct Environment<'a> {
    pub(crate) lookup: &'a dyn Fn(&str) -> Option<String>,
    pub(crate) missing: Vec<String>,
}

/// `global`.
pub(crate) fn global(node: &Node, env: &mut Environment<'_>, d: &mut Decoder) -> Result<GlobalConfig, Fatal> {
    let mut global = GlobalConfig::default();
    if is_null(node) {
        return Ok(global);
    }
    let Some(mut f) = Fields::open(node, "config.plain", d) else {
        return Ok(global);
    };
    let (mark, default) = (d.mark(), GlobalConfig::default());
    global.scrape_interval = Duration::ZERO;
    global.scrape_timeout = Duration::ZERO;
    global.evaluation_interval = Duration::ZERO;
    f.duration("scrape_interval", &mut global.scrape_interval, d)?;
    f.duration("scrape_timeout", &mut global.scrape_timeout, d)?;
    global.scrape_protocols = protocols(&mut f, " for global config", d)?;
    f.duration("evaluation_interval", &mut global.evaluation_interval, d)?;
    f.duration("rule_query_offset", &mut global.rule_query_offset, d)?;
    f.text("query_log_file", &mut global.query_log_file, d);
    f.text("scrape_failure_log_file", &mut global.scrape_failure_log_file, d);
    global.metric_name_validation_scheme = validation(&mut f, d)?.unwrap_or_default();
    if let Some(node) = f.section("external_labels") {
        external_labels(node, &mut global, env, d)?;
    }
    limits(&mut f, &mut global.limits, d)?;
    let escaping = "unknown global name escaping method specified, must be one of";
    global.metric_name_escaping_scheme = escaping_scheme(&mut f, escaping, d)?;
    f.boolean(
        "scrape_native_histograms",
        &mut global.scrape_native_histograms,
        d,
    );
    f.boolean(
        "convert_classic_histograms_to_nhcb",
        &mut global.convert_classic_histograms_to_nhcb,
        d,
    );
    f.boolean(
        "always_scrape_classic_histograms",
        &mut global.always_scrape_classic_histograms,
        d,
    );
    f.boolean("extra_scrape_metrics", &mut global.extra_scrape_metrics, d);
    let at = f.place("scrape_timeout");
    f.finish(d);
    if d.failed_since(mark) {
        return Ok(global);
    }
    if global.scrape_interval == Duration::ZERO {
        global.scrape_interval = default.scrape_interval;
    }
    if global.scrape_timeout > global.scrape_interval {
        return Err(
            Fatal::new("global scrape timeout greater than scrape interval", at).hint(format!(
                "lower scrape_timeout to at most {} or raise scrape_interval",
                global.scrape_interval
            )),
        );
    }
    if global.scrape_timeout == Duration::ZERO {
        global.scrape_timeout = default.scrape_timeout.min(global.scrape_interval);
    }
    if global.evaluation_interval == Duration::ZERO {
        global.evaluation_interval = default.evaluation_interval;
    }
    Ok(global)
}

/// `runtime`.
pub(crate) fn runtime(node: &Node, d: &mut Decoder) -> RuntimeConfig {
    let mut runtime = RuntimeConfig::default();
    if let Some(mut f) = Fields::open(node, "config.RuntimeConfig", d) {
        f.signed("gogc", &mut runtime.gogc, d);
        f.finish(d);
    }
    if runtime.gogc == 0 {
        runtime = RuntimeConfig::default();
    }
    runtime
}

/// The limits that `global` and jobs share.
pub(crate) fn limits(f: &mut Fields<'_>, limits: &mut ScrapeLimits, d: &mut Decoder) -> Result<(), Fatal> {
    if let Some(node) = f.section("body_size_limit")
        && let Some(text) = d.text(node)
    {
        limits.body_size_limit = parse_size(&text).map_err(|e| {
            Fatal::new(e.to_string(), node.at)
                .hint("a size is a number with a unit, for example 10MB or 1GiB")
        })?;
    }
    f.unsigned("sample_limit", &mut limits.sample_limit, d);
    f.unsigned("target_limit", &mut limits.target_limit, d);
    f.unsigned("label_limit", &mut limits.label_limit, d);
    f.unsigned("label_name_length_limit", &mut limits.label_name_length_limit, d);
    f.unsigned(
        "label_value_length_limit",
        &mut limits.label_value_length_limit,
        d,
    );
    f.unsigned("keep_dropped_targets", &mut limits.keep_dropped_targets, d);
    Ok(())
}

/// `scrape_protocols`; `place` ends the error text.
pub(crate) fn protocols(
    f: &mut Fields<'_>,
    place: &str,
    d: &mut Decoder,
) -> Result<Option<Vec<ScrapeProtocol>>, Fatal> {
    let Some((node, names)) = f
        .section("scrape_protocols")
        .and_then(|node| Some((node, d.texts(node)?)))
    else {
        return Ok(None);
    };
    if names.is_empty() {
        return Err(Fatal::new(
            format!("scrape_protocols cannot be empty{place}"),
            node.at,
        ));
    }
    let mut found: Vec<ScrapeProtocol> = Vec::new();
    for (i, name) in names.iter().enumerate() {
        if names.iter().take(i).any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(Fatal::new(
                format!(
                    "duplicated protocol in scrape_protocols, got [{}]{place}",
                    names.join(" ")
                ),
                node.at,
            ));
        }
        let text = |error| format!("scrape_protocols: {error}{place}");
        found.push(protocol(name).map_err(|error| Fatal::new(text(error), node.at))?);
    }
    Ok(Some(found))
}

/// The protocol of that name, or Prometheus's text about it.
pub(crate) fn protocol(name: &str) -> Result<ScrapeProtocol, String> {
    ScrapeProtocol::parse(name).ok_or_else(|| {
        let all = ScrapeProtocol::ALL.map(ScrapeProtocol::name).join(" ");
        format!("unknown scrape protocol {name}, supported: [{all}]")
    })
}

/// `metric_name_validation_scheme`, None if it is not set.
pub(crate) fn validation(f: &mut Fields<'_>, d: &mut Decoder) -> Result<Option<NameScheme>, Fatal> {
    let Some((node, name)) = f
        .section("metric_name_validation_scheme")
        .and_then(|node| Some((node, d.text(node)?)))
    else {
        return Ok(None);
    };
    match name.as_str() {
        "" => Ok(None),
        "utf8" => Ok(Some(NameScheme::Utf8)),
        "legacy" => Ok(Some(NameScheme::Legacy)),
        _ => Err(
            Fatal::new(format!("unrecognized ValidationScheme: {name:?}"), node.at)
                .hint("metric_name_validation_scheme is utf8 or legacy"),
        ),
    }
}

/// `metric_name_escaping_scheme`, None if it is not set; `text` begins the error.
pub(crate) fn escaping_scheme(
    f: &mut Fields<'_>,
    text: &str,
    d: &mut Decoder,
) -> Result<Option<EscapingScheme>, Fatal> {
    let Some((node, name)) = f
        .section("metric_name_escaping_scheme")
        .and_then(|node| Some((node, d.text(node)?)))
        .filter(|(_, name)| !name.is_empty())
    else {
        return Ok(None);
    };
    EscapingScheme::parse(&name).map(Some).ok_or_else(|| {
        let all = "'allow-utf-8', 'underscores', 'dots', or 'values'";
        Fatal::new(format!("{text} {all}, got {name:?}"), node.at)
    })
}

fn external_labels(
    node: &Node,
    global: &mut GlobalConfig,
    env: &mut Environment<'_>,
    d: &mut Decoder,
) -> Result<(), Fatal> {
    let mut labels = LabelsBuilder::new();
    for (name, value_node) in d.entries(node, "map[string]string").unwrap_or_default() {
        let Some(value) = d.text(value_node) else { continue };
        if !global.metric_name_validation_scheme.is_label_name(&name) {
            return Err(Fatal::new(
                format!("{name:?} is not a valid label name"),
                value_node.at,
            ));
        }
        labels.set(&name, &expand(&value, env));
    }
    global.external_labels = labels.labels();
    Ok(())
}

/// Puts in environment variables: `$NAME`, `${NAME}`; `$$` is a dollar. What is not set is empty.
fn expand(text: &str, env: &mut Environment<'_>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let (name, tail) = match braced {
            Some((name, tail)) => (name, tail),
            // Special names of the shell are one character long.
            None if after.starts_with(|c: char| "$*#@!?-0123456789".contains(c)) => after.split_at(1),
            None => {
                let end = after
                    .find(|c: char| c != '_' && !c.is_ascii_alphanumeric())
                    .unwrap_or(after.len());
                after.split_at(end)
            }
        };
        match name {
            "$" => out.push('$'),
            "" if braced.is_none() => out.push('$'),
            "" => {}
            name => match (env.lookup)(name) {
                Some(value) => out.push_str(&value),
                None => env.missing.push(name.to_owned()),
            },
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environment_variables_expand_as_in_a_shell() {
        let lookup = |name: &str| (name == "HOST").then(|| "db-1".to_owned());
        for (text, want, missing) in [
            ("$HOST", "db-1", 0),
            ("a-${HOST}-b", "a-db-1-b", 0),
            ("$$HOST", "$HOST", 0),
            ("$NOPE/x", "/x", 1),
            ("${NOPE}", "", 1),
            ("plain", "plain", 0),
            ("5$", "5$", 0),
        ] {
            let mut env = Environment {
                lookup: &lookup,
                missing: Vec::new(),
            };
            assert_eq!(
                (expand(text, &mut env).as_str(), env.missing.len()),
                (want, missing),
                "{text}"
            );
        }
    }
}
