//! The answer as plain values: job by job, thing by thing, rule by rule.

use std::sync::Arc;

use narthex_model::Labels;

use super::absence;
use super::evidence::Evidence;
use super::question::Question;
use super::remarks::remarks;
use crate::config::{RelabelConfig, ScrapeConfig};
use crate::discovery::DiscoveryManager;
use crate::relabel::Step;
use crate::scrape::{Candidate, Fate, JobStock, TargetStatus};

/// Things that one answer tells about; the rest is only counted.
const TOLD_MAX: usize = 100;

/// What is the matter with what was asked for.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The question, as it was understood.
    pub question: String,
    /// The fault that heads the answer; `none` if it is scraped.
    pub fault: &'static str,
    /// The sentence that heads the answer.
    pub says: String,
    /// Every job, sorted by name.
    pub jobs: Vec<JobAccount>,
    /// How many things the question is about, told of or not.
    pub matched: usize,
}

/// What one job made of it.
#[derive(Debug, Clone)]
pub struct JobAccount {
    /// The job.
    pub config: Arc<ScrapeConfig>,
    /// How many things discovery found for it in all.
    pub found: usize,
    /// Those of them that the question is about.
    pub accounts: Vec<Account>,
}

/// What became of one thing that discovery found.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its labels before the rules.
    pub discovered: Labels,
    /// The rules that ran.
    pub steps: Vec<StepAccount>,
    /// The place of the rule that dropped it among the rules of its job, from 0.
    pub dropped_by: Option<usize>,
    /// What is known of the target, if it is one.
    pub target: Option<Box<TargetStatus>>,
    /// The fault; `none` if it is scraped.
    pub fault: &'static str,
    /// What is the matter and what to do.
    pub says: String,
    /// What else is worth a word.
    pub remarks: Vec<String>,
    verdict: &'static str,
    /// The place of the fault in the table: the first is told first.
    rank: usize,
}

/// What one rule did.
#[derive(Debug, Clone)]
pub struct StepAccount {
    /// The rule's place in its list, from 0.
    pub rule: usize,
    /// Labels that it reads, with their values before it.
    pub reads: Vec<(String, String)>,
    /// Labels that it changed: name, value before, value after; no value is an empty one.
    pub changes: Vec<(String, String, String)>,
    /// All labels after it.
    pub output: Labels,
    /// Whether it kept the thing.
    pub keep: bool,
}

/// Answers a question. Runs the rules of all jobs over all that was found: not for the async threads.
#[must_use]
pub fn explain(question: &Question, stock: &[JobStock]) -> Explanation {
    let mut jobs = Vec::with_capacity(stock.len());
    let mut matched = 0;
    for job in stock {
        let mut accounts = Vec::new();
        for candidate in job.candidates().filter(|c| question.is_about(c)) {
            matched += 1;
            if matched <= TOLD_MAX {
                accounts.push(Account::of(&candidate, &job.config));
            }
        }
        jobs.push(JobAccount {
            config: Arc::clone(&job.config),
            found: job.len(),
            accounts,
        });
    }
    let all = jobs.iter().flat_map(|job| &job.accounts);
    let (fault, says) = match all.min_by_key(|account| account.importance()) {
        Some(account) => (account.fault, account.says.clone()),
        None => {
            let (row, says) = absence::verdict(question, stock);
            (row.fault, says)
        }
    };
    Explanation {
        question: question.to_string(),
        fault,
        says,
        jobs,
        matched,
    }
}

impl Explanation {
    /// Asks discovery where nothing was found: it knows of objects that give no target, and why.
    pub fn consult(&mut self, question: &Question, discovery: &DiscoveryManager) {
        if self.matched > 0 {
            return;
        }
        if let Some((row, says)) = absence::known(question, discovery) {
            (self.fault, self.says) = (row.fault, says);
        }
    }
}

impl Account {
    fn of(candidate: &Candidate, job: &ScrapeConfig) -> Self {
        let (rank, row, says) = Evidence::of(candidate, job).verdict();
        let mut before = &candidate.discovered;
        let mut steps = Vec::with_capacity(candidate.steps.len());
        for step in &candidate.steps {
            if let Some(rule) = job.relabel_configs.get(step.rule) {
                steps.push(StepAccount::new(step, rule, before));
            }
            before = &step.output;
        }
        let dropped = candidate.steps.last().filter(|step| !step.keep);
        let (verdict, target) = match &candidate.fate {
            Fate::Target { status, .. } => (status.health.word(), Some(status.clone())),
            Fate::Invalid(_) => ("invalid", None),
            Fate::Dropped => ("dropped", None),
        };
        Self {
            discovered: candidate.discovered.clone(),
            steps,
            dropped_by: dropped.map(|step| step.rule),
            target,
            fault: row.fault,
            says,
            remarks: remarks(candidate, job),
            verdict,
            rank,
        }
    }

    /// Less is more important: the table's order, then how far the rules let it come.
    fn importance(&self) -> (usize, std::cmp::Reverse<usize>) {
        (self.rank, std::cmp::Reverse(self.steps.len()))
    }

    /// `up`, `down`, `unknown`, `dropped` or `invalid`.
    #[must_use]
    pub const fn verdict(&self) -> &'static str {
        self.verdict
    }
}

impl StepAccount {
    fn new(step: &Step, rule: &RelabelConfig, before: &Labels) -> Self {
        let value = |labels: &Labels, name: &str| labels.get(name).unwrap_or_default().to_owned();
        let names = before.iter().chain(&step.output).map(|(name, _)| name);
        let mut changed: Vec<&str> = names
            .filter(|name| before.get(name) != step.output.get(name))
            .collect();
        changed.sort_unstable();
        changed.dedup();
        Self {
            rule: step.rule,
            reads: rule
                .source_labels
                .iter()
                .map(|name| (name.clone(), value(before, name)))
                .collect(),
            changes: changed
                .into_iter()
                .map(|name| (name.to_owned(), value(before, name), value(&step.output, name)))
                .collect(),
            output: step.output.clone(),
            keep: step.keep,
        }
    }
}
