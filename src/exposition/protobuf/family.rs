//! Metric families to samples: what text formats write as several lines is expanded in the same way.

use narthex_model::SampleValue;

use super::super::collate::ClassicBuckets;
use super::super::event::MetricKind;
use super::histogram::Parts;
use super::sample::{ProtobufExemplar, ProtobufSample, Series, number, timestamp};
use super::wire::{Fields, Message, ProtobufError, Value};

/// Which histograms are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ProtobufOptions {
    /// Whether native histograms are read; without it they are as good as not there.
    pub native: bool,
    /// Whether the classic form is read where a native one is as well.
    pub always_classic: bool,
    /// Whether the classic form becomes a native histogram with custom buckets.
    pub convert_classic: bool,
}

/// Takes what a page holds, in the order of the page.
pub trait FamilySink<'a> {
    /// Why it wants no more of the page.
    type Error: From<ProtobufError>;

    /// A family begins; what is not said is empty.
    fn family(&mut self, name: &'a str, kind: MetricKind, help: &'a str, unit: &'a str);

    /// A sample of the family.
    ///
    /// # Errors
    /// Why the page shall not be read on.
    fn sample(&mut self, sample: ProtobufSample<'_, 'a>) -> Result<(), Self::Error>;
}

/// Reads a page to its end.
///
/// # Errors
/// What is wrong with the page and where, or what the sink says.
pub fn read_families<'a, S: FamilySink<'a>>(
    page: &'a [u8],
    options: ProtobufOptions,
    sink: &mut S,
) -> Result<(), S::Error> {
    let whole = Message {
        bytes: page,
        offset: 0,
    };
    let mut families = whole.fields();
    let mut reader = Reader {
        options,
        sink,
        key: Vec::new(),
        parts: Parts::default(),
    };
    while !families.is_at_end() {
        let family = Family::read(families.delimited()?)?;
        reader
            .sink
            .family(family.name, family.kind, family.help, family.unit);
        let mut fields = family.message.fields();
        while let Some(field) = fields.next_field()? {
            if let (4, Value::Message(metric)) = field {
                reader.metric(&family, metric)?;
            }
        }
    }
    Ok(())
}

struct Family<'a> {
    message: Message<'a>,
    name: &'a str,
    help: &'a str,
    unit: &'a str,
    kind: MetricKind,
}

impl<'a> Family<'a> {
    fn read(message: Message<'a>) -> Result<Self, ProtobufError> {
        let mut family = Family {
            message,
            name: "",
            help: "",
            unit: "",
            kind: MetricKind::Counter,
        };
        let mut fields = message.fields();
        while let Some(field) = fields.next_field()? {
            match field {
                (1, Value::Message(text)) => family.name = text.text("a metric name")?,
                (2, Value::Message(text)) => family.help = text.text("a help text")?,
                (3, Value::Varint(kind)) => {
                    family.kind = match kind {
                        0 => MetricKind::Counter,
                        1 => MetricKind::Gauge,
                        2 => MetricKind::Summary,
                        3 => MetricKind::Unknown,
                        4 => MetricKind::Histogram,
                        5 => MetricKind::GaugeHistogram,
                        other => return Err(fields.wrong(&format!("unknown metric type {other}"))),
                    }
                }
                (5, Value::Message(text)) => family.unit = text.text("a unit")?,
                _ => {}
            }
        }
        if family.name.is_empty() {
            return Err(message.fields().wrong("invalid metric name: \"\""));
        }
        let bare = match family.kind {
            MetricKind::Counter => family.name.strip_suffix("_total").unwrap_or(family.name),
            _ => family.name,
        };
        let is_suffix = bare
            .strip_suffix(family.unit)
            .is_some_and(|rest| rest.ends_with('_'));
        if !family.unit.is_empty() && !is_suffix {
            let text = format!("unit {:?} not a suffix of metric {:?}", family.unit, family.name);
            return Err(ProtobufError {
                message: text,
                offset: message.offset,
            });
        }
        Ok(family)
    }
}

/// What a message `Metric` says besides its labels.
struct Metric<'a> {
    message: Message<'a>,
    /// The message of the family's type.
    payload: Option<Message<'a>>,
    timestamp: Option<i64>,
}

