//! Operators on two values and on two vectors.

use narthex_model::{Labels, LabelsBuilder};
use narthex_promql::ast::{Binary, BinaryOp, Cardinality, VectorMatching};

use super::evaluate::{Element, Failure, Plain, Point, Value, distinct};

/// The value of an operator on two numbers; 1 or 0 for a comparison.
pub(super) fn scalars(op: BinaryOp, left: f64, right: f64) -> f64 {
    match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => left / right,
        BinaryOp::Mod => left % right,
        BinaryOp::Pow => left.powf(right),
        BinaryOp::Atan2 => left.atan2(right),
        _ => f64::from(u8::from(holds(op, left, right))),
    }
}

/// Whether a comparison of numbers holds.
fn holds(op: BinaryOp, left: f64, right: f64) -> bool {
    match op {
        BinaryOp::Eq => left == right,
        BinaryOp::Ne => left != right,
        BinaryOp::Lt => left < right,
        BinaryOp::Le => left <= right,
        BinaryOp::Gt => left > right,
        BinaryOp::Ge => left >= right,
        _ => false,
    }
}

/// What comes of two elements.
enum Outcome {
    /// A value.
    Value(Point),
    /// Whether the comparison holds.
    Holds(bool),
    /// Nothing: the operator does not know the two together.
    Nothing,
}

fn operate(op: BinaryOp, left: &Point, right: &Point) -> Outcome {
    let histogram =
        |found: Option<_>| found.map_or(Outcome::Nothing, |h| Outcome::Value(Point::Histogram(h)));
    match (left, right) {
        (Point::Float(l), Point::Float(r)) if op.is_comparison() => Outcome::Holds(holds(op, *l, *r)),
        (Point::Float(l), Point::Float(r)) => Outcome::Value(Point::Float(scalars(op, *l, *r))),
        (Point::Histogram(l), Point::Histogram(r)) => match op {
            BinaryOp::Add => histogram(l.plus(1.0, r)),
            BinaryOp::Sub => histogram(l.plus(-1.0, r)),
            BinaryOp::Eq => Outcome::Holds(l == r),
            BinaryOp::Ne => Outcome::Holds(l != r),
            _ => Outcome::Nothing,
        },
        (Point::Histogram(h), Point::Float(by)) | (Point::Float(by), Point::Histogram(h))
            if op == BinaryOp::Mul =>
        {
            histogram(Some(h.each(|value| value * by)))
        }
        (Point::Histogram(h), Point::Float(by)) if op == BinaryOp::Div => histogram(Some(h.divided(*by))),
        _ => Outcome::Nothing,
    }
}

/// `v op 5` or `5 op v`; `sides` says which value stands where.
pub(super) fn with_scalar(
    plain: &Plain<'_>,
    binary: &Binary,
    elements: Vec<Element>,
    sides: impl Fn(&Point) -> (Point, Point),
) -> Result<Value, Failure> {
    let outcome = |point: &Point| {
        let (left, right) = sides(point);
        operate(binary.op, &left, &right)
    };
    if binary.op.is_comparison() && !binary.return_bool {
        let mut kept = elements;
        kept.retain(|element| matches!(outcome(&element.point), Outcome::Holds(true)));
        return Ok(Value::Vector(kept));
    }
    plain.unnamed(elements, |point| match outcome(point) {
        Outcome::Value(point) => Some(point),
        Outcome::Holds(holds) => Some(Point::Float(f64::from(u8::from(holds)))),
        Outcome::Nothing => None,
    })
}

/// The labels by which elements of both sides find each other.
fn key(matching: &VectorMatching, labels: &Labels) -> Labels {
    if matching.on {
        labels.keep(&matching.labels)
    } else {
        labels.without(&matching.labels).without_name()
    }
}

