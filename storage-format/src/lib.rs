//! The on-disk format: bytes to plain values and back; no files, no threads, nothing else of ours.
#![forbid(unsafe_code)]
#![deny(missing_docs)]
