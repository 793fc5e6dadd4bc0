//! Figures of rule groups and of alerts on their way: what is loaded. Nothing is evaluated or sent yet, and the
//! counters say so; alerts about them find what they ask for.

use std::sync::Arc;

use super::super::app::LoadedRules;
use crate::config::RuleGroup;
use crate::telemetry::metrics::{Gather, Kind, Registry};

/// Registers the figures.
pub(crate) fn register_rules(registry: &Registry, rules: &LoadedRules, queue_capacity: f64) {
    let durations = [
        (
            "prometheus_rule_evaluation_duration_seconds",
            "The duration for a rule to execute.",
        ),
        (
            "prometheus_rule_group_duration_seconds",
            "The duration of rule group evaluations.",
        ),
    ];
    for (name, help) in durations {
        registry.summary(name, help, &[0.01, 0.05, 0.5, 0.9, 0.99]);
    }
    let rules = Arc::clone(rules);
    registry.on_gather(move |g| {
        let files = Arc::clone(&rules.read());
        for file in files.iter() {
            for group in &file.groups {
                let name = format!("{};{}", file.path, group.name);
                group_figures(g, &name, group);
            }
        }
        alerts(g, queue_capacity);
    });
}

fn group_figures(g: &mut Gather, name: &str, group: &RuleGroup) {
    let interval = group.interval.unwrap_or_default().as_millis() as f64 / 1000.0;
    use Kind::{Counter, Gauge};
    for (kind, metric, help, value) in [
        (
            Gauge,
            "group_rules",
            "The number of rules.",
            group.rules.len() as f64,
        ),
        (
            Gauge,
            "group_interval_seconds",
            "The interval of a rule group.",
            interval,
        ),
        (
            Counter,
            "group_iterations_total",
            "The total number of scheduled rule group evaluations, whether executed or missed.",
            0.0,
        ),
        (
            Counter,
            "group_iterations_missed_total",
            "The total number of rule group evaluations missed due to slow rule group evaluation.",
            0.0,
        ),
        (
            Counter,
            "evaluations_total",
            "The total number of rule evaluations.",
            0.0,
        ),
        (
            Counter,
            "evaluation_failures_total",
            "The total number of rule evaluation failures.",
            0.0,
        ),
        (
            Gauge,
            "group_last_duration_seconds",
            "The duration of the last rule group evaluation.",
            0.0,
        ),
        (
            Gauge,
            "group_last_evaluation_samples",
            "The number of samples returned during the last rule group evaluation.",
            0.0,
        ),
    ] {
        let metric = format!("prometheus_rule_{metric}");
        g.number(kind, &metric, help, &[("rule_group", name)], value);
    }
}

fn alerts(g: &mut Gather, queue_capacity: f64) {
    g.counter(
        "prometheus_notifications_dropped_total",
        "Total number of alerts dropped due to errors when sending to Alertmanager.",
        0.0,
    );
    g.gauge(
        "prometheus_notifications_queue_length",
        "The number of alert notifications in the queue.",
        0.0,
    );
    g.gauge(
        "prometheus_notifications_queue_capacity",
        "The capacity of the alert notifications queue.",
        queue_capacity,
    );
}
