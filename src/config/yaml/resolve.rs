//! What an unquoted scalar means, by the rules of YAML 1.1 that Prometheus's reader follows.

use super::node::Scalar;

/// The meaning of a scalar.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Resolved {
    /// Nothing: empty, `~`, `null`.
    Null,
    /// `true`, `yes`, `on` and their opposites.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// A text.
    Str,
}

impl Resolved {
    /// The short form of its tag, as error texts show it.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Str => "!!str",
        }
    }
}

/// What `scalar` means.
#[must_use]
pub fn resolve(scalar: &Scalar) -> Resolved {
    match scalar.tag.as_deref() {
        Some("str" | "binary") => return Resolved::Str,
        Some("null") => return Resolved::Null,
        Some(_) => {}
        None if !scalar.plain => return Resolved::Str,
        None => {}
    }
    match scalar.text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Resolved::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    number(&scalar.text).unwrap_or(Resolved::Str)
}

fn number(text: &str) -> Option<Resolved> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.')) {
        return None;
    }
    let text = text.replace('_', "");
    if let Some(int) = integer(&text) {
        return Some(Resolved::Int(int));
    }
    let is_float = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'))
        && text.bytes().any(|b| b.is_ascii_digit());
    is_float.then(|| text.parse().ok().map(Resolved::Float)).flatten()
}

fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let prefixed = |prefixes: [&str; 2], radix| {
        prefixes
            .iter()
            .find_map(|p| digits.strip_prefix(p))
            .and_then(|rest| parse_radix(rest, radix))
    };
    let value = prefixed(["0x", "0X"], 16)
        .or_else(|| prefixed(["0b", "0B"], 2))
        .or_else(|| prefixed(["0o", "0O"], 8))
        .or_else(|| match digits.strip_prefix('0') {
            Some(rest) if !rest.is_empty() => parse_radix(rest, 8),
            _ => parse_radix(digits, 10),
        })?;
    Some(if negative { -value } else { value })
}

fn parse_radix(digits: &str, radix: u32) -> Option<i128> {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    // What does not fit Go's 64 bits is not a whole number there either.
    u64::from_str_radix(digits, radix).ok().map(i128::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_yaml_1_1_says() {
        use Resolved as R;
        for (text, want) in [
            ("", R::Null),
            ("~", R::Null),
            ("yes", R::Bool(true)),
            ("Off", R::Bool(false)),
            ("12", R::Int(12)),
            ("-1", R::Int(-1)),
            ("0x1F", R::Int(31)),
            ("017", R::Int(15)),
            ("1_000", R::Int(1000)),
            ("5e7", R::Float(5e7)),
            ("1.5", R::Float(1.5)),
            ("099", R::Float(99.0)),
            ("1m", R::Str),
            ("1.2.3.4", R::Str),
            ("-", R::Str),
            ("e5", R::Str),
            ("true ", R::Str),
        ] {
            let scalar = |plain| Scalar {
                text: text.to_owned(),
                plain,
                tag: None,
            };
            assert_eq!(resolve(&scalar(true)), want, "{text}");
            assert_eq!(resolve(&scalar(false)), R::Str, "'{text}'");
        }
    }
}
