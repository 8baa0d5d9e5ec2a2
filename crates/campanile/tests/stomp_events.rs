//! What STOMP endpoints are told of their sessions: in memory, in virtual time.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use campanile::testing::{TestApplication, TestClient};
use campanile::{
    Broker, Campanile, CloseCode, Closed, Handle, HandlerError, Login, Session, SessionState,
    StompEndpoint, Subscription, User,
};

use support::kit::Notes;
use support::stomp::{Received, connect, refusal, send};

const SECOND: Duration = Duration::from_secs(1);

fn take(notes: &Notes) -> Vec<String> {
    std::mem::take(&mut *notes.lock().expect("not poisoned"))
}

/// An endpoint that notes all its events.
fn noting(notes: &Notes) -> StompEndpoint {
    let note = |prefix: &'static str| {
        let notes = Arc::clone(notes);
        move |rest: String| {
            let mut notes = notes.lock().expect("not poisoned");
            notes.push(format!("{prefix}{rest}"));
            std::future::ready(())
        }
    };
    let (connecting, connected) = (note("connect"), note("connected"));
    let (subscribed, unsubscribed) = (note("subscribed "), note("unsubscribed "));
    let disconnected = note("disconnected ");
    let text = |one: Subscription| format!("{} {}", one.id.unwrap_or_default(), one.destination);
    StompEndpoint::new()
        .on_connect(move |_: Login| connecting(String::new()))
        .on_connected(move || connected(String::new()))
        .on_subscribed(move |one: Subscription| subscribed(text(one)))
        .on_unsubscribed(move |one: Subscription| unsubscribed(text(one)))
        .on_disconnected(move |Closed(ending): Closed| {
            disconnected(format!("{} {:?}", ending.code, ending.cause))
        })
}

fn start(notes: &Notes) -> TestApplication {
    let app = Campanile::builder()
        .broker(Broker::new().clients_may_send("/topic/**"))
        .stomp("/stomp", noting(notes));
    TestApplication::start(app.build().expect("an application"))
}

fn enter(test: &mut TestApplication) -> TestClient {
    let mut client = connect(test, "/stomp", "1.2");
    for frame in [
        "SUBSCRIBE\nid:a\ndestination:/topic/a\n\n",
        "SUBSCRIBE\nid:b\ndestination:/user/queue/b\n\n",
        "UNSUBSCRIBE\nid:a\n\n",
    ] {
        send(&mut client, frame);
    }
    client
}

const BEFORE: [&str; 5] = [
    "connect",
    "connected",
    "subscribed a /topic/a",
    "subscribed b /user/queue/b",
    "unsubscribed a /topic/a",
];

#[test]
fn s156_s157_s158_events_come_in_order_and_the_last_one_exactly_once_however_it_ended() {
    type End = fn(&mut TestApplication, TestClient) -> TestClient;
    let ends: [(&str, End); 5] = [
        ("1000 Peer", |_, mut client| {
            send(&mut client, "DISCONNECT\n\n");
            client.next_close();
            client
        }),
        ("1006 Lost", |test, mut client| {
            client.disconnect();
            test.settle();
            client
        }),
        ("1008 Protocol", |_, mut client| {
            send(&mut client, "SEND\ndestination:/nowhere\n\n");
            refusal(&mut client);
            client
        }),
        ("1013 Application", |test, mut client| {
            let handle = test.handle();
            let code = CloseCode::TRY_AGAIN_LATER;
            handle
                .close_endpoint("/stomp", code, "later")
                .expect("room");
            client.next_close();
            client
        }),
        ("1001 Server", |test, client| {
            test.leave(SECOND);
            client
        }),
    ];
    for (end, run) in ends {
        let notes = Notes::default();
        let mut test = start(&notes);
        let client = enter(&mut test);
        test.settle();
        assert_eq!(take(&notes), BEFORE);
        let client = run(&mut test, client);
        drop(client);
        test.advance(10 * SECOND);
        let last = take(&notes);
        assert_eq!(last.len(), 2, "{last:?}");
        assert_eq!(last[0], "unsubscribed b /user/queue/b");
        assert!(last[1].starts_with("disconnected "), "{end}: {last:?}");
        if end.starts_with("100") {
            assert!(last[1].contains(&end[..4]), "{end}: {last:?}");
        }
    }
}

