//! Paths: cleaned, compared with patterns, and the near misses that are redirected.

use hyper::Method;

use super::routes::{ROUTES, Route};

/// What a path and a method lead to.
pub(crate) enum Match {
    /// A handler, and what stands where the pattern has `:name` or `*rest`.
    Route(&'static Route, Vec<String>),
    /// OPTIONS on a path that exists.
    Options(&'static Route),
    /// The path exists, but not with this method.
    WrongMethod(&'static Route),
    /// The path exists with a slash more or less at its end: this is it.
    OtherSlash(String),
    /// Nothing.
    Nothing,
}

/// Finds the route of a path that has no prefix any more.
pub(crate) fn find(path: &str, method: &Method) -> Match {
    // Go's routers see decoded paths: an escaped slash divides segments there, and no route has so many.
    if path.to_ascii_lowercase().contains("%2f") {
        return Match::Nothing;
    }
    let mut near = None;
    for route in ROUTES {
        let Some(captures) = captures(route.pattern, path) else {
            continue;
        };
        if route.methods.contains(&method.as_str()) {
            return Match::Route(route, captures);
        }
        near.get_or_insert(route);
    }
    match near {
        Some(route) if *method == Method::OPTIONS => Match::Options(route),
        Some(route) => Match::WrongMethod(route),
        None => {
            let other = match path.strip_suffix('/') {
                Some(without) => without.to_owned(),
                None => format!("{path}/"),
            };
            let exists = !other.is_empty() && ROUTES.iter().any(|r| captures(r.pattern, &other).is_some());
            if exists {
                Match::OtherSlash(other)
            } else {
                Match::Nothing
            }
        }
    }
}

/// What stands in `path` at the places that the pattern leaves open; `None` if the path does not fit.
fn captures(pattern: &str, path: &str) -> Option<Vec<String>> {
    let mut found = Vec::new();
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(open), Some(first)) if open.starts_with('*') => {
                let rest: Vec<&str> = std::iter::once(first).chain(given).collect();
                found.push(rest.join("/"));
                return Some(found);
            }
            (Some(open), Some(segment)) if open.starts_with(':') && !segment.is_empty() => {
                found.push(segment.to_owned());
            }
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

/// The path without empty, `.` and `..` segments, if it has any.
pub(crate) fn clean(path: &str) -> Option<String> {
    let mut segments = Vec::new();
    let mut changed = false;
    let mut parts = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        match part {
            "" if is_last => segments.push(""),
            "" => changed = true,
            "." | ".." => {
                changed = true;
                if part == ".." {
                    segments.pop();
                }
                if is_last {
                    segments.push("");
                }
            }
            part => segments.push(part),
        }
    }
    changed.then(|| format!("/{}", segments.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unclean_paths_have_a_clean_form() {
        let table = [
            ("/", None),
            ("/a/b", None),
            ("/a/b/", None),
            ("//", Some("/")),
            ("/api/v1/label//values", Some("/api/v1/label/values")),
            ("//api/v1/query", Some("/api/v1/query")),
            ("/a/../b", Some("/b")),
            ("/../..", Some("/")),
            ("/a/./b/", Some("/a/b/")),
        ];
        for (path, cleaned) in table {
            assert_eq!(clean(path).as_deref(), cleaned, "{path}");
        }
    }

    #[test]
    fn paths_lead_to_routes() {
        let table = [
            ("GET", "/api/v1/query", "/api/v1/query"),
            ("POST", "/api/v1/query", "/api/v1/query"),
            ("HEAD", "/api/v1/query", "405"),
            ("GET", "/api/v1/label/a%2Fb/values", "404"),
            (
                "GET",
                "/api/v1/label/a%20b/values",
                "/api/v1/label/:name/values a%20b",
            ),
            ("POST", "/api/v1/label/a/values", "405"),
            ("OPTIONS", "/api/v1/rules", "options"),
            ("GET", "/api/v1/query/", "to /api/v1/query"),
            ("GET", "/-/healthy/", "to /-/healthy"),
            ("HEAD", "/-/healthy", "/-/healthy"),
            ("GET", "/api/v1/nope", "404"),
            ("GET", "/API/v1/query", "404"),
            ("GET", "/rules/test/test", "404"),
            ("GET", "/config/v1/rules/a/b", "404"),
            ("GET", "/api/v1/admin/tsdb/snapshot", "405"),
            (
                "PUT",
                "/api/v1/admin/tsdb/snapshot",
                "/api/v1/admin/tsdb/snapshot",
            ),
        ];
        for (method, path, expected) in table {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let got = match find(path, &method) {
                Match::Route(route, captures) if captures.is_empty() => route.pattern.to_owned(),
                Match::Route(route, captures) => format!("{} {}", route.pattern, captures.join(" ")),
                Match::Options(_) => "options".to_owned(),
                Match::WrongMethod(_) => "405".to_owned(),
                Match::OtherSlash(path) => format!("to {path}"),
                Match::Nothing => "404".to_owned(),
            };
            assert_eq!(got, expected, "{method} {path}");
        }
    }
}
