//! How a client opens a session, and what a server answers.

use std::{borrow::Cow, fmt};

use crate::{
    client_frame::{ClientFrameError, take},
    command::Command,
    error::Excerpt,
    frame::Frame,
    heart_beat::{HeartBeat, HeartBeatInvalid},
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
    /// Reads a CONNECT or STOMP frame. If 1.0 comes of `accept-version`, or there is none, blanks
    /// around values are left out, which the examples of 1.0 have.
    pub(crate) fn read(frame: &Frame<'a>) -> Result<Self, ClientFrameError> {
        let [accept_version] = take(frame, Version::V12, ["accept-version"]);
        let chosen = negotiate_version(accept_version.as_deref());
        let reading = chosen.unwrap_or(Version::V12);
        let names = ["host", "login", "passcode", "heart-beat"];
        let [host, login, passcode, heart_beat] = take(frame, reading, names);
        let heart_beat = heart_beat.filter(|_| reading > Version::V10);
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

/// CONNECTED: the server has opened the session (STOMP 1.2, CONNECTED Frame; S61).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected<'a> {
    /// What is spoken from here on; 1.0 if the server does not say.
    pub version: Version,
    /// What the server offers and wants.
    pub heart_beat: HeartBeat,
    /// The session's id.
    pub session: Option<Cow<'a, str>>,
    /// The server's name, with its version.
    pub server: Option<Cow<'a, str>>,
    /// Who the server takes the client for: an addition that Spring made.
    pub user_name: Option<Cow<'a, str>>,
}

/// An answer to CONNECT that opens no session: close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectedError {
    /// Another frame, such as an ERROR, which says why.
    #[error("the server has answered CONNECT with {command}; look at what it says")]
    OtherFrame {
        /// What it sent.
        command: Command,
    },
    /// A version that is not spoken here.
    #[error("the server has chosen version \"{version}\"; offer only what is spoken here")]
    VersionUnknown {
        /// The beginning of it.
        version: Excerpt,
    },
    /// A `heart-beat` that cannot be read.
    #[error(transparent)]
    HeartBeat(#[from] HeartBeatInvalid),
}

impl<'a> Connected<'a> {
    /// Reads the first frame that a server sends. Give its version to
    /// [`Decoder::set_version`](crate::Decoder::set_version).
    ///
    /// # Errors
    /// When it opens no session that can be used.
    pub fn read(frame: &Frame<'a>) -> Result<Self, ConnectedError> {
        let command = frame.command();
        if command != Command::Connected {
            return Err(ConnectedError::OtherFrame { command });
        }
        let [version] = take(frame, Version::V12, ["version"]);
        let version = match version {
            None => Version::V10,
            Some(name) => {
                Version::from_name(&name).ok_or_else(|| ConnectedError::VersionUnknown {
                    version: Excerpt::new(name.as_bytes()),
                })?
            }
        };
        let names = ["heart-beat", "session", "server", "user-name"];
        let [heart_beat, session, server, user_name] = take(frame, version, names);
        let heart_beat = heart_beat.filter(|_| version > Version::V10);
        Ok(Self {
            version,
            heart_beat: heart_beat.map_or(Ok(HeartBeat::NONE), |value| HeartBeat::parse(&value))?,
            session,
            server,
            user_name,
        })
    }
}
