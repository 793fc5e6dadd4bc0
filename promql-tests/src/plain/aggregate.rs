//! Aggregations: elements by group.

use narthex_model::{Labels, LabelsBuilder};
use narthex_promql::ast::{Aggregate, AggregateOp, Expr};

use super::evaluate::{Element, Failure, Plain};
use super::statistics::{extreme, mean, quantile, sum, variance};

type Groups = Vec<(Labels, Vec<Element>)>;

impl Plain<'_> {
    pub(super) fn aggregate(&self, aggregate: &Aggregate, time: i64) -> Result<Vec<Element>, Failure> {
        let number = match &aggregate.param {
            Some(param) if aggregate.op != AggregateOp::CountValues => self.scalar(param, time)?,
            _ => f64::NAN,
        };
        let elements = self.vector(&aggregate.expr, time)?;
        let group_labels = |labels: &Labels| {
            if aggregate.without {
                labels.without(&aggregate.grouping).without_name()
            } else {
                labels.keep(&aggregate.grouping)
            }
        };
        let by = |key: &dyn Fn(&Element) -> Labels| {
            let mut groups: Groups = Vec::new();
            for element in &elements {
                let own = key(element);
                match groups.iter_mut().find(|(labels, _)| *labels == own) {
                    Some((_, members)) => members.push(element.clone()),
                    None => groups.push((own, vec![element.clone()])),
                }
            }
            groups
        };
        let plain_groups = || by(&|element| group_labels(&element.labels));
        match aggregate.op {
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk => {
                if number.is_nan() {
                    return Err(Failure::Query("Parameter value is NaN"));
                }
                let k = if number >= 1.0 { number as usize } else { 0 };
                let chosen = plain_groups()
                    .into_iter()
                    .flat_map(|(_, members)| match aggregate.op {
                        AggregateOp::Topk => best(members, k, 1.0),
                        AggregateOp::Bottomk => best(members, k, -1.0),
                        _ => members.into_iter().take(k).collect(),
                    });
                Ok(chosen.collect())
            }
            AggregateOp::CountValues => {
                let Some(Expr::String(name)) = &aggregate.param else {
                    return Err(Failure::Unknown("count_values takes a text".into()));
                };
                let groups = by(&|element| {
                    let mut labels = LabelsBuilder::from(&group_labels(&element.labels));
                    labels.set(&name.value, &shortest(element.value));
                    labels.labels()
                });
                Ok(each(groups, |values| values.len() as f64))
            }
            AggregateOp::LimitRatio => Err(Failure::Unknown(aggregate.op.as_str().into())),
            op => Ok(each(plain_groups(), |values| match op {
                AggregateOp::Sum => sum(values),
                AggregateOp::Avg => mean(values),
                AggregateOp::Count => values.len() as f64,
                AggregateOp::Min => extreme(values, 1.0),
                AggregateOp::Max => extreme(values, -1.0),
                AggregateOp::Stddev => variance(values).sqrt(),
                AggregateOp::Stdvar => variance(values),
                AggregateOp::Quantile => quantile(number, values),
                _ => 1.0,
            })),
        }
    }
}

fn each(groups: Groups, together: impl Fn(&[f64]) -> f64) -> Vec<Element> {
    let one = |(labels, members): (Labels, Vec<Element>)| Element {
        value: together(&members.iter().map(|member| member.value).collect::<Vec<_>>()),
        labels,
    };
    groups.into_iter().map(one).collect()
}

/// The `k` largest (sign 1) or smallest (sign -1) elements; NaN only where nothing else is left.
///
/// Which of several equal values stays follows from how Go's `container/heap` keeps the worst element on top.
fn best(members: Vec<Element>, k: usize, sign: f64) -> Vec<Element> {
    let worse = |a: &Element, b: &Element| {
        if a.value.is_nan() {
            !b.value.is_nan()
        } else {
            sign * a.value < sign * b.value
        }
    };
    let mut heap: Vec<Element> = Vec::new();
    for member in members {
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
    heap
}

/// The worse child of an element of a heap, if it is worse than the element.
fn worst_child(heap: &[Element], at: usize, worse: impl Fn(&Element, &Element) -> bool) -> Option<usize> {
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
