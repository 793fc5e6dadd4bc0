//! Discovery that asks again at an interval: what was found stays while asking fails.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::groups::GroupSet;
use super::metrics::Metrics;
use crate::clock::Clock;
use crate::config::TargetGroup;

/// Something that can be asked for all its groups.
pub(super) trait Refresh: Send + 'static {
    /// The value of the label `mechanism`.
    const MECHANISM: &'static str;

    /// All groups.
    fn refresh(&mut self) -> impl Future<Output = Result<Vec<TargetGroup>, String>> + Send;
}

/// Asks at once and then at every interval, for ever.
pub(super) async fn run<R: Refresh>(
    mut source: R,
    job: String,
    interval: Duration,
    groups: Arc<GroupSet>,
    metrics: Metrics,
    clock: Clock,
) {
    let failures = metrics.refresh_failures.with(&[R::MECHANISM, &job]);
    let length = metrics.refresh_length.with(&[R::MECHANISM, &job]);
    let mut ticks = tokio::time::interval(interval.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let started = clock.monotonic();
        let refreshed = source.refresh().await;
        length.observe(clock.elapsed(started).as_secs_f64());
        match refreshed {
            Ok(found) => groups.replace(found),
            Err(error) => {
                failures.inc();
                tracing::error!(
                    component = "discovery manager scrape",
                    discovery = R::MECHANISM,
                    config = job,
                    err = error,
                    "Unable to refresh target groups; the former ones stay"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::metrics::Registry;
    use parking_lot::Mutex;

    type Answers = Vec<Result<Vec<TargetGroup>, String>>;

    /// Answers with what it is given, in turn.
    struct Script(Mutex<Answers>);

    impl Refresh for Script {
        const MECHANISM: &'static str = "script";

        async fn refresh(&mut self) -> Result<Vec<TargetGroup>, String> {
            self.0.lock().remove(0)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_found_stays_while_asking_fails() {
        let group = TargetGroup {
            source: "s".into(),
            ..TargetGroup::default()
        };
        let script = Mutex::new(vec![
            Ok(vec![group]),
            Err("away".to_owned()),
            Ok(vec![]),
            Ok(vec![]),
        ]);
        let groups = Arc::new(GroupSet::new(Arc::default()));
        let registry = Registry::new();
        let metrics = Metrics::new(&registry);
        let interval = Duration::from_secs(30);
        let task = run(
            Script(script),
            "j".into(),
            interval,
            Arc::clone(&groups),
            metrics.clone(),
            Clock::of_runtime(0),
        );
        let task = tokio::spawn(task);
        for (found, failures) in [(1, 0.0), (1, 1.0), (0, 1.0)] {
            tokio::time::sleep(Duration::from_secs(29)).await;
            assert_eq!(groups.all().len(), found);
            assert_eq!(metrics.refresh_failures.with(&["script", "j"]).get(), failures);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        task.abort();
    }
}
