//! Where the server listens, and under which URL the world sees it.

use super::options::{Options, Retention};
use crate::config::ConfigSource;
use crate::http::WebOptions;
use narthex_model::{Duration, Pattern};
use std::net::SocketAddr;
use tokio::net::{TcpListener, TcpSocket};

/// Where the configuration comes from, with this server's own address for the built-in one.
#[must_use]
pub fn config_source(options: &Options) -> ConfigSource {
    let (host, port) = options
        .listen
        .first()
        .and_then(|address| split(address))
        .unwrap_or(("", 9090));
    let host = match host {
        "" | "0.0.0.0" | "::" => "localhost".to_owned(),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    let prefix = web_options(options)
        .map(|web| web.route_prefix)
        .unwrap_or_default();
    ConfigSource {
        path: options.config_file.clone(),
        named: options.config_file_given,
        own_address: format!("{host}:{port}"),
        own_metrics_path: format!("{}/metrics", prefix.trim_end_matches('/')),
    }
}

/// Host and port of `host:port`, `:port` or `[v6]:port`.
fn split(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    Some((host, port.parse().ok()?))
}

/// What the web side has to know of the command line.
///
/// # Errors
/// When an address, a URL or a regex does not hold; in words that name the flag.
pub(super) fn web_options(options: &Options) -> Result<WebOptions, String> {
    for address in &options.listen {
        split(address).ok_or_else(|| {
            format!("invalid --web.listen-address {address:?}: write host:port, for example 0.0.0.0:9090")
        })?;
    }
    let port = options
        .listen
        .first()
        .and_then(|a| split(a))
        .map_or(9090, |(_, port)| port);
    let external_url = external_url(&options.external_url, port)?;
    let path = external_url.splitn(4, '/').nth(3).unwrap_or_default();
    let prefix = if options.route_prefix.is_empty() {
        path
    } else {
        options.route_prefix.as_str()
    };
    for name in &options.remote_write_messages {
        if !["prometheus.WriteRequest", "io.prometheus.write.v2.Request"].contains(&name.as_str()) {
            return Err(format!(
                "unknown type for remote write protobuf message {name}, supported: prometheus.WriteRequest, io.prometheus.write.v2.Request"
            ));
        }
    }
    let retention = retention_in_words(options);
    Ok(WebOptions {
        route_prefix: format!("/{}", prefix.trim_matches('/')),
        external_url,
        listen_port: port,
        enable_lifecycle: options.enable_lifecycle,
        enable_admin_api: options.enable_admin_api,
        enable_remote_write_receiver: options.enable_remote_write_receiver,
        enable_otlp_receiver: options.enable_otlp_receiver,
        remote_write_messages: options.remote_write_messages.clone(),
        remote_read: crate::http::ReadLimits {
            samples: options.remote_read.samples,
            concurrent: usize::try_from(options.remote_read.concurrent).unwrap_or(usize::MAX),
            frame_bytes: usize::try_from(options.remote_read.frame_bytes).unwrap_or(usize::MAX),
        },
        max_listeners: usize::try_from(options.max_listeners).unwrap_or(usize::MAX),
        search_limit: usize::try_from(options.search_limit).unwrap_or(usize::MAX),
        user_assets: options.user_assets.clone(),
        page_title: options.page_title.clone(),
        cors_origin: Pattern::new(&options.cors_origin)
            .map_err(|e| format!("invalid --web.cors.origin {:?}: {e}", options.cors_origin))?,
        max_connections: usize::try_from(options.max_connections).unwrap_or(usize::MAX),
        read_timeout: options.read_timeout.to_std(),
        per_step_stats: options.has_feature("promql-per-step-stats"),
        storage_retention: retention,
        features: options.features.clone(),
    })
}

/// Scheme, host and path, without a slash at the end.
fn external_url(given: &str, port: u16) -> Result<String, String> {
    if given.is_empty() {
        return Ok(format!("http://{}:{port}", host_name()));
    }
    let wrong = |why: &str| Err(format!("invalid --web.external-url {given:?}: {why}"));
    if given.starts_with(['"', '\'']) || given.ends_with(['"', '\'']) {
        return wrong("URL must not begin or end with quotes");
    }
    // A path alone is put behind the derived host.
    if given.starts_with('/') {
        return Ok(format!(
            "http://{}:{port}{}",
            host_name(),
            given.trim_end_matches('/')
        ));
    }
    match given.split_once("://") {
        Some(("http" | "https", rest)) if !rest.is_empty() && !rest.starts_with('/') => {
            Ok(given.trim_end_matches('/').to_owned())
        }
        _ => wrong("write http://host/path"),
    }
}

/// This machine's name.
pub(super) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match name.trim() {
        "" => std::env::var("HOSTNAME").unwrap_or_else(|_| "localhost".to_owned()),
        name => name.to_owned(),
    }
}

