//! One series over all steps: values, which of them are there, and native histograms where there are any.

use std::sync::Arc;

use narthex_model::FloatHistogram;

use crate::functions::{FloatSink, Point};

/// One bit per step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    ones: usize,
}

impl Bits {
    fn with_first(ones: usize, len: usize) -> Self {
        let mut words = vec![0_u64; len.div_ceil(64)];
        for (at, word) in words.iter_mut().enumerate() {
            let from = at * 64;
            if ones >= from + 64 {
                *word = u64::MAX;
            } else if ones > from {
                *word = (1 << (ones - from)) - 1;
            }
        }
        Self { words, ones }
    }

    #[inline]
    fn get(&self, at: usize) -> bool {
        self.words.get(at / 64).is_some_and(|w| w >> (at % 64) & 1 == 1)
    }

    /// The first place from `at` on whose bit is (or is not) set.
    fn next(&self, at: usize, set: bool) -> Option<usize> {
        let mut from = at;
        for (number, word) in self.words.iter().enumerate().skip(at / 64) {
            let word = if set { *word } else { !*word } & (u64::MAX << (from % 64));
            if word != 0 {
                return Some(number * 64 + word.trailing_zeros() as usize);
            }
            from = 0;
        }
        None
    }

    /// Sets the bits of places where none is set so far.
    fn set_next(&mut self, from: usize, count: usize) {
        self.ones += count;
        let (mut at, end) = (from, from + count);
        while at < end {
            let inside = (64 - at % 64).min(end - at);
            if let Some(word) = self.words.get_mut(at / 64) {
                *word |= (u64::MAX >> (64 - inside)) << (at % 64);
            }
            at += inside;
        }
    }

    /// The bits that are set in both.
    fn and(&self, other: &Self) -> Self {
        let words = self.words.iter().zip(&other.words).map(|(a, b)| a & b);
        let words: Vec<u64> = words.collect();
        let ones = words.iter().map(|word| word.count_ones() as usize).sum();
        Self { words, ones }
    }

    fn set(&mut self, at: usize) {
        if let Some(word) = self.words.get_mut(at / 64) {
            self.ones += usize::from(*word >> (at % 64) & 1 == 0);
            *word |= 1 << (at % 64);
        }
    }
}

/// Which steps have a value.
#[derive(Debug, Clone, PartialEq)]
enum Presence {
    None,
    All,
    Some(Bits),
}

/// Native histograms by step.
type Histograms = Vec<Option<Arc<FloatHistogram>>>;

/// One series over all steps.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    /// One value per step (none at all when no step has one); meaningless where there is none or a histogram.
    values: Vec<f64>,
    presence: Presence,
    histograms: Option<Box<Histograms>>,
    len: usize,
}

impl Column {
    /// No value at any of `len` steps.
    pub(crate) const fn empty(len: usize) -> Self {
        Self {
            values: Vec::new(),
            presence: Presence::None,
            histograms: None,
            len,
        }
    }

    /// A float at every step.
    pub(crate) fn full(values: Vec<f64>) -> Self {
        Self {
            len: values.len(),
            values,
            presence: Presence::All,
            histograms: None,
        }
    }

    /// The same point at each of `len` steps.
    pub(crate) fn repeat(point: &Point, len: usize) -> Self {
        match point {
            Point::None => Self::empty(len),
            Point::Float(value) => Self::full(vec![*value; len]),
            Point::Histogram(h) => Self {
                values: vec![0.0; len],
                presence: Presence::All,
                histograms: Some(Box::new(vec![Some(Arc::clone(h)); len])),
                len,
            },
        }
    }

    /// How many steps there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Whether no step has a value.
    pub(crate) const fn is_empty(&self) -> bool {
        matches!(self.presence, Presence::None)
    }

    /// How many steps have a value.
    pub(crate) fn count(&self) -> usize {
        match &self.presence {
            Presence::None => 0,
            Presence::All => self.len,
            Presence::Some(bits) => bits.ones,
        }
    }

    /// Whether this step has a value.
    #[inline]
    pub(crate) fn has(&self, step: usize) -> bool {
        match &self.presence {
            Presence::None => false,
            Presence::All => true,
            Presence::Some(bits) => bits.get(step),
        }
    }

    /// Whether any step has a histogram.
    pub(crate) const fn has_histograms(&self) -> bool {
        self.histograms.is_some()
    }

    /// The histogram at this step.
    #[inline]
    pub(crate) fn histogram(&self, step: usize) -> Option<&Arc<FloatHistogram>> {
        self.histograms.as_ref()?.get(step)?.as_ref()
    }

    /// The float at this step.
    #[inline]
    pub(crate) fn float(&self, step: usize) -> Option<f64> {
        if !self.has(step) || self.histogram(step).is_some() {
            return None;
        }
        self.values.get(step).copied()
    }

