//! One open session: CONNECT and CONNECTED, then frames out and in.

use std::sync::Arc;

use campanile_stomp::{
    Command, Connected, ConnectedError, Decoder, FrameWriter, HeartBeat, HeartBeatPlan, Limits,
    Role, Version,
};
use tokio::time::{Instant, timeout};

use super::{
    builder::Plan,
    carrier::{Carrier, Read},
    error::StompError,
    frame::Received,
    pulse::{Due, Pulse},
};

/// What CONNECTED has said about a session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// What is spoken.
    pub version: Version,
    /// The session's id, if the server has told it.
    pub id: Option<String>,
    /// The server's name and version, if it has told them.
    pub server: Option<String>,
    /// Who the server takes this client for: an addition that Spring made.
    pub user_name: Option<String>,
    /// The heart-beats that were agreed on.
    pub heart_beat: HeartBeatPlan,
}

/// A connection with a session.
#[derive(Debug)]
pub(super) struct Link {
    carrier: Carrier,
    decoder: Decoder,
    limits: Limits,
    /// What was read, and how much of it is decoded.
    input: Vec<u8>,
    decoded: usize,
    pulse: Pulse,
    pub(super) session: Arc<Session>,
}

impl Link {
    /// Opens a connection and a session, for at most the time that is planned for both.
    pub(super) async fn open(plan: &Plan) -> Result<Self, StompError> {
        let opening = async {
            let mut carrier = plan.open_carrier().await.map_err(StompError::open)?;
            carrier.append(&connect(plan)).map_err(StompError::lost)?;
            carrier.flush().await.map_err(StompError::lost)?;
            Self::converse(carrier, plan).await
        };
        let after = plan.open_timeout;
        match timeout(after, opening).await {
            Ok(opened) => opened,
            Err(_) => Err(StompError::OpenTimedOut {
                url: plan.url.clone(),
                after,
            }),
        }
    }

    /// Waits for CONNECTED.
    async fn converse(carrier: Carrier, plan: &Plan) -> Result<Self, StompError> {
        let session = Session {
            version: Version::V10,
            id: None,
            server: None,
            user_name: None,
            heart_beat: HeartBeatPlan::default(),
        };
        let mut link = Self {
            carrier,
            decoder: Decoder::new(Role::Client),
            limits: plan.limits,
            input: Vec::new(),
            decoded: 0,
            pulse: Pulse::new(HeartBeatPlan::default(), Instant::now()),
            session: Arc::new(session),
        };
        loop {
            if let Some(session) = link.take_connected(plan)? {
                link.decoder.set_version(session.version);
                link.pulse = Pulse::new(session.heart_beat, Instant::now());
                link.session = Arc::new(session);
                return Ok(link);
            }
            link.read().await?;
        }
    }

    fn take_connected(&mut self, plan: &Plan) -> Result<Option<Session>, StompError> {
        let input = self.input.get(self.decoded..).unwrap_or_default();
        let decoded = self.decoder.decode(input, &self.limits);
        let decoded = decoded.map_err(StompError::Protocol)?;
        self.decoded += decoded.consumed;
        let Some(frame) = decoded.frame else {
            return Ok(None);
        };
        let connected = match Connected::read(&frame) {
            Ok(connected) => connected,
            Err(ConnectedError::OtherFrame {
                command: Command::Error,
            }) => {
                let error = Received::copy(&frame).into_error();
                return Err(StompError::Refused(Box::new(error)));
            }
            Err(error) => return Err(StompError::NotConnected(error)),
        };
        Ok(Some(Session {
            version: connected.version,
            heart_beat: HeartBeat::negotiate(plan.heart_beat, connected.heart_beat),
            id: connected.session.map(Into::into),
            server: connected.server.map(Into::into),
            user_name: connected.user_name.map(Into::into),
        }))
    }

