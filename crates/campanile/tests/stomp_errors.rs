//! What STOMP clients are told when something fails, and who may say so: in memory.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use campanile::testing::{TestApplication, TestClient};
use campanile::{
    Builder, Campanile, CloseCode, Failure, HandlerError, Handlers, OnRefusal, Path, SentTo,
    Session, StompEndpoint, StompError, Text,
};

use support::kit::Notes;
use support::stomp::{Received, connect, refusal, send};

const SECOND: Duration = Duration::from_secs(1);

fn start(builder: Builder) -> TestApplication {
    TestApplication::start(builder.build().expect("an application"))
}

/// One that listens to what is said of failures.
fn listening(test: &mut TestApplication) -> TestClient {
    let mut client = connect(test, "/stomp", "1.2");
    send(
        &mut client,
        "SUBSCRIBE\nid:e\ndestination:/user/queue/errors\nreceipt:s\n\n",
    );
    assert_eq!(Received::next(&mut client).command(), "RECEIPT");
    client
}

#[test]
fn s75_an_endpoint_may_let_sessions_go_on_after_a_refusal() {
    let endpoint = StompEndpoint::new().on_refusal(OnRefusal::Keep);
    let mut test = start(Campanile::builder().stomp("/stomp", endpoint));
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/nowhere\nreceipt:1\n\n",
    );
    let error = Received::next(&mut client);
    assert_eq!(error.header("message"), Some("unknown-destination"));
    assert_eq!(error.header("receipt-id"), Some("1"));
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:2\n\n",
    );
    assert_eq!(Received::next(&mut client).header("receipt-id"), Some("2"));
    // What cannot be understood ends it all the same.
    client.send_text("HELLO\nno colon\n\n\0");
    assert_eq!(Received::next(&mut client).command(), "ERROR");
    assert_eq!(client.next_close().0, 1002);
}

fn explain(session: &Session, error: &mut StompError) {
    assert!(session.user().is_none());
    match (error.command(), error.destination()) {
        (Some("SEND"), Some("/hush")) => {
            error.suppress();
            error.set_then(OnRefusal::Keep);
        }
        (Some("SEND"), Some("/over")) => error.suppress(),
        (Some("SEND"), Some("/panic")) => panic!("in an error handler"),
        (Some("SUBSCRIBE"), destination) => {
            let body = format!("{} is not for you", destination.unwrap_or_default());
            error.set_body(body);
            error.set_message("denied");
            error.add_header("help", "/help");
            error.set_then(OnRefusal::Keep);
        }
        _ => error.set_then(OnRefusal::Keep),
    }
}

#[test]
fn s74_an_error_handler_changes_suppresses_and_keeps() {
    let app = Campanile::builder()
        .stomp("/stomp", StompEndpoint::new())
        .on_stomp_error(explain);
    let mut test = start(app);
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(&mut client, "SEND\ndestination:/hush\nreceipt:1\n\n");
    assert_eq!(client.next_message(), None);
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/a\nreceipt:2\n\n",
    );
    let error = Received::next(&mut client);
    assert_eq!(error.header("message"), Some("denied"));
    assert_eq!(error.header("help"), Some("/help"));
    assert_eq!(error.header("receipt-id"), Some("2"));
    assert_eq!(error.body(), "/a is not for you");
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:3\n\n",
    );
    assert_eq!(Received::next(&mut client).header("receipt-id"), Some("3"));
    // A handler that fails itself changes nothing.
    send(&mut client, "SEND\ndestination:/panic\n\n");
    assert_eq!(refusal(&mut client), ("unknown-destination".into(), 1008));
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(&mut client, "SEND\ndestination:/over\n\n");
    assert_eq!(client.next_close().0, 1008);
    // Where nothing is understood, nothing can be kept.
    let mut early = test.connect("/stomp");
    send(&mut early, "SEND\ndestination:/topic/a\n\n");
    assert_eq!(refusal(&mut early), ("not-connected".into(), 1002));
    let mut client = connect(&mut test, "/stomp", "1.2");
    client.send_text("HELLO\nno colon\n\n\0");
    assert_eq!(Received::next(&mut client).command(), "ERROR");
    assert_eq!(client.next_close().0, 1002);
}

#[derive(Debug, thiserror::Error)]
#[error("SELECT secret FROM accounts")]
struct Internal;

async fn fail(Text(text): Text) -> Result<String, HandlerError> {
    match &*text {
        "rude" => Err(HandlerError::closing(
            CloseCode::POLICY,
            "rude: mind your words",
        )),
        "sentence" => Err(HandlerError::closing(CloseCode::POLICY, "Not: a word")),
        "panic" => panic!("SELECT secret"),
        "fine" => Ok(text),
        _ => Err(Internal.into()),
    }
}

#[test]
fn s80_s142_a_failure_is_told_in_the_words_of_its_error_or_not_at_all() {
    for (body, word, detail) in [
        ("rude", "rude", "mind your words"),
        ("sentence", "handler-failed", "Not: a word"),
        ("panic", "handler-failed", ""),
        ("other", "handler-failed", ""),
    ] {
        let app = Campanile::builder()
            .stomp("/stomp", StompEndpoint::new())
            .message("/fail", fail);
        let mut test = start(app);
        let mut client = connect(&mut test, "/stomp", "1.2");
        send(
            &mut client,
            &format!("SEND\ndestination:/app/fail\nreceipt:1\n\n{body}"),
        );
        let error = Received::next(&mut client);
        assert_eq!(error.header("message"), Some(word), "{body}");
        assert_eq!(error.header("receipt-id"), Some("1"));
        assert!(!error.0.contains("secret"), "{}", error.0);
        assert!(error.body().contains(detail) && !error.body().is_empty());
    }
}

