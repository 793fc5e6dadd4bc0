//! Parameters as they arrive: pairs from the URL and from a form body, decoded and put in order.
//!
//! The rules are those of Go's `net/http`: a form body comes before the URL, a multipart body after it, the first
//! value of a key counts unless all are asked for, and a pair that cannot be decoded is left out.

use bytes::Bytes;

/// Parameters of one request.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Form {
    pairs: Vec<(String, String)>,
    fault: Option<String>,
}

impl Form {
    /// Puts a URL's query string and the body's pairs together.
    pub(crate) fn new(body: Self, url: &str, multipart: Vec<(String, String)>) -> Self {
        let mut form = body;
        let mut from_url = Self::decode(url.as_bytes());
        form.pairs.append(&mut from_url.pairs);
        form.pairs.extend(multipart);
        form.fault = form.fault.or(from_url.fault);
        form
    }

    /// Pairs of `application/x-www-form-urlencoded` text.
    pub(crate) fn decode(text: &[u8]) -> Self {
        let mut form = Self::default();
        for pair in text.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
            if pair.contains(&b';') {
                form.note("invalid semicolon separator in query".to_owned());
                continue;
            }
            let (name, value) = match pair.iter().position(|b| *b == b'=') {
                Some(at) => (pair.get(..at), pair.get(at + 1..)),
                None => (Some(pair), None),
            };
            match (
                unescape(name.unwrap_or_default()),
                unescape(value.unwrap_or_default()),
            ) {
                (Ok(name), Ok(value)) => form.pairs.push((name, value)),
                (Err(fault), _) | (_, Err(fault)) => form.note(fault),
            }
        }
        form
    }

    /// Pairs of a body of this type that is no multipart: other types have none.
    pub(crate) fn of_body(content_type: &str, body: &Bytes) -> Self {
        if media_type(content_type).eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Self::decode(body)
        } else {
            Self::default()
        }
    }

    /// The first value of `name`, or `""`.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// All values of `name`.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first pair that could not be decoded, in Go's words.
    pub(crate) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    fn note(&mut self, fault: String) {
        self.fault.get_or_insert(fault);
    }
}

/// The media type of a `Content-Type`, without its parameters.
pub(crate) fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Undoes `%41` and `+`; bytes that are no UTF-8 become replacement characters.
fn unescape(text: &[u8]) -> Result<String, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let decoded = match after {
                    [high, low, ..] => hex(*high).zip(hex(*low)),
                    _ => None,
                };
                let Some((high, low)) = decoded else {
                    let shown = String::from_utf8_lossy(after.get(..2).unwrap_or(after));
                    return Err(format!("invalid URL escape \"%{shown}\""));
                };
                out.push(high << 4 | low);
                rest = after.get(2..).unwrap_or_default();
            }
            byte => out.push(*byte),
        }
    }
    Ok(String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// Undoes `%41` in a path's segment; `None` when it is not decodable.
pub(crate) fn unescape_segment(segment: &str) -> Option<String> {
    let plus_kept = segment.replace('+', "%2B");
    unescape(plus_kept.as_bytes()).ok()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn body_wins_over_the_url_and_repeated_keys_are_collected() {
        let body = Form::of_body(
            "application/x-www-form-urlencoded; charset=x",
            &Bytes::from("a=1&m=x"),
        );
        let form = Form::new(body, "a=2&b=3&m=y", vec![("b".into(), "4".into())]);
        assert_eq!((form.get("a"), form.get("b"), form.get("c")), ("1", "3", ""));
        assert_eq!(form.all("m").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(
            Form::of_body("application/json", &Bytes::from("a=1")),
            Form::default()
        );
    }

    #[test]
    fn decoding() {
        let form = Form::decode(b"a=%41+b&b&=c&%zz=1&d=1;e=2&u=%ff&&x=a=b&y=%4");
        assert_eq!(form.get("a"), "A b");
        assert_eq!((form.get("b"), form.get(""), form.get("x")), ("", "c", "a=b"));
        assert_eq!(
            (form.get("d"), form.get("u"), form.get("y")),
            ("", "\u{fffd}", "")
        );
        assert_eq!(form.fault(), Some("invalid URL escape \"%zz\""));
        assert_eq!(unescape_segment("a+b%2Fc").as_deref(), Some("a+b/c"));
        assert_eq!(unescape_segment("%"), None);
    }
}
