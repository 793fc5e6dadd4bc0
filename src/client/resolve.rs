//! Names in DNS, asked for by this program itself: the same in a static binary and in any image.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::OnceLock;

use hickory_resolver::config::{LookupIpStrategy, NameServerConfigGroup, ResolverConfig, ResolverOpts};
use hickory_resolver::name_server::TokioConnectionProvider;
use hickory_resolver::proto::ProtoErrorKind;
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::system_conf::parse_resolv_conf;
use hickory_resolver::{ResolveError, TokioResolver};

use super::reload::Reloaded;

const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";

/// Asks the servers of `/etc/resolv.conf`, after a look into `/etc/hosts`; both are read again when they change.
#[derive(Debug, Default)]
pub(crate) struct Resolver(OnceLock<Option<Reloaded<TokioResolver>>>);

impl Resolver {
    /// The resolver as the files are now.
    ///
    /// # Errors
    /// When they cannot be used.
    pub(crate) fn get(&self) -> Result<TokioResolver, String> {
        let made = self.0.get_or_init(|| {
            let files = vec![PathBuf::from(RESOLV_CONF), PathBuf::from(HOSTS)];
            Reloaded::new(files, make).ok()
        });
        match made {
            Some(resolver) => resolver.get(),
            None => make(),
        }
    }

    /// The addresses of a host.
    ///
    /// # Errors
    /// When there are none, in Go's words.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        match self.get()?.lookup_ip(host).await {
            Ok(found) => Ok(found.iter().collect()),
            Err(error) if is_negative(&error) => Err("no such host".to_owned()),
            Err(error) => Err(fault(&error)),
        }
    }
}

fn make() -> Result<TokioResolver, String> {
    let (config, mut options) = match std::fs::read(RESOLV_CONF) {
        Ok(text) => parse_resolv_conf(text).map_err(|e| format!("{RESOLV_CONF}: {e}"))?,
        Err(_) => {
            let local = [IpAddr::from([127, 0, 0, 1])];
            let servers = NameServerConfigGroup::from_ips_clear(&local, 53, true);
            (
                ResolverConfig::from_parts(None, Vec::new(), servers),
                ResolverOpts::default(),
            )
        }
    };
    // Names may change at any time, and whoever asks often has a reason to.
    options.cache_size = 0;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    let resolver = TokioResolver::builder_with_config(config, TokioConnectionProvider::default());
    Ok(resolver.with_options(options).build())
}

/// Whether a server has said that there is no such name, or nothing of that kind under it.
pub(crate) fn is_negative(error: &ResolveError) -> bool {
    match error.proto().map(|proto| proto.kind()) {
        Some(ProtoErrorKind::NoRecordsFound { response_code, .. }) => {
            matches!(response_code, ResponseCode::NXDomain | ResponseCode::NoError)
        }
        _ => false,
    }
}

/// Why there is no answer.
pub(crate) fn fault(error: &ResolveError) -> String {
    match error.proto().map(|proto| proto.kind()) {
        Some(ProtoErrorKind::Timeout) => "i/o timeout".to_owned(),
        Some(ProtoErrorKind::NoRecordsFound { .. }) => "server misbehaving".to_owned(),
        _ => error.to_string(),
    }
}
