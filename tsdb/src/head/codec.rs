//! Values and times of a small chunk, to bytes and back: the sealed encoding of files, in memory.

use std::cell::RefCell;

use narthex_format::chunk::{TimeDecoder, TimeEncoder, ValueDecoder, ValueEncoder};

thread_local! {
    static VALUE_ENCODER: RefCell<ValueEncoder> = RefCell::default();
    static VALUE_DECODER: RefCell<ValueDecoder> = RefCell::default();
    static TIME_ENCODER: RefCell<TimeEncoder> = RefCell::default();
    static TIME_DECODER: RefCell<TimeDecoder> = RefCell::default();
}

/// Appends 1 to 1,024 values, exact to the bit.
pub(crate) fn put_values(out: &mut Vec<u8>, values: &[f64]) {
    let written = VALUE_ENCODER.with_borrow_mut(|e| e.encode(values, out));
    debug_assert_eq!(written, Ok(()));
}

/// Appends `count` values to `out`. The bytes never left this process: what cannot be read is a fault of ours, and
/// shows as NaN rather than as a wrong number.
pub(crate) fn take_values(bytes: &[u8], count: usize, out: &mut Vec<f64>) {
    let start = out.len();
    let read = VALUE_DECODER.with_borrow_mut(|d| d.decode(bytes, count, out));
    debug_assert_eq!(read, Ok(()));
    if read.is_err() {
        out.truncate(start);
        out.resize(start + count, f64::NAN);
    }
}

/// Appends 1 to 1,024 times.
pub(crate) fn put_times(out: &mut Vec<u8>, times: &[i64]) {
    let written = TIME_ENCODER.with_borrow_mut(|e| e.encode(times, out));
    debug_assert_eq!(written, Ok(()));
}

/// Appends `count` times to `out`; see [`take_values`].
pub(crate) fn take_times(bytes: &[u8], count: usize, out: &mut Vec<i64>) {
    let start = out.len();
    let read = TIME_DECODER.with_borrow_mut(|d| d.decode(bytes, count, out));
    debug_assert_eq!(read, Ok(()));
    if read.is_err() {
        out.truncate(start);
        out.resize(start + count, i64::MAX);
    }
}
