//! Follows the requests of an HTTP/1 connection, escapes what hyper takes in no URL, and moves query strings that are
//! too long into a header.

use std::borrow::Cow;

use super::call::LONG_QUERY;

/// Longest request head that is taken; what is longer passes unchanged, and hyper refuses it with 431.
pub(crate) const HEAD_BYTES: usize = (1 << 20) + 8192;
/// Request targets of up to this length pass unchanged.
const SHORT_TARGET: usize = 60_000;

/// Where in the connection we are.
enum Place {
    /// In a request's head; what came of it so far.
    Head(Vec<u8>),
    /// In a body of which so many bytes are to come.
    Body(u64),
    /// In a body that comes in chunks.
    Chunks(ChunkPlace),
    /// Somewhere that is not understood: all passes unchanged, hyper decides.
    Lost,
}

/// Where in a chunked body we are.
enum ChunkPlace {
    /// In the line with a chunk's size, which is this so far; `None` once its digits are over.
    Size(u64, bool),
    /// In a chunk's data and the line end behind it, of which so many bytes are to come.
    Data(u64),
    /// In the lines behind the last chunk; the current one has so many bytes.
    Trailer(usize),
}

/// Follows the requests of one connection.
pub(crate) struct RequestLines {
    place: Place,
}

impl RequestLines {
    pub(crate) fn new() -> Self {
        Self {
            place: Place::Head(Vec::new()),
        }
    }

    /// Takes what was read and appends what hyper is to see.
    pub(crate) fn feed(&mut self, mut read: &[u8], out: &mut Vec<u8>) {
        while !read.is_empty() {
            let used = match &mut self.place {
                Place::Lost => {
                    out.extend_from_slice(read);
                    read.len()
                }
                Place::Head(head) => {
                    let before = head.len();
                    head.extend_from_slice(read);
                    match head_end(head, before.saturating_sub(3)) {
                        Some(end) => {
                            self.place = finish_head(head.get(..end).unwrap_or_default(), out);
                            end - before
                        }
                        None if head.len() > HEAD_BYTES => {
                            out.append(head);
                            self.place = Place::Lost;
                            read.len()
                        }
                        None => read.len(),
                    }
                }
                Place::Body(left) => {
                    let used = read.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    out.extend_from_slice(read.get(..used).unwrap_or_default());
                    *left -= used as u64;
                    if *left == 0 {
                        self.place = Place::Head(Vec::new());
                    }
                    used
                }
                Place::Chunks(chunk) => {
                    let (used, next) = follow_chunk(chunk, read);
                    out.extend_from_slice(read.get(..used).unwrap_or_default());
                    if let Some(next) = next {
                        self.place = next;
                    }
                    used
                }
            };
            read = read.get(used..).unwrap_or_default();
        }
    }

    /// Nothing more will come: what was held back is shown as it is.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) {
        if let Place::Head(head) = &mut self.place {
            out.append(head);
        }
    }
}

/// One past the empty line that ends a head.
fn head_end(head: &[u8], from: usize) -> Option<usize> {
    // Line ends before the request line belong to nothing.
    let start = head.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let mut at = from.max(start);
    while let Some(line_end) = head.get(at..)?.iter().position(|b| *b == b'\n') {
        at += line_end + 1;
        match head.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
    None
}

/// Hands a whole head over, its query string moved if it is too long; answers where the connection goes on.
fn finish_head(head: &[u8], out: &mut Vec<u8>) -> Place {
    let start = head.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    let line_end = head
        .get(start..)
        .and_then(|rest| rest.iter().position(|b| *b == b'\n'))
        .map_or(head.len(), |at| start + at + 1);
    let (line, fields) = head.split_at(line_end);
    let line = escaped(line);
    match line.len() > SHORT_TARGET {
        true => shorten(&line, out),
        false => out.extend_from_slice(&line),
    }
    out.extend_from_slice(fields);
    body_after(fields)
}

/// The request line with percent escapes for bytes that belong in no URL but that Go's server, and so Prometheus,
/// takes as they are: who types `curl -g 'host/api/v1/query?query=up{job="x"}'` sends them.
fn escaped(line: &[u8]) -> Cow<'_, [u8]> {
    let foreign = |byte: &u8| {
        matches!(
            byte,
            b'"' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80..
        )
    };
    if !line.iter().any(foreign) {
        return Cow::Borrowed(line);
    }
    let mut out = Vec::with_capacity(line.len() + 64);
    for byte in line {
        match foreign(byte) {
            true => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            false => out.push(*byte),
        }
    }
    Cow::Owned(out)
}

/// `GET /path?query HTTP/1.1` becomes `GET /path HTTP/1.1` and a header with the query.
fn shorten(line: &[u8], out: &mut Vec<u8>) {
    let question = line.iter().position(|b| *b == b'?');
    let version = line.iter().rposition(|b| *b == b' ');
    let parts = question
        .zip(version)
        .filter(|(question, version)| question < version);
    let Some((before, (query, after))) = parts.and_then(|(question, version)| {
        let query = line.get(question + 1..version)?;
        Some((line.get(..question)?, (query, line.get(version..)?)))
    }) else {
        return out.extend_from_slice(line);
    };
    out.extend_from_slice(before);
    out.extend_from_slice(after);
    out.extend_from_slice(LONG_QUERY.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(query);
    out.extend_from_slice(b"\r\n");
}

/// How long the body behind these header lines is.
fn body_after(fields: &[u8]) -> Place {
    let mut length = 0;
    for field in fields.split(|b| *b == b'\n') {
        let Some(colon) = field.iter().position(|b| *b == b':') else {
            continue;
        };
        let (name, value) = field.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Place::Chunks(ChunkPlace::Size(0, true));
        }
        if name.eq_ignore_ascii_case(b"upgrade") {
            return Place::Lost;
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            match std::str::from_utf8(value).ok().and_then(|v| v.parse().ok()) {
                Some(number) => length = number,
                None => return Place::Lost,
            }
        }
    }
    match length {
        0 => Place::Head(Vec::new()),
        length => Place::Body(length),
    }
}

