//! `/api/v1/query_range`: one expression at evenly spaced times.

use super::super::body::Reply;
use super::super::call::Call;
use super::super::form::Form;
use super::super::params::{boolean, limit, parse_duration, parse_time};
use super::super::problem::Problem;
use super::query::{ask, lookback, per_step, timeout};
use crate::query::{Question, When};

/// Most steps of one query; with the first point this makes one more.
const MOST_STEPS: i128 = 11_000;
const NANOS_PER_MILLI: i64 = 1_000_000;

/// Answers.
pub(crate) async fn query_range(mut call: Call) -> Result<Reply, Problem> {
    let form = call.form_or_multipart().await?;
    let most = limit(&form)?;
    let when = times(&form)?;
    let question = Question {
        text: form.get("query").to_owned(),
        when,
        timeout: timeout(&form)?,
        lookback_delta_ms: lookback(&form)?,
        per_step_stats: per_step(&call, &form),
        at_once: false,
        // Statistics tell how much work a query is, not how much is left of it.
        cached: !boolean(&form, "nocache", false)? && form.get("stats").is_empty(),
    };
    ask(&call, &form, question, most).await
}

fn times(form: &Form) -> Result<When, Problem> {
    let time = |name: &str| parse_time(form.get(name)).map_err(|reason| Problem::invalid(name, reason));
    let (start, end) = (time("start")?, time("end")?);
    if end < start {
        return Err(Problem::invalid(
            "end",
            "end timestamp must not be before start time",
        ));
    }
    let step = parse_duration(form.get("step")).map_err(|reason| Problem::invalid("step", reason))?;
    if step <= 0 {
        return Err(Problem::invalid(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    let length = (i128::from(end) - i128::from(start)) * i128::from(NANOS_PER_MILLI);
    if length / i128::from(step) > MOST_STEPS {
        return Err(Problem::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    let step = step / NANOS_PER_MILLI;
    if step == 0 {
        return Err(Problem::invalid(
            "step",
            "query resolution step widths below one millisecond are not accepted. Try 0.001 or more",
        ));
    }
    Ok(When::Range { start, end, step })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_in_the_order_of_prometheus() {
        let table = [
            (
                "",
                "invalid parameter \"start\": cannot parse \"\" to a valid timestamp",
            ),
            (
                "start=1",
                "invalid parameter \"end\": cannot parse \"\" to a valid timestamp",
            ),
            (
                "start=2&end=1&step=x",
                "invalid parameter \"end\": end timestamp must not be before start time",
            ),
            (
                "start=1&end=2",
                "invalid parameter \"step\": cannot parse \"\" to a valid duration",
            ),
            (
                "start=1&end=2&step=NaN",
                "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer",
            ),
            (
                "start=0&end=11001&step=1",
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
            ),
            (
                "start=0&end=1&step=0.0001",
                "invalid parameter \"step\": query resolution step widths below one millisecond are not accepted. Try 0.001 or more",
            ),
        ];
        for (query, text) in table {
            assert_eq!(times(&Form::decode(query.as_bytes())).unwrap_err().text, text);
        }
        let times = |query: &str| times(&Form::decode(query.as_bytes())).unwrap();
        assert_eq!(
            times("start=0&end=11000&step=1"),
            When::Range {
                start: 0,
                end: 11_000_000,
                step: 1000
            }
        );
        assert_eq!(
            times("start=0.5&end=1&step=1m0s"),
            When::Range {
                start: 500,
                end: 1000,
                step: 60_000
            }
        );
    }
}
