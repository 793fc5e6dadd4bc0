//! gzip and deflate, the two that every client of the API reads; never br or zstd, whatever a client lists.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// A compression in progress.
pub(crate) enum Compressor {
    /// gzip
    Gzip(GzEncoder<Vec<u8>>),
    /// deflate, in its zlib frame
    Deflate(ZlibEncoder<Vec<u8>>),
}

/// The first of gzip and deflate in an `Accept-Encoding`, by its name as it is sent back; weights do not count
/// unless one is 0. Source: Prometheus `util/httputil/compression.go`.
pub(crate) fn negotiate(accept_encoding: &str) -> Option<&'static str> {
    accept_encoding.split(',').find_map(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        let name = match parts.next()? {
            "gzip" => "gzip",
            "deflate" => "deflate",
            _ => return None,
        };
        let refused = parts.any(|p| {
            p.strip_prefix("q=")
                .is_some_and(|q| q.parse().is_ok_and(|q: f64| q == 0.0))
        });
        (!refused).then_some(name)
    })
}

impl Compressor {
    /// Begins the compression of that name.
    pub(crate) fn new(name: &str) -> Self {
        match name {
            "deflate" => Self::Deflate(ZlibEncoder::new(Vec::new(), Compression::fast())),
            _ => Self::Gzip(GzEncoder::new(Vec::new(), Compression::fast())),
        }
    }

    /// Takes another piece; what is ready to be sent comes back, perhaps nothing.
    pub(crate) fn more(&mut self, piece: &[u8]) -> Vec<u8> {
        self.write(piece);
        std::mem::take(self.ready())
    }

    /// Takes the last piece.
    pub(crate) fn last(&mut self, piece: &[u8]) -> Vec<u8> {
        self.write(piece);
        // Writing to a vector does not fail.
        let _ = match self {
            Self::Gzip(encoder) => encoder.try_finish(),
            Self::Deflate(encoder) => encoder.try_finish(),
        };
        std::mem::take(self.ready())
    }

    fn write(&mut self, piece: &[u8]) {
        // Writing to a vector does not fail.
        let _ = match self {
            Self::Gzip(encoder) => encoder.write_all(piece),
            Self::Deflate(encoder) => encoder.write_all(piece),
        };
    }

    fn ready(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Deflate(encoder) => encoder.get_mut(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn the_first_of_the_two_counts() {
        let table = [
            ("", None),
            ("gzip", Some("gzip")),
            ("gzip, deflate, br, zstd", Some("gzip")),
            ("deflate, gzip;q=1.0", Some("deflate")),
            ("br, gzip;q=0.1", Some("gzip")),
            ("gzip;q=0, deflate", Some("deflate")),
            ("zstd", None),
            ("br", None),
            ("identity", None),
            ("*", None),
        ];
        for (header, chosen) in table {
            assert_eq!(negotiate(header), chosen, "{header}");
        }
    }

    #[test]
    fn pieces_join_to_one_stream() {
        let text = "some text that repeats, ".repeat(20_000);
        for name in ["gzip", "deflate"] {
            let mut compressor = Compressor::new(name);
            let mut packed = Vec::new();
            for piece in text.as_bytes().chunks(65_536) {
                packed.extend(compressor.more(piece));
            }
            packed.extend(compressor.last(b""));
            let mut back = String::new();
            if name == "gzip" {
                flate2::read::GzDecoder::new(&packed[..])
                    .read_to_string(&mut back)
                    .unwrap();
            } else {
                flate2::read::ZlibDecoder::new(&packed[..])
                    .read_to_string(&mut back)
                    .unwrap();
            }
            assert_eq!(back, text);
            assert!(packed.len() < text.len() / 20);
        }
    }
}