/// Follows a chunked body: how many bytes were used, and where the connection goes on if this place is over.
fn follow_chunk(chunk: &mut ChunkPlace, read: &[u8]) -> (usize, Option<Place>) {
    let Some(byte) = read.first() else {
        return (0, None);
    };
    match chunk {
        ChunkPlace::Size(size, digits) => {
            let digit = char::from(*byte).to_digit(16).filter(|_| *digits);
            match (digit, byte) {
                (Some(digit), _) => {
                    match size.checked_mul(16).and_then(|s| s.checked_add(u64::from(digit))) {
                        Some(larger) => *size = larger,
                        None => return (1, Some(Place::Lost)),
                    }
                }
                (None, b'\n') if *size == 0 => return (1, Some(Place::Chunks(ChunkPlace::Trailer(0)))),
                (None, b'\n') => {
                    return (1, Some(Place::Chunks(ChunkPlace::Data(size.saturating_add(2)))));
                }
                (None, _) => *digits = false,
            }
            (1, None)
        }
        ChunkPlace::Data(left) => {
            let used = read.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= used as u64;
            let next = (*left == 0).then_some(Place::Chunks(ChunkPlace::Size(0, true)));
            (used, next)
        }
        ChunkPlace::Trailer(length) => match byte {
            b'\n' if *length == 0 => (1, Some(Place::Head(Vec::new()))),
            b'\n' => {
                *length = 0;
                (1, None)
            }
            b'\r' => (1, None),
            _ => {
                *length += 1;
                (1, None)
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What hyper sees, whatever the sizes of the reads.
    fn seen(sent: &[u8]) -> String {
        let mut answers = [1, 7, 4096, usize::MAX].map(|size| {
            let (mut lines, mut out) = (RequestLines::new(), Vec::new());
            for read in sent.chunks(size.min(sent.len().max(1))) {
                lines.feed(read, &mut out);
            }
            lines.end(&mut out);
            String::from_utf8(out).unwrap()
        });
        assert!(answers.iter().all(|a| *a == answers[3]));
        std::mem::take(&mut answers[3])
    }

    #[test]
    fn ordinary_requests_pass_unchanged() {
        for sent in [
            "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n",
            "\r\n\nGET /a HTTP/1.1\nHost: x\n\nGET /b HTTP/1.1\n\n",
            "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /GET /b HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nGET /\r\n1\r\nx\r\n0\r\nA: b\r\n\r\nGET /b HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\nxyz",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffffffff\r\nx",
            "not HTTP at all",
            "",
        ] {
            assert_eq!(seen(sent.as_bytes()), sent);
        }
    }

    #[test]
    fn a_long_query_moves_into_a_header_wherever_its_request_stands() {
        let query = "x=".to_owned() + &"y".repeat(100_000);
        let long = format!("GET /a?{query} HTTP/1.1\r\nHost: x\r\n\r\n");
        let short = format!("GET /a HTTP/1.1\r\nx-narthex-long-query: {query}\r\nHost: x\r\n\r\n");
        assert_eq!(seen(long.as_bytes()), short);
        for before in [
            "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n",
        ] {
            assert_eq!(
                seen(format!("{before}{long}").as_bytes()),
                format!("{before}{short}")
            );
        }
    }

    #[test]
    fn what_is_typed_unescaped_is_escaped() {
        for (sent, escaped) in [
            (
                r#"GET /a?b={c="d"} HTTP/1.1"#,
                "GET /a?b=%7Bc=%22d%22%7D HTTP/1.1",
            ),
            (
                r"GET /a?b=<>\^`|# HTTP/1.1",
                "GET /a?b=%3C%3E%5C%5E%60%7C%23 HTTP/1.1",
            ),
            ("GET /\u{e9}?b=\u{e9} HTTP/1.1", "GET /%C3%A9?b=%C3%A9 HTTP/1.1"),
            // What no URL may hold for Go either.
            ("GET /a?b=c d HTTP/1.1", "GET /a?b=c d HTTP/1.1"),
            ("GET /a?b=\u{1} HTTP/1.1", "GET /a?b=\u{1} HTTP/1.1"),
        ] {
            let rest = "\r\nHost: {\"x\"}\r\n\r\n";
            assert_eq!(
                seen(format!("{sent}{rest}").as_bytes()),
                format!("{escaped}{rest}")
            );
        }
        let long = format!("GET /a?{} HTTP/1.1\r\n\r\n", "\"".repeat(30_000));
        let moved = format!(
            "GET /a HTTP/1.1\r\nx-narthex-long-query: {}\r\n\r\n",
            "%22".repeat(30_000)
        );
        assert_eq!(seen(long.as_bytes()), moved);
    }

    #[test]
    fn an_endless_head_is_not_kept() {
        let (mut lines, mut out) = (RequestLines::new(), Vec::new());
        for _ in 0..40 {
            lines.feed(&[b'a'; 65_536], &mut out);
        }
        assert!(matches!(lines.place, Place::Lost));
        assert_eq!(out.len(), 40 * 65_536);
    }
}
