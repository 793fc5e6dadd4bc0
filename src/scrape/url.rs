//! A target's URL out of its labels, escaped as Go does it.

use std::fmt::Write as _;

use crate::client::form_escaped;

/// `scheme://address/path?query`; the query's parameters sorted by name.
pub(super) fn join(scheme: &str, address: &str, path: &str, params: &[(String, Vec<String>)]) -> String {
    let mut url = format!("{scheme}://{address}");
    if !path.is_empty() && !path.starts_with('/') {
        url.push('/');
    }
    // A path that is already escaped would be escaped twice here, as it is in Go.
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@!'()*".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    let mut sorted: Vec<_> = params.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut separator = '?';
    for (name, values) in sorted {
        for value in values {
            url.push(separator);
            separator = '&';
            url.push_str(&form_escaped(name));
            url.push('=');
            url.push_str(&form_escaped(value));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_written_as_go_writes_them() {
        let params = vec![
            ("module".to_owned(), vec!["http 2xx".to_owned(), "é&".to_owned()]),
            ("a[]".to_owned(), vec![String::new()]),
        ];
        assert_eq!(
            join("https", "h:9", "/probe x?", &params),
            "https://h:9/probe%20x%3F?a%5B%5D=&module=http+2xx&module=%C3%A9%26"
        );
        assert_eq!(join("http", "h", "metrics", &[]), "http://h/metrics");
        assert_eq!(join("http", "h", "", &[]), "http://h");
    }
}
