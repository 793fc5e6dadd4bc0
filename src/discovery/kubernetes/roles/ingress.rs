//! Role `ingress`: one target for each path of each host.

use super::super::meta::MetaLabels;
use super::super::object::{Ingress, IngressRule, Meta};
use super::lookup::Lookup;

pub(super) fn build(meta: &Meta, ingress: &Ingress, lookup: &Lookup<'_>) -> (Vec<MetaLabels>, MetaLabels) {
    let mut labels = MetaLabels::default();
    labels
        .set("namespace", &meta.namespace)
        .set("ingress_class_name", ingress.class.as_deref().unwrap_or_default())
        .object("ingress", meta);
    lookup.attach_namespace(meta, &mut labels);
    let mut targets = Vec::new();
    for IngressRule { host, paths } in &ingress.rules {
        let is_tls = ingress.tls_hosts.iter().any(|pattern| covers(pattern, host));
        let mut add = |path: &str| {
            let mut target = MetaLabels::default();
            target
                .address(host)
                .set("ingress_scheme", if is_tls { "https" } else { "http" })
                .set("ingress_host", host)
                .set("ingress_path", if path.is_empty() { "/" } else { path });
            targets.push(target);
        };
        match paths {
            None => add("/"),
            Some(paths) => paths.iter().for_each(|path| add(path)),
        }
    }
    (targets, labels)
}

/// Whether a certificate for `pattern` is one for `host`: `*.` stands for one level.
fn covers(pattern: &str, host: &str) -> bool {
    if pattern == host {
        return true;
    }
    match (pattern.strip_prefix("*."), host.split_once('.')) {
        (Some(domain), Some((_, rest))) => domain == rest,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn a_wildcard_covers_one_level() {
        for (pattern, host, want) in [
            ("a.b", "a.b", true),
            ("*.b.c", "a.b.c", true),
            ("*.b.c", "x.a.b.c", false),
            ("*.b.c", "b.c", false),
            ("a.b", "a.c", false),
            ("*", "a", false),
            ("", "", true),
        ] {
            assert_eq!(covers(pattern, host), want, "{pattern} {host}");
        }
    }
}
