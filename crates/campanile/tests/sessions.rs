//! Sessions as handlers and applications see them: in memory, in virtual time.

mod support;

use std::time::Duration;

use campanile::testing::{TestApplication, TestMessage};
use campanile::{Campanile, CloseCode, Endpoint, Handle, Parts, Refusal, SendError, Session, Text};

use support::kit::{Notes, echo, noting, only, start};
use support::stomp::UserFromQuery;

const SECOND: Duration = Duration::from_secs(1);

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
    assert_eq!(client.next_message(), Some(TestMessage::End));
    assert_eq!(test.handle().count("/e"), 0);
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
fn s33_a_session_and_all_of_a_user_are_closed_by_the_server() {
    let user = |session: Session| async move { session.id().to_string() };
    let endpoint = Endpoint::new().on_open(user).intercept(UserFromQuery);
    let mut test = start(endpoint);
    let mut ada = [test.connect("/e?user=ada"), test.connect("/e?user=ada")];
    let mut bob = test.connect("/e?user=bob");
    let handle = test.handle();
    let ids: Vec<String> = ada.iter_mut().map(|one| one.next_text()).collect();
    let sessions = test.block_on(handle.sessions_of_user("ada")).expect("room");
    assert_eq!(sessions.len(), 2);
    let first = test.block_on(handle.session(sessions[0].id()));
    let first = first.expect("an open session");
    assert!(ids.contains(&first.id().to_string()));
    assert_eq!(first.user(), Some("ada"));
    let closed = handle.close_user("ada", CloseCode::POLICY, "expired: log in again");
    closed.expect("room");
    for client in &mut ada {
        assert_eq!(client.next_close(), (1008, "expired: log in again".into()));
    }
    assert_eq!(first.send("too late"), Err(Refusal::NoSession));
    assert!(test.block_on(handle.session(first.id())).is_err());
    bob.next_text();
    let bobs = test.block_on(handle.sessions_of_user("bob")).expect("room");
    bobs[0]
        .close(CloseCode::NORMAL, "bye: bob")
        .expect("an open session");
    assert_eq!(bob.next_close(), (1000, "bye: bob".into()));
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
    for session in test.block_on(handle.sessions_at("/rooms/1")).expect("room") {
        session.unsubscribe("/rooms/1").expect("an open session");
    }
    assert_eq!(publish("/rooms/2", "still"), 1);
    test.settle();
    assert_eq!(
        (handle.count_at("/rooms/1"), handle.count_at("/rooms/2")),
        (0, 1)
    );
    assert_eq!(bob.next_text(), "still");
    assert_eq!(ada.next_message(), None);
}

#[test]
fn s198_the_open_sessions_of_an_endpoint_are_listed() {
    let mut test = start(echo());
    let clients: Vec<_> = (0..20).map(|_| test.connect("/e")).collect();
    let handle = test.handle();
    let sessions = test.block_on(handle.sessions_of("/e")).expect("room");
    let mut ids: Vec<String> = sessions.iter().map(|one| one.id().to_string()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20);
    drop(clients);
    test.settle();
    assert!(
        test.block_on(handle.sessions_of("/e"))
            .expect("room")
            .is_empty()
    );
    assert!(
        test.block_on(handle.sessions_of("/nowhere"))
            .expect("room")
            .is_empty()
    );
}

#[test]
fn s203_a_ping_of_125_bytes_comes_back_and_pongs_nobody_asked_for_are_nothing() {
    let mut test = start(echo());
    let mut client = test.connect("/e");
    client.send_pong(b"unasked");
    client.send_ping(&[7; 125]);
    assert_eq!(client.next_message(), Some(TestMessage::Pong(vec![7; 125])));
    assert_eq!(client.next_message(), None);
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

#[test]
fn s205_endpoints_come_and_go_while_the_application_runs() {
    let mut test = start(echo());
    let handle = test.handle();
    let refused = test.handshake("/later").connect();
    assert_eq!(refused.expect_err("not there yet").status, 404);
    handle.add_endpoint("/later", echo()).expect("a free path");
    let again = handle.add_endpoint("/later", echo()).expect_err("taken");
    assert!(again.to_string().contains("/later"), "{again}");
    let mut client = test.connect("/later");
    client.send_text("here I am");
    assert_eq!(client.next_text(), "here I am");
    assert!(handle.remove_endpoint("/later"));
    assert!(!handle.remove_endpoint("/later"));
    assert!(test.handshake("/later").connect().is_err());
    // Who is in stays in until it is closed.
    client.send_text("still here");
    assert_eq!(client.next_text(), "still here");
    let closed = handle.close_endpoint("/later", CloseCode::GOING_AWAY, "removed: go to /e");
    closed.expect("room");
    assert_eq!(client.next_close(), (1001, "removed: go to /e".into()));
    handle.add_endpoint("/later", echo()).expect("free again");
    test.connect("/later");
    test.connect("/e");
}

#[test]
fn s24_a_session_tells_what_it_is() {
    let open = async |session: Session| {
        session.attributes().set("colour", "green");
        format!(
            "{} {:?} {:?} {:?} {} {} {:?} {:?} {} {:?}",
            session.uri(),
            session.path_parameters().get("seat"),
            session.user(),
            session.protocol(),
            session.remote_address(),
            session.local_address(),
            session.extensions(),
            session.header("user-agent"),
            session.is_secure(),
            session.attributes().text("colour"),
        )
    };
    let endpoint = Endpoint::new()
        .protocols(["chat"])
        .keep_headers(["User-Agent"])
        .on_open(open);
    let app = Campanile::builder().endpoint("/table/{seat}", endpoint);
    let mut test = TestApplication::start(app.build().expect("an application"));
    let handshake = test.handshake("/table/7?menu=big");
    let mut client = handshake
        .protocols(&["chat"])
        .header("user-agent", "tester")
        .header("sec-websocket-extensions", "permessage-deflate")
        .from("10.1.2.3:4".parse().expect("an address"))
        .connect()
        .expect("a session");
    let told = client.next_text();
    let expected = "/table/7?menu=big Some(\"7\") None Some(\"chat\") 10.1.2.3:4 127.0.0.1:8080 \
                    Some(\"permessage-deflate; server_no_context_takeover; \
                    client_no_context_takeover\") Some(\"tester\") false Some(\"green\")";
    assert_eq!(told, expected);
    let handle = test.handle();
    let session = test
        .block_on(handle.sessions_of("/table/{seat}"))
        .expect("room")
        .remove(0);
    assert!(session.is_open());
    drop(client);
    test.settle();
    assert!(!session.is_open());
}
