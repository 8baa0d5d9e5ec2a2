//! From an event of a session to its callback, and from the callback's answer to the session.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use campanile_hub::{Cause, Hub, Moment, Outcome, Refusal, SessionId, Shard, Slot};
use campanile_websocket::CloseCode;

use super::EndpointRuntime;
use super::connection::Connection;
use super::inbound::Inbound;
use super::waiting::Background;
use crate::calls::{Called, call, guarded};
use crate::context::{About, Context, Event, EventKind, Sent};
use crate::error::HandlerError;
use crate::handler::{Answer, Answering};
use crate::reply::Reply;
use crate::session::Session;
use crate::state::Application;
use crate::statistics::Counters;
use crate::stomp::answered_late;

/// A callback that was running in the background has ended.
pub(crate) struct Report {
    pub(crate) slot: Slot,
    pub(crate) id: SessionId,
    answer: Answer,
    kind: Kind,
}

/// A session that has ended while a callback was running: the rest happens after it.
pub(crate) struct Remains {
    pub(crate) session: Session,
    pub(crate) endpoint: Arc<EndpointRuntime>,
    pub(crate) inbound: Inbound,
}

/// Which callback it is that answers.
#[derive(Clone)]
enum Kind {
    Ordinary,
    /// A handler of what was sent to a destination of the application's.
    Sent(Arc<About>),
    /// The error callback; when it fails itself, the session is closed.
    Error,
}

impl Kind {
    fn of(event: &Event) -> Self {
        match event {
            Event::Failed(_) => Self::Error,
            Event::Sent(sent) => Self::Sent(Arc::clone(&sent.about)),
            _ => Self::Ordinary,
        }
    }
}

/// Calls the callbacks of one shard's sessions.
pub(crate) struct Caller {
    application: Arc<Application>,
    background: Background,
    reports: Rc<RefCell<Vec<Report>>>,
    /// How many run on, or have ended and not been asked about.
    running: Cell<usize>,
}

impl Caller {
    pub(crate) fn new(application: Arc<Application>, background: Background) -> Self {
        Self {
            application,
            background,
            reports: Rc::default(),
            running: Cell::new(0),
        }
    }

    /// Whether callbacks run on in the background.
    pub(crate) fn is_running(&self) -> bool {
        self.running.get() > 0
    }

    pub(crate) fn hub(&self) -> &Hub {
        self.application.handle().hub()
    }

    pub(crate) fn counters(&self) -> &Counters {
        self.application.handle().endpoints().counters()
    }

    /// What has ended in the background since the last call.
    pub(crate) fn reports(&self) -> Vec<Report> {
        let reports = std::mem::take(&mut *self.reports.borrow_mut());
        self.running.set(self.running.get() - reports.len());
        reports
    }

    /// Hands an event to its callback, at once or when the one before it has ended.
    pub(crate) fn deliver(
        &self,
        connection: &mut Connection,
        shard: &mut Shard,
        slot: Slot,
        event: Event,
        now: Moment,
    ) {
        if !connection.endpoint.callbacks.take_note_of(&event) {
            return;
        }
        let mut next = connection.inbound.admit(event);
        while let Some(event) = next {
            self.handle(connection, shard, slot, event, now);
            next = connection.inbound.next();
        }
    }

    /// Goes on with a session whose callback has ended in the background.
    pub(crate) fn resume(
        &self,
        connection: &mut Connection,
        shard: &mut Shard,
        report: Report,
        now: Moment,
    ) {
        let Report {
            slot, answer, kind, ..
        } = report;
        connection.inbound.ended();
        self.settle(connection, shard, slot, answer, kind, now);
        while let Some(next) = connection.inbound.next() {
            self.handle(connection, shard, slot, next, now);
        }
    }

    /// Handles what still waits for a session that has ended. Gives it back when a callback runs
    /// on in the background.
    pub(crate) fn finish(&self, mut remains: Remains) -> Option<Remains> {
        while let Some(event) = remains.inbound.next() {
            self.handle_late(&mut remains, event);
        }
        if remains.inbound.is_running() {
            return Some(remains);
        }
        remains.endpoint.callbacks.unmake_state(&remains.session);
        None
    }

    /// Goes on with a session that has ended, and one of whose callbacks has now ended as well.
    pub(crate) fn resume_late(&self, mut remains: Remains, report: Report) -> Option<Remains> {
        let Report { answer, kind, .. } = report;
        remains.inbound.ended();
        self.settle_late(&mut remains, answer, &kind);
        self.finish(remains)
    }

    fn handle_late(&self, remains: &mut Remains, event: Event) {
        let (kind, concurrency) = (Kind::of(&event), event.concurrency());
        let session = remains.session.clone();
        let Ok(called) = self.call_for(&remains.endpoint, session, event) else {
            return;
        };
        match called {
            Called::Ready(answer) => self.settle_late(remains, answer, &kind),
            Called::Pending(answering) => {
                remains.inbound.started(concurrency);
                // Its slot may be another session's by now; the id tells them apart.
                let slot = remains.session.slot();
                self.in_background(slot, &remains.session, answering, kind);
            }
        }
    }

