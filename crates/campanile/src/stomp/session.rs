//! One STOMP session: which frame may come when, and what it does.

use std::sync::Arc;

use campanile_hub::{Begun, Ending, Hub, Moment, Shard, Slot, Verdict};
use campanile_stomp::{ClientFrame, Command, Decoder, Frame, Limits, Request, Role, Version};
use campanile_websocket::CloseCode;

use super::connecting::Newcomer;
use super::events::{StompEvent, StompRules, Subscription};
use super::format::StompFormats;
use super::handlers::HandlerRoutes;
use super::naming::Brokering;
use super::queueing::{Consumers, rejected};
use super::refusing::Culprit;
use super::reply::{Refused, not_connected, receipt_of};
use super::stages::{InboundFrame, Stages};
use super::transactions::Transactions;
use crate::context::{Event, Replies, Sent};
use crate::driver::UNREAD_REPLIES_BYTES_MAX;
use crate::handler::Callback;
use crate::session::Session;
use crate::statistics::Counters;
use crate::wire::Wire;

/// What all STOMP sessions of an endpoint share; but for the rules, those of an application do.
#[derive(Clone)]
pub(crate) struct StompRuntime {
    pub(crate) broker: Arc<Brokering>,
    pub(crate) formats: Arc<StompFormats>,
    pub(crate) handlers: Arc<HandlerRoutes>,
    pub(crate) stages: Arc<Stages>,
    pub(crate) rules: StompRules,
    /// Asked when a callback for an event has failed.
    pub(crate) on_error: Option<Callback>,
    pub(crate) counters: Arc<Counters>,
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
    pub(super) runtime: Arc<StompRuntime>,
    pub(super) wire: Wire,
    /// What the client has sent before it was connected, in bytes.
    pub(super) early_bytes: u16,
    /// There once CONNECT was answered.
    pub(super) version: Option<Version>,
    /// There while the application thinks about CONNECT.
    pub(super) newcomer: Option<Box<Newcomer>>,
    pub(super) subscriptions: u32,
    /// How many MESSAGEs were made for this session alone.
    pub(super) replies: u64,
    /// The subscriptions with their labels, where somebody wants to be told of their ends.
    pub(super) named: Vec<(Box<str>, Subscription)>,
    /// There while the session takes messages from queues.
    pub(super) consumers: Option<Box<Consumers>>,
    /// There from BEGIN on.
    pub(super) transactions: Option<Box<Transactions>>,
    /// What of a message has to wait until more may be taken: no more than one message.
    unread: Vec<u8>,
    /// The session goes on after a refusal.
    pub(super) keeps_going: bool,
    /// Nothing is taken from the client any more.
    pub(super) has_ended: bool,
}

impl StompSession {
    pub(crate) fn new(runtime: Arc<StompRuntime>, wire: Wire) -> Self {
        Self {
            decoder: Decoder::new(Role::Server),
            runtime,
            wire,
            early_bytes: 0,
            version: None,
            newcomer: None,
            subscriptions: 0,
            replies: 0,
            named: Vec::new(),
            consumers: None,
            transactions: None,
            unread: Vec::new(),
            keeps_going: false,
            has_ended: false,
        }
    }

    /// Whether the client has connected.
    pub(crate) fn is_connected(&self) -> bool {
        self.version.is_some()
    }

    /// Keeps the rest of a message for later.
    pub(crate) fn hold_back(&mut self, rest: &[u8]) {
        self.unread = rest.to_vec();
    }

