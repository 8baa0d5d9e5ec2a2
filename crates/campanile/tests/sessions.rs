//! Sessions as handlers and applications see them: in memory, in virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use campanile::testing::{TestApplication, TestMessage};
use campanile::{
    Binary, Campanile, CloseCode, Closed, Endpoint, Handle, Message, OutboxPolicy, Overflow, Parts,
    Refusal, SendError, Session, Text, Timeouts,
};

const SECOND: Duration = Duration::from_secs(1);

/// What callbacks have noted.
type Notes = Arc<Mutex<Vec<String>>>;

fn start(endpoint: Endpoint) -> TestApplication {
    let app = Campanile::builder().endpoint("/e", endpoint);
    TestApplication::start(app.build().expect("an application"))
}

fn echo() -> Endpoint {
    Endpoint::new()
        .on_text(async |Text(text): Text| text)
        .on_binary(async |Binary(bytes): Binary| bytes)
}

/// Notes how each session ends.
fn noting(endpoint: Endpoint, notes: &Notes) -> Endpoint {
    let notes = Arc::clone(notes);
    endpoint.on_close(move |Closed(ending): Closed| {
        let note = format!("{} {:?} {}", ending.code, ending.cause, ending.reason);
        notes.lock().expect("not poisoned").push(note);
        async {}
    })
}

/// The only session of the endpoint.
fn only(test: &mut TestApplication) -> Session {
    let handle = test.handle();
    let sessions = test.block_on(handle.sessions_of("/e"));
    assert_eq!(sessions.len(), 1);
    sessions.into_iter().next().expect("a session")
}

#[test]
fn s211_an_endpoint_is_driven_in_memory() {
    let mut test = start(echo());
    let mut client = test.connect("/e");
    client.send_text("grüezi");
    client.send_binary(&[1, 2, 3]);
    client.send_text_parts(&["one ", "", "message"]);
    client.send_ping(b"?");
    let expected = [
        TestMessage::Text("grüezi".into()),
        TestMessage::Binary(vec![1, 2, 3]),
        TestMessage::Text("one message".into()),
        TestMessage::Pong(b"?".to_vec()),
    ];
    assert_eq!(client.received(), expected);
    client.close(3000, "enough");
    assert_eq!(client.next_close(), (3000, String::new()));
    assert_eq!(client.next(), Some(TestMessage::End));
    assert_eq!(test.handle().count("/e"), 0);
}

#[test]
fn s211_time_passes_only_when_the_test_says_so() {
    let slow = Endpoint::new().on_text(async |Text(text): Text| {
        tokio::time::sleep(3600 * SECOND).await;
        text
    });
    let mut test = start(slow);
    let mut client = test.connect("/e");
    client.send_text("later");
    assert_eq!(client.next(), None);
    test.advance(3599 * SECOND);
    assert_eq!(client.next(), None);
    test.advance(SECOND);
    assert_eq!(client.next_text(), "later");
}

#[test]
fn s14_s199_an_idle_session_is_closed_and_the_application_sees_1006() {
    let notes = Notes::default();
    let mut test = start(noting(echo().idle_timeout(60 * SECOND), &notes));
    let mut client = test.connect("/e");
    test.advance(50 * SECOND);
    client.send_text("still here");
    assert_eq!(client.next_text(), "still here");
    test.advance(59 * SECOND);
    assert_eq!(client.next(), None);
    test.advance(2 * SECOND);
    let (code, reason) = client.next_close();
    assert!(
        code == 1001 && reason.starts_with("idle: "),
        "{code} {reason}"
    );
    test.settle();
    // S204: what was a time-out here is 1006 on this side, whatever the client was told.
    let notes = notes.lock().expect("not poisoned");
    assert!(notes[0].starts_with("1006 TimedOut idle: "), "{notes:?}");
}

#[test]
fn s204_the_peers_code_and_the_lack_of_one_reach_the_close_callback() {
    let notes = Notes::default();
    let mut test = start(noting(echo(), &notes));
    for code in [1000, 1001, 1003, 1011, 1012, 1013, 3000, 4999] {
        test.connect("/e").close(code, "bye: now");
    }
    test.connect("/e").disconnect();
    let mut raw = test.connect("/e");
    raw.send_raw(&[0x88, 0x80, 0, 0, 0, 0]);
    test.settle();
    let notes = notes.lock().expect("not poisoned");
    let codes: Vec<&str> = notes.iter().filter_map(|note| note.get(..4)).collect();
    let expected = [
        "1000", "1001", "1003", "1011", "1012", "1013", "3000", "4999", "1006", "1005",
    ];
    assert_eq!(codes, expected);
}