    /// The next frame. May be cancelled.
    pub(super) async fn next(&mut self) -> Result<Received, StompError> {
        loop {
            let input = self.input.get(self.decoded..).unwrap_or_default();
            let decoded = self.decoder.decode(input, &self.limits);
            let decoded = decoded.map_err(StompError::Protocol)?;
            self.decoded += decoded.consumed;
            if let Some(frame) = decoded.frame {
                return Ok(Received::copy(&frame));
            }
            self.read().await?;
        }
    }

    /// Reads once more. All that was read before is decoded.
    async fn read(&mut self) -> Result<(), StompError> {
        // Not kept: an idle connection holds no buffer.
        self.input = Vec::new();
        self.decoded = 0;
        match self.carrier.read(&mut self.input).await {
            Ok(Read::Some) => self.pulse.hear(Instant::now()),
            Ok(Read::End(frame)) => return Err(StompError::Ended(frame)),
            Err(error) => return Err(StompError::lost(error)),
        }
        Ok(())
    }

    /// Adds a frame to what is unsent; [`next`](Self::next) and [`flush`](Self::flush) send it.
    pub(super) fn append(
        &mut self,
        command: Command,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Result<(), StompError> {
        let mut frame = Vec::new();
        let mut writer = FrameWriter::new(&mut frame, self.session.version, command);
        for (name, value) in headers {
            writer.header(name, value);
        }
        writer.body(body);
        self.append_octets(&frame)
    }

    fn append_octets(&mut self, octets: &[u8]) -> Result<(), StompError> {
        self.pulse.send(Instant::now());
        self.carrier.append(octets).map_err(StompError::lost)
    }

    /// Whether so much is unsent that nothing should be added.
    pub(super) fn is_full(&self) -> bool {
        self.carrier.is_full()
    }

    /// Sends what is unsent. May be cancelled.
    pub(super) async fn flush(&mut self) -> Result<(), StompError> {
        self.carrier.flush().await.map_err(StompError::lost)
    }

    /// When [`look`](Self::look) is to be called at the latest.
    pub(super) fn next_look(&self, is_reading: bool) -> Option<Instant> {
        self.pulse.next_look(is_reading)
    }

    /// Sends a heart-beat if one is due; fails when the server was silent for too long.
    pub(super) fn look(&mut self, is_reading: bool) -> Result<(), StompError> {
        let now = Instant::now();
        match self.pulse.due(is_reading, now) {
            Due::Nothing => Ok(()),
            Due::Silent(after) => Err(StompError::Silent { after }),
            Due::Beat if self.is_full() => {
                // What is unsent is a sign of life as soon as the server takes it.
                self.pulse.send(now);
                Ok(())
            }
            Due::Beat => self.append_octets(b"\n"),
        }
    }

    /// Reading goes on after a pause.
    pub(super) fn resume(&mut self) {
        self.pulse.hear(Instant::now());
    }

    /// Ends the connection.
    pub(super) async fn close(&mut self) {
        self.carrier.close().await;
    }
}

/// CONNECT, with all that is planned. It has no escapes in any version, and a line end in a value
/// becomes a blank.
fn connect(plan: &Plan) -> Vec<u8> {
    let mut frame = Vec::new();
    let versions: Vec<&str> = plan.versions.iter().map(|it| it.as_str()).collect();
    let mut writer = FrameWriter::new(&mut frame, Version::V12, Command::Connect);
    writer.header("accept-version", &versions.join(","));
    // 1.1 and 1.2 require it (STOMP 1.2, CONNECT or STOMP Frame; S185).
    writer.header("host", &plan.host);
    writer.header("heart-beat", &plan.heart_beat.to_string());
    if let Some(login) = &plan.login {
        writer.header("login", login);
    }
    if let Some(passcode) = &plan.passcode {
        writer.header("passcode", passcode);
    }
    for (name, value) in &plan.headers {
        writer.header(name, value);
    }
    if !plan.headers.iter().any(|(name, _)| name == "x-errors") {
        // A server that knows it keeps the session after it has refused one frame.
        writer.header("x-errors", "keep");
    }
    writer.finish();
    frame
}
