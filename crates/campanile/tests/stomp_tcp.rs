//! STOMP sessions over TCP: in memory, in virtual time.

mod support;

use std::time::Duration;

use campanile::http;
use campanile::testing::{TestApplication, TestConnection};
use campanile::{
    Broker, CONNECT_BYTES_MAX, Campanile, CloseCode, Handshake, OutboxPolicy, Overflow, Refused,
    Session, StompEndpoint, Text,
};

const SECOND: Duration = Duration::from_secs(1);

fn builder() -> campanile::Builder {
    let broker = Broker::new().clients_may_send("/topic/**");
    Campanile::builder()
        .broker(broker)
        .stomp("/stomp", StompEndpoint::new())
}

fn start() -> TestApplication {
    let app = builder().stomp_tcp(StompEndpoint::new());
    TestApplication::start(app.build().expect("an application"))
}

/// What has come so far, cut into frames behind each NUL; line ends between them are left out.
fn frames(client: &mut TestConnection) -> Vec<String> {
    let text = String::from_utf8(client.received()).expect("UTF-8");
    let all = text.split_inclusive('\0');
    let all = all.map(|frame| frame.trim_start_matches('\n').to_owned());
    all.filter(|frame| !frame.is_empty()).collect()
}

fn connect(test: &mut TestApplication, version: &str) -> TestConnection {
    let mut client = test.connect_tcp();
    client.send(format!("CONNECT\naccept-version:{version}\nhost:h\n\n\0"));
    let connected = frames(&mut client);
    assert!(connected[0].starts_with("CONNECTED\n"), "{connected:?}");
    assert!(connected[0].contains(&format!("\nversion:{version}\n")));
    client
}

/// The one frame that has come, which is an ERROR with this word, and the end behind it.
#[track_caller]
fn expect_error(client: &mut TestConnection, word: &str) -> String {
    let frames = frames(client);
    let [error] = &frames[..] else {
        panic!("not one frame: {frames:?}");
    };
    let begin = format!("ERROR\nmessage:{word}\n");
    assert!(error.starts_with(&begin), "not {word}: {error:?}");
    assert!(client.has_ended(), "an ERROR is followed by the end");
    error.clone()
}

#[test]
fn s58_s87_tcp_and_websocket_clients_of_all_versions_share_destinations() {
    let mut test = start();
    let mut listeners: Vec<TestConnection> = ["1.0", "1.1", "1.2"]
        .into_iter()
        .map(|version| {
            let mut client = connect(&mut test, version);
            client.send("SUBSCRIBE\nid:s\ndestination:/topic/a\nreceipt:r\n\n\0");
            let answers = frames(&mut client);
            assert_eq!(answers.len(), 1, "{answers:?}");
            assert!(answers[0].starts_with("RECEIPT\nreceipt-id:r\n"));
            client
        })
        .collect();
    let mut page = support::stomp::connect(&mut test, "/stomp", "1.2");
    support::stomp::send(&mut page, "SUBSCRIBE\nid:p\ndestination:/topic/a\n\n");
    support::stomp::send(
        &mut page,
        "SEND\ndestination:/topic/a\nnote:a\\cb\n\nfrom a page",
    );
    listeners[2].send("SEND\ndestination:/topic/a\ncontent-length:3\n\nx\0y\0");
    for (client, note) in listeners.iter_mut().zip(["a:b", "a\\cb", "a\\cb"]) {
        let got = client.received();
        let text = String::from_utf8_lossy(&got);
        let first = "MESSAGE\nsubscription:s\ndestination:/topic/a\nmessage-id:";
        assert!(text.starts_with(first), "{text:?}");
        let body = format!("\nnote:{note}\ncontent-length:11\n\nfrom a page\0\nMESSAGE\n");
        assert!(text.contains(&body), "{text:?}");
        assert!(text.ends_with("\ncontent-length:3\n\nx\0y\0\n"), "{text:?}");
    }
    let message = support::stomp::Received::next(&mut page);
    assert_eq!(message.header("subscription"), Some("p"));
    assert_eq!(message.body(), "from a page");
    assert_eq!(support::stomp::Received::next(&mut page).body(), "x\0y");
}

