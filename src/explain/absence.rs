//! Why discovery found nothing of what was asked for.

use std::collections::BTreeSet;

use super::evidence::{Words, fill};
use super::mends::{Cause, ROWS, Row, Sign};
use super::question::{Question, host};
use crate::config::{KubernetesRole, KubernetesSdConfig, KubernetesSelector};
use crate::discovery::{DiscoveryManager, KubernetesObject, View};
use crate::scrape::JobStock;

/// The row that fits, and its sentence, from the configuration alone.
pub(super) fn verdict(question: &Question, stock: &[JobStock]) -> (&'static Row, String) {
    let mut words: Words = vec![("question", question.to_string())];
    let cause = cause(question, stock, &mut words);
    told(cause, &words)
}

/// The row that fits what discovery knows of the cluster, and its sentence; none if it knows nothing more.
pub(super) fn known(question: &Question, discovery: &DiscoveryManager) -> Option<(&'static Row, String)> {
    let mut views = discovery.kubernetes_views();
    views.retain(|view| finds_pods(view.role));
    let mut words: Words = vec![("question", question.to_string())];
    let cause = match pods(question, discovery).first() {
        Some(pod) => why_no_target(pod, &views, &mut words),
        None => why_no_pod(question, &views, &mut words),
    }?;
    Some(told(cause, &words))
}

fn told(cause: Cause, words: &Words) -> (&'static Row, String) {
    let row = ROWS.iter().find(|row| row.sign == Sign::Absent(cause));
    let row = row.unwrap_or(&ROWS[ROWS.len() - 1]);
    (row, fill(row.says, words))
}

/// The pods that the question is about, with or without targets.
fn pods(question: &Question, discovery: &DiscoveryManager) -> Vec<KubernetesObject> {
    match question {
        Question::Pod { namespace, name } => {
            let mut objects = match namespace {
                Some(namespace) => discovery.kubernetes_objects(namespace, name),
                None => discovery.kubernetes_pods_named(name),
            };
            objects.retain(|object| object.kind == "Pod");
            objects
        }
        Question::Address(address) => discovery.kubernetes_pods_at(host(address)),
        Question::Selectors(_) => Vec::new(),
    }
}

fn why_no_target(pod: &KubernetesObject, views: &[View], words: &mut Words) -> Option<Cause> {
    if pod.sights.iter().any(|sight| sight.targets > 0) {
        // Found a moment ago: its targets are on their way.
        return None;
    }
    let views: Vec<&View> = views.iter().filter(|view| view.covers(&pod.namespace)).collect();
    let reason = Some(pod.phase_reason.as_str()).filter(|reason| !reason.is_empty());
    words.extend([
        ("object", format!("pod {}/{}", pod.namespace, pod.name)),
        ("jobs", jobs(views.iter().map(|view| view.job.as_str()))),
        (
            "phase",
            reason.map_or_else(|| pod.phase.clone(), |reason| format!("{}: {reason}", pod.phase)),
        ),
    ]);
    Some(match pod.phase.as_str() {
        "Pending" if pod.addresses.is_empty() => Cause::Pending,
        "Succeeded" | "Failed" if pod.addresses.is_empty() => Cause::Ended,
        _ if pod.addresses.is_empty() => Cause::NoAddress,
        _ if is_untold(&views, words) => Cause::NotListed,
        _ if pod.sights.is_empty() => Cause::NothingBefore,
        _ => return None,
    })
}

fn why_no_pod(question: &Question, views: &[View], words: &mut Words) -> Option<Cause> {
    let Question::Pod { namespace, .. } = question else {
        return None;
    };
    if views.is_empty() {
        return None;
    }
    let covers = |view: &&View| namespace.as_ref().is_none_or(|namespace| view.covers(namespace));
    let there: Vec<&View> = views.iter().filter(covers).collect();
    if there.is_empty() {
        let names = views.iter().flat_map(|view| &view.namespaces);
        words.extend([
            ("jobs", jobs(views.iter().map(|view| view.job.as_str()))),
            ("namespace", namespace.clone().unwrap_or_default()),
            ("namespaces", listed(names.map(String::as_str))),
        ]);
        return Some(Cause::OtherNamespace);
    }
    words.push(("jobs", jobs(there.iter().map(|view| view.job.as_str()))));
    if is_untold(&there, words) {
        return Some(Cause::NotListed);
    }
    let selectors: BTreeSet<String> = there
        .iter()
        .flat_map(|view| view.selectors.iter().map(selector))
        .collect();
    if selectors.is_empty() {
        return Some(Cause::NoObject);
    }
    words.push(("wanted", selectors.into_iter().collect::<Vec<_>>().join(", ")));
    Some(Cause::NotSelected)
}

/// Whether the API server leaves something untold, with the words for it.
fn is_untold(views: &[&View], words: &mut Words) -> bool {
    let error = views.iter().find_map(|view| {
        let fault = view.fault();
        let nothing = || (!view.is_synced()).then(|| "it has not answered yet".to_owned());
        fault.or_else(nothing)
    });
    let is_untold = error.is_some();
    words.extend(error.map(|error| ("error", error)));
    is_untold
}

/// The jobs of these names, sorted, each once.
fn jobs<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: BTreeSet<&str> = names.collect();
    let jobs: Vec<String> = names.into_iter().map(|name| format!("job {name}")).collect();
    jobs.join(", ")
}

/// These names, sorted, each once.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: BTreeSet<&str> = names.collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

/// For example `label app=x of role pod`.
fn selector(selector: &KubernetesSelector) -> String {
    let parts = [("label", &selector.label), ("field", &selector.field)];
    let parts = parts.iter().filter(|(_, text)| !text.is_empty());
    let parts: Vec<String> = parts.map(|(kind, text)| format!("{kind} {text}")).collect();
    format!("{} of role {}", parts.join(" and "), selector.role.name())
}

fn cause(question: &Question, stock: &[JobStock], words: &mut Words) -> Cause {
    let Question::Pod { namespace, .. } = question else {
        return Cause::NoTarget;
    };
    let sections: Vec<(&str, &KubernetesSdConfig)> = stock
        .iter()
        .flat_map(|job| {
            let sections = job.config.service_discovery.kubernetes.iter();
            sections.map(|section| (job.config.job_name.as_str(), section))
        })
        .filter(|(_, section)| finds_pods(section.role))
        .collect();
    words.push(("jobs", jobs(sections.iter().map(|(job, _)| *job))));
    if sections.is_empty() {
        return Cause::NoRole;
    }
    let Some(namespace) = namespace else {
        return Cause::NoObject;
    };
    let looks_there = |section: &KubernetesSdConfig| {
        let names = &section.namespaces.names;
        // Without names it looks everywhere; its own namespace is not known here.
        names.is_empty() || names.contains(namespace) || section.namespaces.own_namespace
    };
    if sections.iter().any(|(_, section)| looks_there(section)) {
        return Cause::NoObject;
    }
    let names = sections.iter().flat_map(|(_, section)| &section.namespaces.names);
    words.push(("namespace", namespace.clone()));
    words.push(("namespaces", listed(names.map(String::as_str))));
    Cause::OtherNamespace
}

fn finds_pods(role: KubernetesRole) -> bool {
    matches!(
        role,
        KubernetesRole::Pod | KubernetesRole::Endpoints | KubernetesRole::EndpointSlice
    )
}
