//! What discovery found for a job, thing by thing, and what became of each: the rules one by one, and the scrape.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use narthex_model::Labels;

use super::status::TargetStatus;
use super::target::{Built, Origin, Target, build};
use crate::config::{ScrapeConfig, TargetGroup};
use crate::relabel::{Step, steps};

/// A job at one moment, with all that discovery found for it.
#[derive(Debug, Clone)]
pub struct JobStock {
    /// The job.
    pub config: Arc<ScrapeConfig>,
    groups: Vec<Arc<TargetGroup>>,
    /// Loops that run, by their targets' hashes.
    running: HashMap<u64, Arc<Target>>,
}

/// Something that discovery found.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its labels before the rules.
    pub discovered: Labels,
    /// What each rule did, up to the one that dropped it.
    pub steps: Vec<Step>,
    /// What became of it.
    pub fate: Fate,
}

/// What becomes of something that discovery found.
#[derive(Debug, Clone)]
pub enum Fate {
    /// The last of its steps dropped it; or, if that one kept it, no label was left.
    Dropped,
    /// It cannot be a target, and why.
    Invalid(String),
    /// It is a target.
    Target {
        /// How it goes.
        status: Box<TargetStatus>,
        /// Whether something before it has become the very same target.
        is_repeated: bool,
    },
}

impl JobStock {
    pub(super) fn new(
        config: Arc<ScrapeConfig>,
        groups: Vec<Arc<TargetGroup>>,
        running: HashMap<u64, Arc<Target>>,
    ) -> Self {
        Self {
            config,
            groups,
            running,
        }
    }

    /// How many things discovery found.
    #[must_use]
    pub fn len(&self) -> usize {
        self.groups.iter().map(|group| group.targets.len()).sum()
    }

    /// Whether discovery found nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everything that was found, in the order of discovery. Runs all rules: not for the async threads.
    pub fn candidates(&self) -> impl Iterator<Item = Candidate> {
        let mut seen = HashSet::new();
        let all = self.groups.iter().flat_map(|group| {
            (0..group.targets.len()).map(|index| Origin {
                group: Arc::clone(group),
                index,
            })
        });
        all.map(move |origin| {
            let found = origin.discovered(&self.config);
            Candidate {
                steps: steps(&found, &self.config.relabel_configs),
                discovered: found,
                fate: self.fate(build(origin, &self.config), &mut seen),
            }
        })
    }

    fn fate(&self, built: Result<Built, String>, seen: &mut HashSet<u64>) -> Fate {
        match built {
            Ok(Built::Dropped) => Fate::Dropped,
            Err(error) => Fate::Invalid(error),
            Ok(Built::Kept(target)) => Fate::Target {
                is_repeated: !seen.insert(target.hash),
                // Targets that were found a moment ago have no loop yet: they show themselves.
                status: Box::new(self.running.get(&target.hash).map_or_else(
                    || target.status(&self.config),
                    |running| running.status(&self.config),
                )),
            },
        }
    }
}
