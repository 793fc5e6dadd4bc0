//! The registry: families by name, label sets by value, and what is read only when asked.
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::metrics::{Counters, Family, Gauges, Histograms, Point, PointValue, Summaries};
use super::value::{Counter, Gauge, Histogram, Kind, Summary};

/// Families by name.
#[derive(Default)]
pub struct Registry {
    families: Mutex<BTreeMap<String, Entry>>,
    sources: Mutex<Vec<Box<Source>>>,
}

type Source = dyn Fn(&mut Gather) + Send + Sync;

struct Entry {
    help: String,
    cells: Cells,
}

enum Cells {
    Counter(Counters),
    Gauge(Gauges),
    Histogram(Histograms),
    Summary(Summaries),
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.families.lock().keys()).finish()
    }
}

macro_rules! register {
    ($self:ident, $name:ident, $help:ident, $variant:ident, $vector:expr) => {{
        let vector = $vector;
        let mut families = $self.families.lock();
        match families.get($name) {
            Some(Entry {
                cells: Cells::$variant(existing),
                ..
            }) if existing.names() == vector.names() => existing.clone(),
            // A second family of that name with another shape cannot be exposed: it counts for itself, unseen.
            Some(_) => {
                tracing::warn!(
                    name = $name,
                    "a metric family is registered twice with different shapes; the second is not exposed"
                );
                vector
            }
            None => {
                families.insert(
                    $name.to_owned(),
                    Entry {
                        help: $help.to_owned(),
                        cells: Cells::$variant(vector.clone()),
                    },
                );
                vector
            }
        }
    }};
}

impl Registry {
    /// An empty registry, to be shared.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// A counter without labels; it is exposed with 0 from the start.
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        self.counters(name, help, &[]).with(&[])
    }

    /// Counters by label set.
    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Counters {
        register!(
            self,
            name,
            help,
            Counter,
            Vector::new(labels, |_| Counter::default())
        )
    }

    /// A gauge without labels; it is exposed with 0 from the start.
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.gauges(name, help, &[]).with(&[])
    }

    /// Gauges by label set.
    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Gauges {
        register!(self, name, help, Gauge, Vector::new(labels, |_| Gauge::default()))
    }

    /// A histogram without labels; `bounds` ascend and leave +Inf out.
    pub fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Histogram {
        self.histograms(name, help, &[], bounds).with(&[])
    }

    /// Histograms by label set; `bounds` ascend and leave +Inf out.
    pub fn histograms(&self, name: &str, help: &str, labels: &[&str], bounds: &[f64]) -> Histograms {
        register!(
            self,
            name,
            help,
            Histogram,
            Vector::shaped(labels, bounds, Histogram::new)
        )
    }

    /// A summary without labels.
    pub fn summary(&self, name: &str, help: &str, quantiles: &[f64]) -> Summary {
        self.summaries(name, help, &[], quantiles).with(&[])
    }

    /// Summaries by label set.
    pub fn summaries(&self, name: &str, help: &str, labels: &[&str], quantiles: &[f64]) -> Summaries {
        register!(
            self,
            name,
            help,
            Summary,
            Vector::shaped(labels, quantiles, Summary::new)
        )
    }

    /// Figures that are read when the metrics are asked for; `source` must be quick.
    pub fn on_gather(&self, source: impl Fn(&mut Gather) + Send + Sync + 'static) {
        self.sources.lock().push(Box::new(source));
    }

    /// All families that have a point, sorted by name.
    #[must_use]
    pub fn gather(&self) -> Vec<Family> {
        let mut gather = Gather::default();
        for source in self.sources.lock().iter() {
            source(&mut gather);
        }
        for (name, entry) in self.families.lock().iter() {
            let (kind, points) = match &entry.cells {
                Cells::Counter(v) => (Kind::Counter, v.read(|c| PointValue::Number(c.get()))),
                Cells::Gauge(v) => (Kind::Gauge, v.read(|g| PointValue::Number(g.get()))),
                Cells::Histogram(v) => (Kind::Histogram, v.read(Histogram::read)),
                Cells::Summary(v) => (Kind::Summary, v.read(Summary::read)),
            };
            if !points.is_empty() {
                gather.families.insert(
                    name.clone(),
                    Family {
                        name: name.clone(),
                        help: entry.help.clone(),
                        kind,
                        points,
                    },
                );
            }
        }
        gather.families.into_values().collect()
    }
}

