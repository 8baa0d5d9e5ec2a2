//! One STOMP session: which frame may come when, and what it does.

use std::sync::Arc;
use std::time::Duration;

use campanile_hub::{
    Cause, Content, Destination, Ending, Hub, Moment, Outcome, Shard, Slot, Timeouts,
};
use campanile_stomp::{
    AckMode, ClientFrame, Command, Connect, DecodeError, Decoder, Frame, HeartBeat, HeartBeatPlan,
    Limits, Request, Role, SUPPORTED_VERSIONS, Selector, Send, Subscribe, Unsubscribe, Version,
};
use campanile_websocket::CloseCode;

use super::broker::{Brokering, Kind};
use super::format::StompFormats;
use super::handlers::Handlers;
use super::labels::{acknowledged, label};
use super::messages::{message, of_somebody};
use super::reply::{Refused, in_message, not_connected, receipt_of};
use crate::context::Sent;
use crate::session::Session;

/// What we can and want: a heart-beat as often as every 500 ms, and one every 10 s (S66).
const HEART_BEAT: HeartBeat = HeartBeat {
    sends_every_ms: 500,
    wants_every_ms: 10_000,
};

/// How many times the promised interval a client may be silent (S67).
const GRACE: u32 = 3;

/// What the server calls itself.
const SERVER: &str = concat!("campanile/", env!("CARGO_PKG_VERSION"));

/// What all STOMP sessions of an application share.
pub(crate) struct StompRuntime {
    pub(crate) broker: Brokering,
    pub(crate) formats: StompFormats,
    pub(crate) handlers: Handlers,
}

/// The session's place in the hub, for the time of a turn.
pub(crate) struct Link<'a> {
    pub(crate) session: &'a Session,
    pub(crate) hub: &'a Hub,
    pub(crate) shard: &'a mut Shard,
    pub(crate) slot: Slot,
    pub(crate) now: Moment,
}

/// One STOMP session.
pub(crate) struct StompSession {
    decoder: Decoder,
    runtime: Arc<StompRuntime>,
    /// There once CONNECT was answered.
    pub(super) version: Option<Version>,
    subscriptions: u32,
    /// How many MESSAGEs were made for this session alone.
    pub(super) replies: u64,
    /// The client wants to go on after a refusal.
    keeps_going: bool,
    /// Nothing is taken from the client any more.
    has_ended: bool,
}

impl StompSession {
    pub(crate) fn new(runtime: Arc<StompRuntime>) -> Self {
        Self {
            decoder: Decoder::new(Role::Server),
            runtime,
            version: None,
            subscriptions: 0,
            replies: 0,
            keeps_going: false,
            has_ended: false,
        }
    }

    /// Whether the client has connected.
    pub(crate) fn is_connected(&self) -> bool {
        self.version.is_some()
    }

    /// Takes frames of what a WebSocket message has brought, up to one that a handler is to be
    /// called for.
    pub(crate) fn step(&mut self, input: &mut &[u8], link: &mut Link<'_>) -> Step {
        // The decoder is taken out, since the frames that it lends are handled by what is left.
        let mut decoder = std::mem::replace(&mut self.decoder, Decoder::new(Role::Server));
        let mut step = Step::Next;
        while !self.has_ended && matches!(step, Step::Next) {
            step = match decoder.decode(input, &Limits::default()) {
                Ok(decoded) => {
                    let (consumed, frame) = (decoded.consumed, decoded.frame);
                    let step = frame.map(|frame| self.frame(&frame, link));
                    *input = &input[consumed..];
                    step.unwrap_or(Step::Wait)
                }
                Err(error) => {
                    self.refuse(&error.into(), None, link);
                    Step::Wait
                }
            };
            if let Some(version) = self.version {
                decoder.set_version(version);
            }
        }
        decoder.release();
        self.decoder = decoder;
        step
    }

    fn frame(&mut self, frame: &Frame<'_>, link: &mut Link<'_>) -> Step {
        let receipt = receipt_of(frame, self.version);
        let receipt = receipt.as_deref();
        let opens = matches!(frame.command(), Command::Connect | Command::Stomp);
        let done = if opens || self.is_connected() {
            ClientFrame::read(frame, self.version.unwrap_or(Version::V12))
                .map_err(Refused::from)
                .and_then(|read| self.request(read.request, frame, receipt, link))
        } else {
            Err(not_connected())
        };
        match done {
            Ok(After::Call(sent)) => return Step::Call(sent),
            Ok(after) => {
                // CONNECTED is the answer to CONNECT, which asks for no receipt (Header receipt).
                if let Some(receipt) = receipt.filter(|_| !opens) {
                    self.receipt(receipt, link);
                }
                if let After::Leave = after {
                    self.has_ended = true;
                    close(link, CloseCode::NORMAL, "");
                }
            }
            Err(refused) => self.refuse(&refused, receipt, link),
        }
        Step::Next
    }

