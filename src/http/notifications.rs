//! What goes on that people should know: kept as long as it lasts, and told to those who listen.

use std::collections::VecDeque;

use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::broadcast;

use super::encode::time::rfc3339_nanos;
use crate::clock::Clock;

/// The texts that clients know.
pub(crate) const RELOAD_FAILED: &str = "Configuration reload has failed.";
pub(crate) const STARTING: &str = "Prometheus is starting and replaying the write-ahead log (WAL).";
pub(crate) const STOPPING: &str = "Prometheus is shutting down and gracefully stopping all operations.";

/// How many changes a slow listener may be behind before it misses some.
const BACKLOG: usize = 100;

/// One notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Notification {
    pub(crate) text: &'static str,
    /// Since when, or until when.
    pub(crate) date: String,
    /// Whether it still lasts.
    pub(crate) active: bool,
}

/// What lasts now, and who wants to hear of changes.
#[derive(Debug)]
pub(crate) struct Notifications {
    clock: Clock,
    active: Mutex<Vec<Notification>>,
    changes: broadcast::Sender<Notification>,
    listeners_max: usize,
}

/// Hears what lasts now, then every change.
pub(crate) struct Listener {
    first: VecDeque<Notification>,
    changes: broadcast::Receiver<Notification>,
}

impl Notifications {
    pub(crate) fn new(clock: Clock, listeners_max: usize) -> Self {
        Self {
            clock,
            active: Mutex::default(),
            changes: broadcast::channel(BACKLOG).0,
            listeners_max,
        }
    }

    /// Something begins, or is seen again.
    pub(crate) fn begin(&self, text: &'static str) {
        let notification = self.now(text, true);
        let mut active = self.active.lock();
        match active.iter_mut().find(|n| n.text == text) {
            Some(known) => *known = notification.clone(),
            None => active.push(notification.clone()),
        }
        // Nobody may be listening.
        let _ = self.changes.send(notification);
    }

    /// Something is over.
    pub(crate) fn end(&self, text: &str) {
        let mut active = self.active.lock();
        if let Some(at) = active.iter().position(|n| n.text == text) {
            let text = active.remove(at).text;
            let _ = self.changes.send(self.now(text, false));
        }
    }

    /// What lasts now.
    pub(crate) fn active(&self) -> Vec<Notification> {
        self.active.lock().clone()
    }

    /// A listener, if there is a place for it.
    pub(crate) fn listen(&self) -> Option<Listener> {
        // Under the lock: a change comes either with the first ones or as a change, and places are counted right.
        let active = self.active.lock();
        (self.changes.receiver_count() < self.listeners_max).then(|| Listener {
            first: active.iter().cloned().collect(),
            changes: self.changes.subscribe(),
        })
    }

    fn now(&self, text: &'static str, active: bool) -> Notification {
        let date = rfc3339_nanos(self.clock.now_nanos());
        Notification { text, date, active }
    }
}

impl Listener {
    /// The next one; None when there will be no more.
    pub(crate) async fn next(&mut self) -> Option<Notification> {
        if let Some(first) = self.first.pop_front() {
            return Some(first);
        }
        loop {
            match self.changes.recv().await {
                Ok(notification) => return Some(notification),
                // What was missed is over or will be seen in the list; the newest matter.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn listeners_hear_what_lasts_and_what_changes() {
        let hub = Notifications::new(Clock::manual(1_000), 1);
        hub.begin(STARTING);
        let mut listener = hub.listen().unwrap();
        assert!(hub.listen().is_none(), "there is one place");
        hub.begin(RELOAD_FAILED);
        hub.end(STARTING);
        hub.end("what never was");
        let mut heard = Vec::new();
        for _ in 0..3 {
            let n = listener.next().await.unwrap();
            assert_eq!(n.date, "1970-01-01T00:00:01Z");
            heard.push((n.text, n.active));
        }
        assert_eq!(
            heard,
            [(STARTING, true), (RELOAD_FAILED, true), (STARTING, false)]
        );
        drop(listener);
        let texts: Vec<_> = hub.active().iter().map(|n| n.text).collect();
        assert_eq!(texts, [RELOAD_FAILED]);
        assert!(hub.listen().is_some(), "its place is free again");
    }
}
