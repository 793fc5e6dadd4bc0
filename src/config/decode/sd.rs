//! `static_configs` and every `*_sd_configs` that Prometheus knows.

use super::decoder::{Decoder, is_null};
use super::fields::Fields;
use super::http_client::http_client;
use crate::config::error::Fatal;
use crate::config::yaml::{Node, Position};
use crate::config::{
    DnsRecord, DnsSdConfig, FileSdConfig, HttpClientConfig, HttpSdConfig, KubernetesAttach,
    KubernetesNamespaces, KubernetesRole, KubernetesSdConfig, KubernetesSelector, OtherSdConfig,
    ServiceDiscovery, TargetGroup,
};
use narthex_model::{Duration, Labels};

/// Kinds that are accepted as written and not run.
const OTHER_KINDS: [&str; 28] = [
    "aws_sd_configs",
    "azure_sd_configs",
    "consul_sd_configs",
    "digitalocean_sd_configs",
    "docker_sd_configs",
    "dockerswarm_sd_configs",
    "ec2_sd_configs",
    "ecs_sd_configs",
    "eureka_sd_configs",
    "gce_sd_configs",
    "hetzner_sd_configs",
    "ionos_sd_configs",
    "kuma_sd_configs",
    "lightsail_sd_configs",
    "linode_sd_configs",
    "marathon_sd_configs",
    "nerve_sd_configs",
    "nomad_sd_configs",
    "oci_sd_configs",
    "openstack_sd_configs",
    "outscale_sd_configs",
    "ovhcloud_sd_configs",
    "puppetdb_sd_configs",
    "scaleway_sd_configs",
    "serverset_sd_configs",
    "stackit_sd_configs",
    "triton_sd_configs",
    "uyuni_sd_configs",
];

/// `vultr_sd_configs` comes last in the alphabet and, alone, after the table.
const LAST_KIND: &str = "vultr_sd_configs";

/// Every discovery key of a section.
pub(crate) fn service_discovery(f: &mut Fields<'_>, d: &mut Decoder) -> Result<ServiceDiscovery, Fatal> {
    let mut sd = ServiceDiscovery::default();
    if let Some(node) = f.get("static_configs") {
        sd.static_configs = target_groups(node, "", "empty or null section in static_configs", d)?;
    }
    sd.file = list(f, "file_sd_configs", d, file_sd)?;
    sd.http = list(f, "http_sd_configs", d, http_sd)?;
    sd.dns = list(f, "dns_sd_configs", d, dns_sd)?;
    sd.kubernetes = list(f, "kubernetes_sd_configs", d, kubernetes_sd)?;
    for kind in OTHER_KINDS.iter().chain([&LAST_KIND]) {
        if let Some(section) = f.section(kind) {
            let package = kind.trim_end_matches("_sd_configs");
            for item in d
                .items(section, &format!("[]*{package}.SDConfig"))
                .unwrap_or_default()
            {
                // The keys inside are those of a product that narthex knows nothing of.
                let _ = d.entries(item, &format!("{package}.plain"));
            }
            sd.other.push(OtherSdConfig {
                key: (*kind).to_owned(),
                section: section.clone(),
            });
        }
    }
    Ok(sd)
}

fn list<T>(
    f: &mut Fields<'_>,
    key: &'static str,
    d: &mut Decoder,
    read: impl Fn(&Node, &mut Decoder) -> Result<Option<T>, Fatal>,
) -> Result<Vec<T>, Fatal> {
    let mut found = Vec::new();
    let Some(node) = f.get(key) else {
        return Ok(found);
    };
    let package = key.trim_end_matches("_sd_configs");
    for item in d
        .items(node, &format!("[]*{package}.SDConfig"))
        .unwrap_or_default()
    {
        if is_null(item) {
            return Err(Fatal::new(format!("empty or null section in {key}"), item.at));
        }
        if let Some(config) = read(item, d)? {
            found.push(config);
        }
    }
    Ok(found)
}

/// Groups of targets, as `static_configs` and target files write them. Sources are `<prefix><index>`.
///
/// # Errors
/// When an item says nothing: the text is `empty`, followed by the item's index if it ends in a space.
pub(crate) fn target_groups(
    node: &Node,
    prefix: &str,
    empty: &str,
    d: &mut Decoder,
) -> Result<Vec<TargetGroup>, Fatal> {
    const TYPE: &str =
        "struct { Targets []string \"yaml:\\\"targets\\\"\"; Labels model.LabelSet \"yaml:\\\"labels\\\"\" }";
    let mut groups = Vec::new();
    for (index, item) in d
        .items(node, "[]*targetgroup.Group")
        .unwrap_or_default()
        .iter()
        .enumerate()
    {
        if is_null(item) {
            let index = if empty.ends_with(' ') {
                format!("(index {index})")
            } else {
                String::new()
            };
            return Err(Fatal::new(format!("{empty}{index}"), item.at));
        }
        let Some(mut f) = Fields::open(item, TYPE, d) else {
            continue;
        };
        let mut addresses = Vec::new();
        f.texts("targets", &mut addresses, d);
        let labels = f
            .section("labels")
            .map_or_else(|| Ok(Labels::empty()), |node| d.label_set(node))?;
        f.finish(d);
        groups.push(TargetGroup {
            source: format!("{prefix}{index}"),
            targets: addresses
                .iter()
                .map(|a| Labels::from_pairs([("__address__", a)]))
                .collect(),
            labels,
        });
    }
    Ok(groups)
}

