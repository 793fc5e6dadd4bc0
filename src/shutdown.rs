//! The word that it is time to stop: given once, heard by everyone who waits for it.

use std::sync::Arc;
use tokio::sync::watch;

/// Tells the holders of its [`Shutdown`]s to stop.
#[derive(Debug, Clone)]
pub struct ShutdownTrigger(Arc<watch::Sender<bool>>);

/// Waits for the word to stop. Clones hear the same word.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

/// A trigger and what listens to it.
#[must_use]
pub fn channel() -> (ShutdownTrigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (ShutdownTrigger(Arc::new(sender)), Shutdown(receiver))
}

impl ShutdownTrigger {
    /// Says to stop. Returns false if that was said before.
    pub fn stop(&self) -> bool {
        self.0
            .send_if_modified(|stopped| !std::mem::replace(stopped, true))
    }

    /// Another listener.
    #[must_use]
    pub fn listener(&self) -> Shutdown {
        Shutdown(self.0.subscribe())
    }
}

impl Shutdown {
    /// Whether it was said to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once it was said to stop, or nobody is left to say it.
    pub async fn stopped(&mut self) {
        // An error means that the trigger is gone: then nobody will ever say it.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_word_is_heard_by_all_and_counted_once() {
        let (trigger, mut first) = channel();
        let mut second = trigger.listener();
        assert!(!first.is_stopped());
        assert!(trigger.stop());
        assert!(!trigger.clone().stop());
        first.stopped().await;
        second.stopped().await;
        assert!(second.is_stopped());
    }
}
