//! How a client opens a session.

use std::{borrow::Cow, fmt};

use crate::{
    client_frame::{ClientFrameError, take},
    frame::Frame,
    heart_beat::HeartBeat,
    version::{NoCommonVersion, Version, negotiate_version},
};

/// CONNECT, or STOMP, which is the same (STOMP 1.2, CONNECT or STOMP Frame; S60).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect<'a> {
    /// The versions that the client speaks, as it wrote them; see [`version`](Self::version).
    pub accept_version: Option<Cow<'a, str>>,
    /// The virtual host that the client means. 1.1 and 1.2 require it, but many clients for
    /// browsers leave it out, so that it is missing is no error here.
    pub host: Option<Cow<'a, str>>,
    /// Who the client says it is.
    pub login: Option<Cow<'a, str>>,
    /// What proves it.
    pub passcode: Option<Passcode<'a>>,
    /// What the client offers and wants; none in 1.0, which has no heart-beats.
    pub heart_beat: HeartBeat,
}

/// A secret that is not shown by `Debug` (S81).
#[derive(Clone, PartialEq, Eq)]
pub struct Passcode<'a>(Cow<'a, str>);

impl Passcode<'_> {
    /// The secret itself. Compare it in a time that does not depend on it, and never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passcode<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

impl<'a> Connect<'a> {
    /// Reads a CONNECT or STOMP frame. A client without `accept-version` speaks 1.0: then blanks
    /// around values are left out, which the examples of 1.0 have.
    pub(crate) fn read(frame: &Frame<'a>) -> Result<Self, ClientFrameError> {
        let [accept_version] = take(frame, Version::V12, ["accept-version"]);
        let reading = match accept_version {
            None => Version::V10,
            Some(_) => Version::V12,
        };
        let names = ["host", "login", "passcode", "heart-beat"];
        let [host, login, passcode, heart_beat] = take(frame, reading, names);
        let heart_beat = heart_beat.filter(|_| accept_version.is_some());
        let heart_beat =
            heart_beat.map_or(Ok(HeartBeat::NONE), |value| HeartBeat::parse(&value))?;
        Ok(Self {
            accept_version,
            host,
            login,
            passcode: passcode.map(Passcode),
            heart_beat,
        })
    }

    /// The highest version that both sides speak.
    ///
    /// # Errors
    /// [`NoCommonVersion`] if there is none (S59).
    pub fn version(&self) -> Result<Version, NoCommonVersion> {
        negotiate_version(self.accept_version.as_deref())
    }
}
