//! What the command line says about the web side.

use std::path::PathBuf;
use std::time::Duration;

use narthex_model::Pattern;

use super::read::ReadLimits;

/// Options of the listener and of the API; the defaults are those of the flags.
#[derive(Debug, Clone)]
pub struct WebOptions {
    /// Where users see this server (`--web.external-url`): scheme, host and path, for example
    /// `http://host:9090/prom`. Derived from host name and port when the flag is not given.
    pub external_url: String,
    /// Path under which everything is served (`--web.route-prefix`): `/`, or `/prom` without a slash at its end.
    pub route_prefix: String,
    /// Port that is listened on, for `globalUrl`.
    pub listen_port: u16,
    /// `/-/reload` and `/-/quit` work (`--web.enable-lifecycle`).
    pub enable_lifecycle: bool,
    /// `/api/v1/admin` works (`--web.enable-admin-api`).
    pub enable_admin_api: bool,
    /// `/api/v1/write` works (`--web.enable-remote-write-receiver`).
    pub enable_remote_write_receiver: bool,
    /// `/api/v1/otlp/v1/metrics` works (`--web.enable-otlp-receiver`).
    pub enable_otlp_receiver: bool,
    /// Messages that `/api/v1/write` takes (`--web.remote-write-receiver.accepted-protobuf-messages`).
    pub remote_write_messages: Vec<String>,
    /// What bounds `/api/v1/read` (`--storage.remote.read-*`).
    pub remote_read: ReadLimits,
    /// Most listeners to notifications (`--web.max-notifications-subscribers`).
    pub max_listeners: usize,
    /// Folder served under `/user` (`--web.user-assets`); empty for none.
    pub user_assets: PathBuf,
    /// Most results of a search (`--web.search.max-limit`).
    pub search_limit: usize,
    /// Title of the pages (`--web.page-title`).
    pub page_title: String,
    /// Origins that browsers may ask from (`--web.cors.origin`).
    pub cors_origin: Pattern,
    /// Most connections at once (`--web.max-connections`).
    pub max_connections: usize,
    /// Longest time for reading a request, for an idle connection, and for a client that does not read its answer
    /// (`--web.read-timeout`).
    pub read_timeout: Duration,
    /// `stats=all` shows counts by step (`--enable-feature=promql-per-step-stats`).
    pub per_step_stats: bool,
    /// The retention in words, for `status/runtimeinfo`: `15d`, `15d or 1GiB`.
    pub storage_retention: String,
    /// Names given to `--enable-feature`.
    pub features: Vec<String>,
}

impl WebOptions {
    /// The defaults of all flags.
    ///
    /// # Errors
    /// None in practice: the default origin is a valid expression.
    pub fn new() -> Result<Self, narthex_model::PatternError> {
        Ok(Self {
            external_url: "http://localhost:9090/".into(),
            route_prefix: "/".into(),
            listen_port: 9090,
            enable_lifecycle: false,
            enable_admin_api: false,
            enable_remote_write_receiver: false,
            enable_otlp_receiver: false,
            remote_write_messages: vec![
                "prometheus.WriteRequest".into(),
                "io.prometheus.write.v2.Request".into(),
            ],
            remote_read: ReadLimits::default(),
            max_listeners: 16,
            user_assets: PathBuf::new(),
            search_limit: 10_000,
            page_title: "narthex".into(),
            cors_origin: Pattern::new(".*")?,
            max_connections: 512,
            read_timeout: Duration::from_secs(300),
            per_step_stats: false,
            storage_retention: "15d".into(),
            features: Vec::new(),
        })
    }

    /// Path of the external URL, without a slash at its end.
    pub(crate) fn external_path(&self) -> &str {
        let after_scheme = self
            .external_url
            .split_once("://")
            .map_or(self.external_url.as_str(), |(_, rest)| rest);
        after_scheme
            .find('/')
            .and_then(|at| after_scheme.get(at..))
            .unwrap_or_default()
            .trim_end_matches('/')
    }

    /// The route prefix without a slash at its end: `""` or `/prom`.
    pub(crate) fn prefix(&self) -> &str {
        self.route_prefix.trim_end_matches('/')
    }
}