/// Age and size limits of the store: 15 days if neither was given.
pub(super) fn retention(given: Retention) -> (Duration, u64) {
    let (time, size) = (given.time, given.size);
    if time == Duration::ZERO && size == 0 {
        (Duration::from_millis(15 * 86_400_000), 0)
    } else {
        (time, size)
    }
}

fn retention_in_words(options: &Options) -> String {
    let (time, size) = retention(options.retention);
    let mut words = Vec::new();
    if time != Duration::ZERO {
        words.push(time.to_string());
    }
    if size > 0 {
        words.push(crate::config::format_size(size));
    }
    words.join(" or ")
}

/// Opens every listener, or none.
///
/// # Errors
/// In Go's words, which those who search for them know: `listen tcp 0.0.0.0:9090: bind: address already in use`.
pub(super) async fn listen(addresses: &[String]) -> Result<Vec<TcpListener>, String> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let listener = bind(address).await.map_err(|e| {
            let reason = match e.kind() {
                std::io::ErrorKind::AddrInUse => "address already in use".to_owned(),
                std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
                std::io::ErrorKind::AddrNotAvailable => "cannot assign requested address".to_owned(),
                _ => e.to_string(),
            };
            format!("listen tcp {address}: bind: {reason}")
        })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

async fn bind(address: &str) -> std::io::Result<TcpListener> {
    let (host, port) = split(address).unwrap_or((address, 9090));
    if !host.is_empty() {
        let mut failed = std::io::ErrorKind::AddrNotAvailable.into();
        for address in tokio::net::lookup_host((host, port)).await? {
            match listen_at(address) {
                Ok(listener) => return Ok(listener),
                Err(error) => failed = error,
            }
        }
        return Err(failed);
    }
    // All addresses of both families; where there is no IPv6, those of IPv4.
    match listen_at(SocketAddr::from(([0_u16; 8], port))) {
        Err(e) if e.kind() != std::io::ErrorKind::AddrInUse => listen_at(SocketAddr::from(([0_u8; 4], port))),
        bound => bound,
    }
}

/// Connections beyond `--web.max-connections` wait with the operating system: as many of them as Go lets wait.
fn listen_at(address: SocketAddr) -> std::io::Result<TcpListener> {
    const WAITING_MAX: u32 = 4096;
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(WAITING_MAX)
}

/// Where a person should look, from the address of a listener.
pub(super) fn look_at(listener: &TcpListener, scheme: &str, path: &str) -> String {
    let address = listener.local_addr().ok();
    let host = match address.map(|a| a.ip()) {
        Some(ip) if ip.is_unspecified() || ip.is_loopback() => "localhost".to_owned(),
        Some(std::net::IpAddr::V6(ip)) => format!("[{ip}]"),
        Some(ip) => ip.to_string(),
        None => "localhost".to_owned(),
    };
    format!("{scheme}://{host}:{}{path}", address.map_or(9090, |a| a.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_split_into_host_and_port() {
        for (text, want) in [
            ("0.0.0.0:9090", Some(("0.0.0.0", 9090))),
            (":1", Some(("", 1))),
            ("[::1]:80", Some(("::1", 80))),
            ("localhost:http", None),
            ("9090", None),
        ] {
            assert_eq!(split(text), want, "{text}");
        }
    }

    #[test]
    fn external_urls_are_checked() {
        assert_eq!(external_url("https://h/p/", 1).unwrap(), "https://h/p");
        assert!(external_url("/p", 1).unwrap().ends_with(":1/p"));
        for wrong in ["h/p", "ftp://h", "http://", "\"http://h\""] {
            assert!(
                external_url(wrong, 1).unwrap_err().contains("--web.external-url"),
                "{wrong}"
            );
        }
    }
}
