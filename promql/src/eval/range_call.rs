//! Functions of range vectors: one kernel, called for each window of each series.

use std::sync::{Arc, OnceLock};

use narthex_model::{Grouping, Labels, METRIC_NAME, Projection, Severity};

use super::column::{Column, ColumnBuilder, histogram_weight};
use super::evaluator::Evaluator;
use super::names::{group_unnamed, unique};
use super::per_times::{LastTimes, PerTimes};
use super::range_vector::SharedRange;
use super::samples::Samples;
use super::scratch::{Scratch, Tally};
use super::steps::Steps;
use super::vector::{Identity, SharedVector, Vector};
use super::window::Windows;
use crate::error::QueryError;
use crate::functions::{
    ColumnFunction, ColumnKernel, ColumnPlan, Extension, FloatColumn, Notes, RangeKernel, Window,
    column_function, quoted,
};
use crate::plan::{CallPlan, Node};
use crate::span::Span;

/// What becomes of the metrics' names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// They stay.
    Kept,
    /// They go at the query's end.
    Marked,
    /// They go.
    Gone,
}

/// Kernel, window and parameters of one call.
struct RangeCall<'a> {
    range: SharedRange<'a>,
    kernel: RangeKernel,
    /// The same by whole columns, where there is such a form.
    by_columns: Option<ColumnFunction>,
    plans: PerTimes<'a, TimesPlan>,
    /// Scalar arguments in the order written, one value per step each.
    params: Vec<Arc<Vec<f64>>>,
    /// The series, made when somebody asks.
    series: OnceLock<Vec<Identity>>,
    naming: Naming,
    steps: Steps,
    tally: Tally,
    slot: usize,
    places: Vec<Span>,
    /// `rate` and `increase` say so where the name is not that of a counter.
    expects_counter: bool,
    by_type_label: bool,
    suspects: OnceLock<Suspects>,
    start_times: bool,
}

/// `rate(x[5m])` and its kin.
pub(super) fn range_call<'a>(
    ev: &Evaluator<'a>,
    node: &'a Node,
    plan: &'a CallPlan,
    kernel: RangeKernel,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let call = by_series(ev, node, plan, kernel, steps)?;
    let delayed = ev.cx.features.delayed_name_removal;
    Ok(if delayed { call } else { unique(call) })
}

/// The same with a column for each series read, even where labels are the same once names are gone.
pub(super) fn by_series<'a>(
    ev: &Evaluator<'a>,
    node: &'a Node,
    plan: &'a CallPlan,
    kernel: RangeKernel,
    steps: Steps,
) -> Result<SharedVector<'a>, QueryError> {
    let mut range = None;
    let mut params = Vec::new();
    for arg in &plan.args {
        if ev.is_scalar(*arg) {
            params.push(ev.scalar(*arg, steps)?);
        } else {
            range = Some(ev.range(*arg, steps)?);
        }
    }
    let range = range.ok_or_else(|| QueryError::Execution("expected a range vector".to_owned()))?;
    check_extension(&plan.function, range.frame().extension)?;
    let delayed = ev.cx.features.delayed_name_removal;
    let keeps_name = matches!(plan.function.as_str(), "last_over_time" | "first_over_time");
    let by_columns = column_function(&plan.function);
    let step_bytes = size_of::<(u32, u32)>() + by_columns.map_or(0, ColumnFunction::plan_step_bytes);
    let call: SharedVector<'a> = Arc::new(RangeCall {
        range,
        kernel,
        by_columns,
        plans: PerTimes::new(ev.cx, &steps, step_bytes)?,
        params,
        series: OnceLock::new(),
        naming: match (keeps_name, delayed) {
            (true, _) => Naming::Kept,
            (false, true) => Naming::Marked,
            (false, false) => Naming::Gone,
        },
        steps,
        tally: ev.tally(),
        slot: ev.cx.new_slot(),
        places: node.operand_spans(0),
        expects_counter: matches!(plan.function.as_str(), "rate" | "increase"),
        by_type_label: ev.cx.features.type_and_unit_labels,
        suspects: OnceLock::new(),
        start_times: ev.cx.features.start_timestamps,
    });
    Ok(call)
}

/// Only some functions know what to do with samples outside of the window.
fn check_extension(function: &str, extension: Extension) -> Result<(), QueryError> {
    let (modifier, allowed): (&str, &[&str]) = match extension {
        Extension::None => return Ok(()),
        Extension::Anchored => ("anchored", &["changes", "delta", "increase", "rate", "resets"]),
        Extension::Smoothed => ("smoothed", &["delta", "increase", "rate"]),
    };
    if allowed.contains(&function) {
        return Ok(());
    }
    Err(QueryError::Execution(format!(
        "{modifier} modifier can only be used with: {} - not with {function}",
        allowed.join(", ")
    )))
}