#[test]
fn s63_however_the_bytes_are_cut_the_answers_are_the_same() {
    let all = "CONNECT\r\naccept-version:1.2\r\nhost:h\r\n\r\n\0\n\r\n\n\
               SUBSCRIBE\nid:0\ndestination:/topic/a\nreceipt:1\n\n\0\
               SEND\ndestination:/topic/a\ncontent-length:5\nreceipt:2\n\na\0b\n\r\0\n\
               SEND\ndestination:/topic/a\nreceipt:3\n\nsecond\0";
    let answers = |size: usize| {
        let mut test = start();
        let mut client = test.connect_tcp();
        let mut got = Vec::new();
        for piece in all.as_bytes().chunks(size) {
            client.send(piece);
            got.extend(client.received());
        }
        assert!(!client.has_ended(), "pieces of {size}");
        // What differs from run to run are ids.
        let text = String::from_utf8(got).expect("UTF-8");
        let lines = text.split('\n');
        let lines = lines.filter(|line| !line.starts_with("session:"));
        let lines = lines.filter(|line| !line.starts_with("message-id:"));
        let lines = lines.filter(|line| !line.starts_with("cursor:"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let whole = answers(all.len());
    assert!(whole.contains("receipt-id:3"), "{whole:?}");
    assert_eq!(whole.matches("MESSAGE\n").count(), 2, "{whole:?}");
    for size in 1..90 {
        let mut cut = answers(size);
        let mut expected = whole.clone();
        // A receipt overtakes a publication of the same read, or not: the frames are the same.
        for text in [&mut cut, &mut expected] {
            let mut frames: Vec<&str> = text.split_inclusive('\0').collect();
            frames.sort_unstable();
            *text = frames.concat();
        }
        assert_eq!(cut, expected, "pieces of {size}");
    }
}

#[test]
fn s66_s67_heart_beats_are_single_line_feeds_and_silence_is_the_end() {
    let mut test = start();
    let mut client = test.connect_tcp();
    client.send("CONNECT\naccept-version:1.2\nhost:h\nheart-beat:10000,5000\n\n\0");
    assert_eq!(frames(&mut client).len(), 1);
    for _ in 0..6 {
        test.advance(5 * SECOND);
        assert_eq!(client.received(), b"\n");
        client.send("\n");
    }
    test.advance(5 * SECOND);
    client.received();
    test.advance(26 * SECOND);
    let last = String::from_utf8(client.received()).expect("UTF-8");
    assert!(
        last.starts_with("\n\n\n\nERROR\nmessage:silent\n"),
        "{last:?}"
    );
    assert!(client.has_ended());
}

#[test]
fn s32_a_client_that_drips_its_connect_is_not_waited_for() {
    let mut test = start();
    let mut silent = test.connect_tcp();
    let mut dripping = test.connect_tcp();
    let mut page = test.connect("/stomp");
    let connect =
        "CONNECT\nlogin:somebody whose name is rather long, so that it takes a while\n\n\0";
    for byte in connect.as_bytes().iter().take(61) {
        dripping.send([*byte]);
        page.send_binary(&[*byte]);
        test.advance(SECOND);
    }
    expect_error(&mut silent, "first-message");
    expect_error(&mut dripping, "first-message");
    assert_eq!(page.next_close().0, 1008);
}

#[test]
fn s82_what_comes_before_connect_has_a_budget_over_both_wires() {
    let mut test = start();
    let mut client = test.connect_tcp();
    // Heart-beats count, too.
    client.send("\n".repeat(CONNECT_BYTES_MAX));
    assert!(!client.has_ended());
    client.send("\n");
    expect_error(&mut client, "too-big");
    let mut page = test.connect("/stomp");
    for _ in 0..16 {
        page.send_text(&"\n".repeat(1_024));
    }
    page.send_text("\n");
    let (word, code) = support::stomp::refusal(&mut page);
    assert_eq!((&*word, code), ("too-big", 1002));
    // Whoever is connected has none.
    let mut client = connect(&mut test, "1.2");
    client.send("\n".repeat(CONNECT_BYTES_MAX + 1));
    assert!(!client.has_ended());
    // An endless header ends at its own limit.
    client.send(format!("SEND\ndestination:{}", "x".repeat(9_000)));
    expect_error(&mut client, "too-big");
}

#[test]
fn s73_what_is_no_stomp_is_told_what_this_port_is_for() {
    let mut test = start();
    let client_hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x53\x07\x1e\x5c\xc3\xc5\xa9";
    for (bytes, word) in [
        (
            &b"GET /stomp HTTP/1.1\r\nHost: h\r\n\r\n"[..],
            "unknown-command",
        ),
        (b"POST / HTTP/1.1\r\n\r\nCONNECT\n\n\0", "unknown-command"),
        (client_hello, "malformed-frame"),
    ] {
        let mut client = test.connect_tcp();
        client.send(bytes);
        let error = expect_error(&mut client, word);
        assert!(error.contains("for STOMP alone"), "{error:?}");
    }
    let mut client = connect(&mut test, "1.1");
    client.send("SUBSCRIBE\nid:0\ndestination:/nowhere/a\nreceipt:7\n\n\0SEND\n\n\0");
    let error = expect_error(&mut client, "unknown-destination");
    assert!(error.contains("\nreceipt-id:7\n"), "{error:?}");
}

#[test]
fn s70_s75_a_farewell_ends_the_connection_and_x_errors_keep_keeps_it() {
    let mut test = start();
    let mut client = connect(&mut test, "1.2");
    client.send("DISCONNECT\nreceipt:bye\n\n\0");
    assert_eq!(frames(&mut client), ["RECEIPT\nreceipt-id:bye\n\n\0"]);
    assert!(client.has_ended());
    let mut client = test.connect_tcp();
    client.send("CONNECT\naccept-version:1.2\nhost:h\nx-errors:keep\n\n\0");
    client.send("SEND\ndestination:/nowhere\n\n\0SEND\ndestination:/topic/a\nreceipt:1\n\n\0");
    let got = frames(&mut client);
    assert_eq!(got.len(), 3, "{got:?}");
    assert!(got[1].starts_with("ERROR\nmessage:unknown-destination\n"));
    assert_eq!(got[2], "RECEIPT\nreceipt-id:1\n\n\0");
    assert!(!client.has_ended());
}

#[test]
fn s35_leaving_and_closing_are_errors_with_a_reason() {
    async fn kicked(session: Session, Text(_): Text) {
        let code = CloseCode::new(4_000).expect("a code");
        session
            .close(code, "kicked: ask the operator")
            .expect("it is open");
    }
    let app = builder().message("/kick", kicked);
    let app = app.stomp_tcp(StompEndpoint::new());
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut kicked = connect(&mut test, "1.2");
    kicked.send("SEND\ndestination:/app/kick\n\n\0");
    let error = expect_error(&mut kicked, "kicked");
    assert!(error.ends_with("\n\nask the operator\0"), "{error:?}");
    let mut clients = ["1.0", "1.1", "1.2"].map(|version| connect(&mut test, version));
    let mut early = test.connect_tcp();
    test.leave(Duration::ZERO);
    for client in clients.iter_mut().chain([&mut early]) {
        expect_error(client, "leaving");
    }
}

#[test]
fn s29_a_client_that_does_not_read_is_told_so_and_closed() {
    let policy = OutboxPolicy {
        bytes_max: 4_096,
        overflow: Overflow::Close,
        ..OutboxPolicy::default()
    };
    let app = builder().stomp_tcp(StompEndpoint::new().outbox(policy));
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut client = connect(&mut test, "1.2");
    client.send("SUBSCRIBE\nid:0\ndestination:/topic/a\n\n\0");
    client.stop_reading(0);
    for _ in 0..9 {
        test.handle()
            .publish("/topic/a", "x".repeat(1_000))
            .expect("room");
        test.settle();
    }
    client.go_on_reading();
    let all = String::from_utf8(client.received()).expect("UTF-8");
    assert!(all.contains("ERROR\nmessage:slow-consumer\n"), "{all:?}");
    assert!(client.has_ended());
}

#[test]
fn s60_a_client_that_closes_its_half_still_gets_its_answers() {
    let mut test = start();
    let mut client = connect(&mut test, "1.2");
    client.stop_reading(0);
    client.send("SEND\ndestination:/topic/a\nreceipt:1\n\n\0");
    client.end_sending();
    assert!(!client.has_ended());
    client.go_on_reading();
    assert_eq!(frames(&mut client), ["RECEIPT\nreceipt-id:1\n\n\0"]);
    assert!(client.has_ended());
    // Halfway through a frame there is nobody to complain to.
    let mut client = connect(&mut test, "1.2");
    client.send("SEND\ndestination:/to");
    client.end_sending();
    assert!(client.has_ended());
    assert_eq!(client.received(), b"");
}

#[test]
fn s7_interceptors_are_asked_about_tcp_clients_too() {
    let endpoint = StompEndpoint::new();
    let app = builder()
        .before_handshake(
            async |handshake: &mut Handshake| match handshake.uri().scheme_str() {
                Some("stomp") => {
                    handshake.set_user("from-tcp");
                    Ok(())
                }
                _ => Err(Refused::new(http::StatusCode::FORBIDDEN, "TCP only")),
            },
        )
        .stomp_tcp(endpoint);
    let mut test = TestApplication::start(app.build().expect("an application"));
    assert!(test.handshake("/stomp").connect().is_err());
    let mut client = test.connect_tcp();
    client.send("CONNECT\n\n\0");
    assert!(frames(&mut client)[0].contains("\nuser-name:from-tcp\n"));
}