    /// What was kept for later; nothing is kept any more.
    pub(crate) fn take_unread(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unread)
    }

    /// Whether something is kept for later.
    pub(crate) fn has_unread(&self) -> bool {
        !self.unread.is_empty()
    }

    /// Whether nothing is taken from the client any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Takes frames of what has come, up to one that a handler is to be called for.
    pub(crate) fn step(&mut self, input: &mut &[u8], link: &mut Link<'_>) -> Step {
        // The decoder is taken out, since the frames that it lends are handled by what is left.
        let mut decoder = std::mem::replace(&mut self.decoder, Decoder::new(Role::Server));
        let mut step = Step::Next;
        while !self.has_ended && matches!(step, Step::Next) {
            if link.shard.waiting_bytes(link.slot) > UNREAD_REPLIES_BYTES_MAX {
                step = Step::Full;
                break;
            }
            if let Some(version) = self.version {
                decoder.set_version(version);
            }
            let room = self.room(input.len());
            step = match decoder.decode(&input[..room], &Limits::default()) {
                Ok(decoded) => {
                    let (consumed, frame) = (decoded.consumed, decoded.frame);
                    self.has_come(consumed);
                    let step = frame.map(|frame| self.frame(&frame, link));
                    *input = &input[consumed..];
                    match step {
                        Some(step) => step,
                        None if input.is_empty() => Step::Wait,
                        None => self.without_room(link),
                    }
                }
                Err(error) => {
                    self.refuse(&self.not_understood(error), Culprit::default(), link);
                    Step::Wait
                }
            };
        }
        decoder.release();
        self.decoder = decoder;
        step
    }

    fn frame(&mut self, frame: &Frame<'_>, link: &mut Link<'_>) -> Step {
        self.runtime.counters.frame(frame.command());
        let receipt = receipt_of(frame, self.version);
        let receipt = receipt.as_deref();
        let Some(version) = self
            .version
            .filter(|_| !self.runtime.stages.inbound.is_empty())
        else {
            return self.take(frame, receipt, link);
        };
        let mut seen = InboundFrame::new(frame);
        let passes = self.runtime.stages.let_in(link.session, &mut seen);
        match passes {
            Ok(true) if !seen.is_changed => self.take(frame, receipt, link),
            Ok(true) => self.take_changed(&seen.encode(version), version, receipt, link),
            Ok(false) => {
                if let Some(receipt) = receipt {
                    self.receipt(receipt, link);
                }
                Step::Next
            }
            Err(refused) => {
                self.spoil(seen.command, seen.header("transaction"));
                let culprit = Culprit {
                    command: Some(seen.command),
                    destination: seen.destination(),
                    receipt,
                };
                self.refuse(&refused, culprit, link);
                Step::Next
            }
        }
    }

    /// Takes a frame that interceptors have changed.
    fn take_changed(
        &mut self,
        changed: &[u8],
        version: Version,
        receipt: Option<&str>,
        link: &mut Link<'_>,
    ) -> Step {
        let mut decoder = Decoder::new(Role::Server);
        decoder.set_version(version);
        match decoder.decode(changed, &Limits::default()) {
            Ok(decoded) => match decoded.frame {
                Some(frame) => self.take(&frame, receipt, link),
                None => Step::Next,
            },
            Err(error) => {
                // What was decoded before is understood still.
                let refused = Refused {
                    may_go_on: true,
                    ..error.into()
                };
                self.refuse(&refused, Culprit::default(), link);
                Step::Next
            }
        }
    }

    fn take(&mut self, frame: &Frame<'_>, receipt: Option<&str>, link: &mut Link<'_>) -> Step {
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
            Ok(After::CallAll(all)) => return Step::CallAll(all),
            Ok(after) => {
                // CONNECTED is the answer to CONNECT, which asks for no receipt (Header receipt).
                if let Some(receipt) = receipt.filter(|_| !opens) {
                    match &after {
                        After::Begun(begun, _) => self.receipt_of_begun(receipt, *begun, link),
                        _ => self.receipt(receipt, link),
                    }
                }
                match after {
                    After::Then(event) | After::Begun(_, Some(event)) => return Step::Call(event),
                    After::Leave => {
                        self.has_ended = true;
                        self.close(link, CloseCode::NORMAL, "");
                    }
                    After::GoOn | After::Begun(_, None) | After::Call(_) | After::CallAll(_) => {}
                }
            }
            Err(refused) => {
                self.spoil(frame.command(), frame.header("transaction").as_deref());
                let destination = frame.header("destination");
                let culprit = Culprit {
                    command: Some(frame.command()),
                    destination: destination.as_deref(),
                    receipt,
                };
                self.refuse(&refused, culprit, link);
            }
        }
        Step::Next
    }

    /// The call of the callback for an event, if there is one.
    pub(super) fn call(&self, event: StompEvent, replies: Replies) -> Option<Box<Sent>> {
        let StompRuntime {
            rules, on_error, ..
        } = &*self.runtime;
        rules.call(event, replies, on_error.as_ref())
    }

    /// What is left to be told when the session has ended.
    pub(crate) fn farewell(&mut self, ending: &Ending) -> Vec<Event> {
        if self.version.is_none() {
            return Vec::new();
        }
        let ends = std::mem::take(&mut self.named).into_iter();
        let ends = ends.map(|(_, one)| StompEvent::Unsubscribed(one));
        let last = StompEvent::Disconnected(ending.clone());
        let all = ends.chain([last]);
        all.filter_map(|event| self.call(event, Replies::Nowhere))
            .map(Event::Sent)
            .collect()
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
            Request::Subscribe(subscribe) => {
                self.subscribe(version, &subscribe, frame, receipt, link)
            }
            Request::Unsubscribe(unsubscribe) => self.unsubscribe(version, &unsubscribe, link),
            Request::Ack(ack) => self.acknowledge(version, &ack, frame, Verdict::Accepted, link),
            Request::Nack(nack) => {
                let verdict = rejected(version, frame);
                self.acknowledge(version, &nack, frame, verdict, link)
            }
            Request::Begin(name) => self.begin(&name, link),
            Request::Commit(name) => self.commit(version, &name, receipt, link),
            Request::Abort(name) => self.abort(&name, link),
            Request::Disconnect => Ok(After::Leave),
            _ => Err(Refused::new(
                "unsupported",
                "this server does not know that command yet",
            )),
        }
    }

    pub(super) fn receipt(&self, receipt: &str, link: &mut Link<'_>) {
        self.receipt_with(&[("receipt-id", receipt)], link);
    }

    pub(super) fn receipt_with(&self, headers: &[(&str, &str)], link: &mut Link<'_>) {
        let version = self.version.unwrap_or(Version::V12);
        let frame = self.wire.frame(version, Command::Receipt, headers, "");
        // A session that is being closed gets no more answers.
        let _ = link.shard.reply(link.slot, frame);
    }
}

/// What is left to do after a step.
pub(crate) enum Step {
    /// There may be another frame.
    Next,
    /// More has to come first.
    Wait,
    /// The client has to read its answers first.
    Full,
    /// A handler is to be called, and then there may be another frame.
    Call(Box<Sent>),
    /// As many handlers, in this order.
    CallAll(Box<[Box<Sent>]>),
}

/// What follows a frame that was understood.
pub(super) enum After {
    GoOn,
    /// A handler decides; it has the receipt to be given.
    Call(Box<Sent>),
    /// These handlers decide, and have the receipt to be given after the last of them.
    CallAll(Box<[Box<Sent>]>),
    /// A subscription has begun, and a callback may have to be told.
    Begun(Begun, Option<Box<Sent>>),
    /// It has taken effect, and a callback is to be told.
    Then(Box<Sent>),
    /// The client has said farewell.
    Leave,
}
