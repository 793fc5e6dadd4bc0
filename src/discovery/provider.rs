//! One section of discovery at work: its task, and the groups that it has found.

use std::sync::Arc;

use hyper::header::HeaderValue;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

use super::dns::DnsDiscovery;
use super::file::{FileDiscovery, LOOK_INTERVAL};
use super::groups::GroupSet;
use super::http::HttpDiscovery;
use super::kubernetes::{Discoverer, Watches};
use super::metrics::Metrics;
use super::refresh;
use crate::clock::Clock;
use crate::config::{
    DnsSdConfig, FileSdConfig, HttpSdConfig, KubernetesSdConfig, ServiceDiscovery, TargetGroup,
};

/// A section. Sections that are equal are worked on once, whatever jobs they stand in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Section {
    Static(Vec<TargetGroup>),
    File(FileSdConfig),
    Http(HttpSdConfig),
    Dns(DnsSdConfig),
    Kubernetes(KubernetesSdConfig),
}

impl Section {
    /// All sections of a job, in the order in which their groups are handed out.
    pub(super) fn of(discovery: &ServiceDiscovery) -> Vec<Self> {
        let mut sections = Vec::new();
        if !discovery.static_configs.is_empty() {
            sections.push(Self::Static(discovery.static_configs.clone()));
        }
        sections.extend(discovery.file.iter().cloned().map(Self::File));
        sections.extend(discovery.http.iter().cloned().map(Self::Http));
        sections.extend(discovery.dns.iter().cloned().map(Self::Dns));
        sections.extend(discovery.kubernetes.iter().cloned().map(Self::Kubernetes));
        sections
    }
}

/// What all providers need.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) metrics: Metrics,
    pub(super) clock: Clock,
    pub(super) wake: Arc<Notify>,
    pub(super) watches: Watches,
    pub(super) user_agent: HeaderValue,
}

/// A section at work; the work ends when this is dropped.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) section: Section,
    pub(super) groups: Arc<GroupSet>,
    /// What Kubernetes discovery knows beyond its groups.
    pub(super) kubernetes: Option<Arc<Discoverer>>,
    /// Told once static lists and files were read; none for what takes as long as a network.
    first: Option<oneshot::Receiver<()>>,
    task: Option<JoinHandle<()>>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Provider {
    /// Begins the work. `job` is the first job that asks for it.
    ///
    /// # Errors
    /// What of the section cannot be used.
    pub(super) fn start(section: Section, job: &str, around: &Around) -> Result<Self, String> {
        let groups = Arc::new(GroupSet::new(Arc::clone(&around.wake)));
        let mut this = Self {
            section,
            groups: Arc::clone(&groups),
            kubernetes: None,
            first: None,
            task: None,
        };
        let (metrics, clock) = (around.metrics.clone(), around.clock.clone());
        let task = match this.section.clone() {
            Section::Static(listed) => {
                groups.replace(listed);
                return Ok(this);
            }
            Section::File(config) => {
                let (done, first) = oneshot::channel();
                this.first = Some(first);
                tokio::spawn(look_at_files(
                    FileDiscovery::new(config),
                    job.to_owned(),
                    groups,
                    metrics,
                    done,
                ))
            }
            Section::Http(config) => {
                let interval = config.refresh_interval.to_std();
                let source = HttpDiscovery::new(config, around.user_agent.clone(), metrics.clone())?;
                tokio::spawn(refresh::run(
                    source,
                    job.to_owned(),
                    interval,
                    groups,
                    metrics,
                    clock,
                ))
            }
            Section::Dns(config) => {
                let interval = config.refresh_interval.to_std();
                let source = DnsDiscovery::new(config, metrics.clone());
                tokio::spawn(refresh::run(
                    source,
                    job.to_owned(),
                    interval,
                    groups,
                    metrics,
                    clock,
                ))
            }
            Section::Kubernetes(config) => {
                let discoverer = Arc::new(Discoverer::new(config, groups, &around.watches)?);
                this.kubernetes = Some(Arc::clone(&discoverer));
                tokio::spawn(discoverer.run())
            }
        };
        this.task = Some(task);
        Ok(this)
    }

    /// Returns once what is on this machine was read.
    pub(super) async fn has_begun(&mut self) {
        if let Some(first) = self.first.take() {
            // An error means that the task has ended, and the log says why.
            let _ = first.await;
        }
    }
}

/// Looks at files away from the async threads, for ever.
async fn look_at_files(
    mut files: FileDiscovery,
    job: String,
    groups: Arc<GroupSet>,
    metrics: Metrics,
    done: oneshot::Sender<()>,
) {
    let mut done = Some(done);
    loop {
        let looked = tokio::task::spawn_blocking(move || {
            let look = files.look(LOOK_INTERVAL);
            (files, look)
        });
        // The hook has logged the panic; without its files this section finds nothing until the next reload.
        let Ok((back, look)) = looked.await else {
            return;
        };
        files = back;
        for fault in look.faults {
            metrics.file_faults.inc();
            tracing::error!(
                component = "discovery manager scrape",
                discovery = "file",
                config = job,
                err = fault,
                "Error reading file; its former targets stay"
            );
        }
        for gone in look.gone {
            metrics.file_times.remove(&[&gone]);
        }
        for (file, seconds) in look.modified {
            metrics.file_times.with(&[&file]).set(seconds);
        }
        if look.changed {
            groups.replace(files.groups());
        }
        if let Some(done) = done.take() {
            // Nobody waits any more: that is fine.
            let _ = done.send(());
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
