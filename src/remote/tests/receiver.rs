//! A receiver that takes, fails, hangs or refuses as it is told to, and remembers what it was sent.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;

use super::super::batch::Message;
use super::super::send::{Answer, Post};

/// What the receiver does with the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mood {
    Takes,
    /// Refuses the connection.
    Down,
    /// Never answers.
    Hangs,
    /// Takes the request, and then never answers.
    TakesAndHangs,
    Answers(u16),
}

/// A receiver as Prometheus is one: each series in order, and a request of version 1.0 whole or not at all.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) series: BTreeMap<String, Vec<(i64, u64)>>,
    pub(super) refused: usize,
    pub(super) families: Vec<String>,
    pub(super) exemplars: usize,
    pub(super) attempts: Vec<u32>,
}

#[derive(Debug, Clone)]
pub(super) struct Receiver {
    pub(super) state: Arc<Mutex<Received>>,
    mood: Arc<Mutex<Vec<Mood>>>,
    /// How long the sender waits for an answer.
    timeout: Duration,
}

impl Receiver {
    pub(super) fn new() -> Self {
        Self {
            state: Arc::default(),
            mood: Arc::new(Mutex::new(vec![Mood::Takes])),
            timeout: Duration::from_secs(30),
        }
    }

    /// The moods to come; the last one stays.
    pub(super) fn set(&self, moods: &[Mood]) {
        *self.mood.lock() = moods.iter().rev().copied().collect();
    }

    fn next_mood(&self) -> Mood {
        let mut moods = self.mood.lock();
        if moods.len() > 1 {
            moods.pop().unwrap()
        } else {
            moods[0]
        }
    }

    pub(super) fn count(&self) -> usize {
        self.state.lock().series.values().map(Vec::len).sum()
    }

    fn take(&self, packed: &[u8], message: Message, attempt: u32) -> Answer {
        let plain = snap::raw::Decoder::new().decompress_vec(packed).unwrap();
        let decoded = wire::decode(&plain, message);
        let mut state = self.state.lock();
        state.attempts.push(attempt);
        state.families.extend(decoded.families);
        let mut series = state.series.clone();
        let (mut written, mut refused) = (0, 0);
        for (name, samples) in decoded.series {
            let known = series.entry(name).or_default();
            for (time, bits) in samples {
                match known.last() {
                    Some((last, same)) if *last == time && *same == bits => {}
                    Some((last, _)) if *last >= time => {
                        refused += 1;
                        continue;
                    }
                    _ => known.push((time, bits)),
                }
                written += 1;
            }
        }
        state.refused += refused;
        let status = if refused == 0 { 204 } else { 400 };
        if refused > 0 && message == Message::V1 {
            return Answer {
                status,
                text: "out of order sample".to_owned(),
                ..Answer::default()
            };
        }
        state.series = series;
        state.exemplars += decoded.exemplars;
        let written = super::super::batch::Counts {
            samples: written,
            exemplars: decoded.exemplars,
            histograms: 0,
        };
        Answer {
            status,
            written: (message == Message::V2).then_some(written),
            ..Answer::default()
        }
    }
}

impl Post for Receiver {
    async fn post(&self, packed: Bytes, message: Message, attempt: u32) -> Result<Answer, String> {
        match self.next_mood() {
            Mood::Takes => Ok(self.take(&packed, message, attempt)),
            Mood::Down => Err("connection refused".to_owned()),
            Mood::Answers(status) => Ok(Answer {
                status,
                ..Answer::default()
            }),
            mood => {
                if mood == Mood::TakesAndHangs {
                    self.take(&packed, message, attempt);
                }
                tokio::time::sleep(self.timeout).await;
                Err("context deadline exceeded".to_owned())
            }
        }
    }
}

/// Reading requests back, independently of what writes them.
mod wire {
    use super::{BTreeMap, Message};
    use prost::Message as _;

    #[derive(Clone, PartialEq, prost::Message)]
    struct Sample {
        #[prost(double, tag = "1")]
        value: f64,
        #[prost(int64, tag = "2")]
        timestamp: i64,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct Label {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(string, tag = "2")]
        value: String,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct Series {
        #[prost(message, repeated, tag = "1")]
        labels: Vec<Label>,
        #[prost(message, repeated, tag = "2")]
        samples: Vec<Sample>,
        #[prost(bytes = "vec", repeated, tag = "3")]
        exemplars: Vec<Vec<u8>>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct Metadata {
        #[prost(int32, tag = "1")]
        kind: i32,
        #[prost(string, tag = "2")]
        family: String,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct RequestV1 {
        #[prost(message, repeated, tag = "1")]
        series: Vec<Series>,
        #[prost(message, repeated, tag = "3")]
        metadata: Vec<Metadata>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct MetadataV2 {
        #[prost(int32, tag = "1")]
        kind: i32,
        #[prost(uint32, tag = "3")]
        help: u32,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct SeriesV2 {
        #[prost(uint32, repeated, tag = "1")]
        refs: Vec<u32>,
        #[prost(message, repeated, tag = "2")]
        samples: Vec<Sample>,
        #[prost(bytes = "vec", repeated, tag = "4")]
        exemplars: Vec<Vec<u8>>,
        #[prost(message, optional, tag = "5")]
        metadata: Option<MetadataV2>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    struct RequestV2 {
        #[prost(string, repeated, tag = "4")]
        symbols: Vec<String>,
        #[prost(message, repeated, tag = "5")]
        series: Vec<SeriesV2>,
    }

    #[derive(Default)]
    pub(super) struct Decoded {
        pub(super) series: Vec<(String, Vec<(i64, u64)>)>,
        pub(super) families: Vec<String>,
        pub(super) exemplars: usize,
    }

    pub(super) fn decode(plain: &[u8], message: Message) -> Decoded {
        let samples = |s: &[Sample]| s.iter().map(|s| (s.timestamp, s.value.to_bits())).collect();
        let mut decoded = Decoded::default();
        if message == Message::V1 {
            let request = RequestV1::decode(plain).unwrap();
            for one in request.series {
                let labels: BTreeMap<_, _> = one.labels.iter().map(|l| (&l.name, &l.value)).collect();
                assert_eq!(labels.len(), one.labels.len());
                decoded.exemplars += one.exemplars.len();
                decoded
                    .series
                    .push((format!("{labels:?}"), samples(&one.samples)));
            }
            let families = request.metadata.into_iter();
            decoded.families = families.map(|m| format!("{} {}", m.family, m.kind)).collect();
            return decoded;
        }
        let request = RequestV2::decode(plain).unwrap();
        assert_eq!(request.symbols[0], "");
        let text = |at: &u32| &request.symbols[*at as usize];
        for one in &request.series {
            let pairs = one.refs.chunks(2).map(|pair| (text(&pair[0]), text(&pair[1])));
            let labels: BTreeMap<_, _> = pairs.collect();
            if let Some(metadata) = &one.metadata {
                decoded
                    .families
                    .push(format!("{} {}", text(&metadata.help), metadata.kind));
            }
            decoded.exemplars += one.exemplars.len();
            decoded
                .series
                .push((format!("{labels:?}"), samples(&one.samples)));
        }
        decoded
    }
}