#[test]
fn s157_a_client_that_falls_silent_is_disconnected_once() {
    let notes = Notes::default();
    let mut test = start(&notes);
    let mut client = test.connect("/stomp");
    send(
        &mut client,
        "CONNECT\naccept-version:1.2\nhost:h\nheart-beat:1000,0\n\n",
    );
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    test.advance(60 * SECOND);
    let all = take(&notes);
    assert_eq!(all[..2], ["connect", "connected"]);
    assert_eq!(all.len(), 3, "{all:?}");
}

#[test]
fn s156_who_was_never_connected_is_not_disconnected() {
    let notes = Notes::default();
    let mut test = start(&notes);
    let mut early = test.connect("/stomp");
    send(&mut early, "SEND\ndestination:/topic/a\n\n");
    refusal(&mut early);
    let mut silent = test.connect("/stomp");
    silent.disconnect();
    test.advance(10 * SECOND);
    assert_eq!(take(&notes), [""; 0]);
}

#[test]
fn s158_what_is_published_when_told_of_a_subscription_reaches_it() {
    async fn greet(handle: Handle, one: Subscription) -> Result<&'static str, campanile::Refusal> {
        handle.publish(one.destination, "to all")?;
        Ok("to you alone")
    }
    let app = Campanile::builder().stomp("/stomp", StompEndpoint::new().on_subscribed(greet));
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut first = connect(&mut test, "/stomp", "1.2");
    send(
        &mut first,
        "SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:r\n\n",
    );
    assert_eq!(Received::next(&mut first).command(), "RECEIPT");
    let mut bodies = [Received::next(&mut first), Received::next(&mut first)]
        .map(|message| message.body().to_owned());
    bodies.sort();
    assert_eq!(bodies, ["to all", "to you alone"]);
    let mut second = connect(&mut test, "/stomp", "1.1");
    send(&mut second, "SUBSCRIBE\nid:0\ndestination:/topic/a\n\n");
    test.settle();
    assert_eq!(Received::next(&mut first).body(), "to all");
    assert_eq!(first.next_message(), None);
}

async fn sign_in(login: Login, session: Session) -> Result<(), HandlerError> {
    tokio::time::sleep(SECOND).await;
    session.set_attribute("tenant", login.host.clone().unwrap_or_default());
    match (login.login.as_deref(), login.passcode.as_deref()) {
        (Some(name), Some("secret")) => {
            login.set_user(name);
            Ok(())
        }
        _ if login.headers.get("token") == Some("valid") => Ok(()),
        (None, None) => Err(std::io::Error::other("the database has gone").into()),
        _ => Err(HandlerError::closing(
            CloseCode::POLICY,
            "bad-login: check your password",
        )),
    }
}

fn with_login() -> TestApplication {
    let app = Campanile::builder()
        .stomp("/stomp", StompEndpoint::new().on_connect(sign_in))
        .message("/who", async |User(name): User, session: Session| {
            let tenant = session.attribute::<String>("tenant");
            format!("{name} of {}", tenant.unwrap_or_default())
        })
        .send_to_session("/queue/who");
    TestApplication::start(app.build().expect("an application"))
}

#[test]
fn s164_connect_may_name_a_user_and_frames_behind_it_wait() {
    let mut test = with_login();
    let mut client = test.connect("/stomp");
    client.send_text(
        "CONNECT\naccept-version:1.2\nhost:acme\nlogin:ada\npasscode:secret\n\n\0\
         SUBSCRIBE\nid:0\ndestination:/user/queue/who\n\n\0",
    );
    send(&mut client, "SEND\ndestination:/app/who\n\n");
    assert_eq!(client.next_message(), None);
    test.advance(SECOND);
    let connected = Received::next(&mut client);
    assert_eq!(connected.header("user-name"), Some("ada"));
    assert_eq!(Received::next(&mut client).body(), "ada of acme");
    let handle = test.handle();
    assert_eq!(handle.count_of_user("ada"), 1);
    handle
        .publish_to_user("ada", "/queue/who", "you are")
        .expect("room");
    assert_eq!(Received::next(&mut client).body(), "you are");
}

#[test]
fn s164_s80_connect_may_be_refused_and_what_failed_is_not_told() {
    for (headers, word) in [
        ("login:ada\npasscode:guess\n", "bad-login"),
        ("x-errors:keep\nlogin:ada\npasscode:guess\n", "bad-login"),
        ("", "handler-failed"),
    ] {
        let mut test = with_login();
        let mut client = test.connect("/stomp");
        let connect = format!("CONNECT\naccept-version:1.2\nhost:h\n{headers}\n");
        send(&mut client, &connect);
        send(&mut client, "SEND\ndestination:/app/who\n\n");
        test.advance(SECOND);
        let error = Received::next(&mut client);
        assert_eq!(error.command(), "ERROR");
        assert_eq!(error.header("message"), Some(word));
        assert!(!error.0.contains("database"), "{}", error.0);
        assert!(matches!(client.next_close().0, 1008 | 1011));
        test.advance(10 * SECOND);
        assert_eq!(test.handle().sessions(), 0);
    }
}