/// What differs from sample to sample of one metric.
struct Part {
    suffix: &'static str,
    bound: Option<(&'static str, f64)>,
    start_time: Option<i64>,
}

struct Reader<'s, 'a, S> {
    options: ProtobufOptions,
    sink: &'s mut S,
    /// Length of the labels, labels, name, then what is the sample's own.
    key: Vec<u8>,
    parts: Parts<'a>,
}

impl<'a, S: FamilySink<'a>> Reader<'_, 'a, S> {
    fn metric(&mut self, family: &Family<'a>, message: Message<'a>) -> Result<(), S::Error> {
        let wanted = match family.kind {
            MetricKind::Gauge => 2,
            MetricKind::Counter => 3,
            MetricKind::Summary => 4,
            MetricKind::Histogram | MetricKind::GaugeHistogram => 7,
            _ => 5,
        };
        let mut metric = Metric {
            message,
            payload: None,
            timestamp: None,
        };
        self.key.clear();
        self.key.extend_from_slice(&[0; 4]);
        let mut fields = message.fields();
        loop {
            let start = fields.position();
            let Some(field) = fields.next_field()? else { break };
            match field {
                (1, _) => {
                    let label = message.bytes.get(start..fields.position());
                    self.key.extend_from_slice(label.unwrap_or_default());
                }
                (6, Value::Varint(time)) => metric.timestamp = Some(time as i64).filter(|time| *time != 0),
                (number, Value::Message(payload)) if number == wanted => metric.payload = Some(payload),
                _ => {}
            }
        }
        let length = u32::try_from(self.key.len()).unwrap_or(u32::MAX).to_le_bytes();
        if let Some(place) = self.key.first_chunk_mut::<4>() {
            *place = length;
        }
        self.key.extend_from_slice(family.name.as_bytes());
        match family.kind {
            MetricKind::Summary => self.summary(family, &metric),
            MetricKind::Histogram | MetricKind::GaugeHistogram => self.histogram(family, &metric),
            _ => self.single(family, &metric),
        }
    }

