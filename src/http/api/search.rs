//! `/api/v1/search/*`: names and values that fit a text, best first, as lines of JSON.

use std::collections::BTreeMap;

use hyper::StatusCode;
use narthex_model::{METRIC_NAME, Matcher, TimeRange};

use super::super::body::{Body, Reply, reply};
use super::super::call::Call;
use super::super::encode::chunks::{CHUNK_BYTES, Chunks};
use super::super::encode::object::Object;
use super::super::encode::text::write_text;
use super::super::form::Form;
use super::super::fuzzy::{Algorithm, Fit};
use super::super::params::{boolean, matcher_sets, parse_int, time_or, well_formed};
use super::super::problem::Problem;
use super::data::{snapshot, store};
use super::metadata::declarations;

const NDJSON: &str = "application/x-ndjson; charset=utf-8";
const DEFAULT_LIMIT: usize = 100;
const DEFAULT_BATCH: usize = 100;
const HOUR_MS: i64 = 3_600_000;
/// Most texts to search for at once.
const TEXTS_MAX: usize = 32;

/// What is asked for.
struct Search {
    sets: Vec<Vec<Matcher>>,
    range: TimeRange,
    fit: Fit,
    by_score: bool,
    descending: bool,
    with_score: bool,
    limit: usize,
    batch: usize,
}

/// Names of metrics.
pub(crate) async fn metric_names(mut call: Call) -> Result<Reply, Problem> {
    let form = open(&mut call).await?;
    let search = Search::read(&call, &form)?;
    let described = boolean(&form, "include_metadata", false)?;
    let (sets, range) = (search.sets.clone(), search.range);
    let store = store(&call.app)?;
    let read = call.app.queries.read(false, move |stop| {
        snapshot(&store, stop).label_values(METRIC_NAME, &sets, range, 0)
    });
    let found = read.await??.items;
    let known = if described {
        declarations(&call)
    } else {
        BTreeMap::new()
    };
    Ok(search.answer(found, "name", move |object, name| {
        // Series of a counter, histogram or summary carry the name of their family and a suffix.
        let families = ["_total", "_bucket", "_count", "_sum"].iter();
        let families = families.filter_map(|suffix| name.strip_suffix(suffix));
        let declared = std::iter::once(name)
            .chain(families)
            .find_map(|family| known.get(family));
        if let Some(m) = declared {
            object
                .text("type", m.kind.word())
                .text("help", &m.help)
                .text("unit", &m.unit);
        }
    }))
}

/// Names of labels.
pub(crate) async fn label_names(mut call: Call) -> Result<Reply, Problem> {
    let form = open(&mut call).await?;
    let search = Search::read(&call, &form)?;
    let (sets, range) = (search.sets.clone(), search.range);
    let store = store(&call.app)?;
    let read = call.app.queries.read(false, move |stop| {
        snapshot(&store, stop).label_names(&sets, range, 0)
    });
    let found = read.await??.items;
    Ok(search.answer(found, "name", |_, _| {}))
}

/// Values of a label.
pub(crate) async fn label_values(mut call: Call) -> Result<Reply, Problem> {
    let form = open(&mut call).await?;
    let label = form.get("label").to_owned();
    if label.is_empty() {
        return Err(Problem::bad_data("label parameter is required"));
    }
    let search = Search::read(&call, &form)?;
    let (sets, range) = (search.sets.clone(), search.range);
    let store = store(&call.app)?;
    let read = call.app.queries.read(false, move |stop| {
        snapshot(&store, stop).label_values(&label, &sets, range, 0)
    });
    let found = read.await??.items;
    Ok(search.answer(found, "value", |_, _| {}))
}

async fn open(call: &mut Call) -> Result<Form, Problem> {
    if !call.app.has("search-api") {
        return Err(Problem::unavailable("search API disabled"));
    }
    let form = call.form().await?;
    well_formed(&form)?;
    Ok(form)
}

