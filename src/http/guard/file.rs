//! The web configuration file as it is now: read again when it, or a file that it names, has changed.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyper::header::{HeaderName, HeaderValue};
use parking_lot::Mutex;
use rustls::ServerConfig;

use super::limiter::Limiter;
use super::tls::server_config;
use super::users::Users;
use crate::clock::Clock;
use crate::config::{WebConfig, load_web_file};

/// What the file says, ready for use.
#[derive(Debug)]
pub(crate) struct Rules {
    /// TLS, if it is on.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Headers of every answer.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) config: WebConfig,
}

/// The file, if there is one.
#[derive(Debug)]
pub struct WebFile {
    path: Option<PathBuf>,
    /// Whether TLS was on at the start: that does not change with the file.
    speaks_tls: bool,
    state: Mutex<State>,
    pub(super) users: Users,
    pub(super) limiter: Limiter,
}

#[derive(Debug)]
struct State {
    stamps: Vec<(PathBuf, Option<Stamp>)>,
    rules: Result<Arc<Rules>, String>,
}

/// What tells one content of a file from the next.
#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl WebFile {
    /// The file at `path`; an empty path stands for none, and then everybody is let in over plain HTTP.
    ///
    /// # Errors
    /// When the file, or one that it names, cannot be used; in the words of Prometheus.
    pub fn open(path: &str, clock: Clock) -> Result<Self, String> {
        let path = (!path.is_empty()).then(|| PathBuf::from(path));
        let state = read(path.as_deref());
        let rules = state.rules.clone()?;
        Ok(Self {
            path,
            speaks_tls: rules.tls.is_some(),
            state: Mutex::new(state),
            users: Users::default(),
            limiter: Limiter::new(rules.config.rate_limit, clock),
        })
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub fn speaks_tls(&self) -> bool {
        self.speaks_tls
    }

    /// What the file says now.
    ///
    /// # Errors
    /// When it has changed into something that cannot be used.
    pub(crate) fn rules(&self) -> Result<Arc<Rules>, String> {
        let mut state = self.state.lock();
        if self.path.is_some() && state.stamps.iter().any(|(path, known)| stamp(path) != *known) {
            *state = read(self.path.as_deref());
            if let Err(error) = &state.rules {
                tracing::error!(err = error, "Unable to parse the web configuration file");
            }
        }
        state.rules.clone()
    }
}

fn read(path: Option<&Path>) -> State {
    let Some(path) = path else {
        let rules = prepare(WebConfig::default());
        return State {
            stamps: Vec::new(),
            rules,
        };
    };
    // Stamps are taken before the content: what changes in between is seen as a change later.
    let mut stamps = vec![(path.to_owned(), stamp(path))];
    let rules = load_web_file(path).map_err(|e| e.to_string()).and_then(|config| {
        stamps.extend(config.tls.files().map(|file| (file.to_owned(), stamp(file))));
        prepare(config)
    });
    State { stamps, rules }
}

fn prepare(config: WebConfig) -> Result<Arc<Rules>, String> {
    let tls = if config.tls.is_set() {
        Some(Arc::new(server_config(&config.tls, config.http2)?))
    } else {
        None
    };
    let mut headers = Vec::with_capacity(config.headers.len());
    for (name, value) in &config.headers {
        let wrong = |e: &dyn std::fmt::Display| format!("header {name:?} cannot be sent: {e}");
        headers.push((
            name.parse::<HeaderName>().map_err(|e| wrong(&e))?,
            HeaderValue::from_str(value).map_err(|e| wrong(&e))?,
        ));
    }
    Ok(Arc::new(Rules { tls, headers, config }))
}

fn stamp(path: &Path) -> Option<Stamp> {
    let meta = std::fs::metadata(path).ok()?;
    Some(Stamp {
        inode: meta.ino(),
        length: meta.len(),
        modified: (meta.mtime(), meta.mtime_nsec()),
        changed: (meta.ctime(), meta.ctime_nsec()),
    })
}
