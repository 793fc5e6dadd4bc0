//! Why discovery found nothing of what was asked for.

use std::collections::BTreeSet;

use super::evidence::{Words, fill};
use super::mends::{Cause, ROWS, Row, Sign};
use super::question::Question;
use crate::config::{KubernetesRole, KubernetesSdConfig};
use crate::scrape::JobStock;

/// The row that fits, and its sentence.
pub(super) fn verdict(question: &Question, stock: &[JobStock]) -> (&'static Row, String) {
    let mut words: Words = vec![("question", question.to_string())];
    let cause = cause(question, stock, &mut words);
    let row = ROWS.iter().find(|row| row.sign == Sign::Absent(cause));
    let row = row.unwrap_or(&ROWS[ROWS.len() - 1]);
    (row, fill(row.says, &words))
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
    let jobs: BTreeSet<&str> = sections.iter().map(|(job, _)| *job).collect();
    let jobs: Vec<String> = jobs.into_iter().map(|job| format!("job {job}")).collect();
    words.push(("jobs", jobs.join(", ")));
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
    let names: BTreeSet<&str> = sections
        .iter()
        .flat_map(|(_, section)| section.namespaces.names.iter().map(String::as_str))
        .collect();
    words.push(("namespace", namespace.clone()));
    words.push(("namespaces", names.into_iter().collect::<Vec<_>>().join(", ")));
    Cause::OtherNamespace
}

fn finds_pods(role: KubernetesRole) -> bool {
    matches!(
        role,
        KubernetesRole::Pod | KubernetesRole::Endpoints | KubernetesRole::EndpointSlice
    )
}
