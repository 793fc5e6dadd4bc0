//! Aggregations: elements by group.

use narthex_model::{Labels, LabelsBuilder};
use narthex_promql::ast::{Aggregate, AggregateOp};

use super::evaluate::{Element, Failure, Plain, Point};
use super::labels::text;
use super::native::Native;
use super::native_over_time::total;
use super::statistics::{extreme, mean, quantile, sum, variance};

type Groups = Vec<(Labels, Vec<Element>)>;

impl Plain<'_> {
    pub(super) fn aggregate(&self, aggregate: &Aggregate, time: i64) -> Result<Vec<Element>, Failure> {
        let number = match &aggregate.param {
            Some(param) if aggregate.op != AggregateOp::CountValues => self.scalar(param, time)?,
            _ => f64::NAN,
        };
        let elements = self.vector(&aggregate.expr, time)?;
        let own = |labels: &Labels| {
            if aggregate.without {
                labels.without(&aggregate.grouping).without_name()
            } else {
                labels.keep(&aggregate.grouping)
            }
        };
        match aggregate.op {
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk => {
                if number.is_nan() {
                    return Err(Failure::Query("Parameter value is NaN"));
                }
                let k = if number >= 1.0 { number as usize } else { 0 };
                let chosen = groups(elements, |element| own(&element.labels))
                    .into_iter()
                    .flat_map(|(_, members)| match aggregate.op {
                        AggregateOp::Topk => best(members, k, 1.0),
                        AggregateOp::Bottomk => best(members, k, -1.0),
                        _ => members.into_iter().take(k).collect(),
                    });
                Ok(chosen.collect())
            }
            AggregateOp::LimitRatio => sampled(elements, number),
            AggregateOp::CountValues => {
                let name = match &aggregate.param {
                    Some(param) => text(param)?,
                    None => return Err(Failure::Unknown("count_values takes a text".into())),
                };
                let with_value = |element: &Element| {
                    let mut labels = LabelsBuilder::from(&own(&element.labels));
                    labels.set(name, &shortest(element.point.float().unwrap_or(f64::NAN)));
                    labels.labels()
                };
                let counted = groups(elements, with_value).into_iter();
                Ok(counted
                    .map(|(labels, members)| Element::number(labels, members.len() as f64))
                    .collect())
            }
            op => Ok(groups(elements, |element| own(&element.labels))
                .into_iter()
                .filter_map(|(labels, members)| {
                    Some(Element {
                        labels,
                        drop_name: members.iter().any(|member| member.drop_name),
                        point: together(op, number, &members)?,
                    })
                })
                .collect()),
        }
    }
}

fn groups(elements: Vec<Element>, key: impl Fn(&Element) -> Labels) -> Groups {
    let mut groups: Groups = Vec::new();
    for element in elements {
        let own = key(&element);
        match groups.iter_mut().find(|(labels, _)| *labels == own) {
            Some((_, members)) => members.push(element),
            None => groups.push((own, vec![element])),
        }
    }
    groups
}

/// What the members of a group are together; nothing where that cannot be said.
fn together(op: AggregateOp, number: f64, members: &[Element]) -> Option<Point> {
    let floats: Vec<f64> = members.iter().filter_map(|e| e.point.float()).collect();
    let histograms: Vec<Native> = members
        .iter()
        .filter_map(|e| e.point.histogram().cloned())
        .collect();
    match op {
        AggregateOp::Count => return Some(Point::Float(members.len() as f64)),
        AggregateOp::Group => return Some(Point::Float(1.0)),
        AggregateOp::Sum | AggregateOp::Avg if floats.is_empty() => {
            let sum = total(&histograms)?;
            return Some(Point::Histogram(if op == AggregateOp::Sum {
                sum
            } else {
                sum.divided(histograms.len() as f64)
            }));
        }
        AggregateOp::Sum | AggregateOp::Avg if !histograms.is_empty() => return None,
        _ if floats.is_empty() => return None,
        _ => {}
    }
    Some(Point::Float(match op {
        AggregateOp::Sum => sum(&floats),
        AggregateOp::Avg => mean(&floats),
        AggregateOp::Min => extreme(&floats, 1.0),
        AggregateOp::Max => extreme(&floats, -1.0),
        AggregateOp::Stddev => variance(&floats).sqrt(),
        AggregateOp::Stdvar => variance(&floats),
        AggregateOp::Quantile => quantile(number, &floats),
        _ => return None,
    }))
}

/// The elements whose labels hash into this share of all hashes: from below, or with a negative share from above.
fn sampled(elements: Vec<Element>, share: f64) -> Result<Vec<Element>, Failure> {
    if share.is_nan() {
        return Err(Failure::Query("Ratio value is NaN"));
    }
    let share = share.clamp(-1.0, 1.0);
    let place = |labels: &Labels| {
        let mut bytes = Vec::new();
        for text in labels.iter().flat_map(|(name, value)| [name, value]) {
            // No label of the random data is longer than what one byte says.
            bytes.push(text.len() as u8);
            bytes.extend_from_slice(text.as_bytes());
        }
        twox_hash::XxHash64::oneshot(0, &bytes) as f64 / u64::MAX as f64
    };
    let chosen = |element: &Element| {
        let place = place(&element.labels);
        if share >= 0.0 {
            place < share
        } else {
            place >= 1.0 + share
        }
    };
    Ok(elements.into_iter().filter(chosen).collect())
}

/// An element and its number.
type Ranked = (f64, Element);

/// The `k` largest (sign 1) or smallest (sign -1) elements; NaN only where nothing else is left.
///
/// Which of several equal values stays follows from how Go's `container/heap` keeps the worst element on top.
fn best(members: Vec<Element>, k: usize, sign: f64) -> Vec<Element> {
    let worse = |(a, _): &Ranked, (b, _): &Ranked| {
        if a.is_nan() {
            !b.is_nan()
        } else {
            sign * a < sign * b
        }
    };
    let mut heap: Vec<Ranked> = Vec::new();
    let numbers = members.into_iter();
    for member in numbers.filter_map(|element| Some((element.point.float()?, element))) {
        if heap.len() < k {
            heap.push(member);
            let mut at = heap.len() - 1;
            while at > 0 && worse(&heap[at], &heap[(at - 1) / 2]) {
                heap.swap(at, (at - 1) / 2);
                at = (at - 1) / 2;
            }
        } else if k > 0 && worse(&heap[0], &member) {
            heap[0] = member;
            let mut at = 0;
            while let Some(child) = worst_child(&heap, at, worse) {
                heap.swap(at, child);
                at = child;
            }
        }
    }
    heap.into_iter().map(|(_, element)| element).collect()
}

/// The worse child of an element of a heap, if it is worse than the element.
fn worst_child(heap: &[Ranked], at: usize, worse: impl Fn(&Ranked, &Ranked) -> bool) -> Option<usize> {
    let (left, right) = (2 * at + 1, 2 * at + 2);
    let worst = match (heap.get(left)?, heap.get(right)) {
        (first, Some(second)) if worse(second, first) => right,
        _ => left,
    };
    worse(&heap[worst], &heap[at]).then_some(worst)
}

/// The shortest digits that are this float, as Go writes them.
fn shortest(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    value.to_string()
}
