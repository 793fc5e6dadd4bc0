//! Targets from DNS: one group for each name.

use hickory_resolver::proto::rr::{RData, RecordType};
use narthex_model::{Labels, LabelsBuilder};

use super::metrics::Metrics;
use super::refresh::Refresh;
use crate::client::{Resolver, dns_fault, is_negative};
use crate::config::{DnsRecord, DnsSdConfig, TargetGroup};

/// One section.
#[derive(Debug)]
pub(super) struct DnsDiscovery {
    config: DnsSdConfig,
    resolver: Resolver,
    metrics: Metrics,
}

impl DnsDiscovery {
    pub(super) fn new(config: DnsSdConfig, metrics: Metrics) -> Self {
        Self {
            config,
            resolver: Resolver::default(),
            metrics,
        }
    }

    async fn look_up(&self, name: &str) -> Result<TargetGroup, String> {
        self.metrics.dns_lookups.inc();
        let kind = record_type(self.config.record);
        let targets = match self.resolver.get()?.lookup(name, kind).await {
            Ok(found) => targets(&self.config, name, found.iter()),
            Err(error) if is_negative(&error) => Vec::new(),
            Err(error) => {
                self.metrics.dns_failures.inc();
                return Err(format!(
                    "could not resolve {name:?}: all servers responded with errors to at least one search domain: {}",
                    dns_fault(&error)
                ));
            }
        };
        Ok(TargetGroup {
            source: name.to_owned(),
            targets,
            labels: Labels::empty(),
        })
    }
}

impl Refresh for DnsDiscovery {
    const MECHANISM: &'static str = "dns";

    async fn refresh(&mut self) -> Result<Vec<TargetGroup>, String> {
        let mut groups = Vec::new();
        for name in &self.config.names {
            groups.push(self.look_up(name).await?);
        }
        Ok(groups)
    }
}

const fn record_type(record: DnsRecord) -> RecordType {
    match record {
        DnsRecord::Srv => RecordType::SRV,
        DnsRecord::A => RecordType::A,
        DnsRecord::Aaaa => RecordType::AAAA,
        DnsRecord::Mx => RecordType::MX,
        DnsRecord::Ns => RecordType::NS,
    }
}

/// Targets of the records that were asked for. Aliases, and addresses that a server adds for the hosts it names, come
/// with them.
fn targets<'a>(config: &DnsSdConfig, name: &str, records: impl Iterator<Item = &'a RData>) -> Vec<Labels> {
    let wanted = record_type(config.record);
    let target = |record: &RData| {
        let mut labels = LabelsBuilder::new();
        let host = |name: String| name.trim_end_matches('.').to_owned();
        let address = match record {
            RData::SRV(srv) => {
                let target = srv.target().to_string();
                labels.set("__meta_dns_srv_record_target", &target);
                labels.set("__meta_dns_srv_record_port", &srv.port().to_string());
                format!("{}:{}", host(target), srv.port())
            }
            RData::MX(mx) => {
                let target = mx.exchange().to_string();
                labels.set("__meta_dns_mx_record_target", &target);
                format!("{}:{}", host(target), config.port)
            }
            RData::NS(ns) => {
                let target = ns.0.to_string();
                labels.set("__meta_dns_ns_record_target", &target);
                format!("{}:{}", host(target), config.port)
            }
            RData::A(a) => format!("{}:{}", a.0, config.port),
            RData::AAAA(a) => format!("[{}]:{}", a.0, config.port),
            _ => return None,
        };
        labels.set("__address__", &address).set("__meta_dns_name", name);
        Some(labels.labels())
    };
    let records = records.filter(|record| record.record_type() == wanted);
    records.filter_map(target).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::rr::Name;
    use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, NS, SRV};

    #[test]
    fn each_record_is_a_target_with_its_labels() {
        let host = Name::from_ascii("h.test.").unwrap();
        let records = [
            RData::SRV(SRV::new(1, 1, 9100, host.clone())),
            RData::MX(MX::new(1, host.clone())),
            RData::NS(NS(host.clone())),
            RData::A(A::new(10, 0, 0, 1)),
            RData::AAAA(AAAA::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
            RData::CNAME(CNAME(host)),
        ];
        // Servers add the addresses of the hosts that they name: whatever is asked for, only that becomes a target.
        for (record, text) in [
            (
                DnsRecord::Srv,
                r#"{__address__="h.test:9100", __meta_dns_name="n", __meta_dns_srv_record_port="9100", __meta_dns_srv_record_target="h.test."}"#,
            ),
            (
                DnsRecord::Mx,
                r#"{__address__="h.test:80", __meta_dns_mx_record_target="h.test.", __meta_dns_name="n"}"#,
            ),
            (
                DnsRecord::Ns,
                r#"{__address__="h.test:80", __meta_dns_name="n", __meta_dns_ns_record_target="h.test."}"#,
            ),
            (
                DnsRecord::A,
                r#"{__address__="10.0.0.1:80", __meta_dns_name="n"}"#,
            ),
            (
                DnsRecord::Aaaa,
                r#"{__address__="[fd00::1]:80", __meta_dns_name="n"}"#,
            ),
        ] {
            let config = DnsSdConfig {
                names: vec!["n".into()],
                refresh_interval: narthex_model::Duration::from_millis(30_000),
                record,
                port: 80,
            };
            let found = targets(&config, "n", records.iter());
            assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [text]);
        }
    }
}
