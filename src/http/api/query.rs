//! `/api/v1/query`: one expression at one time.

use std::time::Duration;

use narthex_model::Annotations;
use narthex_promql::Value;

use super::super::body::Reply;
use super::super::call::Call;
use super::super::encode::answer::{ShownStats, Timings, answer};
use super::super::form::Form;
use super::super::params::{limit, parse_duration, time_or};
use super::super::problem::Problem;
use super::data::{store, streamed, truncation};
use super::light::is_light;
use crate::query::{Answer, Question, When};

/// Answers.
pub(crate) async fn query(mut call: Call) -> Result<Reply, Problem> {
    let form = call.form_or_multipart().await?;
    let most = limit(&form)?;
    let time = time_or(&form, "time", call.app.clock.now_ms())?;
    let question = Question {
        text: form.get("query").to_owned(),
        when: When::At(time),
        timeout: timeout(&form)?,
        lookback_delta_ms: lookback(&form)?,
        per_step_stats: per_step(&call, &form),
        at_once: false,
        cached: false,
    };
    ask(&call, &form, question, most).await
}

/// Asks the engine, and shows its answer.
pub(crate) async fn ask(
    call: &Call,
    form: &Form,
    mut question: Question,
    most: usize,
) -> Result<Reply, Problem> {
    let store = store(&call.app)?;
    question.at_once = is_light(&question, &call.app.queries.engine(), &store.snapshot());
    let per_step = question.per_step_stats;
    let found = call.app.queries.ask(question, move || store.snapshot()).await?;
    Ok(show(found, most, !form.get("stats").is_empty(), per_step))
}

fn show(found: Answer, most: usize, stats: bool, per_step: bool) -> Reply {
    let mut annotations = found.output.annotations;
    let mut value = found.output.value;
    annotations.merge(cut(&mut value, most));
    let stats = stats.then_some(ShownStats {
        work: found.output.stats,
        timings: Timings {
            queue: found.queued,
            evaluation: found.evaluated,
        },
        per_step,
    });
    streamed(Box::new(answer(value, stats.as_ref())), &annotations)
}

/// Keeps the first `most` series (0: all).
fn cut(value: &mut Value, most: usize) -> Annotations {
    let truncated = match value {
        Value::Vector(samples) if most > 0 && samples.len() > most => {
            samples.truncate(most);
            true
        }
        Value::Matrix(series) if most > 0 && series.len() > most => {
            series.truncate(most);
            true
        }
        _ => false,
    };
    truncation(truncated)
}

/// `timeout`, none when it is not given; a negative one counts as none at all left.
pub(crate) fn timeout(form: &Form) -> Result<Option<Duration>, Problem> {
    match form.get("timeout") {
        "" => Ok(None),
        text => {
            let nanos = parse_duration(text).map_err(|reason| Problem::invalid("timeout", reason))?;
            Ok(Some(Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))))
        }
    }
}

/// `lookback_delta` in milliseconds; 0 and less stand for the server's own.
pub(crate) fn lookback(form: &Form) -> Result<Option<i64>, Problem> {
    match form.get("lookback_delta") {
        "" => Ok(None),
        text => {
            let nanos = parse_duration(text).map_err(|reason| {
                Problem::bad_data(format!("error parsing lookback delta duration: {reason}"))
            })?;
            Ok(Some(nanos / 1_000_000).filter(|ms| *ms > 0))
        }
    }
}

/// Whether counts by step were asked for and may be had.
pub(crate) fn per_step(call: &Call, form: &Form) -> bool {
    call.app.options.per_step_stats && form.get("stats") == "all"
}
