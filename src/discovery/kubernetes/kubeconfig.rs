//! kubeconfig files: the current context's cluster and user.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::access::Access;
use crate::config::yaml::{Node, Value, parse};
use crate::config::{Authorization, BasicAuth, HttpClientConfig, ProxyConfig, Secret, TlsConfig};

/// The access that a file describes.
///
/// # Errors
/// When it cannot be read, or describes none that can be used.
pub(super) fn access(file: &Path) -> Result<Access, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new("."));
    read(&text, folder).map_err(|error| format!("{}: {error}", file.display()))
}

fn read(text: &str, folder: &Path) -> Result<Access, String> {
    let root = parse(text).map_err(|e| e.to_string())?;
    let root = Section(root.as_ref());
    let current = root.text("current-context");
    if current.is_empty() {
        return Err("no current-context is set".to_owned());
    }
    let context = root.named("contexts", "context", &current)?;
    let cluster = root.named("clusters", "cluster", &context.text("cluster"))?;
    let user = match context.text("user") {
        name if name.is_empty() => Section(None),
        name => root.named("users", "user", &name)?,
    };
    let server = cluster.text("server");
    if server.is_empty() {
        return Err(format!("the cluster of context {current:?} has no server"));
    }
    for kind in ["exec", "auth-provider"] {
        if user.get(kind).0.is_some() {
            return Err(format!(
                "users with {kind} are not supported: use token, tokenFile or a client certificate"
            ));
        }
    }
    let path = |name: String| match name {
        name if name.is_empty() => name,
        name => folder.join(name).to_string_lossy().into_owned(),
    };
    let mut client = HttpClientConfig {
        tls: TlsConfig {
            ca: cluster.data("certificate-authority-data")?,
            ca_file: path(cluster.text("certificate-authority")),
            cert: user.data("client-certificate-data")?,
            cert_file: path(user.text("client-certificate")),
            key: Secret::new(user.data("client-key-data")?),
            key_file: path(user.text("client-key")),
            server_name: cluster.text("tls-server-name"),
            insecure_skip_verify: cluster.text("insecure-skip-tls-verify") == "true",
            ..TlsConfig::default()
        },
        proxy: ProxyConfig {
            proxy_url: cluster.text("proxy-url"),
            ..ProxyConfig::default()
        },
        ..HttpClientConfig::default()
    };
    // Where both are there, a file wins over a token, as in kubectl.
    let (token, token_file) = (user.text("token"), path(user.text("tokenFile")));
    if !token.is_empty() || !token_file.is_empty() {
        client.authorization = Some(Authorization {
            credentials: Secret::new(if token_file.is_empty() {
                token
            } else {
                String::new()
            }),
            credentials_file: token_file,
            ..Authorization::default()
        });
    } else if !user.text("username").is_empty() {
        client.basic_auth = Some(BasicAuth {
            username: user.text("username"),
            password: Secret::new(user.text("password")),
            ..BasicAuth::default()
        });
    }
    Ok(Access { server, client })
}

/// A mapping, or nothing where there is none.
#[derive(Clone, Copy)]
struct Section<'a>(Option<&'a Node>);

impl<'a> Section<'a> {
    fn get(self, key: &str) -> Self {
        let Some(Value::Mapping(entries)) = self.0.map(|node| &node.value) else {
            return Self(None);
        };
        let is_key = |node: &Node| matches!(&node.value, Value::Scalar(scalar) if scalar.text == key);
        Self(
            entries
                .iter()
                .find(|(name, _)| is_key(name))
                .map(|(_, value)| value),
        )
    }

    fn text(self, key: &str) -> String {
        match self.get(key).0.map(|node| &node.value) {
            Some(Value::Scalar(scalar)) if scalar.text != "null" => scalar.text.clone(),
            _ => String::new(),
        }
    }

    /// A text in base64.
    fn data(self, key: &str) -> Result<String, String> {
        let text = self.text(key);
        let bytes = STANDARD.decode(text.trim()).map_err(|e| format!("{key}: {e}"))?;
        String::from_utf8(bytes).map_err(|e| format!("{key}: {e}"))
    }

    /// The item of that name in a list of named items.
    fn named(self, list: &str, item: &str, name: &str) -> Result<Self, String> {
        let items = match self.get(list).0.map(|node| &node.value) {
            Some(Value::Sequence(items)) => items.as_slice(),
            _ => &[],
        };
        items
            .iter()
            .map(|node| Section(Some(node)))
            .find(|section| section.text("name") == name)
            .map(|section| section.get(item))
            .ok_or_else(|| format!("there is no {item} named {name:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
apiVersion: v1
kind: Config
current-context: c
contexts:
- name: other
  context: {cluster: o, user: o}
- name: c
  context: {cluster: k, user: u}
clusters:
- name: k
  cluster:
    server: https://h:6443
    certificate-authority-data: Q0E=
    tls-server-name: n
users:
- name: u
  user:
    tokenFile: token
    token: old
    client-certificate: /abs/cert
    client-key: key
"#;

    #[test]
    fn the_current_context_counts() {
        let access = read(FILE, Path::new("/etc/k")).unwrap();
        assert_eq!(access.server, "https://h:6443");
        let client = access.client;
        assert_eq!(
            (client.tls.ca.as_str(), client.tls.server_name.as_str()),
            ("CA", "n")
        );
        assert_eq!(client.tls.cert_file, "/abs/cert");
        assert_eq!(client.tls.key_file, "/etc/k/key");
        let authorization = client.authorization.unwrap();
        assert_eq!(authorization.credentials_file, "/etc/k/token");
        assert!(authorization.credentials.is_empty());
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (from, to, fault) in [
            (
                "current-context: c",
                "current-context: ''",
                "no current-context is set",
            ),
            (
                "current-context: c",
                "current-context: x",
                "there is no context named \"x\"",
            ),
            ("cluster: k,", "cluster: x,", "there is no cluster named \"x\""),
            ("user: u}", "user: x}", "there is no user named \"x\""),
            (
                "server: https://h:6443",
                "a: b",
                "the cluster of context \"c\" has no server",
            ),
            ("Q0E=", "'!'", "certificate-authority-data: "),
            (
                "tokenFile: token",
                "exec: {command: x}",
                "users with exec are not supported",
            ),
        ] {
            let error = read(&FILE.replace(from, to), Path::new("/")).unwrap_err();
            assert!(error.starts_with(fault), "{to}: {error}");
        }
    }
}