impl Search {
    fn read(call: &Call, form: &Form) -> Result<Self, Problem> {
        let now = call.app.clock.now_ms();
        let range = TimeRange {
            min: time_or(form, "start", now - HOUR_MS)?,
            max: time_or(form, "end", now)?,
        };
        if range.max < range.min {
            return Err(Problem::invalid(
                "end",
                "end timestamp must not be before start time",
            ));
        }
        let texts: Vec<String> = form.all("search[]").map(str::to_owned).collect();
        if texts.len() > TEXTS_MAX {
            return Err(Problem::invalid(
                "search[]",
                format!("at most {TEXTS_MAX} search terms are allowed"),
            ));
        }
        let algorithm = match form.get("fuzz_alg") {
            "" | "subsequence" => Algorithm::Subsequence,
            "jarowinkler" => Algorithm::JaroWinkler,
            other => return Err(unsupported("fuzz_alg", other)),
        };
        let case_sensitive = boolean(form, "case_sensitive", true)?;
        let threshold = number(form, "fuzz_threshold", 0, 0..=100)?;
        let most = i64::try_from(call.app.options.search_limit).unwrap_or(i64::MAX);
        Ok(Self {
            sets: matcher_sets(form).map_err(|reason| Problem::invalid("match[]", reason))?,
            range,
            fit: Fit::new(texts, algorithm, threshold as f64 / 100.0, case_sensitive),
            by_score: match form.get("sort_by") {
                "" | "alpha" => false,
                "score" => true,
                other => return Err(unsupported("sort_by", other)),
            },
            descending: match form.get("sort_dir") {
                "" | "asc" => false,
                "dsc" => true,
                other => return Err(unsupported("sort_dir", other)),
            },
            with_score: boolean(form, "include_score", false)?,
            limit: number(form, "limit", DEFAULT_LIMIT, 1..=most)?,
            batch: number(form, "batch_size", DEFAULT_BATCH, 1..=i64::MAX)?,
        })
    }

    /// The lines of the answer; `more` adds to an item what is known beside its name.
    fn answer(
        self,
        found: Vec<String>,
        key: &'static str,
        more: impl FnMut(&mut Object<'_>, &str) + Send + 'static,
    ) -> Reply {
        let mut scored: Vec<(String, f64)> = found
            .into_iter()
            .filter_map(|name| self.fit.score(&name).map(|score| (name, score)))
            .collect();
        if self.by_score {
            // The best first, and what fits equally by name.
            scored.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        } else if self.descending {
            scored.reverse();
        }
        let has_more = scored.len() > self.limit;
        scored.truncate(self.limit);
        let lines = Lines {
            items: scored.into_iter().peekable(),
            key,
            with_score: self.with_score,
            batch: self.batch,
            has_more,
            more,
        };
        reply(StatusCode::OK, NDJSON, Body::pieces(Box::new(lines)))
    }
}

fn unsupported(name: &str, value: &str) -> Problem {
    Problem::invalid(name, format!("unsupported value \"{value}\""))
}

fn number(
    form: &Form,
    name: &str,
    default: usize,
    allowed: std::ops::RangeInclusive<i64>,
) -> Result<usize, Problem> {
    let text = form.get(name);
    if text.is_empty() {
        return Ok(default);
    }
    let number = parse_int(text).map_err(|reason| Problem::invalid(name, reason))?;
    if !allowed.contains(&number) {
        let (from, to) = allowed.into_inner();
        let reason = if to == i64::MAX {
            format!("must be at least {from}")
        } else {
            format!("must be from {from} to {to}")
        };
        return Err(Problem::invalid(name, reason));
    }
    Ok(usize::try_from(number).unwrap_or(default))
}

/// One line a batch, and a last one that says how it ended.
struct Lines<I: Iterator, F> {
    items: std::iter::Peekable<I>,
    key: &'static str,
    with_score: bool,
    batch: usize,
    has_more: bool,
    more: F,
}

impl<I, F> Chunks for Lines<I, F>
where
    I: Iterator<Item = (String, f64)> + Send,
    F: FnMut(&mut Object<'_>, &str) + Send,
{
    fn fill(&mut self, out: &mut Vec<u8>) -> bool {
        let end = out.len() + CHUNK_BYTES;
        while out.len() < end {
            if self.items.peek().is_none() {
                let has_more = self.has_more;
                Object::new(out)
                    .text("status", "success")
                    .value("has_more", &has_more)
                    .end();
                out.push(b'\n');
                return false;
            }
            let (key, with_score, more) = (self.key, self.with_score, &mut self.more);
            Object::new(out)
                .list(
                    "results",
                    self.items.by_ref().take(self.batch),
                    |out, (name, score)| {
                        let mut object = Object::new(out);
                        object.member(key, |out| write_text(out, &name));
                        if with_score {
                            object.value("score", &score);
                        }
                        more(&mut object, &name);
                        object.end();
                    },
                )
                .end();
            out.push(b'\n');
        }
        true
    }
}
