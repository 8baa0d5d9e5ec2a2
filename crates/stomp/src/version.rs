//! The three versions of the protocol, and choosing one.

use std::fmt;

/// The versions that this crate speaks, as the `version` header of an ERROR lists them when a
/// client has asked for none of them (STOMP 1.2, Protocol Negotiation).
pub const SUPPORTED_VERSIONS: &str = "1.0,1.1,1.2";

/// A version of STOMP. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// 1.0: no escapes, no heart-beats, messages are acknowledged by `message-id`.
    V10,
    /// 1.1: escapes for line feed, colon and backslash; heart-beats; NACK.
    V11,
    /// 1.2: carriage returns may end lines and have an escape; messages are acknowledged by `ack`.
    V12,
}

impl Version {
    /// All of them, the latest first: the order of preference.
    pub const ALL: [Self; 3] = [Self::V12, Self::V11, Self::V10];

    /// As the headers `version` and `accept-version` name it: `1.0`, `1.1` or `1.2`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V10 => "1.0",
            Self::V11 => "1.1",
            Self::V12 => "1.2",
        }
    }

    /// The version that a header names; `None` for one that this crate does not speak.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// The WebSocket sub-protocol that stands for it: `v10.stomp`, `v11.stomp` or `v12.stomp`
    /// (S58).
    pub fn subprotocol(self) -> &'static str {
        match self {
            Self::V10 => "v10.stomp",
            Self::V11 => "v11.stomp",
            Self::V12 => "v12.stomp",
        }
    }

    /// The version that a WebSocket sub-protocol stands for, whatever its case.
    pub fn from_subprotocol(name: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|it| it.subprotocol().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A client speaks none of our versions. Answer with an ERROR that has `version:` and
/// [`SUPPORTED_VERSIONS`], then close (STOMP 1.2, Protocol Negotiation; S59).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("accept-version names no version that is spoken here; supported: {SUPPORTED_VERSIONS}")]
pub struct NoCommonVersion;

impl NoCommonVersion {
    /// The stable word for the `message` header of an ERROR: `no-common-version`.
    pub fn word(&self) -> &'static str {
        "no-common-version"
    }
}

/// The highest version of `accept`, the value of `accept-version`, that this crate speaks. None at
/// all means 1.0 (STOMP 1.2, Protocol Negotiation). Blanks around the versions are skipped, and
/// versions that do not exist yet are passed over.
///
/// # Errors
/// [`NoCommonVersion`] if the client has named others only.
///
/// ```
/// use campanile_stomp::{NoCommonVersion, Version, negotiate_version};
///
/// assert_eq!(negotiate_version(Some("1.0, 1.2,9.9")), Ok(Version::V12));
/// assert_eq!(negotiate_version(None), Ok(Version::V10));
/// assert_eq!(negotiate_version(Some("2.0")), Err(NoCommonVersion));
/// ```
pub fn negotiate_version(accept: Option<&str>) -> Result<Version, NoCommonVersion> {
    let Some(accept) = accept else {
        return Ok(Version::V10);
    };
    let offered = accept.split(',');
    let common = offered.filter_map(|name| Version::from_name(name.trim_matches([' ', '\t'])));
    common.max().ok_or(NoCommonVersion)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s58_the_highest_common_version_is_chosen_whatever_the_order() {
        for (accept, version) in [
            ("1.0", Version::V10),
            ("1.1", Version::V11),
            ("1.2", Version::V12),
            ("1.0,1.1,1.2", Version::V12),
            ("1.2,1.1,1.0", Version::V12),
            ("1.0,1.1,2.0", Version::V11),
            ("1.0 , 1.1\t,9", Version::V11),
            (",1.1,,", Version::V11),
        ] {
            assert_eq!(negotiate_version(Some(accept)), Ok(version), "{accept}");
        }
    }

    #[test]
    fn s59_no_accept_version_is_1_0_and_no_common_one_an_error_that_lists_ours() {
        assert_eq!(negotiate_version(None), Ok(Version::V10));
        for accept in ["", " ", "2.0", "1.20", "1", "1.2.0", "v1.2", "1.1;1.2"] {
            assert_eq!(
                negotiate_version(Some(accept)),
                Err(NoCommonVersion),
                "{accept}"
            );
        }
        assert!(
            NoCommonVersion
                .to_string()
                .ends_with("supported: 1.0,1.1,1.2")
        );
        assert_eq!(NoCommonVersion.word(), "no-common-version");
    }

    #[test]
    fn s58_sub_protocols_stand_for_versions() {
        for version in Version::ALL {
            assert_eq!(
                Version::from_subprotocol(version.subprotocol()),
                Some(version)
            );
            assert_eq!(Version::from_name(&version.to_string()), Some(version));
            assert!(SUPPORTED_VERSIONS.contains(version.as_str()));
        }
        assert_eq!(Version::from_subprotocol("V12.STOMP"), Some(Version::V12));
        assert_eq!(Version::from_subprotocol("v13.stomp"), None);
        assert!(Version::V12 > Version::V11 && Version::V11 > Version::V10);
    }
}
