//! Headers that say who is asking; files are read at every request, so that a renewed token is used at once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::config::HttpClientConfig;

/// Adds the configured headers. `with_credentials` is false for a host that redirects led to.
///
/// # Errors
/// A file that cannot be read, or a value that cannot be sent.
pub(super) fn add(
    config: &HttpClientConfig,
    with_credentials: bool,
    headers: &mut HeaderMap,
) -> Result<(), String> {
    for (name, values) in &config.http_headers {
        let header: HeaderName = name
            .parse()
            .map_err(|_| format!("{name:?} is not a valid header name"))?;
        let is_secret = !values.secrets.is_empty() || !values.files.is_empty();
        if is_secret && !with_credentials {
            continue;
        }
        for value in &values.values {
            headers.append(&header, header_value(value, name)?);
        }
        for value in &values.secrets {
            headers.append(&header, header_value(value.expose(), name)?);
        }
        for file in &values.files {
            headers.append(&header, header_value(&read(file, "headers file")?, name)?);
        }
    }
    if !with_credentials {
        return Ok(());
    }
    if let Some(basic) = &config.basic_auth {
        let user = text_or_file(&basic.username, &basic.username_file, "basic auth username")?;
        let password = text_or_file(
            basic.password.expose(),
            &basic.password_file,
            "basic auth password",
        )?;
        let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        headers.insert(AUTHORIZATION, header_value(&value, "Authorization")?);
    }
    if let Some(authorization) = &config.authorization {
        let credentials = text_or_file(
            authorization.credentials.expose(),
            &authorization.credentials_file,
            "authorization credentials",
        )?;
        let value = format!("{} {credentials}", authorization.kind);
        headers.insert(AUTHORIZATION, header_value(&value, "Authorization")?);
    }
    Ok(())
}

fn header_value(text: &str, name: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|_| format!("the value of the header {name} cannot be sent in HTTP"))
}

/// The text, or what the file holds.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn text_or_file(text: &str, file: &str, what: &str) -> Result<String, String> {
    if file.is_empty() {
        return Ok(text.to_owned());
    }
    read(file, what)
}

fn read(file: &str, what: &str) -> Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("unable to read {what} {file}: {e}"))?;
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Authorization, BasicAuth, HeaderValues, Secret};

    #[test]
    fn credentials_are_sent_and_kept_from_other_hosts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, " t0\n").unwrap();
        let file = file.to_string_lossy().into_owned();
        let mut config = HttpClientConfig {
            basic_auth: Some(BasicAuth {
                username: "Aladdin".into(),
                password: Secret::new("open sesame"),
                ..BasicAuth::default()
            }),
            http_headers: vec![(
                "X-Scope".into(),
                HeaderValues {
                    values: vec!["a".into(), "b".into()],
                    ..HeaderValues::default()
                },
            )],
            ..HttpClientConfig::default()
        };
        let mut headers = HeaderMap::new();
        add(&config, true, &mut headers).unwrap();
        assert_eq!(headers[AUTHORIZATION], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(headers.get_all("x-scope").iter().count(), 2);
        config.basic_auth = None;
        config.authorization = Some(Authorization {
            credentials_file: file,
            ..Authorization::default()
        });
        add(&config, true, &mut headers).unwrap();
        assert_eq!(headers[AUTHORIZATION], "Bearer t0");
        let mut elsewhere = HeaderMap::new();
        add(&config, false, &mut elsewhere).unwrap();
        assert_eq!(elsewhere.get(AUTHORIZATION), None);
        config.authorization = Some(Authorization {
            credentials_file: "/nonexistent".into(),
            ..Authorization::default()
        });
        let error = add(&config, true, &mut headers).unwrap_err();
        assert!(
            error.starts_with("unable to read authorization credentials /nonexistent: "),
            "{error}"
        );
    }
}
