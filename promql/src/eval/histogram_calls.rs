//! Functions of histograms, classic ones (series with `le`) and native ones.

use std::sync::Arc;

use narthex_model::{FloatHistogram, Labels, Severity};
use rustc_hash::{FxHashMap, FxHashSet};

use super::call::argument;
use super::column::{Column, ColumnBuilder};
use super::evaluator::Evaluator;
use super::findings::Fix;
use super::mapped::mapped_without_name;
use super::names::unique;
use super::scratch::Scratch;
use super::steps::Steps;
use super::vector::{Identity, SharedVector, Vector};
use crate::error::QueryError;
use crate::functions::{
    Bucket, Notes, Point, bucket_fraction, bucket_quantile, general, histogram_fraction, histogram_quantile,
    quoted,
};
use crate::plan::{CallPlan, Node};
use crate::span::Span;

/// The label that holds a bucket's upper bound.
const BUCKET_LABEL: &str = "le";

/// A function of each native histogram; floats are left out.
pub(super) fn of_histograms<'a>(
    ev: &Evaluator<'a>,
    inner: SharedVector<'a>,
    function: fn(&FloatHistogram) -> f64,
) -> SharedVector<'a> {
    let delayed = ev.cx.features.delayed_name_removal;
    mapped_without_name(inner, delayed, move |_, column, _| {
        Ok(column.map_points(|_, point| match point {
            Point::Histogram(h) => Point::Float(function(&h)),
            _ => Point::None,
        }))
    })
}

/// `histogram_quantile(0.9, x)`
pub(super) fn quantile<'a>(
    ev: &Evaluator<'a>,
    node: &'a Node,
    plan: &'a CallPlan,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let q = ev.scalar(argument(plan, 0)?, steps)?;
    warn_of_quantiles(ev, &q, &node.operand_spans(0))?;
    let inner = ev.vector(argument(plan, 1)?, steps)?;
    Ok(build(
        ev,
        node,
        inner,
        1,
        vec![(None, Question::Quantile(q))],
        steps,
    ))
}

/// `histogram_quantiles(x, "q", 0.5, 0.9)`
pub(super) fn quantiles<'a>(
    ev: &Evaluator<'a>,
    node: &'a Node,
    plan: &'a CallPlan,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let label = ev.text(argument(plan, 1)?)?;
    let mut questions = Vec::new();
    for (index, arg) in plan.args.iter().enumerate().skip(2) {
        let q = ev.scalar(*arg, steps)?;
        warn_of_quantiles(ev, &q, &node.operand_spans(index))?;
        let shown = q.first().copied().unwrap_or(f64::NAN);
        questions.push((
            Some((label.to_owned(), open_metrics_float(shown))),
            Question::Quantile(q),
        ));
    }
    let inner = ev.vector(argument(plan, 0)?, steps)?;
    Ok(build(ev, node, inner, 0, questions, steps))
}

/// `histogram_fraction(0, 0.1, x)`
pub(super) fn fraction<'a>(
    ev: &Evaluator<'a>,
    node: &'a Node,
    plan: &'a CallPlan,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let lower = ev.scalar(argument(plan, 0)?, steps)?;
    let upper = ev.scalar(argument(plan, 1)?, steps)?;
    let inner = ev.vector(argument(plan, 2)?, steps)?;
    Ok(build(
        ev,
        node,
        inner,
        2,
        vec![(None, Question::Fraction(lower, upper))],
        steps,
    ))
}

/// A float with a decimal point, as OpenMetrics writes bounds and quantiles.
fn open_metrics_float(value: f64) -> String {
    let text = general(value);
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    if plain { text + ".0" } else { text }
}

fn warn_of_quantiles(ev: &Evaluator<'_>, q: &[f64], places: &[Span]) -> Result<(), QueryError> {
    let mut told: FxHashSet<u64> = FxHashSet::default();
    let mut scratch = Scratch::new(ev.cx);
    for q in q.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
        scratch.worked(1)?;
        if told.insert(q.to_bits()) {
            let text = format!("quantile value should be between 0 and 1, got {}", general(*q));
            scratch.annotate(Severity::Warning, &text, places);
        }
    }
    ev.cx.absorb(scratch);
    Ok(())
}