#[test]
fn s141_those_who_handle_failures_answer_the_sender_alone() {
    async fn handle(Failure(error): Failure, SentTo(to): SentTo) -> Result<String, HandlerError> {
        match error.downcast_ref::<Internal>() {
            Some(_) => Ok(format!("{to} failed")),
            None => Err(error),
        }
    }
    let app = Campanile::builder()
        .stomp("/stomp", StompEndpoint::new())
        .message("/fail", fail)
        .on_error(handle);
    let mut test = start(app);
    let mut other = listening(&mut test);
    let mut client = listening(&mut test);
    send(&mut client, "SEND\ndestination:/app/fail\nreceipt:1\n\nx");
    let receipt_and_message = [Received::next(&mut client), Received::next(&mut client)];
    let mut commands = receipt_and_message.each_ref().map(Received::command);
    commands.sort_unstable();
    assert_eq!(commands, ["MESSAGE", "RECEIPT"]);
    let message = receipt_and_message
        .iter()
        .find(|one| one.command() == "MESSAGE");
    let message = message.expect("a message");
    assert_eq!(message.body(), "/app/fail failed");
    assert_eq!(message.header("destination"), Some("/user/queue/errors"));
    assert_eq!(other.next_message(), None);
    send(&mut client, "SEND\ndestination:/app/fail\n\nrude");
    assert_eq!(refusal(&mut client), ("rude".into(), 1008));
}

#[test]
fn s137_s141_a_group_handles_its_own_failures_with_its_variables() {
    async fn of_room(Path(room): Path<String>, Failure(error): Failure) -> String {
        format!("room {room}: {}", error.close().1)
    }
    let room = Handlers::at("/rooms/{room}")
        .on_error(of_room)
        .message("/fail", fail);
    let app = Campanile::builder()
        .stomp("/stomp", StompEndpoint::new())
        .handlers(room)
        .message("/fail", fail)
        .on_error(async || "elsewhere");
    let mut test = start(app);
    let mut client = listening(&mut test);
    send(
        &mut client,
        "SEND\ndestination:/app/rooms/blue/fail\n\nrude",
    );
    assert_eq!(
        Received::next(&mut client).body(),
        "room blue: rude: mind your words"
    );
    send(&mut client, "SEND\ndestination:/app/fail\n\nrude");
    assert_eq!(Received::next(&mut client).body(), "elsewhere");
}

#[test]
fn s141_a_failed_event_is_handled_and_a_failed_login_is_not() {
    let failing = async || Err::<(), _>(Internal);
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let app = Campanile::builder()
        .stomp("/stomp", StompEndpoint::new().on_connected(failing))
        .stomp("/closed", StompEndpoint::new().on_connect(failing))
        .on_error(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async {}
        });
    let mut test = start(app);
    listening(&mut test);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    let mut client = test.connect("/closed");
    send(&mut client, "CONNECT\naccept-version:1.2\nhost:h\n\n");
    assert_eq!(refusal(&mut client), ("handler-failed".into(), 1011));
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[test]
fn s139_s141_what_answers_a_session_that_has_gone_reaches_others_still() {
    let notes = Notes::default();
    let noted = Arc::clone(&notes);
    let app = Campanile::builder()
        .stomp("/stomp", StompEndpoint::new())
        .message("/late", async |Text(text): Text| {
            tokio::time::sleep(SECOND).await;
            match &*text {
                "fail" => Err(Internal),
                _ => Ok(text),
            }
        })
        .send_to("/topic/late")
        .on_error(move |Failure(error): Failure| {
            noted.lock().expect("not poisoned").push(error.to_string());
            async {}
        });
    let mut test = start(app);
    let mut listener = connect(&mut test, "/stomp", "1.2");
    send(
        &mut listener,
        "SUBSCRIBE\nid:0\ndestination:/topic/late\n\n",
    );
    for text in ["good news", "fail"] {
        let mut sender = connect(&mut test, "/stomp", "1.2");
        send(
            &mut sender,
            &format!("SEND\ndestination:/app/late\n\n{text}"),
        );
        send(&mut sender, "DISCONNECT\n\n");
        assert_eq!(sender.next_close().0, 1000);
    }
    test.advance(2 * SECOND);
    assert_eq!(Received::next(&mut listener).body(), "good news");
    assert_eq!(listener.next_message(), None);
    assert_eq!(*notes.lock().expect("not poisoned"), [Internal.to_string()]);
}

#[test]
fn s144_what_nobody_handles_is_counted() {
    let endpoint = StompEndpoint::new().on_refusal(OnRefusal::Keep);
    let mut test = start(Campanile::builder().stomp("/stomp", endpoint));
    let mut client = connect(&mut test, "/stomp", "1.2");
    for frame in [
        "SEND\ndestination:/app/x\n\n",
        "SUBSCRIBE\nid:0\ndestination:/app/x\n\n",
        "SEND\ndestination:/elsewhere\n\n",
    ] {
        send(&mut client, frame);
        assert_eq!(Received::next(&mut client).command(), "ERROR");
    }
    assert_eq!(test.handle().statistics().stomp.unhandled, 2);
}
