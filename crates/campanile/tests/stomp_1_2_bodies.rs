//! STOMP 1.2, clause by clause: bodies, standard headers, repeated headers, sizes.
//!
//! | section | clause | test |
//! |---|---|---|
//! | Body | only SEND, MESSAGE and ERROR have one | `v12_body_only_send_has_one` |
//! | Header content-length | octets, whatever they are | `v12_content_length_counts_octets_of_any_kind` |
//! | Header content-length | a wrong one is fatal | `v12_content_length_that_is_wrong_is_an_error_and_a_close` |
//! | Header content-type | handed on, and not made up | `v12_content_type_is_handed_on_and_not_made_up` |
//! | Header receipt | any frame but CONNECT | `v12_receipt_for_any_frame_but_connect` |
//! | Header receipt | any value | `v12_receipt_id_is_the_receipt_whatever_it_is` |
//! | Repeated Header Entries | the first counts | `v12_repeated_headers_the_first_counts` |
//! | Size Limits | a limit is an ERROR and a close | `v12_size_limits_are_errors_that_name_them` |

mod support;

use support::conform::{answers, count, fatal, fatal_at_first};
use support::conform::{receipt, session, subscribe, texts};
use support::stomp::{Received, send};

const TEXT: &str = "SEND\ndestination:/topic/a\n";

#[test]
fn v12_body_only_send_has_one() {
    for head in [
        "SUBSCRIBE\nid:0\ndestination:/topic/a\n",
        "UNSUBSCRIBE\nid:0\n",
        "ACK\nid:0\n",
        "NACK\nid:0\n",
        "BEGIN\ntransaction:t\n",
        "COMMIT\ntransaction:t\n",
        "ABORT\ntransaction:t\n",
        "DISCONNECT\n",
    ] {
        fatal("1.2", format!("{head}\nx\0"), "bad-body", 1002);
        fatal(
            "1.2",
            format!("{head}content-length:1\n\nx\0"),
            "bad-body",
            1002,
        );
        // Where the NUL was forgotten, the next frame looks like a body.
        fatal("1.2", format!("{head}\n{head}\n\0"), "bad-body", 1002);
    }
    for command in ["CONNECT", "STOMP"] {
        let head = format!("{command}\naccept-version:1.2\nhost:h\n");
        fatal_at_first(format!("{head}\nx\0"), "bad-body", 1002);
        fatal_at_first(format!("{head}content-length:1\n\n\0\0"), "bad-body", 1002);
    }
    // A length of nothing is no body.
    let (_test, mut client) = session("1.2");
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/topic/a\ncontent-length:0\nreceipt:r\n\n",
    );
    assert_eq!(receipt(&mut client), "r");
}

#[test]
fn v12_content_length_counts_octets_of_any_kind() {
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, "0", "/topic/a");
    for body in ["é", "\0", "a\0b\0", "SEND\n\n\0", "x", "\n\n\0\n"] {
        let length = body.len();
        let head = format!("{TEXT}content-type:text/plain\ncontent-length:{length}\n\n");
        client.send_text(&format!("{head}{body}\0"));
        let message = Received::next(&mut client);
        assert_eq!(message.header("content-length"), Some(&*length.to_string()));
        assert_eq!(count(&message, "content-length"), 1);
        assert_eq!(message.body(), body);
    }
    let head = format!("{TEXT}content-length:4\n\n");
    client.send_binary(&[head.as_bytes(), b"\xff\0\xfe\0\0"].concat());
    assert!(
        client
            .next_binary()
            .ends_with(b"content-length:4\n\n\xff\0\xfe\0\0")
    );
    // Nothing is a body of nothing, told or not.
    for length in ["", "content-length:0\n", "content-length:000\n"] {
        client.send_text(&format!("{TEXT}{length}\n\0"));
        assert_eq!(Received::next(&mut client).body(), "");
    }
    // Without a length the first NUL ends it.
    client.send_text(&format!("{TEXT}\na\0{TEXT}\nb\0"));
    assert_eq!(Received::next(&mut client).body(), "a");
    assert_eq!(Received::next(&mut client).body(), "b");
}

#[test]
fn v12_content_length_that_is_wrong_is_an_error_and_a_close() {
    for value in ["", "-1", "+1", " 1", "1 ", "1.0", "0x1", "one", "1,1", "١"] {
        let stream = format!("{TEXT}content-length:{value}\n\nx\0");
        fatal("1.2", stream, "bad-content-length", 1002);
    }
    for (length, body) in [(0, "x"), (1, "xy"), (2, "xyz\0"), (1, "x\n\0")] {
        let stream = format!("{TEXT}content-length:{length}\n\n{body}\0");
        fatal("1.2", stream, "bad-body", 1002);
    }
    for value in [
        "65537",
        "4294967296",
        "18446744073709551616",
        &"9".repeat(300),
    ] {
        // Told at once: nobody waits for that much.
        let stream = format!("{TEXT}content-length:{value}\n\n");
        fatal("1.2", stream, "too-big", 1009);
    }
    // One that is too long takes what follows for the body, until there is no NUL where it ends.
    let stream = format!("{TEXT}content-length:5\n\nabc\0{TEXT}\nx\0");
    fatal("1.2", stream, "bad-body", 1002);
}