/// Static targets must be hosts, unless rules may still rewrite them.
pub(crate) fn check_static_targets(sd: &ServiceDiscovery, at: Position) -> Result<(), Fatal> {
    let addresses = sd.static_configs.iter().flat_map(|group| &group.targets);
    match addresses
        .filter_map(|labels| labels.get("__address__"))
        .find(|a| a.contains('/'))
    {
        Some(address) => {
            let host = address.rsplit_once("://").map_or(address, |(_, rest)| rest);
            let host = host.split('/').next().unwrap_or(host);
            Err(Fatal::new(format!("{address:?} is not a valid hostname"), at).hint(format!(
                "write the target as host:port, here {host:?}; scheme and metrics_path are keys of the job"
            )))
        }
        None => Ok(()),
    }
}

fn file_sd(node: &Node, d: &mut Decoder) -> Result<Option<FileSdConfig>, Fatal> {
    let Some(mut f) = Fields::open(node, "file.plain", d) else {
        return Ok(None);
    };
    let mark = d.mark();
    let mut config = FileSdConfig {
        files: Vec::new(),
        refresh_interval: Duration::from_millis(300_000),
    };
    f.texts("files", &mut config.files, d);
    f.duration("refresh_interval", &mut config.refresh_interval, d)?;
    f.finish(d);
    if d.failed_since(mark) {
        return Ok(Some(config));
    }
    if config.files.is_empty() {
        return Err(Fatal::new(
            "file service discovery config must contain at least one path name",
            node.at,
        ));
    }
    for name in &config.files {
        if !is_target_path(name) {
            return Err(Fatal::new(
                format!("path name {name:?} is not valid for file discovery"),
                node.at,
            )
            .hint("names end in .json, .yml or .yaml; a * may stand in the last segment only"));
        }
    }
    Ok(Some(config))
}

/// `^[^*]*(\*[^/]*)?\.(json|yml|yaml|JSON|YML|YAML)$`
fn is_target_path(name: &str) -> bool {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let known = matches!(extension, "json" | "yml" | "yaml" | "JSON" | "YML" | "YAML");
    known && stem.split_once('*').is_none_or(|(_, after)| !after.contains('/'))
}

fn http_sd(node: &Node, d: &mut Decoder) -> Result<Option<HttpSdConfig>, Fatal> {
    let Some(mut f) = Fields::open(node, "http.plain", d) else {
        return Ok(None);
    };
    let mark = d.mark();
    let mut config = HttpSdConfig {
        url: String::new(),
        refresh_interval: Duration::from_millis(60_000),
        http_client: HttpClientConfig::default(),
    };
    http_client(&mut f, &mut config.http_client, d)?;
    f.duration("refresh_interval", &mut config.refresh_interval, d)?;
    f.text("url", &mut config.url, d);
    f.finish(d);
    if d.failed_since(mark) {
        return Ok(Some(config));
    }
    let fail = |text: &str| Err(Fatal::new(text, node.at));
    if config.url.is_empty() {
        return fail("URL is missing");
    }
    match config.url.split_once("://") {
        Some(("http" | "https", rest)) if rest.is_empty() || rest.starts_with('/') => {
            fail("host is missing in URL")
        }
        Some(("http" | "https", _)) => Ok(Some(config)),
        _ => fail("URL scheme must be 'http' or 'https'"),
    }
}

fn dns_sd(node: &Node, d: &mut Decoder) -> Result<Option<DnsSdConfig>, Fatal> {
    let Some(mut f) = Fields::open(node, "dns.plain", d) else {
        return Ok(None);
    };
    let mark = d.mark();
    let mut config = DnsSdConfig {
        names: Vec::new(),
        refresh_interval: Duration::from_millis(30_000),
        record: DnsRecord::Srv,
        port: 0,
    };
    f.texts("names", &mut config.names, d);
    f.duration("refresh_interval", &mut config.refresh_interval, d)?;
    if let Some(node) = f.section("type")
        && let Some(name) = d.text(node)
    {
        config.record = DnsRecord::parse(&name).ok_or_else(|| {
            Fatal::new(format!("invalid DNS-SD records type {name}"), node.at)
                .hint("type is one of SRV, A, AAAA, MX, NS")
        })?;
    }
    let mut port = 0;
    f.signed("port", &mut port, d);
    config.port = u16::try_from(port).unwrap_or(0);
    f.finish(d);
    if d.failed_since(mark) {
        return Ok(Some(config));
    }
    if config.names.is_empty() {
        return Err(Fatal::new(
            "DNS-SD config must contain at least one SRV record name",
            node.at,
        ));
    }
    if config.record != DnsRecord::Srv && config.port == 0 {
        return Err(Fatal::new(
            "a port is required in DNS-SD configs for all record types except SRV",
            node.at,
        ));
    }
    Ok(Some(config))
}

