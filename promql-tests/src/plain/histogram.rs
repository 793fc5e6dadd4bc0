//! Questions to classic histograms, or to what is one: series with a bound each, or native ones.

use super::evaluate::{Element, Failure, Point};
use super::native::Native;

/// Upper bounds and how many observations lie at or below each.
type Buckets = Vec<(f64, f64)>;

/// A classic histogram.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Classic(Buckets);

/// What can be asked of both kinds of histograms.
pub(super) trait Asked {
    /// The value below which the share `q` of the observations lies.
    fn quantile(&self, q: f64) -> f64;
    /// The share of the observations that lies between two values.
    fn fraction(&self, lower: f64, upper: f64) -> f64;
}

/// The answer of each histogram among the elements, under its labels without a bound.
pub(super) fn asked(elements: &[Element], of: impl Fn(&dyn Asked) -> f64) -> Result<Vec<Element>, Failure> {
    let mut groups: Vec<(Element, Buckets, Option<Native>)> = Vec::new();
    for element in elements {
        let bound = element.labels.get("le").and_then(|le| le.parse::<f64>().ok());
        let labels = match bound {
            Some(_) => element.labels.without(&["le"]),
            None => element.labels.clone(),
        };
        let place = groups.iter().position(|(known, ..)| known.labels == labels);
        let place = place.unwrap_or(groups.len());
        if place == groups.len() {
            let whole = Element {
                labels,
                ..element.clone()
            };
            groups.push((whole, Vec::new(), None));
        }
        let (_, buckets, native) = &mut groups[place];
        match (bound, &element.point) {
            (Some(bound), Point::Float(count)) => buckets.push((bound, *count)),
            // A histogram is no bucket, and a number without a bound is none.
            (Some(_), Point::Histogram(_)) | (None, Point::Float(_)) => {}
            (None, Point::Histogram(histogram)) => *native = Some(histogram.clone()),
        }
    }
    let answers = groups.into_iter().filter_map(|(whole, buckets, native)| {
        let value = match (buckets.is_empty(), native) {
            (true, Some(native)) => of(&native),
            (false, None) => of(&Classic::of(buckets)),
            // Both at once, or nothing.
            _ => return None,
        };
        Some(whole.with(Point::Float(value)))
    });
    Ok(answers.collect())
}

/// A share as the value of a label: with a point.
pub(super) fn bound_text(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    format!("{value:?}")
}

impl Classic {
    fn of(mut buckets: Buckets) -> Self {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Equal bounds count as one bucket.
        let mut merged = Buckets::new();
        for (bound, count) in buckets {
            match merged.last_mut() {
                Some(last) if last.0 == bound => last.1 += count,
                _ => merged.push((bound, count)),
            }
        }
        Self(merged)
    }

    fn is_whole(&self) -> bool {
        self.0.last().is_some_and(|last| last.0 == f64::INFINITY)
    }
}

impl Asked for Classic {
    fn quantile(&self, q: f64) -> f64 {
        if q.is_nan() {
            return f64::NAN;
        }
        if !(0.0..=1.0).contains(&q) {
            return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
        }
        if !self.is_whole() {
            return f64::NAN;
        }
        // Counts do not fall from bucket to bucket, and differences that only rounding makes do not count.
        let mut merged = self.0.clone();
        for at in 1..merged.len() {
            let (before, count) = (merged[at - 1].1, merged[at].1);
            let same = (before - count).abs() / (before.abs() + count.abs()) < 1e-12;
            if count < before || same {
                merged[at].1 = before;
            }
        }
        let Some(((_, all), finite)) = merged.split_last() else {
            return f64::NAN;
        };
        if finite.is_empty() || *all == 0.0 {
            return f64::NAN;
        }
        let rank = q * all;
        let Some(at) = finite.iter().position(|(_, count)| *count >= rank) else {
            return finite.last().map_or(f64::NAN, |last| last.0);
        };
        let (bound, count) = finite[at];
        if at == 0 && bound <= 0.0 {
            return bound;
        }
        let (from, before) = if at == 0 { (0.0, 0.0) } else { finite[at - 1] };
        from + (bound - from) * ((rank - before) / (count - before))
    }

    fn fraction(&self, lower: f64, upper: f64) -> f64 {
        let all = self.0.last().map_or(0.0, |last| last.1);
        if !self.is_whole() || all == 0.0 || lower.is_nan() || upper.is_nan() {
            return f64::NAN;
        }
        if lower >= upper {
            return 0.0;
        }
        // How many lie below a value: those of the buckets before it, and of its own a part. What begins above zero
        // holds nothing below it.
        let below = |value: f64| {
            let begin = if self.0[0].0 <= 0.0 {
                f64::NEG_INFINITY
            } else {
                0.0
            };
            let (mut from, mut before) = (begin, 0.0);
            for (bound, count) in &self.0 {
                if from >= value {
                    return before;
                }
                if value < *bound {
                    return if from == f64::NEG_INFINITY {
                        *count
                    } else {
                        before + (count - before) * (value - from) / (bound - from)
                    };
                }
                (from, before) = (*bound, *count);
            }
            all
        };
        (below(upper).min(all) - below(lower).min(all)) / all
    }
}
