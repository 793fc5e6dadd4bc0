//! How OTLP writes numbers, bytes and names in JSON.
//!
//! Source: the OTLP specification, "JSON Protobuf Encoding", and the JSON mapping of protocol buffers.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

/// A number, or its digits in a text; texts also name NaN and the infinities.
pub(super) fn number<'de, D: Deserializer<'de>, T: FromStr>(from: D) -> Result<T, D::Error> {
    parse(&Value::deserialize(from)?)
}

/// A number that may be missing.
pub(super) fn maybe_number<'de, D: Deserializer<'de>, T: FromStr>(from: D) -> Result<Option<T>, D::Error> {
    match Value::deserialize(from)? {
        Value::Null => Ok(None),
        value => parse(&value).map(Some),
    }
}

/// A list of numbers.
pub(super) fn numbers<'de, D: Deserializer<'de>, T: FromStr>(from: D) -> Result<Vec<T>, D::Error> {
    let list = Vec::<Value>::deserialize(from)?;
    list.iter().map(parse).collect()
}

fn parse<T: FromStr, E: Error>(value: &Value) -> Result<T, E> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => return Err(E::custom(format!("{other} is no number"))),
    };
    text.parse()
        .map_err(|_| E::custom(format!("{text:?} is no number of the right kind")))
}

/// A trace or span id: hexadecimal digits.
pub(super) fn hex<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(from)?;
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|d| d as u8);
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    text.as_bytes()
        .chunks(2)
        .map(byte)
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(|| D::Error::custom(format!("{text:?} is no hexadecimal id")))
}

/// Bytes in base64.
pub(super) fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else {
        return Ok(None);
    };
    STANDARD.decode(&text).map(Some).map_err(D::Error::custom)
}

/// The number or the name of a temporality.
pub(super) fn temporality<'de, D: Deserializer<'de>>(from: D) -> Result<i32, D::Error> {
    let value = Value::deserialize(from)?;
    match value.as_str() {
        Some("AGGREGATION_TEMPORALITY_UNSPECIFIED") => Ok(0),
        Some("AGGREGATION_TEMPORALITY_DELTA") => Ok(1),
        Some("AGGREGATION_TEMPORALITY_CUMULATIVE") => Ok(2),
        _ => parse(&value),
    }
}