fn kubernetes_sd(node: &Node, d: &mut Decoder) -> Result<Option<KubernetesSdConfig>, Fatal> {
    let Some(mut f) = Fields::open(node, "kubernetes.plain", d) else {
        return Ok(None);
    };
    let mark = d.mark();
    let mut config = KubernetesSdConfig {
        api_server: String::new(),
        role: KubernetesRole::Pod,
        kubeconfig_file: String::new(),
        http_client: HttpClientConfig::default(),
        namespaces: KubernetesNamespaces::default(),
        selectors: Vec::new(),
        attach_metadata: KubernetesAttach::default(),
    };
    f.text("api_server", &mut config.api_server, d);
    let role = kubernetes_role(&mut f, d)?;
    f.text("kubeconfig_file", &mut config.kubeconfig_file, d);
    http_client(&mut f, &mut config.http_client, d)?;
    if let Some(node) = f.section("namespaces")
        && let Some(mut f) = Fields::open(node, "kubernetes.plain", d)
    {
        f.boolean("own_namespace", &mut config.namespaces.own_namespace, d);
        f.texts("names", &mut config.namespaces.names, d);
        f.finish(d);
    }
    let selectors = f
        .section("selectors")
        .and_then(|node| d.items(node, "[]kubernetes.SelectorConfig"));
    for item in selectors.unwrap_or_default() {
        let Some(mut f) = Fields::open(item, "kubernetes.SelectorConfig", d) else {
            continue;
        };
        let role = kubernetes_role(&mut f, d)?;
        let (mut label, mut field) = (String::new(), String::new());
        f.text("label", &mut label, d);
        f.text("field", &mut field, d);
        f.finish(d);
        if let Some(role) = role {
            config.selectors.push(KubernetesSelector { role, label, field });
        }
    }
    if let Some(node) = f.section("attach_metadata")
        && let Some(mut f) = Fields::open(node, "kubernetes.AttachMetadataConfig", d)
    {
        let attach = &mut config.attach_metadata;
        f.boolean("node", &mut attach.node, d);
        f.boolean("namespace", &mut attach.namespace, d);
        f.boolean("deployment", &mut attach.deployment, d);
        f.boolean("job", &mut attach.job, d);
        f.boolean("cronjob", &mut attach.cronjob, d);
        f.finish(d);
    }
    f.finish(d);
    if d.failed_since(mark) {
        return Ok(Some(config));
    }
    let all = KubernetesRole::ALL.map(KubernetesRole::name).join(", ");
    config.role = role.ok_or_else(|| Fatal::new(format!("role missing (one of: {all})"), node.at))?;
    check_kubernetes(&config).map_err(|text| Fatal::new(text, node.at))?;
    Ok(Some(config))
}

fn kubernetes_role(f: &mut Fields<'_>, d: &mut Decoder) -> Result<Option<KubernetesRole>, Fatal> {
    let Some((node, name)) = f
        .section("role")
        .and_then(|node| Some((node, d.text(node)?)))
        .filter(|(_, name)| !name.is_empty())
    else {
        return Ok(None);
    };
    KubernetesRole::parse(&name).map(Some).ok_or_else(|| {
        let all = KubernetesRole::ALL.map(KubernetesRole::name).join(", ");
        Fatal::new(format!("unknown Kubernetes SD role {name:?}"), node.at).hint(format!("roles are {all}"))
    })
}

fn check_kubernetes(config: &KubernetesSdConfig) -> Result<(), String> {
    let custom_client = config.http_client != HttpClientConfig::default();
    let (server, kubeconfig) = (!config.api_server.is_empty(), !config.kubeconfig_file.is_empty());
    let fail = |text: &str| Err(text.to_owned());
    if server && kubeconfig {
        return fail("cannot use 'kubeconfig_file' and 'api_server' simultaneously");
    }
    if kubeconfig && custom_client {
        return fail("cannot use a custom HTTP client configuration together with 'kubeconfig_file'");
    }
    if !server && custom_client {
        return fail(
            "to use custom HTTP client configuration please provide the 'api_server' URL explicitly",
        );
    }
    if server && config.namespaces.own_namespace {
        return fail("cannot use 'api_server' and 'namespaces.own_namespace' simultaneously");
    }
    if kubeconfig && config.namespaces.own_namespace {
        return fail("cannot use 'kubeconfig_file' and 'namespaces.own_namespace' simultaneously");
    }
    for (i, selector) in config.selectors.iter().enumerate() {
        if config
            .selectors
            .iter()
            .take(i)
            .any(|other| other.role == selector.role)
        {
            return Err(format!("duplicated selector role: {}", selector.role.name()));
        }
        let allowed = config.role.selector_roles();
        if !allowed.contains(&selector.role) {
            let names: Vec<_> = allowed.iter().map(|role| role.name()).collect();
            return Err(format!(
                "{} role supports only {} selectors",
                config.role.name(),
                names.join(", ")
            ));
        }
    }
    Ok(())
}