impl Plain<'_> {
    /// `left op right`, both vectors.
    pub(super) fn vectors(
        &self,
        binary: &Binary,
        left: &[Element],
        right: &[Element],
    ) -> Result<Vec<Element>, Failure> {
        let everything = VectorMatching::default();
        let matching = binary.matching.as_ref().unwrap_or(&everything);
        let present = |element: &Element, side: &[Element]| {
            let own = key(matching, &element.labels);
            side.iter().any(|other| key(matching, &other.labels) == own)
        };
        let found = match binary.op {
            BinaryOp::And => left.iter().filter(|l| present(l, right)).cloned().collect(),
            BinaryOp::Unless => left.iter().filter(|l| !present(l, right)).cloned().collect(),
            BinaryOp::Or => left
                .iter()
                .chain(right.iter().filter(|r| !present(r, left)))
                .cloned()
                .collect(),
            _ => self.matched(binary, matching, left, right)?,
        };
        distinct(found)
    }

    fn matched(
        &self,
        binary: &Binary,
        matching: &VectorMatching,
        left: &[Element],
        right: &[Element],
    ) -> Result<Vec<Element>, Failure> {
        let (fill_left, fill_right) = (matching.fill_left, matching.fill_right);
        let fills = fill_left.is_some() || fill_right.is_some();
        if (left.is_empty() || right.is_empty()) && !fills {
            return Ok(Vec::new());
        }
        let turned = matching.card == Cardinality::OneToMany;
        let (many, one) = if turned { (right, left) } else { (left, right) };
        // As in Prometheus "left" is the side of which there may be many, on whichever side that stands.
        let (fill_many, fill_one) = (fill_left, fill_right);
        // In the place of what is missing stands a number, with the labels by which it would have been found.
        let stand_in =
            |value: f64, for_what: &Element| Element::number(key(matching, &for_what.labels), value);
        each_stands_alone(matching, one)?;
        let mut pairs = Pairs {
            plain: self,
            binary,
            matching,
            matched: Vec::new(),
            found: Vec::new(),
        };
        for element in many {
            let own = key(matching, &element.labels);
            let known = one.iter().find(|other| key(matching, &other.labels) == own);
            let partner = known.cloned();
            if let Some(partner) = partner.or_else(|| Some(stand_in(fill_one?, element))) {
                pairs.add(element, &partner)?;
            }
        }
        if let Some(value) = fill_many {
            for other in one {
                let own = key(matching, &other.labels);
                // A partner that the operator does not know together with it is none.
                if !pairs.matched.iter().any(|(key, _)| *key == own) {
                    pairs.add(&stand_in(value, other), other)?;
                }
            }
        }
        Ok(pairs.found)
    }

    fn result(&self, binary: &Binary, matching: &VectorMatching, many: &Labels, one: &Labels) -> Labels {
        let mut labels = many.clone();
        if !binary.op.is_comparison() {
            labels = labels.without_name();
        }
        if matching.card == Cardinality::OneToOne {
            labels = if matching.on {
                labels.keep(&matching.labels)
            } else {
                labels.without(&matching.labels)
            };
        }
        let mut builder = LabelsBuilder::from(&labels);
        for name in &matching.include {
            builder.set(name, one.get(name).unwrap_or(""));
        }
        let labels = builder.labels();
        if binary.return_bool && !self.delayed {
            labels.without_name()
        } else {
            labels
        }
    }
}

/// Elements that have found each other.
struct Pairs<'p> {
    plain: &'p Plain<'p>,
    binary: &'p Binary,
    matching: &'p VectorMatching,
    /// By what they found each other, and as what they stand in the result.
    matched: Vec<(Labels, Labels)>,
    found: Vec<Element>,
}

impl Pairs<'_> {
    fn add(&mut self, many: &Element, one: &Element) -> Result<(), Failure> {
        let turned = self.matching.card == Cardinality::OneToMany;
        let (left, right) = if turned { (one, many) } else { (many, one) };
        let outcome = operate(self.binary.op, &left.point, &right.point);
        if matches!(outcome, Outcome::Nothing) {
            return Ok(());
        }
        let own = key(self.matching, &many.labels);
        let labels = self
            .plain
            .result(self.binary, self.matching, &many.labels, &one.labels);
        // That a comparison may filter one of them away does not matter.
        let mut matched = self.matched.iter();
        let repeated = match self.matching.card {
            Cardinality::OneToOne => matched.any(|(key, _)| *key == own),
            _ => matched.any(|(key, other)| *key == own && *other == labels),
        };
        if repeated {
            return Err(Failure::Query("multiple matches for labels"));
        }
        self.matched.push((own, labels.clone()));
        let return_bool = self.binary.return_bool;
        let point = match outcome {
            Outcome::Value(point) => point,
            Outcome::Holds(holds) if return_bool => Point::Float(f64::from(u8::from(holds))),
            Outcome::Holds(true) => left.point.clone(),
            Outcome::Holds(false) | Outcome::Nothing => return Ok(()),
        };
        self.found.push(Element {
            labels,
            drop_name: return_bool,
            point,
        });
        Ok(())
    }
}

/// No two of the side that may have one match the same.
fn each_stands_alone(matching: &VectorMatching, one: &[Element]) -> Result<(), Failure> {
    for (at, element) in one.iter().enumerate() {
        let own = key(matching, &element.labels);
        if one
            .iter()
            .skip(at + 1)
            .any(|other| key(matching, &other.labels) == own)
        {
            return Err(Failure::Query("found duplicate series for the match group"));
        }
    }
    Ok(())
}
