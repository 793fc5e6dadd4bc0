//! Role `pod`: one target for each port of each container, or for the container where it declares none.

use super::super::meta::{MetaLabels, host_port};
use super::super::object::{Meta, Pod};
use super::super::resource::{Resource, key};
use super::lookup::Lookup;

pub(super) fn build(meta: &Meta, pod: &Pod, lookup: &Lookup<'_>) -> (Vec<MetaLabels>, MetaLabels) {
    // A pod that is starting or was evicted has no address.
    if pod.ip.is_empty() {
        return Default::default();
    }
    let mut labels = pod_labels(meta, pod);
    labels.set("namespace", &meta.namespace);
    lookup.attach_node(&pod.node, &mut labels);
    lookup.attach_namespace(meta, &mut labels);
    attach_owners(meta, lookup, &mut labels);
    let mut targets = Vec::new();
    for container in &pod.containers {
        let mut of_container = MetaLabels::default();
        of_container
            .address(&pod.ip)
            .set("pod_container_name", &container.name)
            .set("pod_container_id", &container.id)
            .set("pod_container_image", &container.image)
            .set("pod_container_init", &container.is_init.to_string());
        if container.ports.is_empty() {
            targets.push(of_container);
            continue;
        }
        for port in &container.ports {
            let mut target = of_container.clone();
            target
                .address(&host_port(&pod.ip, port.container_port))
                .set("pod_container_port_number", &port.container_port.to_string())
                .set("pod_container_port_name", &port.name)
                .set("pod_container_port_protocol", &port.protocol);
            targets.push(target);
        }
    }
    (targets, labels)
}

/// What every target of a pod carries, whatever role found it.
pub(super) fn pod_labels(meta: &Meta, pod: &Pod) -> MetaLabels {
    let mut labels = MetaLabels::default();
    labels
        .set("pod_ip", &pod.ip)
        .set("pod_ready", &pod.ready)
        .set("pod_phase", &pod.phase)
        .set("pod_node_name", &pod.node)
        .set("pod_host_ip", &pod.host_ip)
        .set("pod_uid", &meta.uid)
        .object("pod", meta);
    if let Some(owner) = meta.controller() {
        labels
            .set("pod_controller_kind", &owner.kind)
            .set("pod_controller_name", &owner.name);
    }
    labels
}

/// Names of what stands behind the pod's controller, where they are wanted.
fn attach_owners(meta: &Meta, lookup: &Lookup<'_>, labels: &mut MetaLabels) {
    let Some(owner) = meta.controller() else {
        return;
    };
    let behind = |resource| {
        let found = lookup.get(resource, key(&meta.namespace, &owner.name))?;
        let owner = found.meta.controller()?;
        Some((owner.kind.clone(), owner.name.clone()))
    };
    match &*owner.kind {
        "ReplicaSet" if lookup.attach.deployment => {
            if let Some((_, name)) = behind(Resource::ReplicaSets).filter(|(kind, _)| &**kind == "Deployment")
            {
                labels.set("pod_deployment_name", &name);
            }
        }
        "Job" => {
            if lookup.attach.job {
                labels.set("pod_job_name", &owner.name);
            }
            if lookup.attach.cronjob
                && let Some((_, name)) = behind(Resource::Jobs).filter(|(kind, _)| &**kind == "CronJob")
            {
                labels.set("pod_cronjob_name", &name);
            }
        }
        _ => {}
    }
}
