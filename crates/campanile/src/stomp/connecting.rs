//! From CONNECT to CONNECTED.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use campanile_hub::{Headers, Timeouts};
use campanile_stomp::{Command, Connect, DecodeError, Frame, HeartBeat, HeartBeatPlan, Version};

use super::events::{Login, OnRefusal, StompEvent};
use super::refusing::Culprit;
use super::reply::Refused;
use super::session::{After, Link, StompSession};
use crate::context::{Replies, Sent};
use crate::handler::Answer;

/// What we can and want: a heart-beat as often as every 500 ms, and one every 10 s (S66).
const HEART_BEAT: HeartBeat = HeartBeat {
    sends_every_ms: 500,
    wants_every_ms: 10_000,
};

/// How many times the promised interval a client may be silent (S67).
const GRACE: u32 = 3;

/// What the server calls itself.
const SERVER: &str = concat!("campanile/", env!("CARGO_PKG_VERSION"));

/// Where queues and histories live.
const IN_MEMORY: &str = "in-memory";

/// A client that has sent CONNECT, and whom the application has not let in yet.
pub(super) struct Newcomer {
    version: Version,
    plan: HeartBeatPlan,
    keeps_going: bool,
    /// Whose the application says the session is.
    user: Option<Arc<OnceLock<Arc<str>>>>,
}

impl StompSession {
    /// Whether a client waits to be let in: what else it sends waits, too.
    pub(crate) fn is_connecting(&self) -> bool {
        self.newcomer.is_some()
    }

    pub(super) fn connect(
        &mut self,
        connect: &Connect<'_>,
        frame: &Frame<'_>,
        link: &mut Link<'_>,
    ) -> Result<After, Refused> {
        let version = connect.version()?;
        if version > Version::V10 && !frame.body().is_empty() {
            let command = frame.command();
            return Err(DecodeError::BodyNotAllowed { command }.into());
        }
        let mut newcomer = Newcomer {
            version,
            plan: HeartBeat::negotiate(HEART_BEAT, connect.heart_beat),
            keeps_going: frame.header("x-errors").as_deref() == Some("keep"),
            user: None,
        };
        if self.runtime.rules.connect.is_some() {
            let login = login(connect, frame);
            newcomer.user = Some(login.user());
            let event = StompEvent::Connect(login);
            if let Some(call) = self.runtime.rules.call(event, Replies::Nowhere, None) {
                self.newcomer = Some(Box::new(newcomer));
                return Ok(After::Call(call));
            }
        }
        let next = self.let_in(&newcomer, link)?;
        Ok(next.map_or(After::GoOn, After::Then))
    }

    /// Does what the application has answered to CONNECT, and says what is to be called next.
    pub(super) fn decided(&mut self, answer: Answer, link: &mut Link<'_>) -> Option<Box<Sent>> {
        let newcomer = self.newcomer.take()?;
        if !link.session.is_open() {
            // It has taken too long, or the client has gone: nobody is there to be let in.
            return None;
        }
        let decided = answer.map_err(Refused::from);
        match decided.and_then(|_| self.let_in(&newcomer, link)) {
            Ok(next) => next,
            Err(refused) => {
                let culprit = Culprit {
                    command: Some(Command::Connect),
                    ..Culprit::default()
                };
                self.refuse(&refused, culprit, link);
                None
            }
        }
    }

    fn let_in(
        &mut self,
        newcomer: &Newcomer,
        link: &mut Link<'_>,
    ) -> Result<Option<Box<Sent>>, Refused> {
        let user = newcomer.user.as_ref().and_then(|user| user.get());
        if let Some(user) = user {
            link.shard.sign_in(link.slot, Arc::clone(user)).finished()?;
        }
        let version = newcomer.version;
        self.version = Some(version);
        let keeps = self.runtime.rules.on_refusal == OnRefusal::Keep;
        self.keeps_going = newcomer.keeps_going || keeps;
        if let Some(format) = self.runtime.formats.of(self.wire, version) {
            link.shard.set_format(link.slot, format);
        }
        link.shard.change_timeouts(
            link.slot,
            |timeouts| with_heart_beats(timeouts, newcomer.plan),
            link.now,
        );
        let (id, heart_beat) = (link.session.id().to_string(), HEART_BEAT.to_string());
        let mut headers = vec![
            ("version", version.as_str()),
            ("session", &*id),
            ("server", SERVER),
            // What does not outlive this process.
            ("queues", IN_MEMORY),
            ("history", IN_MEMORY),
        ];
        if version > Version::V10 {
            headers.push(("heart-beat", &*heart_beat));
        }
        headers.extend(link.session.user().map(|user| ("user-name", user)));
        let connected = self.wire.frame(version, Command::Connected, &headers, "");
        self.runtime.counters.frame(Command::Connected);
        // A session that is being closed gets no more answers.
        let _ = link.shard.reply(link.slot, connected);
        Ok(self.call(StompEvent::Connected, Replies::Nowhere))
    }
}

fn login(connect: &Connect<'_>, frame: &Frame<'_>) -> Login {
    let named = |name: &str| matches!(name, "login" | "passcode" | "host");
    let others = frame.headers().filter(|one| !named(&one.name));
    let headers: Headers = others.map(|one| (one.name, one.value)).collect();
    Login::new(
        connect.login.as_deref().map(str::to_owned),
        connect.passcode.as_ref().map(|it| it.expose().to_owned()),
        connect.host.as_deref().map(str::to_owned),
        headers,
    )
}

fn with_heart_beats(timeouts: Timeouts, plan: HeartBeatPlan) -> Timeouts {
    Timeouts {
        // Where it was agreed on that there are none, those that SockJS wants go on.
        heart_beat: plan.send_every.or(timeouts.heart_beat),
        silence: plan
            .receive_every
            .map(|interval: Duration| interval * GRACE),
        ..timeouts
    }
}
