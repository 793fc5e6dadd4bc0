//! Bodies that are written in pieces: a source fills a buffer a little at a time, as fast as the client reads.

/// A body's piece aims at this many bytes.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;

/// Writes a body piece by piece.
pub(crate) trait Chunks: Send {
    /// Appends the next piece, of about [`CHUNK_BYTES`]; `false` when there is no more after it.
    fn fill(&mut self, out: &mut Vec<u8>) -> bool;
}

/// A list: `[`, items divided by commas, `]`.
pub(crate) struct List<I, F> {
    items: I,
    write: F,
    started: bool,
}

impl<I, F> List<I, F>
where
    I: Iterator + Send,
    F: FnMut(&mut Vec<u8>, I::Item) + Send,
{
    /// A list of these items, each written by `write`.
    pub(crate) fn new(items: impl IntoIterator<IntoIter = I>, write: F) -> Self {
        Self {
            items: items.into_iter(),
            write,
            started: false,
        }
    }
}

impl<I, F> Chunks for List<I, F>
where
    I: Iterator + Send,
    F: FnMut(&mut Vec<u8>, I::Item) + Send,
{
    fn fill(&mut self, out: &mut Vec<u8>) -> bool {
        if !self.started {
            out.push(b'[');
        }
        let end = out.len() + CHUNK_BYTES;
        while out.len() < end {
            let Some(item) = self.items.next() else {
                out.push(b']');
                return false;
            };
            if self.started {
                out.push(b',');
            }
            self.started = true;
            (self.write)(out, item);
        }
        true
    }
}

/// A body with something before and after it.
pub(crate) struct Framed {
    before: Vec<u8>,
    inner: Box<dyn Chunks>,
    after: Vec<u8>,
}

impl Framed {
    /// `before`, then all of `inner`, then `after`.
    pub(crate) fn new(before: Vec<u8>, inner: Box<dyn Chunks>, after: Vec<u8>) -> Self {
        Self { before, inner, after }
    }
}

impl Chunks for Framed {
    fn fill(&mut self, out: &mut Vec<u8>) -> bool {
        out.append(&mut self.before);
        let more = self.inner.fill(out);
        if !more {
            out.append(&mut self.after);
        }
        more
    }
}

/// A body that is there already.
pub(crate) struct Whole(pub(crate) Vec<u8>);

impl Chunks for Whole {
    fn fill(&mut self, out: &mut Vec<u8>) -> bool {
        out.append(&mut self.0);
        false
    }
}

#[cfg(test)]
pub(super) fn collect(mut chunks: impl Chunks) -> (String, usize) {
    let (mut out, mut pieces) = (Vec::new(), 1);
    while chunks.fill(&mut out) {
        pieces += 1;
    }
    (String::from_utf8(out).unwrap(), pieces)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::encode::number::write_integer;

    #[test]
    fn lists_are_written_in_pieces() {
        assert_eq!(collect(List::new(Vec::<i64>::new(), write_integer)).0, "[]");
        assert_eq!(collect(List::new(vec![1, 2, 3], write_integer)).0, "[1,2,3]");
        let (text, pieces) = collect(Framed::new(
            b"<".to_vec(),
            Box::new(List::new(0..100_000, write_integer)),
            b">".to_vec(),
        ));
        assert!(text.starts_with("<[0,1,2,") && text.ends_with(",99998,99999]>"));
        assert_eq!(text.len(), 588_893);
        assert!((8..=10).contains(&pieces), "{pieces} pieces");
    }
}