#[test]
fn s17_pings_find_a_client_that_is_silent_for_good() {
    let mut test = start(echo().ping_after(20 * SECOND).pong_within(5 * SECOND));
    let (mut browser, mut dead) = (test.connect("/e"), test.connect("/e"));
    dead.answer_pings(false);
    for _ in 0..4 {
        test.advance(21 * SECOND);
        assert_eq!(browser.next(), Some(TestMessage::Ping(Vec::new())));
    }
    assert_eq!(dead.next(), Some(TestMessage::Ping(Vec::new())));
    let (code, reason) = dead.next_close();
    assert!(
        code == 1001 && reason.starts_with("no-pong: "),
        "{code} {reason}"
    );
    assert_eq!(test.handle().count("/e"), 1);
}

#[test]
fn s32_the_first_message_has_a_deadline_that_a_timer_keeps() {
    let mut test = start(echo().first_message_within(10 * SECOND));
    let (mut silent, mut speaking) = (test.connect("/e"), test.connect("/e"));
    speaking.send_text("hello");
    // Neither pings nor the beginning of a message count.
    silent.send_ping(b"");
    silent.send_raw(&[0x01, 0x81, 0, 0, 0, 0, b'x']);
    test.advance(11 * SECOND);
    let (_, reason) = [silent.next(), silent.next()]
        .into_iter()
        .find_map(|one| match one {
            Some(TestMessage::Close(code, reason)) => Some((code, reason)),
            _ => None,
        })
        .expect("a close");
    assert!(reason.starts_with("first-message: "), "{reason}");
    assert_eq!(speaking.next_text(), "hello");
    test.advance(100 * SECOND);
    assert_eq!(speaking.next(), None);
}

#[test]
fn s16_s194_a_message_that_is_too_long_is_refused_with_the_limit_in_the_reason() {
    let mut test = start(echo().message_bytes_max(100));
    let mut client = test.connect("/e");
    client.send_text(&"x".repeat(100));
    assert_eq!(client.next_text().len(), 100);
    client.send_text(&"x".repeat(101));
    let (code, reason) = client.next_close();
    assert_eq!(code, 1009);
    assert!(reason.contains("100"), "{reason}");
}

#[test]
fn s15_one_limit_holds_for_text_and_binary_whole_and_in_frames() {
    let mut test = start(echo().message_bytes_max(8));
    for parts in [&[b"12345".as_slice(), b"6789"], &[b"", b"123456789"]] {
        let mut client = test.connect("/e");
        client.send_binary_parts(parts);
        assert_eq!(client.next_close().0, 1009);
    }
    let mut client = test.connect("/e");
    client.send_binary_parts(&[b"1234", b"5678"]);
    assert_eq!(client.next_binary(), b"12345678");
}

#[test]
fn s25_s200_a_session_gets_a_limit_of_its_own_while_it_runs() {
    let open = async |session: Session| {
        assert_eq!(session.message_bytes_max(), None);
        session.set_message_bytes_max(Some(4));
    };
    let grow = async |session: Session, Text(text): Text| {
        session.set_message_bytes_max(Some(200_000));
        text
    };
    let mut test = start(Endpoint::new().on_open(open).on_text(grow));
    let mut client = test.connect("/e");
    client.send_text("1234");
    assert_eq!(client.next_text(), "1234");
    client.send_text(&"x".repeat(200_000));
    assert_eq!(client.next_text().len(), 200_000);
    let session = only(&mut test);
    session.set_message_bytes_max(None);
    client.send_text(&"x".repeat(65_537));
    assert_eq!(client.next_close().0, 1009);
}

#[test]
fn s26_a_session_sends_text_binary_pings_pongs_parts_and_closes() {
    let open = async |session: Session| -> Result<(), SendError> {
        session.send("text")?;
        session.send(vec![1, 2])?;
        session.ping("are you there")?;
        session.pong("I am")?;
        session.send(Parts::text(["one ", "text"]))?;
        session.send(Parts::binary([[1, 2], [3, 4]]))?;
        let long = session.ping(vec![0; 126]).expect_err("too long");
        assert_eq!(long, SendError::ControlTooLong { bytes: 126 });
        session.close(CloseCode::new(4000).expect("a code"), "done: for today")?;
        Ok(())
    };
    let mut test = start(Endpoint::new().on_open(open));
    let mut client = test.connect("/e");
    let expected = [
        TestMessage::Text("text".into()),
        TestMessage::Binary(vec![1, 2]),
        TestMessage::Ping(b"are you there".to_vec()),
        TestMessage::Pong(b"I am".to_vec()),
        TestMessage::Text("one text".into()),
        TestMessage::Binary(vec![1, 2, 3, 4]),
        TestMessage::Close(4000, "done: for today".into()),
    ];
    assert_eq!(client.received()[..7], expected);
}

