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
