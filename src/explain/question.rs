//! What is asked about: a pod, an address, or labels.

use std::fmt;

use narthex_model::{Labels, Matcher};

use crate::scrape::{Candidate, Fate};

/// What is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// A pod, in any namespace if none is named.
    Pod {
        /// Its namespace.
        namespace: Option<String>,
        /// Its name.
        name: String,
    },
    /// A host, or host and port, as found or as scraped.
    Address(String),
    /// Selectors over labels as found or as scraped; one of them must match.
    Selectors(Vec<Vec<Matcher>>),
}

impl Question {
    /// A pod as `namespace/name` or `name`.
    #[must_use]
    pub fn pod(text: &str) -> Self {
        let (namespace, name) = match text.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, text),
        };
        Self::Pod {
            namespace: namespace.filter(|n| !n.is_empty()),
            name: name.to_owned(),
        }
    }

    /// An address as `host`, `host:port` or a URL.
    #[must_use]
    pub fn address(text: &str) -> Self {
        Self::Address(authority(text).to_owned())
    }

    /// Whether it is about this one.
    #[must_use]
    pub fn is_about(&self, candidate: &Candidate) -> bool {
        let status = match &candidate.fate {
            Fate::Target { status, .. } => Some(status),
            Fate::Dropped | Fate::Invalid(_) => None,
        };
        let scraped = status.map(|status| &status.labels);
        match self {
            Self::Pod { namespace, name } => {
                let found = ["__meta_kubernetes_pod_name", "__meta_kubernetes_namespace"];
                is_pod(&candidate.discovered, found, namespace.as_deref(), name)
                    || scraped.is_some_and(|labels| {
                        is_pod(labels, ["pod", "namespace"], namespace.as_deref(), name)
                    })
            }
            Self::Address(wanted) => {
                let ruled = candidate.steps.last().map(|step| &step.output);
                let addresses = [Some(&candidate.discovered), ruled].into_iter().flatten();
                let mut addresses = addresses.filter_map(|labels| labels.get("__address__"));
                addresses.any(|address| is_address(address, wanted))
                    || status.is_some_and(|status| is_address(authority(&status.scrape_url), wanted))
            }
            Self::Selectors(selectors) => selectors.iter().any(|matchers| {
                let all = |labels: &Labels| matchers.iter().all(|m| m.matches_labels(labels));
                all(&candidate.discovered) || scraped.is_some_and(all)
            }),
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod {
                namespace: Some(namespace),
                name,
            } => write!(f, "pod {namespace}/{name}"),
            Self::Pod {
                namespace: None,
                name,
            } => write!(f, "pod {name}"),
            Self::Address(address) => write!(f, "address {address}"),
            Self::Selectors(selectors) => {
                for (i, matchers) in selectors.iter().enumerate() {
                    let texts: Vec<String> = matchers.iter().map(ToString::to_string).collect();
                    write!(f, "{}{{{}}}", if i > 0 { " or " } else { "" }, texts.join(","))?;
                }
                Ok(())
            }
        }
    }
}

fn is_pod(labels: &Labels, [pod, space]: [&str; 2], namespace: Option<&str>, name: &str) -> bool {
    labels.get(pod) == Some(name) && namespace.is_none_or(|n| labels.get(space) == Some(n))
}

/// Host and port of a URL.
pub(super) fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

/// Host of an address, without the brackets of IPv6.
pub(super) fn host(address: &str) -> &str {
    if let Some(rest) = address.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    match address.split_once(':') {
        Some((host, port)) if !port.contains(':') => host,
        // None, or a bare IPv6 address.
        _ => address,
    }
}

fn is_address(address: &str, wanted: &str) -> bool {
    address == wanted || host(address) == wanted.trim_matches(['[', ']'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_from_addresses() {
        for (address, want) in [
            ("h:80", "h"),
            ("h", "h"),
            ("10.0.0.1:8080", "10.0.0.1"),
            ("[fd00::1]:8080", "fd00::1"),
            ("[fd00::1]", "fd00::1"),
            ("fd00::1", "fd00::1"),
            ("", ""),
        ] {
            assert_eq!(host(address), want, "{address}");
        }
        assert!(is_address("[fd00::1]:80", "fd00::1") && is_address("h:80", "h:80"));
        assert!(!is_address("h:80", "h:81") && !is_address("h:80", "i"));
        assert_eq!(authority("https://h:1/a/b?c"), "h:1");
    }

    #[test]
    fn questions_show_themselves() {
        for (question, want) in [
            (Question::pod("a/b"), "pod a/b"),
            (Question::pod("b"), "pod b"),
            (Question::address("http://h:1/metrics"), "address h:1"),
            (
                Question::Selectors(vec![
                    vec![Matcher::equal("a", "1")],
                    vec![Matcher::equal("b", "2")],
                ]),
                r#"{a="1"} or {b="2"}"#,
            ),
        ] {
            assert_eq!(question.to_string(), want);
        }
    }
}