#[test]
fn v12_content_type_is_handed_on_and_not_made_up() {
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, "0", "/topic/a");
    for given in ["application/json;charset=utf-8", "text/html"] {
        send(&mut client, &format!("{TEXT}content-type:{given}\n\nx"));
        let message = Received::next(&mut client);
        assert_eq!(message.header("content-type"), Some(given));
    }
    send(&mut client, &format!("{TEXT}\n{{}}"));
    assert_eq!(Received::next(&mut client).header("content-type"), None);
}

#[test]
fn v12_receipt_for_any_frame_but_connect() {
    for command in ["CONNECT", "STOMP"] {
        let frames = answers(&format!(
            "{command}\naccept-version:1.2\nhost:h\nreceipt:c\n\n\0"
        ));
        assert_eq!(frames.len(), 1, "{frames:?}");
        assert!(frames[0].starts_with("CONNECTED\n"));
    }
    let (_test, mut client) = session("1.2");
    for (number, head) in [
        "SUBSCRIBE\nid:0\ndestination:/topic/b\nack:client",
        "SEND\ndestination:/topic/a",
        "ACK\nid:message,0",
        "NACK\nid:message,0",
        "UNSUBSCRIBE\nid:0",
        "DISCONNECT",
    ]
    .into_iter()
    .enumerate()
    {
        send(&mut client, &format!("{head}\nreceipt:{number}\n\n"));
        let answer = Received::next(&mut client);
        let cursor = answer.header("cursor").map(|it| format!("cursor:{it}\n"));
        assert_eq!(cursor.is_some(), head.starts_with("SUBSCRIBE"), "{head}");
        let cursor = cursor.unwrap_or_default();
        assert_eq!(
            answer.0,
            format!("RECEIPT\nreceipt-id:{number}\n{cursor}\n"),
            "{head}"
        );
    }
    assert_eq!(client.next_close().0, 1000);
}

#[test]
fn v12_receipt_id_is_the_receipt_whatever_it_is() {
    let (_test, mut client) = session("1.2");
    for value in [
        "",
        " ",
        "a b",
        "\\c\\n\\r\\\\",
        "0",
        "你好",
        &"x".repeat(8_000),
    ] {
        send(&mut client, &format!("{TEXT}receipt:{value}\n\nx"));
        assert_eq!(receipt(&mut client), value);
    }
    // The same one twice is two receipts.
    for _ in 0..2 {
        send(&mut client, &format!("{TEXT}receipt:twice\n\nx"));
    }
    assert_eq!(texts(&mut client).len(), 2);
}

#[test]
fn v12_repeated_headers_the_first_counts() {
    let (_test, mut client) = session("1.2");
    let head = "SUBSCRIBE\nid:0\nid:1\ndestination:/topic/a\ndestination:/nowhere\n";
    send(
        &mut client,
        &format!("{head}ack:auto\nack:wrong\nreceipt:r\nreceipt:s\n\n"),
    );
    assert_eq!(receipt(&mut client), "r");
    let head = "SEND\ndestination:/topic/a\ndestination:/topic/b\nfoo:World\nfoo:Hello\nf\\coo:1";
    client.send_text(&format!(
        "{head}\ncontent-length:1\ncontent-length:9\n\nx\0"
    ));
    let message = Received::next(&mut client);
    assert_eq!(message.header("destination"), Some("/topic/a"));
    assert_eq!(message.header("subscription"), Some("0"));
    assert_eq!(
        (message.header("foo"), count(&message, "foo")),
        (Some("World"), 1)
    );
    assert_eq!(message.header("f\\coo"), Some("1"));
    assert_eq!(message.body(), "x");
    assert_eq!(client.next_message(), None);
    let frames = answers("CONNECT\naccept-version:1.1\naccept-version:1.2\nhost:h\n\n\0");
    assert!(frames[0].contains("\nversion:1.1\n"), "{frames:?}");
}

#[test]
fn v12_size_limits_are_errors_that_name_them() {
    for (extra, limit) in [
        ("a:b\n".repeat(64), "64 headers"),
        (format!("a:{}\n", "x".repeat(8_192)), "8192 bytes"),
        (
            format!("a:{}\n", "x".repeat(8_000)).repeat(3),
            "16384 bytes",
        ),
        (format!("\n{}", "x".repeat(65_537)), "65536 bytes"),
    ] {
        let (_test, mut client) = session("1.2");
        client.send_text(&format!("{TEXT}{extra}\n\0"));
        let error = Received::next(&mut client);
        assert_eq!(error.header("message"), Some("too-big"));
        assert!(error.body().contains(limit), "{}", error.body());
        assert_eq!(client.next_close().0, 1009);
    }
    // What is just within them passes.
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, "0", "/topic/a");
    let many: String = (0..63).map(|number| format!("{number}:x\n")).collect();
    client.send_text(&format!("{TEXT}{many}\n{}\0", "x".repeat(65_536)));
    let message = Received::next(&mut client);
    assert_eq!(
        (message.header("62"), message.body().len()),
        (Some("x"), 65_536)
    );
    // A command line has no end of its own, either.
    fatal("1.2", "S".repeat(100), "unknown-command", 1002);
}
