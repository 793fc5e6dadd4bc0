//! Where a user can open a target's page: a target on this machine is seen from outside under this server's name.

use super::options::WebOptions;

const LOCAL_HOSTS: [&str; 3] = ["127.0.0.1", "localhost", "::1"];

/// The URL with a local host replaced by that of the external URL; of this server itself the port and scheme too.
pub(crate) fn global_url(url: &str, options: &WebOptions) -> String {
    let Some((scheme, host, port, path)) = split(url) else {
        return url.to_owned();
    };
    let Some((own_scheme, own_host, own_port, _)) = split(&options.external_url) else {
        return url.to_owned();
    };
    if !LOCAL_HOSTS.contains(&host.trim_matches(['[', ']'])) || port.is_empty() {
        return url.to_owned();
    }
    if port.strip_prefix(':') == Some(&*options.listen_port.to_string()) {
        format!("{own_scheme}://{own_host}{own_port}{path}")
    } else {
        format!("{scheme}://{own_host}{port}{path}")
    }
}

/// Scheme, host, port with its colon (or nothing), and the rest.
fn split(url: &str) -> Option<(&str, &str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let port_at = match authority.rfind(':') {
        Some(at) if !authority.get(at..)?.contains(']') => at,
        _ => authority.len(),
    };
    let (host, port) = authority.split_at(port_at);
    Some((scheme, host, port, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_hosts_are_replaced() {
        let mut options = WebOptions::new().unwrap();
        options.external_url = "https://prom.example:8443/p".into();
        let table = [
            (
                "http://localhost:9090/metrics",
                "https://prom.example:8443/metrics",
            ),
            (
                "http://127.0.0.1:9100/metrics?a=b",
                "http://prom.example:9100/metrics?a=b",
            ),
            ("http://[::1]:9100/", "http://prom.example:9100/"),
            ("http://10.0.0.1:9100/metrics", "http://10.0.0.1:9100/metrics"),
            ("http://localhost/metrics", "http://localhost/metrics"),
            ("nonsense", "nonsense"),
        ];
        for (url, global) in table {
            assert_eq!(global_url(url, &options), global);
        }
    }
}
