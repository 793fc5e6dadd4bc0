//! Where targets come from.

use super::client::{hide_password, http_client};
use super::job::{duration, labels};
use crate::config::yaml::{Out, OutMap, redacted};
use crate::config::{KubernetesAttach, KubernetesSdConfig, ServiceDiscovery, TargetGroup};

/// Sorted by key, as Prometheus does.
pub(super) fn service_discovery(sd: &ServiceDiscovery) -> OutMap {
    let mut sections: Vec<(String, Out)> = sd
        .other
        .iter()
        .map(|other| (other.key.clone(), redacted(&other.section)))
        .collect();
    let mut put = |key: &str, items: Vec<Out>| {
        if !items.is_empty() {
            sections.push((key.to_owned(), Out::List(items)));
        }
    };
    put(
        "static_configs",
        sd.static_configs.iter().map(|g| Out::Map(group(g))).collect(),
    );
    let mut items = Vec::new();
    for config in &sd.file {
        let mut map = OutMap::new();
        map.texts_opt("files", &config.files);
        duration(&mut map, "refresh_interval", config.refresh_interval);
        items.push(Out::Map(map));
    }
    put("file_sd_configs", std::mem::take(&mut items));
    for config in &sd.http {
        let mut map = http_client(&config.http_client);
        duration(&mut map, "refresh_interval", config.refresh_interval);
        map.text("url", hide_password(&config.url));
        items.push(Out::Map(map));
    }
    put("http_sd_configs", std::mem::take(&mut items));
    for config in &sd.dns {
        let mut map = OutMap::new();
        map.texts_opt("names", &config.names);
        duration(&mut map, "refresh_interval", config.refresh_interval);
        map.text("type", config.record.name());
        map.raw("port", config.port);
        items.push(Out::Map(map));
    }
    put("dns_sd_configs", items);
    put(
        "kubernetes_sd_configs",
        sd.kubernetes.iter().map(|k| Out::Map(kubernetes(k))).collect(),
    );
    sections.sort_by(|a, b| a.0.cmp(&b.0));
    let mut out = OutMap::new();
    for (key, value) in sections {
        out.put(&key, value);
    }
    out
}

fn group(group: &TargetGroup) -> OutMap {
    let mut out = OutMap::new();
    let targets = group.targets.iter().filter_map(|t| t.get("__address__"));
    out.put(
        "targets",
        Out::List(targets.map(|t| Out::Text(t.to_owned())).collect()),
    );
    out.map_opt("labels", labels(&group.labels));
    out
}

fn kubernetes(config: &KubernetesSdConfig) -> OutMap {
    let mut out = OutMap::new();
    out.text("api_server", hide_password(&config.api_server));
    out.text("role", config.role.name());
    out.text("kubeconfig_file", config.kubeconfig_file.as_str());
    out.extend(http_client(&config.http_client));
    let mut namespaces = OutMap::new();
    if config.namespaces.own_namespace || !config.namespaces.names.is_empty() {
        namespaces.raw("own_namespace", config.namespaces.own_namespace);
        let names = config
            .namespaces
            .names
            .iter()
            .map(|n| Out::Text(n.clone()))
            .collect();
        namespaces.put("names", Out::List(names));
    }
    out.map_opt("namespaces", namespaces);
    let mut selectors = Vec::new();
    for selector in &config.selectors {
        let mut map = OutMap::new();
        map.text("role", selector.role.name());
        map.text_opt("label", &selector.label);
        map.text_opt("field", &selector.field);
        selectors.push(Out::Map(map));
    }
    out.list_opt("selectors", selectors);
    let attach = config.attach_metadata;
    let mut map = OutMap::new();
    if attach != KubernetesAttach::default() {
        map.raw("node", attach.node);
        map.raw("namespace", attach.namespace);
        map.bool_opt("deployment", attach.deployment);
        map.bool_opt("job", attach.job);
        map.bool_opt("cronjob", attach.cronjob);
    }
    out.map_opt("attach_metadata", map);
    out
}
