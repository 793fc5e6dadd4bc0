//! Expressions over native histograms.

use narthex_model::Labels;
use narthex_promql::ast::{Aggregate, AggregateOp, Binary, BinaryOp, Call, Expr, VectorSelector};

use super::binary::key;
use super::evaluate::{Failure, Plain};
use super::native::Native;
use super::rate::{Change, factor};

/// A series of native histograms; `None` is the end of the series.
pub type NativeSeries = (Labels, Vec<(i64, Option<Native>)>);

/// A series' value at one step.
#[derive(Debug, Clone, PartialEq)]
pub enum Point {
    /// A number.
    Float(f64),
    /// A histogram.
    Histogram(Native),
}

type Points = Vec<(Labels, Point)>;

impl Plain<'_> {
    /// The elements of an expression over native histograms at `time`.
    ///
    /// # Errors
    /// When the query cannot be answered, or holds what this evaluator does not know.
    pub fn native(&self, expr: &Expr, time: i64) -> Result<Points, Failure> {
        match expr {
            Expr::Paren(paren) => self.native(&paren.expr, time),
            Expr::Unary(unary) => {
                let elements = self.native(&unary.expr, time)?;
                let sign = if unary.minus { -1.0 } else { 1.0 };
                let negated = elements.into_iter().map(|(labels, point)| match point {
                    Point::Float(value) => (labels.without_name(), Point::Float(sign * value)),
                    Point::Histogram(h) => (labels.without_name(), Point::Histogram(h.each(|v| sign * v))),
                });
                distinct(negated.collect())
            }
            Expr::Vector(selector) => Ok(self.newest_native(selector, time)),
            Expr::Aggregate(aggregate) => self.aggregate_native(aggregate, time),
            Expr::Binary(binary) => self.binary_native(binary, time),
            Expr::Call(call) => self.call_native(call, time),
            _ => Err(Failure::Unknown(format!("{expr} over native histograms"))),
        }
    }

    fn native_of<'a>(&'a self, selector: &'a VectorSelector) -> impl Iterator<Item = &'a NativeSeries> {
        self.natives
            .iter()
            .filter(|(labels, _)| selector.matchers.iter().all(|m| m.matches_labels(labels)))
    }

    fn newest_native(&self, selector: &VectorSelector, time: i64) -> Points {
        let to = self.moved(&selector.modifiers, time);
        self.native_of(selector)
            .filter_map(|(labels, samples)| {
                let (at, value) = samples.iter().rfind(|(at, _)| *at <= to)?;
                let value = value.clone().filter(|_| *at > to - self.lookback_ms)?;
                Some((labels.clone(), Point::Histogram(value)))
            })
            .collect()
    }

    fn call_native(&self, call: &Call, time: i64) -> Result<Points, Failure> {
        let function = call.function.as_str();
        let found = match call.args.as_slice() {
            [Expr::Matrix(matrix)] => {
                let to = self.moved(&matrix.vector.modifiers, time);
                let ends = (to - matrix.range_ms, to);
                let mut found = Points::new();
                for (labels, samples) in self.native_of(&matrix.vector) {
                    let inside = samples.iter().filter(|(at, _)| ends.0 < *at && *at <= ends.1);
                    let inside: Vec<(i64, Native)> = inside
                        .filter_map(|(at, value)| Some((*at, value.clone()?)))
                        .collect();
                    let value = of_window(function, &inside, ends)?;
                    let keeps = matches!(function, "last_over_time" | "first_over_time");
                    let labels = if keeps {
                        labels.clone()
                    } else {
                        labels.without_name()
                    };
                    found.extend(value.map(|value| (labels, value)));
                }
                found
            }
            [q, arg] if function == "histogram_quantile" => {
                let q = self.scalar(q, time)?;
                each(self.native(arg, time)?, |h| h.quantile(q))
            }
            [arg] => {
                let elements = self.native(arg, time)?;
                match function {
                    "histogram_count" => each(elements, |h| h.count),
                    "histogram_sum" => each(elements, |h| h.sum),
                    "histogram_avg" => each(elements, |h| h.sum / h.count),
                    _ => return Err(Failure::Unknown(function.into())),
                }
            }
            _ => return Err(Failure::Unknown(function.into())),
        };
        distinct(found)
    }

    fn aggregate_native(&self, aggregate: &Aggregate, time: i64) -> Result<Points, Failure> {
        let mut groups: Vec<(Labels, Vec<Native>)> = Vec::new();
        for (labels, point) in self.native(&aggregate.expr, time)? {
            let Point::Histogram(histogram) = point else {
                return Err(Failure::Unknown("an aggregation of floats".into()));
            };
            let own = if aggregate.without {
                labels.without(&aggregate.grouping).without_name()
            } else {
                labels.keep(&aggregate.grouping)
            };
            match groups.iter_mut().find(|(labels, _)| *labels == own) {
                Some((_, members)) => members.push(histogram),
                None => groups.push((own, vec![histogram])),
            }
        }
        let together = |members: Vec<Native>| match aggregate.op {
            AggregateOp::Sum => total(&members).map(Point::Histogram),
            AggregateOp::Avg => {
                total(&members).map(|sum| Point::Histogram(sum.divided(members.len() as f64)))
            }
            AggregateOp::Count => Some(Point::Float(members.len() as f64)),
            AggregateOp::Group => Some(Point::Float(1.0)),
            _ => None,
        };
        let found = groups
            .into_iter()
            .filter_map(|(labels, members)| Some((labels, together(members)?)));
        Ok(found.collect())
    }

    fn binary_native(&self, binary: &Binary, time: i64) -> Result<Points, Failure> {
        use narthex_promql::ast::ValueType::Scalar;
        let op = binary.op;
        if binary.rhs.value_type() == Scalar {
            let by = self.scalar(&binary.rhs, time)?;
            return scaled(self.native(&binary.lhs, time)?, |h| match op {
                BinaryOp::Mul => Some(h.each(|value| value * by)),
                BinaryOp::Div => Some(h.divided(by)),
                _ => None,
            });
        }
        if binary.lhs.value_type() == Scalar {
            let by = self.scalar(&binary.lhs, time)?;
            return scaled(self.native(&binary.rhs, time)?, |h| match op {
                BinaryOp::Mul => Some(h.each(|value| value * by)),
                _ => None,
            });
        }
        let Some(matching) = &binary.matching else {
            return Err(Failure::Unknown("operands without matching".into()));
        };
        let (left, right) = (self.native(&binary.lhs, time)?, self.native(&binary.rhs, time)?);
        if left.is_empty() || right.is_empty() {
            return Ok(Points::new());
        }
        let twice =
            |side: &Points, own: &Labels| side.iter().filter(|(l, _)| key(matching, l) == *own).count() > 1;
        if right
            .iter()
            .any(|(labels, _)| twice(&right, &key(matching, labels)))
        {
            return Err(Failure::Query("found duplicate series for the match group"));
        }
        let mut found = Points::new();
        for (labels, point) in &left {
            let own = key(matching, labels);
            let Some((_, partner)) = right.iter().find(|(other, _)| key(matching, other) == own) else {
                continue;
            };
            if twice(&left, &own) {
                return Err(Failure::Query("multiple matches for labels"));
            }
            let (Point::Histogram(left), Point::Histogram(right)) = (point, partner) else {
                return Err(Failure::Unknown("operands that are no histograms".into()));
            };
            let value = match op {
                BinaryOp::Add => left.plus(1.0, right),
                BinaryOp::Sub => left.plus(-1.0, right),
                BinaryOp::Eq => (left == right).then(|| left.clone()),
                BinaryOp::Ne => (left != right).then(|| left.clone()),
                _ => None,
            };
            // A comparison that filters keeps the name, where matching keeps it.
            let named = if op.is_comparison() {
                labels.clone()
            } else {
                labels.without_name()
            };
            let labels = if matching.on {
                named.keep(&matching.labels)
            } else {
                named.without(&matching.labels)
            };
            found.extend(value.map(|value| (labels, Point::Histogram(value))));
        }
        distinct(found)
    }
}

