//! `__meta_kubernetes_*` labels: their names, and what every kind of object has.

use narthex_model::LabelsBuilder;

use super::object::Meta;

/// Collects labels under the common prefix.
#[derive(Debug, Clone, Default)]
pub(super) struct MetaLabels(pub(super) LabelsBuilder);

impl MetaLabels {
    /// Sets `__meta_kubernetes_<name>`. An empty value is no label.
    pub(super) fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.0.set(&format!("__meta_kubernetes_{name}"), value);
        self
    }

    /// Sets the address.
    pub(super) fn address(&mut self, address: &str) -> &mut Self {
        self.0.set("__address__", address);
        self
    }

    /// Name, labels and annotations of an object, under the name of its kind.
    pub(super) fn object(&mut self, kind: &str, meta: &Meta) -> &mut Self {
        self.set(&format!("{kind}_name"), &meta.name);
        self.decorations(kind, meta)
    }

    /// Labels and annotations of an object, under the name of its kind.
    pub(super) fn decorations(&mut self, kind: &str, meta: &Meta) -> &mut Self {
        for (what, pairs) in [("label", &meta.labels), ("annotation", &meta.annotations)] {
            for (name, value) in pairs.iter() {
                let name = sanitised(name);
                self.set(&format!("{kind}_{what}_{name}"), value);
                self.set(&format!("{kind}_{what}present_{name}"), "true");
            }
        }
        self
    }

    /// Adds all of `others`; they win.
    pub(super) fn merge(&mut self, others: &narthex_model::Labels) -> &mut Self {
        for (name, value) in others {
            self.0.set(name, value);
        }
        self
    }
}

/// A name with everything but ASCII letters, digits and `_` replaced.
pub(super) fn sanitised(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}

/// Host and port as an address; IPv6 in brackets.
pub(super) fn host_port(host: &str, port: i32) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::discovery::kubernetes::object::Pairs;

    #[test]
    fn names_are_sanitised_and_empty_values_are_present_only() {
        let pairs =
            |pairs: &[(&str, &str)]| Pairs(pairs.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect());
        let meta = Meta {
            name: "n".into(),
            labels: pairs(&[("app.kubernetes.io/name", "x"), ("empty", "")]),
            annotations: pairs(&[("1é", "y")]),
            ..Meta::default()
        };
        let mut labels = MetaLabels::default();
        labels.object("pod", &meta);
        assert_eq!(
            labels.0.labels().to_string(),
            "{__meta_kubernetes_pod_annotation_1_=\"y\", __meta_kubernetes_pod_annotationpresent_1_=\"true\", \
             __meta_kubernetes_pod_label_app_kubernetes_io_name=\"x\", \
             __meta_kubernetes_pod_labelpresent_app_kubernetes_io_name=\"true\", \
             __meta_kubernetes_pod_labelpresent_empty=\"true\", __meta_kubernetes_pod_name=\"n\"}"
        );
        assert_eq!(
            (host_port("fd00::1", 80), host_port("10.0.0.1", 80)),
            ("[fd00::1]:80".into(), "10.0.0.1:80".into())
        );
    }
}