#[test]
fn s27_what_many_threads_send_to_one_session_arrives_whole_and_in_each_ones_order() {
    let mut test = start(echo());
    let mut client = test.connect("/e");
    let session = only(&mut test);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let session = session.clone();
            scope.spawn(move || {
                for number in 0..500 {
                    let text = format!("{thread} {number}");
                    session.send(text).expect("an open session");
                }
            });
        }
    });
    let mut next = [0; 4];
    for _ in 0..2_000 {
        let text = client.next_text();
        let (thread, number) = text.split_once(' ').expect("two numbers");
        let thread: usize = thread.parse().expect("a number");
        assert_eq!(number, next[thread].to_string());
        next[thread] += 1;
    }
    assert_eq!(client.next(), None);
}

#[test]
fn s28_one_message_that_nobody_takes_is_enough_to_be_closed_for_its_age() {
    let policy = OutboxPolicy {
        age_max: 10 * SECOND,
        ..OutboxPolicy::default()
    };
    let notes = Notes::default();
    let mut test = start(noting(echo().outbox(policy), &notes));
    let mut client = test.connect("/e");
    client.stop_reading(10);
    only(&mut test)
        .send("x".repeat(100))
        .expect("an open session");
    test.advance(9 * SECOND);
    assert_eq!(test.handle().count("/e"), 1);
    test.advance(2 * SECOND);
    assert_eq!(test.handle().count("/e"), 0);
    test.advance(6 * SECOND);
    let notes = notes.lock().expect("not poisoned");
    assert!(
        notes[0].starts_with("1008 SlowConsumer slow-consumer: "),
        "{notes:?}"
    );
}

#[test]
fn s29_too_many_waiting_bytes_close_a_session_and_s31_tells_how_many_wait() {
    let policy = OutboxPolicy {
        bytes_max: 10_000,
        ..OutboxPolicy::default()
    };
    let mut test = start(echo().outbox(policy));
    let mut client = test.connect("/e");
    let session = only(&mut test);
    assert_eq!(session.outbox(), campanile::OutboxStatus::default());
    client.stop_reading(0);
    for _ in 0..5 {
        test.handle()
            .broadcast("/e", "x".repeat(1_000))
            .expect("room");
    }
    test.advance(3 * SECOND);
    let outbox = session.outbox();
    assert!((5_000..6_000).contains(&outbox.waiting_bytes), "{outbox:?}");
    assert!(
        (2 * SECOND..=3 * SECOND).contains(&outbox.waiting_for),
        "{outbox:?}"
    );
    for _ in 0..10 {
        test.handle()
            .broadcast("/e", "x".repeat(1_000))
            .expect("room");
        test.settle();
    }
    assert!(!session.is_open());
    client.go_on_reading();
    assert_eq!(client.next_close().0, 1008);
}

#[test]
fn s30_s31_a_policy_that_drops_is_set_for_one_session_and_counts_what_it_drops() {
    let mut test = start(echo());
    let mut client = test.connect("/e");
    let session = only(&mut test);
    let policy = OutboxPolicy {
        bytes_max: 1_000,
        overflow: Overflow::Conflate,
        ..OutboxPolicy::default()
    };
    session.set_outbox(policy).expect("an open session");
    test.settle();
    client.stop_reading(0);
    for price in 0..50 {
        let quote = Message::text(format!("{price}")).with_key("CAMP");
        test.handle().broadcast("/e", quote).expect("room");
    }
    test.settle();
    assert_eq!(session.outbox().dropped, 49);
    client.go_on_reading();
    assert_eq!(client.next_text(), "49");
    assert_eq!(client.next(), None);
    assert!(session.is_open());
}