/// What is asked of each histogram.
enum Question {
    Quantile(Arc<Vec<f64>>),
    Fraction(Arc<Vec<f64>>, Arc<Vec<f64>>),
}

/// One histogram: its classic buckets, or the series that holds native ones, or both.
struct Target {
    /// Positions of the bucket series and their bounds.
    buckets: Vec<(usize, f64)>,
    /// Position of the series whose labels are exactly those of the histogram.
    native: Option<usize>,
    /// The metric's name, for findings.
    metric: String,
}

struct HistogramCall<'a> {
    inner: SharedVector<'a>,
    series: Vec<Identity>,
    /// For each series of the result its histogram and its question.
    asked: Vec<(usize, usize)>,
    targets: Vec<Target>,
    questions: Vec<Question>,
    /// Where the histograms stand.
    places: Vec<Span>,
    /// Whether names are still there when findings are told.
    delayed: bool,
    steps: Steps,
    slot: usize,
}

fn build<'a>(
    ev: &Evaluator<'a>,
    node: &Node,
    inner: SharedVector<'a>,
    operand: usize,
    questions: Vec<(Option<(String, String)>, Question)>,
    steps: Steps,
) -> SharedVector<'a> {
    let delayed = ev.cx.features.delayed_name_removal;
    let (identities, targets) = targets(inner.series());
    let (mut series, mut asked) = (Vec::new(), Vec::new());
    for (target, identity) in identities.iter().enumerate() {
        for (question, (label, _)) in questions.iter().enumerate() {
            let mut identity = identity.renamed(delayed);
            if let Some((name, value)) = label {
                let mut labels = narthex_model::LabelsBuilder::from(&identity.labels);
                labels.set(name, value);
                identity.labels = labels.labels();
            }
            series.push(identity);
            asked.push((target, question));
        }
    }
    let call: SharedVector<'a> = Arc::new(HistogramCall {
        inner,
        series,
        asked,
        targets,
        questions: questions.into_iter().map(|(_, question)| question).collect(),
        places: node.operand_spans(operand),
        delayed,
        steps,
        slot: ev.cx.new_slot(),
    });
    // As in Prometheus, who asks at one time and lets names go at the end learns then that labels are equal.
    if delayed && steps.count == 1 {
        call
    } else {
        unique(call)
    }
}

/// Histograms in order of their first series.
fn targets(series: &[Identity]) -> (Vec<Identity>, Vec<Target>) {
    let mut places: FxHashMap<Labels, usize> = FxHashMap::default();
    let (mut identities, mut targets): (Vec<Identity>, Vec<Target>) = (Vec::new(), Vec::new());
    for (index, identity) in series.iter().enumerate() {
        let bound = identity
            .labels
            .get(BUCKET_LABEL)
            .and_then(|le| le.parse::<f64>().ok());
        let labels = match bound {
            Some(_) => identity.labels.without(&[BUCKET_LABEL]),
            None => identity.labels.clone(),
        };
        let next = targets.len();
        let place = *places.entry(labels.clone()).or_insert(next);
        if place == next {
            targets.push(Target {
                buckets: Vec::new(),
                native: None,
                metric: labels.metric_name().to_owned(),
            });
            identities.push(Identity {
                labels,
                drop_name: identity.drop_name,
            });
        }
        if let Some(target) = targets.get_mut(place) {
            match bound {
                Some(bound) => target.buckets.push((index, bound)),
                None => target.native = Some(index),
            }
        }
    }
    (identities, targets)
}

