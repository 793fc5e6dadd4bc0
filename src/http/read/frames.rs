//! Frames of a stream of chunks: length, checksum, message.

use narthex_model::Labels;
use prost::Message;

use super::message::{ChunkMessage, ChunkedResponse, ChunkedSeries, LabelMessage, label_messages};

/// The chunks of one series as frames of at most about `most` bytes, each handed to `send` until it says `false`.
pub(super) fn frames(
    labels: (&Labels, &Labels),
    chunks: Vec<ChunkMessage>,
    query_index: i64,
    most: usize,
    mut send: impl FnMut(Vec<u8>) -> bool,
) -> bool {
    let labels = label_messages(labels.0, labels.1);
    let head: usize = labels.iter().map(Message::encoded_len).sum();
    let mut waiting: Vec<ChunkMessage> = Vec::new();
    let mut bytes = head;
    for chunk in chunks {
        bytes += chunk.encoded_len();
        waiting.push(chunk);
        if bytes >= most {
            bytes = head;
            if !send(frame(labels.clone(), std::mem::take(&mut waiting), query_index)) {
                return false;
            }
        }
    }
    waiting.is_empty() || send(frame(labels, waiting, query_index))
}

/// One frame. Source: Prometheus `storage/remote/chunked.go`.
fn frame(labels: Vec<LabelMessage>, chunks: Vec<ChunkMessage>, query_index: i64) -> Vec<u8> {
    let message = ChunkedResponse {
        series: vec![ChunkedSeries { labels, chunks }],
        query_index,
    }
    .encode_to_vec();
    let mut frame = Vec::with_capacity(message.len() + 16);
    prost::encoding::encode_varint(message.len() as u64, &mut frame);
    frame.extend_from_slice(&crc32c::crc32c(&message).to_be_bytes());
    frame.extend_from_slice(&message);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_made_by_hand_and_its_limit() {
        let labels = Labels::from_pairs([("a", "1")]);
        let chunk = || ChunkMessage {
            min_time: 1,
            max_time: 2,
            encoding: 1,
            data: vec![0xff; 5],
        };
        let mut sent = Vec::new();
        let all = frames((&labels, &Labels::empty()), vec![chunk(); 3], 1, 30, |frame| {
            sent.push(frame);
            true
        });
        assert!(all);
        let message = [
            &[0x0a, 0x17, 0x0a, 6, 0x0a, 1, b'a', 0x12, 1, b'1'][..],
            &[0x12, 13, 8, 1, 16, 2, 24, 1, 0x22, 5, 255, 255, 255, 255, 255],
            &[0x10, 1],
        ]
        .concat();
        let checksum = crc32c::crc32c(&message).to_be_bytes();
        let last = [&[message.len() as u8][..], &checksum, &message].concat();
        assert_eq!(sent.last(), Some(&last));
        assert_eq!(sent.len(), 2, "two chunks, then one");
    }
}