    /// Hands a sample out.
    fn emit(
        &mut self,
        family: &Family<'a>,
        metric: &Metric<'a>,
        part: Part,
        value: SampleValue,
        exemplars: &[ProtobufExemplar<'a>],
    ) -> Result<(), S::Error> {
        let length = self.key.len();
        let class = match value {
            SampleValue::Float(_) => 0xfe,
            SampleValue::Histogram(_) => 0xff,
        };
        self.key.push(class);
        self.key.extend_from_slice(part.suffix.as_bytes());
        if let Some((_, bound)) = part.bound {
            self.key.extend_from_slice(&bound.to_bits().to_le_bytes());
        }
        let result = self.sink.sample(ProtobufSample {
            key: &self.key,
            value,
            timestamp: metric.timestamp,
            start_time: part.start_time,
            exemplars,
            series: Series {
                name: family.name,
                suffix: part.suffix,
                metric: metric.message,
                bound: part.bound,
            },
        });
        self.key.truncate(length);
        result
    }

    fn single(&mut self, family: &Family<'a>, metric: &Metric<'a>) -> Result<(), S::Error> {
        let mut value = 0.0;
        let mut exemplar = None;
        let mut start_time = None;
        let is_counter = family.kind == MetricKind::Counter;
        let mut fields = payload(metric);
        while let Some(field) = fields.next_field()? {
            match field {
                (1, Value::Fixed64(bits)) => value = number(bits),
                (2, Value::Message(message)) if is_counter => {
                    exemplar = Some(ProtobufExemplar::read(message)?)
                }
                (3, Value::Message(time)) if is_counter => start_time = Some(timestamp(time)?),
                _ => {}
            }
        }
        let part = Part {
            suffix: "",
            bound: None,
            start_time,
        };
        self.emit(
            family,
            metric,
            part,
            SampleValue::Float(value),
            exemplar.as_slice(),
        )
    }

    fn summary(&mut self, family: &Family<'a>, metric: &Metric<'a>) -> Result<(), S::Error> {
        let (mut count, mut sum, mut start_time) = (0, 0.0, None);
        let mut fields = payload(metric);
        while let Some(field) = fields.next_field()? {
            match field {
                (1, Value::Varint(value)) => count = value,
                (2, Value::Fixed64(bits)) => sum = number(bits),
                (4, Value::Message(time)) => start_time = Some(timestamp(time)?),
                _ => {}
            }
        }
        let part = |suffix, bound| Part {
            suffix,
            bound,
            start_time,
        };
        self.emit(
            family,
            metric,
            part("_count", None),
            SampleValue::Float(count as f64),
            &[],
        )?;
        self.emit(family, metric, part("_sum", None), SampleValue::Float(sum), &[])?;
        let mut fields = payload(metric);
        while let Some(field) = fields.next_field()? {
            let (3, Value::Message(message)) = field else {
                continue;
            };
            let (mut quantile, mut value) = (0.0, 0.0);
            let mut pair = message.fields();
            while let Some(field) = pair.next_field()? {
                match field {
                    (1, Value::Fixed64(bits)) => quantile = number(bits),
                    (2, Value::Fixed64(bits)) => value = number(bits),
                    _ => {}
                }
            }
            let part = part("", Some(("quantile", quantile)));
            self.emit(family, metric, part, SampleValue::Float(value), &[])?;
        }
        Ok(())
    }

    fn histogram(&mut self, family: &Family<'a>, metric: &Metric<'a>) -> Result<(), S::Error> {
        let Some(message) = metric.payload else {
            return Ok(());
        };
        let mut parts = std::mem::take(&mut self.parts);
        parts.read(message)?;
        let is_native = self.options.native && parts.is_native();
        if is_native {
            self.native(family, metric, &mut parts, message.offset)?;
        } else if self.options.convert_classic {
            self.converted(family, metric, &parts)?;
        }
        let is_covered = is_native || self.options.convert_classic;
        let has_classic = !is_native || !parts.buckets.is_empty();
        if !is_covered || (self.options.always_classic && has_classic) {
            self.classic(family, metric, &parts)?;
        }
        self.parts = parts;
        Ok(())
    }

    fn native(
        &mut self,
        family: &Family<'a>,
        metric: &Metric<'a>,
        parts: &mut Parts<'a>,
        offset: usize,
    ) -> Result<(), S::Error> {
        let value = parts.take_native(family.kind == MetricKind::GaugeHistogram, offset)?;
        if parts.exemplars.is_empty() {
            let of_buckets = parts.buckets.iter().filter_map(|bucket| bucket.exemplar);
            parts.exemplars.extend(of_buckets);
        }
        // Without a time one cannot tell whether an exemplar is the one that was sent the last time.
        parts.exemplars.retain(|exemplar| exemplar.timestamp.is_some());
        parts.exemplars.sort_by_key(|exemplar| exemplar.timestamp);
        let part = Part {
            suffix: "",
            bound: None,
            start_time: parts.start_time,
        };
        self.emit(
            family,
            metric,
            part,
            SampleValue::Histogram(value),
            &parts.exemplars,
        )
    }

    /// The classic form as a native histogram; none if its buckets contradict each other.
    fn converted(
        &mut self,
        family: &Family<'a>,
        metric: &Metric<'a>,
        parts: &Parts<'a>,
    ) -> Result<(), S::Error> {
        let mut classic = ClassicBuckets::default();
        for bucket in &parts.buckets {
            classic.set_bucket(bucket.bound, bucket.count);
        }
        classic.set_count(parts.total());
        classic.set_sum(parts.sum);
        let Some(value) = classic.histogram(family.kind == MetricKind::GaugeHistogram) else {
            return Ok(());
        };
        let mut exemplars: Vec<_> = parts
            .buckets
            .iter()
            .filter_map(|bucket| bucket.exemplar)
            .collect();
        exemplars.sort_by_key(|exemplar| exemplar.timestamp);
        let part = Part {
            suffix: "",
            bound: None,
            start_time: parts.start_time,
        };
        self.emit(family, metric, part, SampleValue::Histogram(value), &exemplars)
    }

    fn classic(
        &mut self,
        family: &Family<'a>,
        metric: &Metric<'a>,
        parts: &Parts<'a>,
    ) -> Result<(), S::Error> {
        let start_time = parts.start_time;
        let part = |suffix, bound| Part {
            suffix,
            bound,
            start_time,
        };
        let total = SampleValue::Float(parts.total());
        self.emit(family, metric, part("_count", None), total.clone(), &[])?;
        self.emit(
            family,
            metric,
            part("_sum", None),
            SampleValue::Float(parts.sum),
            &[],
        )?;
        let mut has_infinite = false;
        for bucket in &parts.buckets {
            has_infinite |= bucket.bound == f64::INFINITY;
            let part = part("_bucket", Some(("le", bucket.bound)));
            let value = SampleValue::Float(bucket.count);
            self.emit(family, metric, part, value, bucket.exemplar.as_slice())?;
        }
        if !has_infinite {
            let part = part("_bucket", Some(("le", f64::INFINITY)));
            self.emit(family, metric, part, total, &[])?;
        }
        Ok(())
    }
}

/// Fields of the message of the metric's type; none if it is not there.
fn payload<'a>(metric: &Metric<'a>) -> Fields<'a> {
    let nothing = Message {
        bytes: &[],
        offset: metric.message.offset,
    };
    metric.payload.unwrap_or(nothing).fields()
}
