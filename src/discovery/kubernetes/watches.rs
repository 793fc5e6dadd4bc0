//! Watches that sections share: one for each API server, kind of objects, namespace and selector.

use std::sync::{Arc, Weak};

use hyper::header::HeaderValue;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::access::{Access, Surroundings};
use super::informer::{Informer, Scope};
use super::reflector;
use super::server::ApiServer;
use crate::clock::Clock;
use crate::discovery::metrics::Metrics;

/// Hands out watches; those that nobody holds any more end.
#[derive(Debug)]
pub(in crate::discovery) struct Watches {
    pub(super) around: Surroundings,
    pub(super) metrics: Metrics,
    clock: Clock,
    servers: Mutex<Vec<(Access, Weak<ApiServer>)>>,
    watched: Mutex<Vec<Weak<Watched>>>,
}

/// A watch at work.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) informer: Arc<Informer>,
    server: Arc<ApiServer>,
    task: JoinHandle<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watches {
    pub(in crate::discovery) fn new(around: Surroundings, metrics: Metrics, clock: Clock) -> Self {
        Self {
            around,
            metrics,
            clock,
            servers: Mutex::default(),
            watched: Mutex::default(),
        }
    }

    /// The API server behind that access.
    ///
    /// # Errors
    /// What of the access cannot be used.
    pub(super) fn server(&self, access: Access) -> Result<Arc<ApiServer>, String> {
        let mut servers = self.servers.lock();
        servers.retain(|(_, server)| server.strong_count() > 0);
        let known = servers.iter().find(|(known, _)| *known == access);
        if let Some(server) = known.and_then(|(_, server)| server.upgrade()) {
            return Ok(server);
        }
        let user_agent = HeaderValue::from_str(&self.around.user_agent).map_err(|e| e.to_string())?;
        let server = ApiServer::new(
            &access,
            user_agent,
            self.around.patience,
            self.metrics.clone(),
            self.clock.clone(),
        )?;
        let server = Arc::new(server);
        servers.push((access, Arc::downgrade(&server)));
        Ok(server)
    }

    /// The watch of these objects.
    pub(super) fn watch(&self, server: &Arc<ApiServer>, scope: Scope) -> Arc<Watched> {
        let mut watched = self.watched.lock();
        watched.retain(|watched| watched.strong_count() > 0);
        let is_same =
            |watched: &Arc<Watched>| watched.informer.scope == scope && Arc::ptr_eq(&watched.server, server);
        if let Some(same) = watched.iter().filter_map(Weak::upgrade).find(is_same) {
            return same;
        }
        let informer = Arc::new(Informer::new(scope, self.metrics.clone()));
        let run = reflector::run(Arc::clone(server), Arc::clone(&informer), self.metrics.clone());
        let new = Arc::new(Watched {
            informer,
            server: Arc::clone(server),
            task: tokio::spawn(run),
        });
        watched.push(Arc::downgrade(&new));
        new
    }
}