/// Buffers of one call in one thread.
#[derive(Default)]
struct Buffers {
    samples: Samples,
    times: LastTimes<TimesPlan>,
    histograms: Windows,
    histogram_times: Vec<i64>,
    params: Vec<f64>,
    columns: Option<ColumnKernel>,
}

/// The windows over the floats of a series, and what they say to the form by columns.
#[derive(Default)]
struct TimesPlan {
    windows: Windows,
    columns: ColumnPlan,
}

impl RangeCall<'_> {
    /// Plans the windows of the floats, and says how many samples lie in the window of one step at most.
    fn plan(&self, buffers: &mut Buffers) -> usize {
        let (samples, frame) = (&buffers.samples, self.range.frame());
        let find_out = |TimesPlan { windows, columns }: &mut TimesPlan| {
            let bounds = windows.plan(samples.times(), &self.steps, &frame);
            if let Some(function) = self.by_columns {
                let window = |step| frame.bounds(self.steps.time(step));
                function.plan(samples.times(), bounds, window, columns);
            }
        };
        let times = &mut buffers.times;
        self.plans.find(samples.times_version(), times, find_out);
        let histograms = samples.histograms.iter();
        let histograms: usize = histograms.map(|(_, h)| histogram_weight(h)).sum();
        times.known().windows.widest() + histograms
    }

    fn compute(
        &self,
        buffers: &mut Buffers,
        notes: &mut Notes,
        scratch: &mut Scratch<'_>,
    ) -> Result<Column, QueryError> {
        let frame = self.range.frame();
        let Buffers {
            samples,
            times,
            histograms,
            histogram_times,
            params,
            columns,
        } = buffers;
        let TimesPlan {
            windows,
            columns: plan,
        } = times.known();
        let float_bounds = windows.bounds();
        let has_starts = self.start_times && !samples.start_times().is_empty();
        let plain = samples.histograms.is_empty() && !has_starts;
        if let Some(function) = self.by_columns
            && plain
            && frame.extension == Extension::None
        {
            let column = FloatColumn {
                values: samples.values(),
                rising: samples.rising(),
                bounds: float_bounds,
            };
            let kernel = columns.get_or_insert_with(|| ColumnKernel::new(function));
            return self.compute_column((kernel, plan), &column, windows.total(), scratch);
        }
        let window_params = (histograms, histogram_times, params);
        self.compute_windows(samples, float_bounds, window_params, notes, scratch)
    }

    fn compute_windows(
        &self,
        samples: &Samples,
        float_bounds: &[(u32, u32)],
        (histograms, histogram_times, params): (&mut Windows, &mut Vec<i64>, &mut Vec<f64>),
        notes: &mut Notes,
        scratch: &mut Scratch<'_>,
    ) -> Result<Column, QueryError> {
        let frame = self.range.frame();
        histogram_times.clear();
        histogram_times.extend(samples.histograms.iter().map(|(time, _)| *time));
        let histogram_bounds = if histogram_times.is_empty() {
            &[]
        } else {
            histograms.plan(histogram_times, &self.steps, &frame)
        };
        let mut out = ColumnBuilder::new(self.steps.count);
        for (step, floats) in float_bounds.iter().enumerate() {
            let histograms = histogram_bounds.get(step).copied().unwrap_or_default();
            let window = self.window(samples, *floats, histograms, step);
            if window.is_empty() {
                out.push_none();
                continue;
            }
            params.clear();
            params.extend(
                self.params
                    .iter()
                    .map(|p| p.get(step).copied().unwrap_or(f64::NAN)),
            );
            out.push((self.kernel)(&window, params, notes));
            self.count(&window, step, scratch);
            scratch.worked(window.len())?;
        }
        Ok(out.finish())
    }

    fn window<'s>(
        &self,
        samples: &'s Samples,
        (low, high): (u32, u32),
        (from, to): (u32, u32),
        step: usize,
    ) -> Window<'s> {
        let (floats, histograms) = (low as usize..high as usize, from as usize..to as usize);
        let (start_times, histogram_start_times) = if self.start_times {
            (samples.start_times(), samples.histogram_start_times.as_slice())
        } else {
            (&[][..], &[][..])
        };
        let frame = self.range.frame();
        let eval_ms = self.steps.time(step);
        let (range_start_ms, range_end_ms) = frame.bounds(eval_ms);
        Window {
            times: samples.times().get(floats.clone()).unwrap_or_default(),
            values: samples.values().get(floats.clone()).unwrap_or_default(),
            start_times: start_times.get(floats).unwrap_or_default(),
            histograms: samples.histograms.get(histograms.clone()).unwrap_or_default(),
            histogram_start_times: histogram_start_times.get(histograms).unwrap_or_default(),
            range_start_ms,
            range_end_ms,
            eval_ms,
            extension: frame.extension,
        }
    }

    fn compute_column(
        &self,
        (kernel, plan): (&mut ColumnKernel, &ColumnPlan),
        column: &FloatColumn<'_>,
        total: u64,
        scratch: &mut Scratch<'_>,
    ) -> Result<Column, QueryError> {
        let mut out = ColumnBuilder::new(self.steps.count);
        kernel.fill(column, plan, &mut out);
        scratch.tally_windows(self.tally, column.bounds, total);
        scratch.worked(total as usize)?;
        Ok(out.finish())
    }

    fn count(&self, window: &Window<'_>, step: usize, scratch: &mut Scratch<'_>) {
        if self.tally.weight == 0 {
            return;
        }
        let weight: usize = window.histograms.iter().map(|(_, h)| histogram_weight(h)).sum();
        scratch.tally(self.tally, step, (window.times.len() + weight) as u64);
    }

    fn named(&self, identity: Identity) -> Identity {
        match self.naming {
            Naming::Kept => identity,
            Naming::Marked => identity.renamed(true),
            Naming::Gone => identity.renamed(false),
        }
    }

    /// Says so where a counter is expected and the series does not look like one. What names there are is known by
    /// the first series of each.
    fn check_counter(&self, index: usize, column: &Column, scratch: &mut Scratch<'_>) {
        if !self.expects_counter || column.is_empty() || column.floats().next().is_none() {
            return;
        }
        let suspects = self.suspects.get_or_init(|| self.find_suspects());
        let Some(text) = suspects
            .of
            .get(index)
            .and_then(|group| suspects.texts.get(*group as usize))
        else {
            return;
        };
        if let Some(text) = text {
            scratch.annotate(Severity::Info, text, &self.places);
        }
    }

    fn find_suspects(&self) -> Suspects {
        let names: &[&str] = if self.by_type_label {
            &[METRIC_NAME, "__type__"]
        } else {
            &[METRIC_NAME]
        };
        let Grouping { of, first } = self.range.group(&Projection {
            names,
            without: false,
        });
        let texts = first
            .iter()
            .map(|index| self.suspicion(&self.range.identity(*index as usize).labels));
        let texts: Vec<Option<String>> = texts.collect();
        let of = if texts.iter().all(Option::is_none) {
            Vec::new()
        } else {
            of
        };
        Suspects { of, texts }
    }

    /// Why a series does not look like a counter.
    fn suspicion(&self, labels: &Labels) -> Option<String> {
        let name = labels.metric_name();
        if name.is_empty() {
            return None;
        }
        if self.by_type_label {
            let kind = labels.get("__type__").unwrap_or("");
            (!matches!(kind, "counter" | "histogram")).then(|| {
                format!(
                    "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", got {}: {}",
                    quoted(kind),
                    quoted(name)
                )
            })
        } else {
            let ends = ["_total", "_sum", "_count", "_bucket"];
            (!ends.iter().any(|end| name.ends_with(end))).then(|| {
                format!(
                    "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {}",
                    quoted(name)
                )
            })
        }
    }
}

