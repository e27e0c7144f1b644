//! The stage `tls-floor`: the oldest version of TLS with which a route may be called.
//!
//! 1. A request over plain HTTP is refused with 403 `tls-required`.
//! 2. A request over an older version than the floor is refused with 403 `tls-version-too-low`.
//!
//! The session is the one of the connection, or the one that a trusted proxy told by the PROXY protocol. What this does not
//! protect against: versions between a client and a proxy that tells nothing of them.

use http::{StatusCode, request};
use palisade_core::{
    BuildContext, BuildError, Context, Finding, Guard, Phase, Pipeline, Rejection, Severity, Stage,
    StageKind, TlsSession, TlsVersion, facts,
};
use serde::Deserialize;

/// The settings of the stage `tls-floor`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub struct TlsFloorSettings {
    /// The oldest version that is admitted: `TLSv1.3` or `TLSv1.2`; older names are understood and mean `TLSv1.2`.
    pub minimum_version: TlsVersion,
}

/// The oldest version of TLS with which a route may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsFloor {
    minimum: TlsVersion,
}

/// Why a connection does not reach the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BelowFloor {
    /// It does not use TLS.
    #[error("the connection does not use TLS")]
    Plain,
    /// It uses an older version.
    #[error("the connection uses {version}, the floor is {minimum}")]
    Version {
        /// What it uses.
        version: TlsVersion,
        /// What it must use at least.
        minimum: TlsVersion,
    },
}

impl TlsFloor {
    /// A floor at that version, and never below [`TlsVersion::LOWEST_SERVED`].
    pub fn new(minimum: TlsVersion) -> Self {
        Self {
            minimum: minimum.max(TlsVersion::LOWEST_SERVED),
        }
    }

    /// The oldest version that is admitted.
    pub fn minimum(self) -> TlsVersion {
        self.minimum
    }

    /// Whether a session, or none, reaches the floor.
    pub fn admits(self, session: Option<&TlsSession>) -> Result<(), BelowFloor> {
        match session {
            None => Err(BelowFloor::Plain),
            Some(session) if session.version < self.minimum => Err(BelowFloor::Version {
                version: session.version,
                minimum: self.minimum,
            }),
            Some(_) => Ok(()),
        }
    }

    /// The floor as a layer of its own.
    pub fn layer(self) -> Pipeline {
        Stage::guard(self).into()
    }
}

impl From<BelowFloor> for Rejection {
    fn from(below: BelowFloor) -> Self {
        match below {
            BelowFloor::Plain => Self::new(StatusCode::FORBIDDEN, "tls-required", "TLS is required"),
            BelowFloor::Version { minimum, .. } => Self::new(
                StatusCode::FORBIDDEN,
                "tls-version-too-low",
                "The TLS version is too low",
            )
            .member("minimum-version", minimum.name()),
        }
        .caused_by(below)
    }
}

impl Guard for TlsFloor {
    fn name(&self) -> &'static str {
        "tls-floor"
    }

    fn request(&self, _: &mut Context, head: &mut request::Parts) -> Result<(), Rejection> {
        Ok(self.admits(facts::tls_session(&head.extensions))?)
    }
}

impl StageKind for TlsFloor {
    const ROOTS: &'static [&'static str] = &["tls-floor"];

    type Settings = TlsFloorSettings;

    fn build(settings: TlsFloorSettings, _: &BuildContext<'_>) -> Result<Vec<(Phase, Stage)>, BuildError> {
        Ok(vec![(
            Phase::Connection,
            Stage::guard(Self::new(settings.minimum_version)),
        )])
    }

    fn guardrails(settings: &TlsFloorSettings, _: &BuildContext<'_>) -> Vec<Finding> {
        if settings.minimum_version >= TlsVersion::LOWEST_SERVED {
            return Vec::new();
        }
        let message = format!(
            "{} is obsolete and never served (RFC 8996); the effective floor is {}",
            settings.minimum_version,
            TlsVersion::LOWEST_SERVED
        );
        vec![Finding::new(Severity::Severe, "tls-floor-too-low", message).at("minimum-version")]
    }
}

#[cfg(test)]
mod tests {
    use palisade_core::{TlsSession, TlsVersion};
    use rstest::rstest;

    use super::{BelowFloor, TlsFloor};

    #[rstest]
    #[case(TlsVersion::Tls13, Some(TlsVersion::Tls13), true)]
    #[case(TlsVersion::Tls13, Some(TlsVersion::Tls12), false)]
    #[case(TlsVersion::Tls12, Some(TlsVersion::Tls12), true)]
    #[case(TlsVersion::Tls10, Some(TlsVersion::Tls11), false)]
    #[case(TlsVersion::Tls10, Some(TlsVersion::Tls12), true)]
    #[case(TlsVersion::Tls12, None, false)]
    fn a_session_reaches_the_floor_or_not(
        #[case] minimum: TlsVersion,
        #[case] version: Option<TlsVersion>,
        #[case] admitted: bool,
    ) {
        let session = version.map(|version| TlsSession::new(version, "TLS_AES_128_GCM_SHA256"));
        let verdict = TlsFloor::new(minimum).admits(session.as_ref());
        assert_eq!(verdict.is_ok(), admitted);
        assert_eq!(verdict == Err(BelowFloor::Plain), version.is_none());
    }
}
