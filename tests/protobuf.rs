//! Protocol buffers and snappy written by hand, so that tests share no code with what they test.

/// A field with a whole number.
pub(crate) fn varint(number: u8, value: i64) -> Vec<u8> {
    let mut out = key(number, 0);
    push(&mut out, value as u64);
    out
}

/// A field with a float.
pub(crate) fn double(number: u8, value: f64) -> Vec<u8> {
    let mut out = key(number, 1);
    out.extend_from_slice(&value.to_le_bytes());
    out
}

/// A field with a text, a message or other bytes.
pub(crate) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = key(number, 2);
    push(&mut out, bytes.len() as u64);
    out.extend_from_slice(bytes);
    out
}

/// A field with whole numbers behind each other.
pub(crate) fn packed(number: u8, values: impl IntoIterator<Item = u64>) -> Vec<u8> {
    let mut bytes = Vec::new();
    values.into_iter().for_each(|value| push(&mut bytes, value));
    field(number, &bytes)
}

/// The message in snappy's block form, as requests have it.
pub(crate) fn snappy(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).unwrap()
}

fn key(number: u8, kind: u64) -> Vec<u8> {
    let mut out = Vec::new();
    push(&mut out, u64::from(number) << 3 | kind);
    out
}

fn push(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
