//! Writing protocol buffers: fields at the end of a buffer, defaults left out.

/// A field that holds a varint; 0 is left out.
pub(super) fn put_varint(out: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        raw_varint(out, u64::from(field) << 3);
        raw_varint(out, value);
    }
}

/// A field that holds a double; +0 is left out.
pub(super) fn put_double(out: &mut Vec<u8>, field: u32, value: f64) {
    if value.to_bits() != 0 {
        raw_varint(out, u64::from(field) << 3 | 1);
        out.extend_from_slice(&value.to_bits().to_le_bytes());
    }
}

/// A field that holds a text; an empty one is left out.
pub(super) fn put_text(out: &mut Vec<u8>, field: u32, text: &str) {
    if !text.is_empty() {
        put_item(out, field, text);
    }
}

/// An item of a repeated text field, empty or not.
pub(super) fn put_item(out: &mut Vec<u8>, field: u32, text: &str) {
    raw_varint(out, u64::from(field) << 3 | 2);
    raw_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// A field that holds a message, or packed numbers; written also if it is empty.
pub(super) fn put_message(out: &mut Vec<u8>, field: u32, body: impl FnOnce(&mut Vec<u8>)) {
    raw_varint(out, u64::from(field) << 3 | 2);
    let start = out.len();
    body(out);
    let mut length = Vec::with_capacity(4);
    raw_varint(&mut length, (out.len() - start) as u64);
    out.splice(start..start, length);
}

pub(super) fn raw_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
