//! `/api/v1/alertmanagers`: the Alertmanagers that the configuration names, as far as they stand in it.

use narthex_model::{Annotations, Labels, LabelsBuilder};

use super::super::body::Reply;
use super::super::call::Call;
use super::super::encode::chunks::Whole;
use super::super::encode::object::Object;
use super::super::problem::Problem;
use super::data::streamed;
use crate::config::{AlertmanagerConfig, Config, TargetGroup};
use crate::relabel::process;

/// Where the path to send alerts to stands while labels are rewritten.
const PATH_LABEL: &str = "__alerts_path__";
const SCHEME_LABEL: &str = "__scheme__";
const ADDRESS_LABEL: &str = "__address__";

/// Answers. Those that only discovery could find are not known: alerts are not sent yet.
pub(crate) async fn alertmanagers(call: Call) -> Result<Reply, Problem> {
    let (active, dropped) = found(&call.app.loaded().config);
    let mut out = Vec::new();
    let write = |out: &mut Vec<u8>, url: &String| Object::new(out).text("url", url).end();
    Object::new(&mut out)
        .list("activeAlertmanagers", &active, write)
        .list("droppedAlertmanagers", &dropped, write)
        .end();
    Ok(streamed(Box::new(Whole(out)), &Annotations::default()))
}

/// URLs of those in use, and of those that rules leave out.
pub(crate) fn found(config: &Config) -> (Vec<String>, Vec<String>) {
    let (mut active, mut dropped) = (Vec::new(), Vec::new());
    for set in &config.alerting.alertmanagers {
        for group in &set.service_discovery.static_configs {
            for target in &group.targets {
                let labels = before(set, group, target);
                match process(&labels, &set.relabel_configs) {
                    Some(kept) => active.push(url(&kept)),
                    None => dropped.push(url(&labels)),
                }
            }
        }
    }
    (active, dropped)
}

/// The labels of an Alertmanager before rules are applied.
fn before(set: &AlertmanagerConfig, group: &TargetGroup, target: &Labels) -> Labels {
    let mut labels = LabelsBuilder::from(&group.labels);
    for (name, value) in target.iter() {
        labels.set(name, value);
    }
    let prefix = set.path_prefix.trim_matches('/');
    let slash = if prefix.is_empty() { "" } else { "/" };
    labels.set(SCHEME_LABEL, &set.scheme);
    labels.set(PATH_LABEL, &format!("{slash}{prefix}/api/v2/alerts"));
    labels.labels()
}

fn url(labels: &Labels) -> String {
    let part = |name: &str| labels.get(name).unwrap_or_default();
    format!(
        "{}://{}{}",
        part(SCHEME_LABEL),
        part(ADDRESS_LABEL),
        part(PATH_LABEL)
    )
}
