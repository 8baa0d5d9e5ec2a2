//! What STOMP clients cause in logs: in memory, in this thread.

mod support;

use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use campanile::testing::TestApplication;
use campanile::{Campanile, CloseCode, HandlerError, Login, StompEndpoint};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use support::stomp::{Received, connect, send};

/// Keeps all that is logged, with its level.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<(Level, String)>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{}={value:?} ", field.name()).expect("a text grows");
    }
}

impl Subscriber for Logged {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        let mut lines = self.0.lock().expect("not poisoned");
        lines.push((*event.metadata().level(), line.0));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

async fn sign_in(login: Login) -> Result<(), HandlerError> {
    match login.passcode.as_deref() {
        Some("hush") => Ok(()),
        _ => Err(HandlerError::closing(
            CloseCode::POLICY,
            "bad-login: try again",
        )),
    }
}

#[test]
fn s81_s162_clients_that_come_and_go_are_no_warnings_and_no_secret_is_logged() {
    let logged = Logged::default();
    let _guard = tracing::subscriber::set_default(logged.clone());
    let endpoint = StompEndpoint::new().on_connect(sign_in);
    let app = Campanile::builder()
        .stomp("/private", endpoint)
        .stomp("/stomp", StompEndpoint::new());
    let mut test = TestApplication::start(app.build().expect("an application"));
    for passcode in ["hush", "hush-hush"] {
        let mut client = test.connect("/private");
        let connect = format!("CONNECT\naccept-version:1.2\nlogin:ada\npasscode:{passcode}\n\n");
        send(&mut client, &connect);
        Received::next(&mut client);
        client.disconnect();
    }
    // Cut, silent, refused, broken.
    connect(&mut test, "/stomp", "1.2").disconnect();
    let mut silent = test.connect("/stomp");
    send(
        &mut silent,
        "CONNECT\naccept-version:1.2\nheart-beat:1000,0\n\n",
    );
    for bytes in ["SEND\ndestination:/nowhere\n\n\0", "\n\nNO\0"] {
        connect(&mut test, "/stomp", "1.2").send_text(bytes);
    }
    test.connect("/stomp").send_raw(b"\xff\xff\xff");
    test.advance(Duration::from_secs(120));
    assert_eq!(test.handle().sessions(), 0);
    let lines = logged.0.lock().expect("not poisoned");
    assert!(lines.iter().any(|(level, _)| *level == Level::DEBUG));
    for (level, line) in &*lines {
        // A busy machine is warned of as well, and is no client's doing.
        let is_of_machine = line.contains("has blocked its thread");
        assert!(*level >= Level::DEBUG || is_of_machine, "{level} {line}");
        assert!(!line.contains("hush"), "{line}");
    }
}
