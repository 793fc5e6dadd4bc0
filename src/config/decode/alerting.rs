//! `alerting`.

use super::decoder::Decoder;
use super::fields::Fields;
use super::http_client::http_client;
use super::relabel::{Rules, rules_of};
use super::sd::{check_static_targets, service_discovery};
use crate::config::error::Fatal;
use crate::config::yaml::Node;
use crate::config::{AlertingConfig, AlertmanagerConfig, HttpClientConfig, NameScheme, ServiceDiscovery};
use narthex_model::Duration;

/// `alerting`, its rules checked under the global name scheme.
pub(crate) fn alerting(node: &Node, scheme: NameScheme, d: &mut Decoder) -> Result<AlertingConfig, Fatal> {
    let mut alerting = AlertingConfig::default();
    let Some(mut f) = Fields::open(node, "config.plain", d) else {
        return Ok(alerting);
    };
    let rules = rules_of(
        &mut f,
        "alert_relabel_configs",
        "empty or null alert relabeling rule",
        d,
    )?;
    let items = f
        .get("alertmanagers")
        .and_then(|node| d.items(node, "config.AlertmanagerConfigs"));
    for item in items.unwrap_or_default() {
        if let Some(manager) = alertmanager(item, scheme, d)? {
            alerting.alertmanagers.push(manager);
        }
    }
    f.finish(d);
    alerting.alert_relabel_configs = rules.check(scheme)?;
    Ok(alerting)
}

fn alertmanager(
    node: &Node,
    scheme: NameScheme,
    d: &mut Decoder,
) -> Result<Option<AlertmanagerConfig>, Fatal> {
    let Some(mut f) = Fields::open(node, "config.AlertmanagerConfig", d) else {
        return Ok(None);
    };
    let mark = d.mark();
    let mut manager = AlertmanagerConfig {
        http_client: HttpClientConfig::default(),
        sigv4: None,
        scheme: "http".to_owned(),
        path_prefix: String::new(),
        timeout: Duration::from_millis(10_000),
        relabel_configs: Vec::new(),
        alert_relabel_configs: Vec::new(),
        service_discovery: ServiceDiscovery::default(),
    };
    http_client(&mut f, &mut manager.http_client, d)?;
    manager.sigv4 = f.section("sigv4").cloned();
    f.text("scheme", &mut manager.scheme, d);
    f.text("path_prefix", &mut manager.path_prefix, d);
    f.duration("timeout", &mut manager.timeout, d)?;
    let mut version = "v2".to_owned();
    f.text("api_version", &mut version, d);
    if version != "v2" {
        let text = format!("expected Alertmanager api version to be one of [v2] but got {version}");
        return Err(Fatal::new(text, f.place("api_version")).hint("Alertmanager 0.16 and later speak v2"));
    }
    let empty = "empty or null Alertmanager target relabeling rule";
    let rules: Rules = rules_of(&mut f, "relabel_configs", empty, d)?;
    let empty = "empty or null Alertmanager alert relabeling rule";
    let alert_rules = rules_of(&mut f, "alert_relabel_configs", empty, d)?;
    manager.service_discovery = service_discovery(&mut f, d)?;
    f.finish(d);
    if d.failed_since(mark) {
        return Ok(Some(manager));
    }
    let client = &manager.http_client;
    let has_auth = client.basic_auth.is_some() || client.authorization.is_some() || client.oauth2.is_some();
    if has_auth && manager.sigv4.is_some() {
        let text = "at most one of basic_auth, authorization, oauth2, & sigv4 must be configured";
        return Err(Fatal::new(text, node.at));
    }
    if rules.is_empty() {
        check_static_targets(&manager.service_discovery, node.at)?;
    }
    manager.relabel_configs = rules.check(scheme)?;
    manager.alert_relabel_configs = alert_rules.check(scheme)?;
    Ok(Some(manager))
}
