//! Pods behind endpoints: the container that an endpoint's port belongs to, and the ports that no endpoint names.

use narthex_model::Labels;

use super::super::meta::{MetaLabels, host_port};
use super::super::object::{Container, ContainerPort};
use super::lookup::FoundPod;
use super::pod::pod_labels;

/// Pods that were seen behind the addresses of one object.
#[derive(Default)]
pub(super) struct SeenPods(Vec<Seen>);

struct Seen {
    pod: FoundPod,
    labels: Labels,
    ports: Vec<i32>,
}

impl SeenPods {
    /// Adds what is known of the pod to one of its targets; `protocol` wins over that of the container's port.
    pub(super) fn add(
        &mut self,
        found: &FoundPod,
        port: Option<i32>,
        protocol: Option<&str>,
        target: &mut MetaLabels,
    ) {
        let Some(pod) = found.pod() else {
            return;
        };
        let is_same = |seen: &Seen| {
            seen.pod.meta().name == found.meta().name && seen.pod.meta().namespace == found.meta().namespace
        };
        let at = self.0.iter().position(is_same).unwrap_or_else(|| {
            self.0.push(Seen {
                pod: found.clone(),
                labels: pod_labels(found.meta(), pod).0.labels(),
                ports: Vec::new(),
            });
            self.0.len() - 1
        });
        let seen = &mut self.0[at];
        target.merge(&seen.labels);
        let Some(number) = port else {
            return;
        };
        for container in &pod.containers {
            if let Some(port) = container.ports.iter().find(|port| port.container_port == number) {
                container_labels(container, port, target);
                target.set("pod_container_port_protocol", protocol.unwrap_or(&port.protocol));
            }
        }
        seen.ports.push(number);
    }

    /// Targets for the container ports that no endpoint has named.
    pub(super) fn others(&self) -> Vec<MetaLabels> {
        let mut targets = Vec::new();
        for seen in &self.0 {
            let Some(pod) = seen.pod.pod().filter(|pod| !pod.ip.is_empty()) else {
                continue;
            };
            for container in &pod.containers {
                for port in &container.ports {
                    if seen.ports.contains(&port.container_port) {
                        continue;
                    }
                    let mut target = MetaLabels::default();
                    target
                        .address(&host_port(&pod.ip, port.container_port))
                        .merge(&seen.labels);
                    container_labels(container, port, &mut target);
                    targets.push(target);
                }
            }
        }
        targets
    }
}

fn container_labels(container: &Container, port: &ContainerPort, target: &mut MetaLabels) {
    target
        .set("pod_container_name", &container.name)
        .set("pod_container_image", &container.image)
        .set("pod_container_port_name", &port.name)
        .set("pod_container_port_number", &port.container_port.to_string())
        .set("pod_container_port_protocol", &port.protocol)
        .set("pod_container_init", &container.is_init.to_string());
}
