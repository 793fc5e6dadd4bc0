//! Values and times of a small chunk, to bytes and back.

/// Appends values, exact to the bit.
pub(crate) fn put_values(out: &mut Vec<u8>, values: &[f64]) {
    for value in values {
        out.extend_from_slice(&value.to_bits().to_le_bytes());
    }
}

/// Appends `count` values to `out`.
pub(crate) fn take_values(bytes: &[u8], count: usize, out: &mut Vec<f64>) {
    let words = bytes.as_chunks::<8>().0.iter().take(count);
    out.extend(words.map(|w| f64::from_bits(u64::from_le_bytes(*w))));
}

/// Appends times.
pub(crate) fn put_times(out: &mut Vec<u8>, times: &[i64]) {
    for time in times {
        out.extend_from_slice(&time.to_le_bytes());
    }
}

/// Appends `count` times to `out`.
pub(crate) fn take_times(bytes: &[u8], count: usize, out: &mut Vec<i64>) {
    let words = bytes.as_chunks::<8>().0.iter().take(count);
    out.extend(words.map(|w| i64::from_le_bytes(*w)));
}
