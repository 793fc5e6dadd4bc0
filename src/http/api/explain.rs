//! `/api/v1/targets/explain`: why something is scraped or is not, and what would help.

use narthex_model::Annotations;

use super::super::body::Reply;
use super::super::call::Call;
use super::super::encode::chunks::Whole;
use super::super::encode::object::Object;
use super::super::encode::text::write_text;
use super::super::encode::time::{NEVER, rfc3339_millis};
use super::super::form::Form;
use super::super::params::matcher_sets;
use super::super::problem::Problem;
use super::data::streamed;
use super::relabel_steps::write_rule;
use crate::explain::{Account, Explanation, JobAccount, Question, StepAccount, explain};

/// Answers.
pub(crate) async fn targets_explain(call: Call) -> Result<Reply, Problem> {
    let question = question(&call.url_form())?;
    let stock = call.app.scrape().map(|s| s.stock()).unwrap_or_default();
    let discovery = call.app.discovery().cloned();
    let done = tokio::task::spawn_blocking(move || {
        let mut explanation = explain(&question, &stock);
        if let Some(discovery) = discovery {
            explanation.consult(&question, &discovery);
        }
        let mut out = Vec::new();
        write(&mut out, &explanation);
        out
    });
    let out = done.await.map_err(|e| Problem::internal(e.to_string()))?;
    Ok(streamed(Box::new(Whole(out)), &Annotations::default()))
}

fn question(form: &Form) -> Result<Question, Problem> {
    let selectors = matcher_sets(form).map_err(|reason| Problem::invalid("match[]", reason))?;
    let (pod, address) = (form.get("pod"), form.get("address"));
    match (pod.is_empty(), address.is_empty(), selectors.is_empty()) {
        (false, true, true) => Ok(Question::pod(pod)),
        (true, false, true) => Ok(Question::address(address)),
        (true, true, false) => Ok(Question::Selectors(selectors)),
        (true, true, true) => Err(Problem::bad_data(
            "nothing to explain: give pod=namespace/name, address=host:port, or match[]",
        )),
        _ => Err(Problem::bad_data("give one of pod, address and match[]")),
    }
}

fn write(out: &mut Vec<u8>, explanation: &Explanation) {
    let Explanation {
        question,
        fault,
        says,
        jobs,
        matched,
    } = explanation;
    Object::new(out)
        .text("question", question)
        .text("fault", fault)
        .text("says", says)
        .value("matched", matched)
        .list("jobs", jobs, write_job)
        .end();
}

fn write_job(out: &mut Vec<u8>, job: &JobAccount) {
    let rules = &job.config.relabel_configs;
    Object::new(out)
        .text("job", &job.config.job_name)
        .value("found", &job.found)
        .list("targets", &job.accounts, |out, account| {
            let mut object = Object::new(out);
            write_head(&mut object, account);
            object.list("steps", &account.steps, |out, step| {
                let mut object = Object::new(out);
                object.value("number", &(step.rule + 1));
                if let Some(rule) = rules.get(step.rule) {
                    object.text("place", &rule.place.to_string());
                    object.member("rule", |out| write_rule(out, rule));
                }
                write_step(&mut object, step);
                object.end();
            });
            object.end();
        })
        .end();
}

fn write_head(object: &mut Object<'_>, account: &Account) {
    object
        .text("verdict", account.verdict())
        .text("fault", account.fault)
        .text("says", &account.says)
        .list("remarks", &account.remarks, |out, text| write_text(out, text))
        .labels("discoveredLabels", &account.discovered);
    if let Some(rule) = account.dropped_by {
        object.value("droppedBy", &(rule + 1));
    }
    if let Some(target) = &account.target {
        let last = target
            .last_scrape_ms
            .map_or_else(|| NEVER.to_owned(), rfc3339_millis);
        object
            .labels("labels", &target.labels)
            .text("scrapeUrl", &target.scrape_url)
            .text("health", target.health.word())
            .text("lastError", &target.last_error)
            .text("lastScrape", &last);
    }
}

fn write_step(object: &mut Object<'_>, step: &StepAccount) {
    object
        .list("reads", &step.reads, |out, (label, value)| {
            Object::new(out).text("label", label).text("value", value).end();
        })
        .list("changes", &step.changes, |out, (label, before, after)| {
            Object::new(out)
                .text("label", label)
                .text("before", before)
                .text("after", after)
                .end();
        })
        .labels("output", &step.output)
        .value("keep", &step.keep);
}
