//! Figures of the process, from `/proc`; those of Go's runtime where there is something like it here.

use crate::clock::Clock;
use crate::telemetry::metrics::{Gather, Registry};

/// Kernel ticks per second in `/proc/self/stat`: fixed at 100 for user space on Linux.
const TICKS_PER_SECOND: f64 = 100.0;
const PAGE_BYTES: f64 = 4096.0;

/// Figures of the process, read from `/proc` when they are asked for; where there is none they are left out.
pub(crate) fn register_process(registry: &Registry, clock: &Clock) {
    let start = clock.now_nanos() as f64 / 1e9;
    registry.on_gather(move |g| {
        // Outside of a runtime, as in tests, there are no tasks to count.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            g.gauge(
                "go_goroutines",
                "Number of goroutines that currently exist: here, of tasks.",
                runtime.metrics().num_alive_tasks() as f64,
            );
        }
        g.gauge(
            "process_start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            start,
        );
        read_process(g);
    });
}

fn read_process(g: &mut Gather) {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return;
    };
    // The command's name stands in parentheses and may hold blanks; the fields behind it are counted from 3.
    let fields: Vec<f64> = stat
        .rsplit_once(')')
        .map(|(_, rest)| {
            rest.split_whitespace()
                .map(|f| f.parse().unwrap_or(0.0))
                .collect()
        })
        .unwrap_or_default();
    let field = |number: usize| fields.get(number - 3).copied().unwrap_or(0.0);
    g.counter(
        "process_cpu_seconds_total",
        "Total user and system CPU time spent in seconds.",
        (field(14) + field(15)) / TICKS_PER_SECOND,
    );
    g.gauge("process_threads", "Number of OS threads.", field(20));
    g.gauge("go_threads", "Number of OS threads created.", field(20));
    g.gauge(
        "process_virtual_memory_bytes",
        "Virtual memory size in bytes.",
        field(23),
    );
    g.gauge(
        "process_resident_memory_bytes",
        "Resident memory size in bytes.",
        field(24) * PAGE_BYTES,
    );
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        g.gauge(
            "process_open_fds",
            "Number of open file descriptors.",
            open.count() as f64,
        );
    }
    if let Some(most) = std::fs::read_to_string("/proc/self/limits")
        .ok()
        .and_then(|limits| {
            let line = limits.lines().find(|l| l.starts_with("Max open files"))?;
            line.split_whitespace().nth(3)?.parse().ok()
        })
    {
        g.gauge(
            "process_max_fds",
            "Maximum number of open file descriptors.",
            most,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::PointValue;

    #[test]
    fn the_process_is_read_from_proc() {
        let registry = Registry::new();
        register_process(&registry, &Clock::system());
        let families = registry.gather();
        let value = |name: &str| {
            let family = families.iter().find(|f| f.name == name).unwrap();
            match family.points[0].value {
                PointValue::Number(v) => v,
                _ => panic!("a number"),
            }
        };
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_start_time_seconds") > 1.6e9);
        assert!(value("process_threads") >= 1.0);
    }
}