    fn request(
        &mut self,
        request: Request<'_>,
        frame: &Frame<'_>,
        receipt: Option<&str>,
        link: &mut Link<'_>,
    ) -> Result<After, Refused> {
        let Some(version) = self.version else {
            return match request {
                Request::Connect(connect) => self.connect(&connect, frame, link),
                _ => Err(not_connected()),
            };
        };
        match request {
            Request::Connect(_) => Err(Refused::breach(
                "connected-already",
                "this session is connected; open another one",
            )),
            Request::Send(send) => self.send(&send, frame, receipt, link),
            Request::Subscribe(subscribe) => self.subscribe(version, &subscribe, receipt, link),
            Request::Unsubscribe(unsubscribe) => self.unsubscribe(version, &unsubscribe, link),
            // On topics there is nothing to be acknowledged, and it is no mistake to do so.
            Request::Ack(_) | Request::Nack(_) => Ok(After::GoOn),
            Request::Begin(_) | Request::Commit(_) | Request::Abort(_) => Err(no_transactions()),
            Request::Disconnect => Ok(After::Leave),
            _ => Err(Refused::new(
                "unsupported",
                "this server does not know that command yet",
            )),
        }
    }

    fn connect(
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
        let plan = HeartBeat::negotiate(HEART_BEAT, connect.heart_beat);
        self.version = Some(version);
        self.keeps_going = frame.header("x-errors").as_deref() == Some("keep");
        link.shard
            .set_format(link.slot, self.runtime.formats.of(version));
        link.shard.change_timeouts(
            link.slot,
            |timeouts| with_heart_beats(timeouts, plan),
            link.now,
        );
        let (id, heart_beat) = (link.session.id().to_string(), HEART_BEAT.to_string());
        let mut headers = vec![
            ("version", version.as_str()),
            ("session", &*id),
            ("server", SERVER),
        ];
        if version > Version::V10 {
            headers.push(("heart-beat", &*heart_beat));
        }
        headers.extend(link.session.user().map(|user| ("user-name", user)));
        let connected = in_message(version, Command::Connected, &headers, "");
        // A session that is being closed gets no more answers.
        let _ = link.shard.reply(link.slot, connected);
        Ok(After::GoOn)
    }

    fn send(
        &mut self,
        send: &Send<'_>,
        frame: &Frame<'_>,
        receipt: Option<&str>,
        link: &mut Link<'_>,
    ) -> Result<After, Refused> {
        if send.transaction.is_some() {
            return Err(no_transactions());
        }
        let name = &*send.destination;
        let destination = match self.runtime.broker.kind(name)? {
            Kind::Application(path) => {
                let found = self.runtime.handlers.message(path);
                let found = found.ok_or_else(|| no_handler(name))?;
                let message = message(send, frame);
                return Ok(After::Call(found.call(name, message, receipt, None)));
            }
            Kind::Topic => {
                self.runtime.broker.check_send(name)?;
                Destination::named(name)
            }
            Kind::User(rest) => {
                self.runtime.broker.check_send(name)?;
                of_somebody(rest, link.session)?
            }
        };
        let message = message(send, frame);
        link.hub.publish(destination, message).finished()?;
        Ok(After::GoOn)
    }

    fn subscribe(
        &mut self,
        version: Version,
        subscribe: &Subscribe<'_>,
        receipt: Option<&str>,
        link: &mut Link<'_>,
    ) -> Result<After, Refused> {
        let limit = self.runtime.broker.subscriptions_max;
        if self.subscriptions as usize >= limit {
            let detail = format!("a session may have {limit} subscriptions; end some");
            return Err(Refused::new("too-many-subscriptions", detail));
        }
        let name = &*subscribe.destination;
        let mut label = label(version, subscribe.id.as_deref(), name);
        let with_ack = acknowledged(&label);
        if [&label, &with_ack]
            .iter()
            .any(|one| link.shard.has_label(link.slot, one))
        {
            let id = subscribe.id.as_deref().unwrap_or(name);
            let detail = format!("{id:?} is another subscription's; choose an id of its own");
            return Err(Refused::new("duplicate-subscription", detail));
        }
        if version == Version::V12 && subscribe.ack != AckMode::Auto {
            label = with_ack;
        }
        if let Kind::Application(path) = self.runtime.broker.kind(name)? {
            let found = self.runtime.handlers.subscribe(path);
            let found = found.ok_or_else(|| no_handler(name))?;
            // Nothing more comes of it, but its id is taken until the client gives it back.
            let own = Destination::of_session(link.session.id(), name);
            subscribe_to(own, &label, None, link)?;
            self.subscriptions += 1;
            let message = Content::text("").into();
            return Ok(After::Call(found.call(
                name,
                message,
                receipt,
                Some(&label),
            )));
        }
        let selector = subscribe
            .selector
            .as_deref()
            .map(Selector::parse)
            .transpose()?;
        let destinations = match self.runtime.broker.kind(name)? {
            Kind::Topic => vec![Destination::matching(self.runtime.broker.pattern(name)?)],
            Kind::Application(_) => Vec::new(),
            Kind::User(rest) => {
                let own = Destination::of_session(link.session.id(), rest);
                let user = link.session.user();
                let of_user = user.map(|user| Destination::of_user(user, rest));
                std::iter::once(own).chain(of_user).collect()
            }
        };
        for destination in destinations {
            subscribe_to(destination, &label, selector.clone(), link)?;
        }
        self.subscriptions += 1;
        Ok(After::GoOn)
    }