/// The sum of several; `None` where exponential and custom buckets meet.
fn total(members: &[Native]) -> Option<Native> {
    let (first, others) = members.split_first()?;
    others
        .iter()
        .try_fold(first.clone(), |sum, other| sum.plus(1.0, other))
}

fn each(elements: Points, of: impl Fn(&Native) -> f64) -> Points {
    let values = elements.into_iter().filter_map(|(labels, point)| match point {
        Point::Histogram(histogram) => Some((labels.without_name(), Point::Float(of(&histogram)))),
        Point::Float(_) => None,
    });
    values.collect()
}

fn scaled(elements: Points, of: impl Fn(&Native) -> Option<Native>) -> Result<Points, Failure> {
    let scaled = elements.into_iter().filter_map(|(labels, point)| match point {
        Point::Histogram(h) => Some((labels.without_name(), Point::Histogram(of(&h)?))),
        Point::Float(_) => None,
    });
    distinct(scaled.collect())
}

fn distinct(elements: Points) -> Result<Points, Failure> {
    for (at, (labels, _)) in elements.iter().enumerate() {
        if elements.iter().skip(at + 1).any(|(other, _)| other == labels) {
            return Err(Failure::Query(
                "vector cannot contain metrics with the same labelset",
            ));
        }
    }
    Ok(elements)
}