#[test]
fn s33_a_session_and_all_of_a_user_are_closed_by_the_server() {
    let user = |session: Session| async move { session.id().to_string() };
    let endpoint = Endpoint::new().on_open(user).intercept(UserFromQuery);
    let mut test = start(endpoint);
    let mut ada = [test.connect("/e?user=ada"), test.connect("/e?user=ada")];
    let mut bob = test.connect("/e?user=bob");
    let handle = test.handle();
    let ids: Vec<String> = ada.iter_mut().map(|one| one.next_text()).collect();
    let sessions = test.block_on(handle.sessions_of_user("ada"));
    assert_eq!(sessions.len(), 2);
    let first = test.block_on(handle.session(sessions[0].id()));
    let first = first.expect("an open session");
    assert!(ids.contains(&first.id().to_string()));
    assert_eq!(first.user(), Some("ada"));
    handle.close_user(
        "ada",
        CloseCode::new(1008).expect("a code"),
        "expired: log in again",
    );
    for client in &mut ada {
        assert_eq!(client.next_close(), (1008, "expired: log in again".into()));
    }
    assert_eq!(first.send("too late"), Err(Refusal::NoSession));
    assert!(test.block_on(handle.session(first.id())).is_none());
    bob.next_text();
    let bobs = test.block_on(handle.sessions_of_user("bob"));
    bobs[0]
        .close(CloseCode::NORMAL, "bye: bob")
        .expect("an open session");
    assert_eq!(bob.next_close(), (1000, "bye: bob".into()));
}

struct UserFromQuery;

impl campanile::HandshakeInterceptor for UserFromQuery {
    fn before<'a>(
        &'a self,
        handshake: &'a mut campanile::Handshake,
    ) -> campanile::Intercepting<'a> {
        Box::pin(async move {
            if let Some(user) = handshake.query("user") {
                handshake.set_user(user);
            }
            Ok(())
        })
    }
}

#[test]
fn s33_a_subscription_is_ended_by_whoever_has_the_session() {
    let join = async |session: Session, Text(room): Text| session.subscribe(room);
    let mut test = start(Endpoint::new().on_text(join));
    let (mut ada, mut bob) = (test.connect("/e"), test.connect("/e"));
    ada.send_text("/rooms/1");
    bob.send_text("/rooms/1");
    bob.send_text("/rooms/1");
    bob.send_text("/rooms/2");
    let handle = test.handle();
    let publish = |room: &str, text: &str| {
        let accepted = handle.publish(room.to_owned(), text.to_owned());
        accepted.expect("room").subscriptions
    };
    assert_eq!(publish("/rooms/1", "to both"), 2);
    assert_eq!(publish("/rooms/2", "to bob"), 1);
    assert_eq!(publish("/rooms/3", "to nobody"), 0);
    assert_eq!(ada.next_text(), "to both");
    assert_eq!(bob.next_text(), "to both");
    assert_eq!(bob.next_text(), "to bob");
    for session in test.block_on(handle.sessions_at("/rooms/1")) {
        session.unsubscribe("/rooms/1").expect("an open session");
    }
    assert_eq!(publish("/rooms/2", "still"), 1);
    test.settle();
    assert_eq!(
        (handle.count_at("/rooms/1"), handle.count_at("/rooms/2")),
        (0, 1)
    );
    assert_eq!(bob.next_text(), "still");
    assert_eq!(ada.next(), None);
}

#[test]
fn s198_the_open_sessions_of_an_endpoint_are_listed() {
    let mut test = start(echo());
    let clients: Vec<_> = (0..20).map(|_| test.connect("/e")).collect();
    let handle = test.handle();
    let sessions = test.block_on(handle.sessions_of("/e"));
    let mut ids: Vec<String> = sessions.iter().map(|one| one.id().to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20);
    drop(clients);
    test.settle();
    assert!(test.block_on(handle.sessions_of("/e")).is_empty());
    assert!(test.block_on(handle.sessions_of("/nowhere")).is_empty());
}

#[test]
fn s199_the_idle_time_out_is_set_and_taken_away_while_a_session_runs() {
    let mut test = start(echo().idle_timeout(60 * SECOND));
    let (mut hasty, mut patient) = (test.connect("/e"), test.connect("/e"));
    let sessions = {
        let handle = test.handle();
        test.block_on(handle.sessions_of("/e"))
    };
    hasty.send_text("who am I");
    let is_hasty = |session: &Session| session.outbox().dropped == 0;
    assert!(sessions.iter().all(is_hasty));
    sessions[0]
        .set_idle_timeout(Some(5 * SECOND))
        .expect("open");
    sessions[1].set_idle_timeout(None).expect("open");
    sessions[1]
        .change_timeouts(|timeouts| Timeouts {
            life: Some(900 * SECOND),
            ..timeouts
        })
        .expect("open");
    test.advance(10 * SECOND);
    assert!(!sessions[0].is_open() && sessions[1].is_open());
    test.advance(800 * SECOND);
    assert!(sessions[1].is_open());
    test.advance(100 * SECOND);
    assert!(!sessions[1].is_open());
    let closes = [hasty.received(), patient.received()].concat();
    let is_close = |one: &&TestMessage| matches!(one, TestMessage::Close(..));
    assert_eq!(closes.iter().filter(is_close).count(), 2);
}