impl HistogramCall<'_> {
    fn warn_of_label(&self, target: &Target, index: usize, scratch: &mut Scratch<'_>) {
        let le = self
            .inner
            .series()
            .get(index)
            .and_then(|i| i.labels.get(BUCKET_LABEL))
            .unwrap_or("");
        let mut text = format!(
            "bucket label \"le\" is missing or has a malformed value of {}",
            quoted(le)
        );
        if !target.metric.is_empty() {
            text += &format!(" for metric name {}", quoted(&target.metric));
        }
        scratch.annotate(Severity::Warning, &text, &self.places);
    }

    fn warn_of_mix(&self, target: &Target, scratch: &mut Scratch<'_>) {
        let mut text = "vector contains a mix of classic and native histograms".to_owned();
        if !target.metric.is_empty() {
            text += &format!(" for metric name {}", quoted(&target.metric));
        }
        scratch.annotate(Severity::Warning, &text, &self.places);
    }

    fn of_native(question: &Question, step: usize, h: &FloatHistogram, notes: &mut Notes) -> f64 {
        let at = |values: &[f64]| values.get(step).copied().unwrap_or(f64::NAN);
        match question {
            Question::Quantile(q) => histogram_quantile(at(q), h, notes),
            Question::Fraction(lower, upper) => histogram_fraction(at(lower), at(upper), h, notes),
        }
    }

    fn of_classic(
        &self,
        question: &Question,
        step: usize,
        metric: &str,
        buckets: &mut Vec<Bucket>,
        scratch: &mut Scratch<'_>,
    ) -> f64 {
        let at = |values: &[f64]| values.get(step).copied().unwrap_or(f64::NAN);
        match question {
            Question::Quantile(q) => {
                let answer = bucket_quantile(at(q), buckets);
                if let Some(fix) = answer.fix {
                    let name = if self.delayed { metric } else { "" };
                    scratch.mended(
                        self.slot,
                        name,
                        &self.places,
                        &Fix {
                            step,
                            steps: self.steps,
                            fix,
                        },
                    );
                }
                answer.value
            }
            Question::Fraction(lower, upper) => bucket_fraction(at(lower), at(upper), buckets),
        }
    }
}

impl Vector for HistogramCall<'_> {
    fn series(&self) -> &[Identity] {
        &self.series
    }

    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError> {
        let found = self.asked.get(index).and_then(|(target, question)| {
            Some((self.targets.get(*target)?, self.questions.get(*question)?))
        });
        let Some((target, question)) = found else {
            return Err(QueryError::Execution("no such series".to_owned()));
        };
        let mut columns = Vec::with_capacity(target.buckets.len());
        let mut held = Vec::with_capacity(target.buckets.len());
        for (member, bound) in &target.buckets {
            let column = self.inner.column(*member, scratch)?;
            held.push(scratch.hold(column.count())?);
            columns.push((*bound, column));
        }
        let native = target
            .native
            .map(|member| self.inner.column(member, scratch))
            .transpose()?;
        let any = native
            .as_ref()
            .or_else(|| columns.first().map(|(_, column)| column));
        let mut out = ColumnBuilder::new(any.map_or(0, Column::len));
        let mut notes = Notes::default();
        let (mut mixed, mut bad_label) = (false, false);
        let mut buckets: Vec<Bucket> = Vec::with_capacity(columns.len());
        for step in 0..any.map_or(0, Column::len) {
            buckets.clear();
            buckets.extend(columns.iter().filter_map(|(upper_bound, column)| {
                Some(Bucket {
                    upper_bound: *upper_bound,
                    count: column.float(step)?,
                })
            }));
            let native = native.as_ref().map_or(Point::None, |column| column.get(step));
            bad_label |= matches!(native, Point::Float(_));
            match native {
                Point::Histogram(_) if !buckets.is_empty() => {
                    mixed = true;
                    out.push_none();
                }
                Point::Histogram(h) => out.push_float(Self::of_native(question, step, &h, &mut notes)),
                _ if buckets.is_empty() => out.push_none(),
                _ => {
                    let value = self.of_classic(question, step, &target.metric, &mut buckets, scratch);
                    out.push_float(value);
                }
            }
        }
        if mixed {
            self.warn_of_mix(target, scratch);
        }
        if let (true, Some(member)) = (bad_label, target.native) {
            self.warn_of_label(target, member, scratch);
        }
        scratch.report(&notes, &target.metric, &self.places)?;
        Ok(out.finish())
    }
}