/// Takes the figures of a source.
#[derive(Debug, Default)]
pub struct Gather {
    families: BTreeMap<String, Family>,
}

impl Gather {
    /// A gauge without labels.
    pub fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.number(Kind::Gauge, name, help, &[], value);
    }

    /// A counter without labels.
    pub fn counter(&mut self, name: &str, help: &str, value: f64) {
        self.number(Kind::Counter, name, help, &[], value);
    }

    /// One point of a counter or gauge family with labels.
    pub fn number(&mut self, kind: Kind, name: &str, help: &str, labels: &[(&str, &str)], value: f64) {
        let family = self.families.entry(name.to_owned()).or_insert_with(|| Family {
            name: name.to_owned(),
            help: help.to_owned(),
            kind,
            points: Vec::new(),
        });
        family.points.push(Point {
            labels: labels
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
            value: PointValue::Number(value),
        });
    }
}

/// Cells of one family by label values.
pub struct Vector<T>(Arc<VectorCells<T>>);

struct VectorCells<T> {
    names: Vec<String>,
    shape: Arc<[f64]>,
    make: fn(&Arc<[f64]>) -> T,
    cells: RwLock<BTreeMap<Vec<String>, T>>,
}

impl<T> Clone for Vector<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Vector<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0.names).finish()
    }
}

impl<T: Clone> Vector<T> {
    fn new(names: &[&str], make: fn(&Arc<[f64]>) -> T) -> Self {
        Self::shaped(names, &[], make)
    }

    fn shaped(names: &[&str], shape: &[f64], make: fn(&Arc<[f64]>) -> T) -> Self {
        Self(Arc::new(VectorCells {
            names: names.iter().map(|n| (*n).to_owned()).collect(),
            shape: Arc::from(shape),
            make,
            cells: RwLock::default(),
        }))
    }

    fn names(&self) -> (&[String], &[f64]) {
        (&self.0.names, &self.0.shape)
    }

    /// The cell of these label values, in the order the family names them; made if it is new.
    /// Missing values count as empty, superfluous ones are left out.
    pub fn with(&self, values: &[&str]) -> T {
        let key: Vec<String> = (0..self.0.names.len())
            .map(|i| values.get(i).copied().unwrap_or_default().to_owned())
            .collect();
        if let Some(cell) = self.0.cells.read().get(&key) {
            return cell.clone();
        }
        let mut cells = self.0.cells.write();
        let cell = cells.entry(key).or_insert_with(|| (self.0.make)(&self.0.shape));
        cell.clone()
    }

    /// Forgets these label values: the family no longer exposes them.
    pub fn remove(&self, values: &[&str]) {
        let key: Vec<String> = values.iter().map(|v| (*v).to_owned()).collect();
        self.0.cells.write().remove(&key);
    }

    fn read(&self, value: impl Fn(&T) -> PointValue) -> Vec<Point> {
        let cells = self.0.cells.read();
        cells
            .iter()
            .map(|(values, cell)| Point {
                labels: self.0.names.iter().cloned().zip(values.iter().cloned()).collect(),
                value: value(cell),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_family_same_cells_and_other_shape_is_not_exposed() {
        let registry = Registry::new();
        registry.counter("a_total", "A.").inc();
        registry.counter("a_total", "A.").inc();
        registry.gauge("a_total", "Not the same.").set(9.0);
        let families = registry.gather();
        assert_eq!(families.len(), 1);
        assert_eq!(families[0].points[0].value, PointValue::Number(2.0));
    }

    #[test]
    fn families_and_points_are_sorted_and_can_be_removed() {
        let registry = Registry::new();
        let by_job = registry.gauges("z", "Z.", &["job"]);
        by_job.with(&["b"]).set(1.0);
        by_job.with(&["a"]).set(2.0);
        registry.on_gather(|g| g.gauge("b", "B.", 4.0));
        let names = |r: &Registry| -> Vec<String> {
            r.gather()
                .iter()
                .flat_map(|f| f.points.iter().map(|p| format!("{}{:?}", f.name, p.labels)))
                .collect()
        };
        assert_eq!(
            names(&registry),
            ["b[]", r#"z[("job", "a")]"#, r#"z[("job", "b")]"#]
        );
        by_job.remove(&["a"]);
        by_job.remove(&["b"]);
        assert_eq!(names(&registry), ["b[]"]);
    }
}