    /// What this step has.
    #[inline]
    pub(crate) fn get(&self, step: usize) -> Point {
        if !self.has(step) {
            return Point::None;
        }
        match self.histogram(step) {
            Some(h) => Point::Histogram(Arc::clone(h)),
            None => self.values.get(step).map_or(Point::None, |v| Point::Float(*v)),
        }
    }

    /// The floats with their steps.
    pub(crate) fn floats(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.values
            .iter()
            .enumerate()
            .filter(|(step, _)| self.has(*step) && self.histogram(*step).is_none())
            .map(|(step, value)| (step, *value))
    }

    /// All floats, if every step has one.
    pub(crate) fn all_floats(&self) -> Option<&[f64]> {
        match (&self.presence, &self.histograms) {
            (Presence::All, None) => Some(&self.values),
            _ => None,
        }
    }

    /// The floats of a column without histograms, as many together as stand at steps in a row, with the first such
    /// step.
    pub(crate) fn each_run(&self, mut f: impl FnMut(usize, &[f64])) {
        match &self.presence {
            Presence::None => {}
            Presence::All => f(0, &self.values),
            Presence::Some(bits) => {
                let mut at = 0;
                while let Some(start) = bits.next(at, true) {
                    at = bits.next(start, false).unwrap_or(self.len).min(self.len);
                    f(start, self.values.get(start..at).unwrap_or(&[]));
                }
            }
        }
    }

    /// The column with every float replaced; histograms go.
    pub(crate) fn map_floats(mut self, f: impl Fn(f64) -> f64) -> Self {
        if let Some(histograms) = self.histograms.take() {
            let mut kept = ColumnBuilder::new(self.len);
            for (step, histogram) in histograms.iter().enumerate() {
                match self.values.get(step) {
                    Some(value) if histogram.is_none() && self.has(step) => kept.push_float(f(*value)),
                    _ => kept.push_none(),
                }
            }
            return kept.finish();
        }
        for value in &mut self.values {
            *value = f(*value);
        }
        self
    }

    /// What `f` makes of the floats of both columns where both have one; `None` if one of them has histograms.
    pub(crate) fn zip_floats(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Option<Self> {
        if self.has_histograms() || other.has_histograms() {
            return None;
        }
        let presence = match (&self.presence, &other.presence) {
            (Presence::None, _) | (_, Presence::None) => return Some(Self::empty(self.len)),
            (Presence::All, some) | (some, Presence::All) => some.clone(),
            (Presence::Some(a), Presence::Some(b)) => match a.and(b) {
                both if both.ones == 0 => return Some(Self::empty(self.len)),
                both => Presence::Some(both),
            },
        };
        let pairs = self.values.iter().zip(&other.values);
        Some(Self {
            values: pairs.map(|(a, b)| f(*a, *b)).collect(),
            presence,
            histograms: None,
            len: self.len,
        })
    }

    /// The column with every point replaced.
    pub(crate) fn map_points(&self, mut f: impl FnMut(usize, Point) -> Point) -> Self {
        let mut out = ColumnBuilder::new(self.len);
        for step in 0..self.len {
            match self.get(step) {
                Point::None => out.push_none(),
                point => out.push(f(step, point)),
            }
        }
        out.finish()
    }
}

/// Makes a column step by step.
#[derive(Debug)]
pub(crate) struct ColumnBuilder {
    values: Vec<f64>,
    /// Left out as long as every step so far has a value.
    bits: Option<Bits>,
    histograms: Option<Box<Histograms>>,
    len: usize,
}

impl FloatSink for ColumnBuilder {
    #[inline]
    fn float(&mut self, value: f64) {
        self.push_float(value);
    }

    #[inline]
    fn none(&mut self) {
        self.push_none();
    }

    fn floats(&mut self, values: &[f64]) {
        if let Some(bits) = &mut self.bits {
            bits.set_next(self.values.len(), values.len());
        }
        self.values.extend_from_slice(values);
    }

    fn nones(&mut self, count: usize) {
        if count > 0 {
            self.push_none();
            self.values.resize(self.values.len() + count - 1, 0.0);
        }
    }
}

impl ColumnBuilder {
    /// A builder for `len` steps.
    pub(crate) fn new(len: usize) -> Self {
        Self {
            values: Vec::with_capacity(len),
            bits: None,
            histograms: None,
            len,
        }
    }

    /// How many steps are done.
    pub(crate) const fn pushed(&self) -> usize {
        self.values.len()
    }

    /// The next step has a float.
    #[inline]
    pub(crate) fn push_float(&mut self, value: f64) {
        if let Some(bits) = &mut self.bits {
            bits.set(self.values.len());
        }
        self.values.push(value);
    }

