//! Messages of remote read. Source: Prometheus `prompb/remote.proto` and `prompb/types.proto`.

use narthex_model::Labels;

use crate::prompb::HistogramMessage;

/// What a client asks.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReadRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) queries: Vec<Query>,
    /// 0: samples, 1: streamed chunks; in the client's order of preference.
    #[prost(int32, repeated, tag = "2")]
    pub(super) accepted_response_types: Vec<i32>,
}

/// One selection; times in Unix milliseconds, both included.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Query {
    #[prost(int64, tag = "1")]
    pub(super) start: i64,
    #[prost(int64, tag = "2")]
    pub(super) end: i64,
    #[prost(message, repeated, tag = "3")]
    pub(super) matchers: Vec<MatcherMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct MatcherMessage {
    #[prost(int32, tag = "1")]
    pub(super) kind: i32,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(string, tag = "3")]
    pub(super) value: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct LabelMessage {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
pub(super) struct SampleMessage {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    #[prost(int64, tag = "2")]
    pub(super) time: i64,
}

/// The answer with whole samples.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ReadResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) results: Vec<QueryResult>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct QueryResult {
    #[prost(message, repeated, tag = "1")]
    pub(super) series: Vec<SeriesMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SeriesMessage {
    #[prost(message, repeated, tag = "1")]
    pub(super) labels: Vec<LabelMessage>,
    #[prost(message, repeated, tag = "2")]
    pub(super) samples: Vec<SampleMessage>,
    #[prost(message, repeated, tag = "4")]
    pub(super) histograms: Vec<HistogramMessage>,
}

/// One frame of a stream of chunks.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ChunkedResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) series: Vec<ChunkedSeries>,
    #[prost(int64, tag = "2")]
    pub(super) query_index: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ChunkedSeries {
    #[prost(message, repeated, tag = "1")]
    pub(super) labels: Vec<LabelMessage>,
    #[prost(message, repeated, tag = "2")]
    pub(super) chunks: Vec<ChunkMessage>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ChunkMessage {
    #[prost(int64, tag = "1")]
    pub(super) min_time: i64,
    #[prost(int64, tag = "2")]
    pub(super) max_time: i64,
    /// 1: XOR.
    #[prost(int32, tag = "3")]
    pub(super) encoding: i32,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) data: Vec<u8>,
}

/// The labels of a series, with those of the server where the series has none of that name.
pub(super) fn label_messages(labels: &Labels, external: &Labels) -> Vec<LabelMessage> {
    let own = labels.iter();
    let added = external.iter().filter(|(name, _)| labels.get(name).is_none());
    let mut messages: Vec<LabelMessage> = own
        .chain(added)
        .map(|(name, value)| LabelMessage {
            name: name.to_owned(),
            value: value.to_owned(),
        })
        .collect();
    messages.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    messages
}