    fn unsubscribe(
        &mut self,
        version: Version,
        unsubscribe: &Unsubscribe<'_>,
        link: &mut Link<'_>,
    ) -> Result<After, Refused> {
        let label = match unsubscribe {
            Unsubscribe::Id(id) => label(version, Some(id), ""),
            Unsubscribe::Destination(name) => label(version, None, name),
        };
        self.forget(&label, link)
            .or_else(|_| self.forget(&acknowledged(&label), link))?;
        Ok(After::GoOn)
    }

    /// Ends a subscription.
    pub(super) fn forget(&mut self, label: &str, link: &mut Link<'_>) -> Result<(), Refused> {
        link.shard.unsubscribe_label(link.slot, label).finished()?;
        self.subscriptions = self.subscriptions.saturating_sub(1);
        Ok(())
    }

    pub(super) fn receipt(&self, receipt: &str, link: &mut Link<'_>) {
        let version = self.version.unwrap_or(Version::V12);
        let headers = [("receipt-id", receipt)];
        let frame = in_message(version, Command::Receipt, &headers, "");
        // A session that is being closed gets no more answers.
        let _ = link.shard.reply(link.slot, frame);
    }

    /// Tells the client what was wrong, and ends the session unless it may go on.
    pub(super) fn refuse(&mut self, refused: &Refused, receipt: Option<&str>, link: &mut Link<'_>) {
        tracing::debug!(session = %link.session.id(), word = refused.word, "a frame was refused");
        // Before a version is agreed upon all understand what has no escapes.
        let version = self.version.unwrap_or(Version::V10);
        let ours = SUPPORTED_VERSIONS;
        let mut headers = vec![("message", refused.word), ("content-type", "text/plain")];
        if self.version.is_none() {
            headers.push(("version", ours));
        }
        headers.extend(receipt.map(|receipt| ("receipt-id", receipt)));
        let frame = in_message(version, Command::Error, &headers, &refused.detail);
        // A session that is being closed gets no more answers.
        let _ = link.shard.reply(link.slot, frame);
        if self.keeps_going && refused.may_go_on {
            return;
        }
        self.has_ended = true;
        close(
            link,
            refused.code,
            &format!("{}: see the ERROR frame", refused.word),
        );
    }
}

/// What is left to do after a step.
pub(crate) enum Step {
    /// There may be another frame.
    Next,
    /// More has to come first.
    Wait,
    /// A handler is to be called, and then there may be another frame.
    Call(Box<Sent>),
}

/// What follows a frame that was understood.
enum After {
    GoOn,
    /// A handler decides; it has the receipt to be given.
    Call(Box<Sent>),
    /// The client has said farewell.
    Leave,
}

fn close(link: &mut Link<'_>, code: CloseCode, reason: &str) {
    let ending = Ending {
        code: code.get(),
        reason: reason.to_owned(),
        cause: match code {
            CloseCode::NORMAL => Cause::Peer,
            _ => Cause::Protocol,
        },
    };
    // Refused only where a close is under way already, which is as good.
    let _ = link.shard.close(link.slot, ending, link.now);
}

fn no_handler(name: &str) -> Refused {
    Refused::new(
        "no-handler",
        format!("nothing here handles {name:?}; check its spelling"),
    )
}

fn no_transactions() -> Refused {
    Refused::new(
        "unsupported",
        "this server has no transactions yet; send without the transaction header",
    )
}

fn with_heart_beats(timeouts: Timeouts, plan: HeartBeatPlan) -> Timeouts {
    Timeouts {
        heart_beat: plan.send_every,
        silence: plan
            .receive_every
            .map(|interval: Duration| interval * GRACE),
        ..timeouts
    }
}

fn subscribe_to(
    destination: Destination,
    label: &str,
    selector: Option<Selector>,
    link: &mut Link<'_>,
) -> Result<(), Refused> {
    let outcome: Outcome<u64> = match selector {
        None => link.shard.subscribe(link.slot, destination, label),
        Some(selector) => {
            let wants = move |publication: &campanile_hub::Publication| {
                let headers = publication.headers();
                selector.matches(|name| headers.get(name).map(Into::into))
            };
            link.shard
                .subscribe_filtered(link.slot, destination, label, wants)
        }
    };
    outcome.finished()?;
    Ok(())
}
