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
use crate::context::{Context, Event};
use crate::error::HandlerError;
use crate::handler::{Answer, Answering};
use crate::session::Session;
use crate::state::Application;

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
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ordinary,
    /// The error callback; when it fails itself, the session is closed.
    Error,
}

/// Whether the next event may be handled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Done,
    InBackground,
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
        let mut next = connection.inbound.admit(event);
        while let Some(event) = next {
            if self.handle(connection, shard, slot, event, now) == Progress::InBackground {
                return;
            }
            next = connection.inbound.finished();
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
        if self.settle(connection, shard, slot, answer, kind, now) == Progress::InBackground {
            return;
        }
        if let Some(next) = connection.inbound.finished() {
            self.deliver(connection, shard, slot, next, now);
        }
    }

    /// Handles what still waits for a session that has ended. Gives it back when a callback runs
    /// on in the background.
    pub(crate) fn finish(&self, mut remains: Remains) -> Option<Remains> {
        while let Some(event) = remains.inbound.finished() {
            let Some(callback) = remains.endpoint.callbacks.of(&event) else {
                continue;
            };
            let session = remains.session.clone();
            let context = Context::new(Arc::clone(&self.application), session, event);
            match call(callback.call(context)) {
                Called::Ready(answer) => log_failure(&remains.session, answer.err().as_ref()),
                Called::Pending(answering) => {
                    remains.inbound.started();
                    // Its slot may be another session's by now; the id tells them apart.
                    let slot = remains.session.slot();
                    self.in_background(slot, &remains.session, answering, Kind::Ordinary);
                    return Some(remains);
                }
            }
        }
        None
    }

    fn handle(
        &self,
        connection: &mut Connection,
        shard: &mut Shard,
        slot: Slot,
        event: Event,
        now: Moment,
    ) -> Progress {
        let Some(callback) = connection.endpoint.callbacks.of(&event) else {
            if let Event::Text(_) | Event::Binary(_) = event {
                let reason = format!("unsupported: {} is not taken here", event.name());
                let code = CloseCode::UNSUPPORTED_DATA;
                connection.close_for(slot, code, &reason, Cause::Application, shard, now);
            }
            return Progress::Done;
        };
        let kind = match event {
            Event::Failed(_) => Kind::Error,
            _ => Kind::Ordinary,
        };
        let session = connection.session.clone();
        match call(callback.call(Context::new(Arc::clone(&self.application), session, event))) {
            Called::Ready(answer) => self.settle(connection, shard, slot, answer, kind, now),
            Called::Pending(answering) => {
                connection.inbound.started();
                self.in_background(slot, &connection.session, answering, kind);
                Progress::InBackground
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
    ) -> Progress {
        let error = match answer {
            Ok(None) => return Progress::Done,
            Ok(Some(message)) => match shard.answer(slot, message) {
                Outcome::Refused(refusal @ Refusal::Overloaded) => {
                    HandlerError::closing(CloseCode::TRY_AGAIN_LATER, refusal.to_string())
                }
                // A session that is being closed gets no more answers.
                _ => return Progress::Done,
            },
            Err(error) => error,
        };
        if kind == Kind::Ordinary && connection.endpoint.callbacks.error.is_some() {
            return self.handle(connection, shard, slot, Event::Failed(Some(error)), now);
        }
        log_failure(&connection.session, Some(&error));
        let (code, reason) = error.close();
        connection.close_for(slot, code, reason, Cause::Application, shard, now);
        Progress::Done
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

fn log_failure(session: &Session, error: Option<&HandlerError>) {
    if let Some(error) = error.filter(|error| error.is_unexpected()) {
        tracing::error!(session = %session.id(), %error, "a callback failed");
    }
}