    /// The next step has nothing.
    #[inline]
    pub(crate) fn push_none(&mut self) {
        let (done, len) = (self.values.len(), self.len);
        self.bits.get_or_insert_with(|| Bits::with_first(done, len));
        self.values.push(0.0);
    }

    /// The next step has this.
    #[inline]
    pub(crate) fn push(&mut self, point: Point) {
        match point {
            Point::None => self.push_none(),
            Point::Float(value) => self.push_float(value),
            Point::Histogram(histogram) => {
                let (at, len) = (self.values.len(), self.len);
                let histograms = self.histograms.get_or_insert_with(|| Box::new(vec![None; len]));
                if let Some(place) = histograms.get_mut(at) {
                    *place = Some(histogram);
                }
                self.push_float(0.0);
            }
        }
    }

    /// The column; steps not pushed have nothing.
    pub(crate) fn finish(mut self) -> Column {
        self.nones(self.len.saturating_sub(self.values.len()));
        let presence = match self.bits {
            None => Presence::All,
            Some(bits) if bits.ones == 0 => return Column::empty(self.len),
            Some(bits) => Presence::Some(bits),
        };
        Column {
            values: self.values,
            presence,
            histograms: self.histograms,
            len: self.len,
        }
    }
}

/// Samples that a histogram counts as: its bytes in Prometheus's memory by 16.
///
/// Source: Prometheus `promql.HPoint.size`, `histogram.FloatHistogram.Size`.
pub(crate) fn histogram_weight(h: &FloatHistogram) -> usize {
    histogram_bytes(h) / 16
}

/// A histogram's bytes there.
pub(crate) fn histogram_bytes(h: &FloatHistogram) -> usize {
    const STRUCT_BYTES: usize = 168;
    let items = h.positive_spans.len()
        + h.negative_spans.len()
        + h.positive_buckets.len()
        + h.negative_buckets.len()
        + h.custom_values.len();
    STRUCT_BYTES + items * 8 + 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_steps_are_pushed_as_one_by_one() {
        for (before, floats, after) in [
            (0, 3, 0),
            (1, 200, 0),
            (64, 64, 3),
            (5, 59, 1),
            (130, 0, 2),
            (0, 0, 70),
        ] {
            let values: Vec<f64> = (0..floats).map(f64::from).collect();
            let len = before + values.len() + after;
            let (mut together, mut single) = (ColumnBuilder::new(len), ColumnBuilder::new(len));
            together.nones(before);
            together.floats(&values);
            together.nones(after);
            (0..before).for_each(|_| single.push_none());
            values.iter().for_each(|value| single.push_float(*value));
            assert_eq!(together.finish(), single.finish(), "{before} {floats} {after}");
        }
    }

    #[test]
    fn floats_of_two_columns_meet_where_both_are() {
        let column = |there: &dyn Fn(usize) -> bool| {
            let mut builder = ColumnBuilder::new(200);
            for step in 0..200 {
                builder.push(if there(step) {
                    Point::Float(step as f64)
                } else {
                    Point::None
                });
            }
            builder.finish()
        };
        let columns = [
            column(&|_| true),
            column(&|_| false),
            column(&|step| step > 64),
            column(&|step| step < 60),
            column(&|step| step % 3 == 0),
        ];
        for a in &columns {
            for b in &columns {
                let both = a.zip_floats(b, |a, b| a + 2.0 * b).unwrap();
                let expected = |step| Some(a.float(step)? + 2.0 * b.float(step)?);
                assert!((0..200).all(|step| both.float(step) == expected(step)));
                let count = (0..200).filter(|step| expected(*step).is_some()).count();
                assert_eq!((both.count(), both.is_empty()), (count, count == 0));
            }
        }
        let histogram = Column::repeat(&Point::Histogram(Arc::default()), 200);
        assert!(columns[0].zip_floats(&histogram, |a, _| a).is_none());
    }

    #[test]
    fn columns_say_what_was_pushed() {
        let points: Vec<Option<f64>> = (0..200).map(|i| (i % 67 != 3).then_some(f64::from(i))).collect();
        let mut builder = ColumnBuilder::new(200);
        for point in &points {
            builder.push(point.map_or(Point::None, Point::Float));
        }
        let column = builder.finish();
        assert_eq!(column.count(), points.iter().flatten().count());
        for (step, point) in points.iter().enumerate() {
            assert_eq!(column.float(step), *point);
        }
        let mut run_by_run = vec![None; 200];
        column.each_run(|from, values| {
            assert!(from == 0 || points[from - 1].is_none());
            for (place, value) in run_by_run[from..].iter_mut().zip(values) {
                *place = Some(*value);
            }
        });
        assert_eq!(run_by_run, points);
        assert!(ColumnBuilder::new(3).finish().is_empty());
        assert_eq!(Column::full(vec![1.0, 2.0]).all_floats(), Some(&[1.0, 2.0][..]));
    }
}