#[test]
fn s201_s202_a_send_is_awaited_until_the_system_has_it_and_no_longer_than_one_likes() {
    let mut test = start(echo());
    let mut client = test.connect("/e");
    let session = only(&mut test);
    session.send("quick").expect("an open session");
    assert_eq!(test.block_on(session.flush()), Ok(()));
    client.stop_reading(0);
    session.send("slow").expect("an open session");
    let waited = test.block_on(async { tokio::time::timeout(SECOND, session.flush()).await });
    assert!(waited.is_err(), "nobody has taken it");
    // The outbox's own limit ends what nobody would have ended.
    assert_eq!(test.block_on(session.flush()), Err(Refusal::NoSession));
}

#[test]
fn s197_callbacks_of_a_session_run_one_at_a_time_in_order() {
    let notes = Notes::default();
    let noted = Arc::clone(&notes);
    let text = move |Text(text): Text| {
        let notes = Arc::clone(&noted);
        async move {
            let note = |what: &str| {
                let note = format!("{what} {text}");
                notes.lock().expect("not poisoned").push(note);
            };
            note("begin");
            tokio::time::sleep(SECOND).await;
            note("end");
        }
    };
    let mut test = start(Endpoint::new().on_text(text));
    let mut client = test.connect("/e");
    for name in ["a", "b", "c"] {
        client.send_text(name);
    }
    test.advance(4 * SECOND);
    let notes = notes.lock().expect("not poisoned").join(", ");
    assert_eq!(notes, "begin a, end a, begin b, end b, begin c, end c");
}

#[test]
fn s203_a_ping_of_125_bytes_comes_back_and_pongs_nobody_asked_for_are_nothing() {
    let mut test = start(echo());
    let mut client = test.connect("/e");
    client.send_pong(b"unasked");
    client.send_ping(&[7; 125]);
    assert_eq!(client.next(), Some(TestMessage::Pong(vec![7; 125])));
    assert_eq!(client.next(), None);
}

#[test]
fn s18_every_session_is_told_when_the_server_leaves() {
    let mut test = start(echo());
    let mut clients: Vec<_> = (0..50).map(|_| test.connect("/e")).collect();
    test.leave(2 * SECOND);
    for client in &mut clients {
        let (code, reason) = client.next_close();
        assert!(
            code == 1001 && reason.starts_with("leaving: "),
            "{code} {reason}"
        );
    }
    let refused = test.handshake("/e").connect().expect_err("a refusal");
    assert_eq!(refused.status, 503);
}

#[test]
fn s19_ids_are_128_bits_that_do_not_repeat() {
    let open = async |session: Session| session.id().to_string();
    let mut test = start(Endpoint::new().on_open(open));
    let mut ids: Vec<String> = (0..200).map(|_| test.connect("/e").next_text()).collect();
    assert!(ids.iter().all(|id| id.len() == 32));
    // The slot and the shard are part of an id; the first 96 bits are random.
    ids.iter_mut().for_each(|id| id.truncate(24));
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 200);
}

#[test]
fn s211_schedules_and_plain_routes_run_in_the_test_too() {
    async fn tick(handle: Handle) -> Result<(), Refusal> {
        handle.broadcast("/e", "tick").map(drop)
    }
    let routes = axum::Router::new().route("/hello", axum::routing::get(async || "hello"));
    let app = Campanile::builder()
        .endpoint("/e", echo())
        .schedule(campanile::Trigger::FixedRate(60 * SECOND), tick)
        .routes(routes)
        .build()
        .expect("an application");
    let mut test = TestApplication::start(app);
    let mut client = test.connect("/e");
    test.advance(180 * SECOND);
    let received = client.received();
    assert_eq!(received, vec![TestMessage::Text("tick".into()); 3]);
    assert_eq!(test.get("/hello"), (http::StatusCode::OK, "hello".into()));
    assert_eq!(test.get("/nothing").0, 404);
}
