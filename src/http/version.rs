//! What the server calls itself: the level of the API for clients that branch on it, and its own version beside it.

use serde::Serialize;

/// The release of Prometheus whose API this server answers as; clients read features off it.
const API_LEVEL: &str = "3.12.0";

/// Answer of `status/buildinfo`. Never has a key `features`: clients would take the server for another product.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Three numbers: the level of the API.
    pub version: String,
    /// Revision of the sources.
    pub revision: String,
    /// Branch of the sources.
    pub branch: String,
    /// Who built the binary.
    pub build_user: String,
    /// When it was built.
    pub build_date: String,
    /// The compiler.
    pub go_version: String,
    /// This product's own version.
    pub narthex_version: String,
}

impl Version {
    /// The version with another level of the API.
    ///
    /// # Errors
    /// When `level` is not three numbers: strict readers among the clients would refuse it.
    pub fn with_level(level: &str) -> Result<Self, String> {
        let parts: Vec<&str> = level.split('.').collect();
        let number = |part: &&str| {
            !part.is_empty()
                && part.len() < 10
                && part.bytes().all(|b| b.is_ascii_digit())
                && (part.len() == 1 || !part.starts_with('0'))
        };
        if parts.len() == 3 && parts.iter().all(number) {
            return Ok(Self {
                version: level.to_owned(),
                ..Self::default()
            });
        }
        Err(format!(
            "invalid --web.api-level {level:?}: write three numbers, for example {API_LEVEL}"
        ))
    }
}

impl Default for Version {
    fn default() -> Self {
        Self {
            version: API_LEVEL.into(),
            revision: option_env!("NARTHEX_REVISION").unwrap_or_default().into(),
            branch: option_env!("NARTHEX_BRANCH").unwrap_or_default().into(),
            build_user: option_env!("NARTHEX_BUILD_USER").unwrap_or_default().into(),
            build_date: option_env!("NARTHEX_BUILD_DATE").unwrap_or_default().into(),
            go_version: concat!("rust", env!("CARGO_PKG_RUST_VERSION")).into(),
            narthex_version: env!("CARGO_PKG_VERSION").into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_three_numbers() {
        assert_eq!(Version::with_level("2.50.1").unwrap().version, "2.50.1");
        for wrong in [
            "",
            "3",
            "3.12",
            "v3.12.0",
            "3.12.0-rc.1",
            "3.12.0.1",
            "03.12.0",
            "3..0",
        ] {
            assert!(Version::with_level(wrong).is_err(), "{wrong}");
        }
    }
}