    /// The session is not there to be answered, but others may be, and a failure is one still.
    fn settle_late(&self, remains: &mut Remains, answer: Answer, kind: &Kind) {
        let answer = match kind {
            Kind::Sent(about) => match failed(answer, about) {
                Ok(event) => return self.handle_late(remains, event),
                Err(Ok(reply)) => {
                    let broker = self.application.handle().endpoints().broker();
                    return answered_late(reply, about, &remains.session, broker, self.hub());
                }
                Err(answer) => answer,
            },
            Kind::Ordinary | Kind::Error => answer,
        };
        let Err(error) = answer else { return };
        if matches!(kind, Kind::Ordinary) && remains.endpoint.callbacks.error.is_some() {
            self.handle_late(remains, Event::Failed(Some(error)));
        } else {
            log_failure(&remains.session, &error);
        }
    }

    /// Calls the callback for an event. Gives the event's kind back where there is none.
    fn call_for(
        &self,
        endpoint: &EndpointRuntime,
        session: Session,
        event: Event,
    ) -> Result<Called, EventKind> {
        let application = Arc::clone(&self.application);
        if let Event::Sent(sent) = event {
            let Sent {
                callback,
                event,
                about,
            } = *sent;
            let context = Context::of_sent(application, session, event, about);
            return Ok(call(&callback, context));
        }
        match endpoint.callbacks.of(&event) {
            Some(callback) => Ok(call(callback, Context::new(application, session, event))),
            None => Err(event.kind()),
        }
    }

    fn handle(
        &self,
        connection: &mut Connection,
        shard: &mut Shard,
        slot: Slot,
        event: Event,
        now: Moment,
    ) {
        let (kind, concurrency) = (Kind::of(&event), event.concurrency());
        if let Event::Opened = event
            && let Err(error) = connection
                .endpoint
                .callbacks
                .make_state(&connection.session)
        {
            return self.settle(connection, shard, slot, Err(error), kind, now);
        }
        let session = connection.session.clone();
        let called = match self.call_for(&connection.endpoint, session, event) {
            Ok(called) => called,
            Err(unwanted) => {
                if unwanted.is_data() {
                    let reason = format!("unsupported: {unwanted} is not taken here");
                    let code = CloseCode::UNSUPPORTED_DATA;
                    connection.close_for(slot, code, &reason, Cause::Application, shard, now);
                }
                return;
            }
        };
        match called {
            Called::Ready(answer) => self.settle(connection, shard, slot, answer, kind, now),
            Called::Pending(answering) => {
                connection.inbound.started(concurrency);
                self.in_background(slot, &connection.session, answering, kind);
            }
        }
    }

    /// Does what a callback's answer says.
    fn settle(
        &self,
        connection: &mut Connection,
        shard: &mut Shard,
        slot: Slot,
        answer: Answer,
        kind: Kind,
        now: Moment,
    ) {
        if let Kind::Sent(about) = kind {
            let answer = match failed(answer, &about) {
                Ok(event) => return self.handle(connection, shard, slot, event, now),
                Err(answer) => answer,
            };
            let next = connection.answered(slot, answer, &about, shard, self.hub(), now);
            if let Some(next) = next {
                self.deliver(connection, shard, slot, Event::Sent(next), now);
            }
            return;
        }
        let replied = answer.and_then(|reply| send(&connection.session, shard, slot, reply));
        let Err(error) = replied else { return };
        if matches!(kind, Kind::Ordinary) && connection.endpoint.callbacks.error.is_some() {
            return self.handle(connection, shard, slot, Event::Failed(Some(error)), now);
        }
        log_failure(&connection.session, &error);
        let (code, reason) = error.close();
        // Refused only where a close is under way already, which is as good.
        let _ = connection.session.close(code, &reason);
    }

    /// Lets a callback run on as a task of the shard's thread; it reports when it has ended, and
    /// ends with the thread at the latest.
    fn in_background(&self, slot: Slot, session: &Session, answering: Answering, kind: Kind) {
        let (reports, ended) = (Rc::clone(&self.reports), Rc::clone(&self.background.ended));
        let id = session.id();
        self.running.set(self.running.get() + 1);
        self.background.local.spawn_local(async move {
            let answer = guarded(answering).await;
            reports.borrow_mut().push(Report {
                slot,
                id,
                answer,
                kind,
            });
            ended.notify_one();
        });
    }
}

/// The call of the error callback that is to be asked about a failed handler; gives the answer back
/// where nobody is to be asked.
fn failed(answer: Answer, about: &About) -> Result<Event, Answer> {
    match (answer, &about.on_error) {
        (Err(error), Some(callback)) => Ok(Event::Sent(Box::new(Sent {
            callback: callback.clone(),
            event: Event::Failed(Some(error)),
            about: Arc::new(about.of_failure()),
        }))),
        (answer, _) => Err(answer),
    }
}

/// Sends what a callback has answered; a close comes after everything that was sent before it.
fn send(
    session: &Session,
    shard: &mut Shard,
    slot: Slot,
    reply: Reply,
) -> Result<(), HandlerError> {
    let (first, rest, close) = reply.into_parts();
    for message in first.into_iter().chain(rest) {
        // A session that is being closed gets no more answers.
        if let Outcome::Refused(refusal @ Refusal::Overloaded) = shard.answer(slot, message) {
            return Err(HandlerError::from(refusal)
                .and_close(CloseCode::TRY_AGAIN_LATER, refusal.to_string()));
        }
    }
    if let Some(close) = close {
        // Refused only where a close is under way already, which is as good.
        let _ = session.close(close.code, &close.reason);
    }
    Ok(())
}

fn log_failure(session: &Session, error: &HandlerError) {
    if error.is_unexpected() {
        tracing::error!(session = %session.id(), %error, "a callback failed");
    } else {
        tracing::debug!(session = %session.id(), %error, "a callback refused");
    }
}
