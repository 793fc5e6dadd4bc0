//! Who may come in: names and passwords against bcrypt hashes.

use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue, WWW_AUTHENTICATE};
use hyper::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::super::body::{Reply, reply_error};
use super::file::{Rules, WebFile};
use crate::config::Secret;

/// How many outcomes are remembered: to check a password takes a twentieth of a second and more.
const REMEMBERED_MAX: usize = 100;

/// Outcomes of checks, by a sum over name, hash and password.
#[derive(Debug, Default)]
pub(super) struct Users {
    known: Mutex<HashMap<[u8; 32], bool>>,
    /// One check at a time: who guesses passwords must not take every core.
    turn: tokio::sync::Mutex<()>,
}

impl WebFile {
    /// Lets a request in, with the headers that its answer gets; or refuses it.
    pub(crate) async fn admit(&self, request: &HeaderMap) -> Result<Vec<(HeaderName, HeaderValue)>, Reply> {
        let rules = self
            .rules()
            .map_err(|_| reply_error(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))?;
        if !self.limiter.admits() {
            return Err(reply_error(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests"));
        }
        if rules.config.users.is_empty() || self.users.knows(&rules, request).await {
            return Ok(rules.headers.clone());
        }
        let mut refusal = reply_error(StatusCode::UNAUTHORIZED, "Unauthorized");
        let headers = refusal.headers_mut();
        for (name, value) in &rules.headers {
            headers.insert(name, value.clone());
        }
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
        Err(refusal)
    }
}

impl Users {
    async fn knows(&self, rules: &Rules, request: &HeaderMap) -> bool {
        let Some((user, password)) = credentials(request) else {
            return false;
        };
        let users = &rules.config.users;
        let (hash, exists) = match users.get(&user) {
            Some(hash) => (hash.expose().to_owned(), true),
            // As much work as for a user who exists, so that names cannot be told from the time it takes.
            None => (nobody(users), false),
        };
        let key = sum(&[user.as_bytes(), hash.as_bytes(), &password]);
        if let Some(known) = self.known.lock().get(&key) {
            return *known && exists;
        }
        let _turn = self.turn.lock().await;
        if let Some(known) = self.known.lock().get(&key) {
            return *known && exists;
        }
        let right =
            tokio::task::spawn_blocking(move || bcrypt::verify(&password, &hash).unwrap_or(false)).await;
        let right = right.unwrap_or(false) && exists;
        let mut known = self.known.lock();
        if known.len() >= REMEMBERED_MAX {
            let oldest = known.keys().next().copied();
            oldest.map(|key| known.remove(&key));
        }
        known.insert(key, right);
        right
    }
}

/// A hash that no password has, as costly as the costliest of `users`.
fn nobody(users: &BTreeMap<String, Secret>) -> String {
    let cost = |hash: &Secret| hash.expose().split('$').nth(2)?.parse::<u32>().ok();
    let cost = users.values().filter_map(cost).max().unwrap_or(10);
    format!("$2y${cost:02}${}", ".".repeat(53))
}

/// Parts are told apart by their lengths.
fn sum(parts: &[&[u8]]) -> [u8; 32] {
    let mut sum = Sha256::new();
    for part in parts {
        sum.update((part.len() as u64).to_le_bytes());
        sum.update(part);
    }
    sum.finalize().into()
}

/// Name and password of a request.
fn credentials(request: &HeaderMap) -> Option<(String, Vec<u8>)> {
    const SCHEME: &str = "basic ";
    let text = request.get(AUTHORIZATION)?.to_str().ok()?;
    let scheme = text.get(..SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    let pair = STANDARD.decode(text.get(SCHEME.len()..)?).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(pair.get(..colon)?.to_vec()).ok()?;
    Some((user, pair.get(colon + 1..)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_read_as_go_reads_them() {
        for (text, want) in [
            ("Basic YTpi", Some(("a", "b"))),
            ("bASIC YTpiOmM=", Some(("a", "b:c"))),
            ("Basic Og==", Some(("", ""))),
            ("Basic YQ==", None),
            ("Bearer YTpi", None),
            ("Basic", None),
            ("Basic ???", None),
        ] {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(text))]);
            let want = want.map(|(u, p)| (u.to_owned(), p.as_bytes().to_vec()));
            assert_eq!(credentials(&headers), want, "{text}");
        }
    }

    #[test]
    fn nobody_costs_as_much_as_the_costliest() {
        let users = |hashes: &[&str]| {
            let named = hashes.iter().map(|h| ((*h).to_owned(), Secret::new(*h)));
            named.collect::<BTreeMap<_, _>>()
        };
        let hash = nobody(&users(&["$2y$04$a", "$2b$06$b"]));
        assert!(hash.starts_with("$2y$06$") && hash.len() == 60, "{hash}");
        assert_eq!(
            bcrypt::verify("", &hash).ok(),
            Some(false),
            "it is a hash, and nobody's"
        );
    }
}
