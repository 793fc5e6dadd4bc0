//! `/api/v1/openapi.yaml`: the API described for machines, as OpenAPI 3.1 or 3.2.

use hyper::StatusCode;

use super::super::body::{Body, Reply, reply};
use super::super::call::Call;

const DOCUMENT: &str = include_str!("../openapi.yaml");

/// The document; the two versions of the standard differ in its first line alone, as nothing newer is used.
pub(crate) async fn openapi(call: Call) -> Reply {
    let version = match call.url_form().get("openapi_version") {
        "3.2" => "3.2.0",
        _ => "3.1.0",
    };
    let text = DOCUMENT
        .replacen("{{version}}", version, 1)
        .replacen("{{level}}", &call.app.version.version, 1)
        .replacen("{{path}}", call.app.options.external_path(), 1);
    reply(
        StatusCode::OK,
        "application/yaml; charset=utf-8",
        Body::whole(text),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::routes::ROUTES;
    use super::DOCUMENT;

    /// Each `path method` of the document.
    fn described() -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut path = "";
        for line in DOCUMENT.lines().skip_while(|line| *line != "paths:").skip(1) {
            let indent = line.len() - line.trim_start().len();
            match (indent, line.trim().trim_end_matches(':')) {
                (0, _) => break,
                (2, name) => path = name,
                (4, method) => {
                    found.insert(format!("{path} {}", method.to_uppercase()));
                }
                _ => {}
            }
        }
        found
    }

    #[test]
    fn the_document_describes_what_is_served() {
        let api = ROUTES
            .iter()
            .filter_map(|route| Some((route.pattern.strip_prefix("/api/v1")?, route)));
        let served: BTreeSet<String> = api
            .flat_map(|(pattern, route)| {
                let path = pattern.replace(":name", "{name}");
                route.methods.iter().map(move |method| format!("{path} {method}"))
            })
            .collect();
        // OpenTelemetry's path is described whether or not its receiver is there: it answers 404 where it is off.
        let without_otlp = |all: BTreeSet<String>| -> Vec<String> {
            all.into_iter().filter(|one| !one.starts_with("/otlp/")).collect()
        };
        assert_eq!(without_otlp(described()), without_otlp(served));
    }
}