#[test]
fn s164_a_user_of_the_handshake_stays() {
    let endpoint = StompEndpoint::new()
        .intercept(support::stomp::UserFromQuery)
        .on_connect(async |login: Login| login.set_user("bob"));
    let app = Campanile::builder().stomp("/stomp", endpoint);
    let mut test = TestApplication::start(app.build().expect("an application"));
    connect(&mut test, "/stomp?user=bob", "1.2");
    let mut client = test.connect("/stomp?user=ada");
    send(&mut client, "CONNECT\naccept-version:1.2\nhost:h\n\n");
    assert_eq!(refusal(&mut client).0, "user-known");
}

#[test]
fn s32_s164_who_is_not_let_in_in_time_is_closed_and_never_connected() {
    let notes = Notes::default();
    let endpoint = noting(&notes)
        .connect_within(5 * SECOND)
        .on_connect(async || tokio::time::sleep(20 * SECOND).await);
    let app = Campanile::builder().stomp("/stomp", endpoint);
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut client = test.connect("/stomp");
    send(&mut client, "CONNECT\naccept-version:1.2\nhost:h\n\n");
    test.advance(7 * SECOND);
    assert_eq!(client.next_close().0, 1008);
    test.advance(60 * SECOND);
    assert_eq!(take(&notes), [""; 0]);
}

#[test]
fn s81_a_login_shows_neither_passcode_nor_tokens() {
    let shown = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&shown);
    let endpoint = StompEndpoint::new().on_connect(move |login: Login| {
        *seen.lock().expect("not poisoned") = format!("{login:?}");
        async {}
    });
    let app = Campanile::builder().stomp("/stomp", endpoint);
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut client = test.connect("/stomp");
    send(
        &mut client,
        "CONNECT\naccept-version:1.2\nlogin:ada\npasscode:hush\nauthorization:Bearer hush\n\n",
    );
    assert_eq!(Received::next(&mut client).command(), "CONNECTED");
    let shown = shown.lock().expect("not poisoned").clone();
    assert!(
        shown.contains("ada") && shown.contains("authorization"),
        "{shown}"
    );
    assert!(!shown.contains("hush"), "{shown}");
}

#[derive(Default)]
struct Count(u32);

#[test]
fn s147_a_sessions_own_state_serves_events_and_messages_and_is_dropped() {
    struct Noisy(Notes, Count);
    impl Drop for Noisy {
        fn drop(&mut self) {
            let count = self.1.0;
            self.0
                .lock()
                .expect("not poisoned")
                .push(format!("dropped at {count}"));
        }
    }
    let notes = Notes::default();
    let (made, told) = (Arc::clone(&notes), Arc::clone(&notes));
    let endpoint = StompEndpoint::new()
        .session_state(move || Noisy(Arc::clone(&made), Count::default()))
        .on_connected(async |mut state: SessionState<Noisy>| state.1.0 += 10)
        .on_disconnected(move |state: SessionState<Noisy>| {
            let note = format!("last {}", state.1.0);
            told.lock().expect("not poisoned").push(note);
            async {}
        });
    let app = Campanile::builder()
        .stomp("/stomp", endpoint)
        .message("/count", async |mut state: SessionState<Noisy>| {
            state.1.0 += 1;
            state.1.0.to_string()
        })
        .send_to_session("/queue/count");
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/user/queue/count\n\n",
    );
    for expected in ["11", "12"] {
        send(&mut client, "SEND\ndestination:/app/count\n\n");
        assert_eq!(Received::next(&mut client).body(), expected);
    }
    client.disconnect();
    test.settle();
    assert_eq!(take(&notes), ["last 12", "dropped at 12"]);
}

#[test]
fn s147_state_that_an_endpoint_does_not_make_is_missed_at_start() {
    let app = Campanile::builder()
        .stomp("/stomp", StompEndpoint::new())
        .message("/count", async |state: SessionState<u32>| state.to_string());
    let error = app.build().expect_err("no state").to_string();
    assert!(
        error.contains("/count") && error.contains("/stomp"),
        "{error}"
    );
}