/// A function of the samples in a window; nothing where there are too few of them.
fn of_window(function: &str, samples: &[(i64, Native)], ends: (i64, i64)) -> Result<Option<Point>, Failure> {
    let Some((_, last)) = samples.last() else {
        return Ok(None);
    };
    let values: Vec<Native> = samples.iter().map(|(_, value)| value.clone()).collect();
    let n = values.len() as f64;
    let resets = values
        .windows(2)
        .filter(|pair| pair[1].was_reset(&pair[0]))
        .count();
    let changes = values.windows(2).filter(|pair| pair[1] != pair[0]).count();
    let histogram = |value: Option<Native>| value.map(Point::Histogram);
    Ok(match function {
        "count_over_time" => Some(Point::Float(n)),
        "present_over_time" => Some(Point::Float(1.0)),
        "resets" => Some(Point::Float(resets as f64)),
        "changes" => Some(Point::Float(changes as f64)),
        "last_over_time" => histogram(Some(last.clone())),
        "first_over_time" => histogram(values.first().cloned()),
        "sum_over_time" => histogram(total(&values)),
        "avg_over_time" => histogram(total(&values).map(|sum| sum.divided(n))),
        "rate" => histogram(gain(samples, ends, Change::Rate)),
        "increase" => histogram(gain(samples, ends, Change::Increase)),
        "delta" => histogram(gain(samples, ends, Change::Delta)),
        "irate" | "idelta" => histogram(newest_gain(samples, function == "irate")),
        _ => return Err(Failure::Unknown(function.into())),
    })
}

/// What came between the first and the last sample, drawn out to the window's ends.
fn gain(samples: &[(i64, Native)], ends: (i64, i64), change: Change) -> Option<Native> {
    let [(from, first), rest @ ..] = samples else {
        return None;
    };
    let (to, last) = rest.last()?;
    let counter = change != Change::Delta;
    let mut gained = last.clone();
    let mut before = first;
    // What a counter had before it began anew counts, but for the first sample: of that only what came after it does.
    let mut lost: Vec<&Native> = Vec::new();
    if counter {
        for (_, value) in rest {
            if value.was_reset(before) {
                lost.push(before);
            }
            before = value;
        }
    }
    let reset_at_once = counter && rest.first().is_some_and(|(_, second)| second.was_reset(first));
    if !reset_at_once {
        gained = gained.plus(-1.0, first)?;
    }
    for value in lost.into_iter().skip(usize::from(reset_at_once)) {
        gained = gained.plus(1.0, value)?;
    }
    // A counter's resolution is that of the coarsest sample, the first one aside if it does not matter; custom bounds are
    // those of the samples that were added or taken away, or that stand in the first one's place.
    let coarsening = match (counter, gained.is_custom()) {
        (false, _) => 0,
        (true, true) => usize::from(reset_at_once),
        (true, false) => rest.len(),
    };
    for (_, value) in rest.iter().take(coarsening) {
        gained = gained.plus(0.0, value)?;
    }
    let grows_from_zero = counter && gained.count > 0.0 && first.count >= 0.0;
    let share = grows_from_zero.then(|| first.count / gained.count);
    Some(gained.each(|value| value * factor((*from, *to), samples.len(), ends, share, change)))
}

/// What came between the last two samples.
fn newest_gain(samples: &[(i64, Native)], counter: bool) -> Option<Native> {
    let [.., (from, before), (to, last)] = samples else {
        return None;
    };
    let gained = if counter && last.was_reset(before) {
        last.clone()
    } else {
        last.plus(-1.0, before)?
    };
    Some(if counter {
        gained.divided((to - from) as f64 / 1_000.0)
    } else {
        gained
    })
}
