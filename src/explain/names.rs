//! What discovery's labels stand for, in the words of whoever wrote the manifest.

use narthex_model::Labels;

const META: &str = "__meta_kubernetes_";

/// Kinds of objects whose annotations and labels become labels of targets. Longer names stand first.
const OWNERS: &[&str] = &[
    "endpointslice",
    "endpoints",
    "namespace",
    "ingress",
    "service",
    "node",
    "pod",
];

/// Prefixes whose punctuation discovery has replaced, and how they were written.
const PREFIXES: &[(&str, &str)] = &[
    ("prometheus_io_", "prometheus.io/"),
    ("app_kubernetes_io_", "app.kubernetes.io/"),
    ("kubernetes_io_", "kubernetes.io/"),
    ("k8s_app", "k8s-app"),
];

/// What a label is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An annotation of an object.
    Annotation,
    /// A label of an object.
    Label,
    /// Number of a declared port.
    PortNumber,
    /// Name of a declared port.
    PortName,
    /// Phase of a pod.
    Phase,
    /// Whether a pod, or an endpoint, is ready.
    Ready,
    /// Whether a container is one of those that prepare a pod.
    Init,
    /// The namespace.
    Namespace,
    /// Anything else.
    Other,
}

/// A label of a target, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) kind: Kind,
    /// The kind of object that it comes from; empty if from none.
    pub(super) owner: &'static str,
    /// As the object's manifest calls it.
    pub(super) name: String,
}

/// What a label stands for.
pub(super) fn meaning(label: &str) -> Meaning {
    let plain = |kind, owner| Meaning {
        kind,
        owner,
        name: label.to_owned(),
    };
    let Some(rest) = label.strip_prefix(META) else {
        return plain(Kind::Other, "");
    };
    for owner in OWNERS {
        let Some(rest) = rest.strip_prefix(owner).and_then(|rest| rest.strip_prefix('_')) else {
            continue;
        };
        for (prefix, kind) in [
            ("annotationpresent_", Kind::Annotation),
            ("annotation_", Kind::Annotation),
            ("labelpresent_", Kind::Label),
            ("label_", Kind::Label),
        ] {
            if let Some(name) = rest.strip_prefix(prefix) {
                return Meaning {
                    kind,
                    owner,
                    name: as_written(name),
                };
            }
        }
        return match rest {
            "container_port_number" | "port_number" | "port" => plain(Kind::PortNumber, owner),
            "container_port_name" | "port_name" => plain(Kind::PortName, owner),
            "phase" => plain(Kind::Phase, owner),
            "ready" | "endpoint_conditions_ready" => plain(Kind::Ready, owner),
            "container_init" => plain(Kind::Init, owner),
            _ => plain(Kind::Other, owner),
        };
    }
    match rest {
        "namespace" => plain(Kind::Namespace, ""),
        "endpoint_ready" => plain(Kind::Ready, "endpoints"),
        "endpoint_port_name" => plain(Kind::PortName, "endpoints"),
        _ => plain(Kind::Other, ""),
    }
}

/// A name as the manifest has it, as far as that can be told: discovery writes `_` for every other sign.
fn as_written(name: &str) -> String {
    let known = PREFIXES
        .iter()
        .find_map(|(prefix, written)| Some((written, name.strip_prefix(prefix)?)));
    known.map_or_else(|| name.to_owned(), |(written, rest)| format!("{written}{rest}"))
}

/// What the labels are about: `pod shop/cart-0`, or the address if they come from no object of Kubernetes.
pub(super) fn subject(labels: &Labels) -> String {
    for owner in ["pod", "service", "ingress", "node", "endpointslice", "endpoints"] {
        if let Some(subject) = object(labels, owner) {
            return subject;
        }
    }
    format!(
        "target {}",
        labels.get("__address__").unwrap_or("without an address")
    )
}

/// The object of that kind that the labels come from: `service shop/cart`.
pub(super) fn object(labels: &Labels, owner: &str) -> Option<String> {
    let namespace = labels.get("__meta_kubernetes_namespace");
    let name = match owner {
        "" => None,
        "namespace" => return namespace.map(|namespace| format!("namespace {namespace}")),
        owner => labels.get(&format!("{META}{owner}_name")),
    }?;
    Some(match namespace.filter(|_| owner != "node") {
        Some(namespace) => format!("{owner} {namespace}/{name}"),
        None => format!("{owner} {name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_understood() {
        for (label, kind, owner, name) in [
            (
                "__meta_kubernetes_pod_annotation_prometheus_io_scrape",
                Kind::Annotation,
                "pod",
                "prometheus.io/scrape",
            ),
            (
                "__meta_kubernetes_service_annotationpresent_my_own",
                Kind::Annotation,
                "service",
                "my_own",
            ),
            (
                "__meta_kubernetes_pod_label_k8s_app",
                Kind::Label,
                "pod",
                "k8s-app",
            ),
            (
                "__meta_kubernetes_pod_container_port_number",
                Kind::PortNumber,
                "pod",
                "__meta_kubernetes_pod_container_port_number",
            ),
            (
                "__meta_kubernetes_endpointslice_endpoint_conditions_ready",
                Kind::Ready,
                "endpointslice",
                "__meta_kubernetes_endpointslice_endpoint_conditions_ready",
            ),
            (
                "__meta_kubernetes_namespace",
                Kind::Namespace,
                "",
                "__meta_kubernetes_namespace",
            ),
            ("job", Kind::Other, "", "job"),
        ] {
            let want = Meaning {
                kind,
                owner,
                name: name.to_owned(),
            };
            assert_eq!(meaning(label), want, "{label}");
        }
    }

    #[test]
    fn subjects_are_the_nearest_objects() {
        let labels = |pairs: &[(&str, &str)]| Labels::from_pairs(pairs.iter().copied());
        for (pairs, want) in [
            (
                &[
                    ("__meta_kubernetes_namespace", "n"),
                    ("__meta_kubernetes_pod_name", "p"),
                    ("__meta_kubernetes_service_name", "s"),
                ][..],
                "pod n/p",
            ),
            (&[("__meta_kubernetes_node_name", "w")], "node w"),
            (&[("__address__", "h:1")], "target h:1"),
            (&[], "target without an address"),
        ] {
            assert_eq!(subject(&labels(pairs)), want);
        }
    }
}
