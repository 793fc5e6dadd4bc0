//! Cross-origin requests: which headers tell a browser that it may.

use hyper::HeaderMap;
use hyper::header::{self, HeaderValue};
use narthex_model::Pattern;

/// Sets the headers for a request that came with this `Origin`. An allowed origin is sent back as it came.
pub(crate) fn set_headers(headers: &mut HeaderMap, allowed: &Pattern, origin: Option<&HeaderValue>) {
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    let Some(origin) = origin.filter(|origin| !origin.is_empty()) else {
        return;
    };
    for (name, value) in [
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "Accept, Authorization, Content-Type, Origin",
        ),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if origin.to_str().is_ok_and(|text| allowed.is_match(text)) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowed_origin_is_echoed() {
        let allowed = Pattern::new("https?://(a|b)\\.example").unwrap();
        let sent = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            let origin = origin.map(HeaderValue::from_static);
            set_headers(&mut headers, &allowed, origin.as_ref());
            let allow = headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            (
                headers.get(header::VARY).unwrap().to_str().unwrap().to_owned(),
                headers.contains_key(header::ACCESS_CONTROL_ALLOW_METHODS),
                allow.map(|v| v.to_str().unwrap().to_owned()),
            )
        };
        assert_eq!(sent(None), ("Origin".into(), false, None));
        assert_eq!(
            sent(Some("http://a.example")),
            ("Origin".into(), true, Some("http://a.example".into()))
        );
        assert_eq!(sent(Some("http://a.example.org")), ("Origin".into(), true, None));
    }
}