/// Series that do not look like counters.
struct Suspects {
    /// For each series the place of its text; nothing if none is suspect.
    of: Vec<u32>,
    texts: Vec<Option<String>>,
}

impl Vector for RangeCall<'_> {
    fn series(&self) -> &[Identity] {
        self.series.get_or_init(|| {
            self.range
                .series()
                .iter()
                .map(|i| self.named(i.clone()))
                .collect()
        })
    }

    fn len(&self) -> usize {
        self.range.len()
    }

    fn identity(&self, index: usize) -> Identity {
        self.named(self.range.identity(index))
    }

    fn drops_name(&self, index: usize) -> bool {
        match self.naming {
            Naming::Kept => self.range.drops_name(index),
            Naming::Marked | Naming::Gone => true,
        }
    }

    fn group(&self, projection: &Projection<'_>) -> Grouping {
        if self.naming != Naming::Gone {
            return self.range.group(projection);
        }
        group_unnamed(projection, |p| self.range.group(p))
    }

    fn column(&self, index: usize, scratch: &mut Scratch<'_>) -> Result<Column, QueryError> {
        let mut buffers = scratch.take::<Buffers>(self.slot);
        self.range.read(index, &mut buffers.samples, scratch)?;
        // What a step sees at once counts as held.
        let widest = self.plan(&mut buffers);
        let _held = scratch.hold(widest)?;
        let mut notes = Notes::default();
        let column = self.compute(&mut buffers, &mut notes, scratch)?;
        scratch.put(self.slot, buffers);
        if !notes.is_empty() {
            let identity = self.range.identity(index);
            scratch.report(&notes, identity.labels.metric_name(), &self.places)?;
        }
        self.check_counter(index, &column, scratch);
        scratch.note_resets(&column);
        Ok(column)
    }
}
