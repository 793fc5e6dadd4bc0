//! The build, as gauges that are always 1.

use super::super::version::Version;
use crate::telemetry::metrics::Registry;

/// The build, as a gauge that is always 1.
pub(crate) fn register_build(registry: &Registry, version: &Version) {
    registry
        .gauges(
            "prometheus_build_info",
            "A metric with a constant '1' value labeled by version, revision, branch, and compiler.",
            &[
                "version",
                "revision",
                "branch",
                "goversion",
                "goos",
                "goarch",
                "tags",
            ],
        )
        .with(&[
            &version.version,
            &version.revision,
            &version.branch,
            &version.go_version,
            std::env::consts::OS,
            std::env::consts::ARCH,
            "",
        ])
        .set(1.0);
    registry
        .gauges(
            "go_info",
            "Information about the Go environment: here, the compiler.",
            &["version"],
        )
        .with(&[&version.go_version])
        .set(1.0);
    registry
        .gauges(
            "narthex_build_info",
            "A metric with a constant '1' value labeled by version and revision.",
            &["version", "revision"],
        )
        .with(&[&version.narthex_version, &version.revision])
        .set(1.0);
}
