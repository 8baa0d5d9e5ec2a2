//! STOMP 1.2, clause by clause: frames, their encoding and their headers.
//!
//! | section | clause | test |
//! |---|---|---|
//! | STOMP Frames | lines end in LF or CR LF | `v12_frames_lines_end_in_lf_or_cr_lf` |
//! | STOMP Frames | a NUL ends the body, line ends may follow | `v12_frames_line_ends_may_follow_the_nul` |
//! | Value Encoding | commands and headers are UTF-8 | `v12_value_encoding_is_utf_8` |
//! | Value Encoding | `\r` `\n` `\c` `\\` are undone and done | `v12_value_encoding_escapes_…` |
//! | Value Encoding | others are fatal | `v12_value_encoding_undefined_…` |
//! | Value Encoding | not in CONNECT and CONNECTED | `v12_value_encoding_connect_…` |
//! | Value Encoding | headers are not trimmed | `v12_value_encoding_blanks_belong_to_headers` |
//! | Augmented BNF | case, colons, names, NUL | `v12_augmented_bnf_is_kept` |

mod support;

use support::conform::{answers, assert_fatal, fatal, fatal_at_first};
use support::conform::{receipt, session, subscribe};
use support::stomp::{Received, connect, send, start};

const TEXT: &str = "SEND\ndestination:/topic/a\n";

#[test]
fn v12_frames_lines_end_in_lf_or_cr_lf() {
    let (_test, mut client) = session("1.2");
    client.send_text("SUBSCRIBE\r\nid:0\r\ndestination:/topic/a\nreceipt:r\r\n\r\n\0\r\n");
    assert_eq!(receipt(&mut client), "r");
    client.send_text("SEND\ndestination:/topic/a\r\nnote:x\r\n\nbody\r\n\0");
    let message = Received::next(&mut client);
    assert_eq!(message.header("note"), Some("x"));
    assert_eq!(message.body(), "body\r\n");
    // One that ends no line would have needed its escape.
    fatal("1.2", format!("{TEXT}note:a\rb\n\nx\0"), "bad-header", 1002);
    fatal(
        "1.2",
        format!("{TEXT}note:a\r\r\n\nx\0"),
        "bad-header",
        1002,
    );
    // Neither does one alone end a line.
    fatal(
        "1.2",
        "SEND\rdestination:/topic/a\r\rx\0\n",
        "malformed-frame",
        1002,
    );
    let frames = answers("CONNECT\r\naccept-version:1.2\r\nhost:h\r\n\r\n\0");
    assert!(
        frames[0].starts_with("CONNECTED\nversion:1.2\n"),
        "{frames:?}"
    );
}

#[test]
fn v12_frames_line_ends_may_follow_the_nul() {
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, "0", "/topic/a");
    client.send_text(&format!("\n\n{TEXT}\n1\0\n\r\n\n{TEXT}\n2\0\n"));
    assert_eq!(Received::next(&mut client).body(), "1");
    assert_eq!(Received::next(&mut client).body(), "2");
    // But a NUL is no line end, and neither is a blank.
    fatal("1.2", "\0SEND\n\n\0", "malformed-frame", 1002);
    fatal("1.2", " \nSEND\n\n\0", "unknown-command", 1002);
    fatal("1.2", "\rSEND\n\n\0", "malformed-frame", 1002);
    // They may also come before the first frame.
    let frames = answers("\n\r\nCONNECT\naccept-version:1.2\nhost:h\n\n\0");
    assert!(frames[0].starts_with("CONNECTED\n"), "{frames:?}");
}

#[test]
fn v12_value_encoding_is_utf_8() {
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, "né", "/topic/你好");
    send(&mut client, "SEND\ndestination:/topic/你好\ngrüezi:🔔\n\nx");
    let message = Received::next(&mut client);
    assert_eq!(message.header("subscription"), Some("né"));
    assert_eq!(message.header("destination"), Some("/topic/你好"));
    assert_eq!(message.header("grüezi"), Some("🔔"));
    for bad in [
        &b"\xff"[..],
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf5\x80\x80\x80",
    ] {
        let stream = [TEXT.as_bytes(), b"note:", bad, b"\n\nx\0"].concat();
        fatal("1.2", stream, "bad-text", 1007);
    }
    fatal_at_first(
        b"CONNECT\naccept-version:1.2\nhost:\xff\n\n\0",
        "bad-text",
        1007,
    );
}

#[test]
fn v12_value_encoding_escapes_arrive_as_they_were_meant() {
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, "a\\cb\\\\\\n", "/topic/a");
    send(&mut client, &format!("{TEXT}na\\cme:\\r\\n\\c\\\\r\n\nx"));
    let message = Received::next(&mut client);
    assert_eq!(message.header("subscription"), Some("a\\cb\\\\\\n"));
    assert_eq!(message.header("na\\cme"), Some("\\r\\n\\c\\\\r"));
    // An escaped name is the same name, and what it stands for counts, not how it is spelt.
    send(
        &mut client,
        "UNSUBSCRIBE\nid:a\\cb\\\\\\n\nreceipt:r\\c\n\n",
    );
    assert_eq!(receipt(&mut client), "r\\c");
    // A colon in a value need not be escaped to be read, and is escaped when it is written.
    subscribe(&mut client, "1:2", "/topic/a");
    send(&mut client, &format!("{TEXT}\nx"));
    assert_eq!(
        Received::next(&mut client).header("subscription"),
        Some("1\\c2")
    );
}

#[test]
fn v12_value_encoding_undefined_escape_is_an_error_and_a_close() {
    for escape in [
        "\\t", "\\N", "\\C", "\\R", "\\x", "\\0", "\\ ", "\\:", "\\é", "\\",
    ] {
        let value = format!("{TEXT}note:{escape}\n\nx\0");
        fatal("1.2", value, "bad-escape", 1002);
    }
    fatal("1.2", format!("{TEXT}a\\tb:c\n\nx\0"), "bad-escape", 1002);
    fatal(
        "1.2",
        format!("{TEXT}note:c:\\temp\n\nx\0"),
        "bad-escape",
        1002,
    );
    for command in [
        "SUBSCRIBE",
        "UNSUBSCRIBE",
        "ACK",
        "NACK",
        "BEGIN",
        "DISCONNECT",
    ] {
        fatal(
            "1.2",
            format!("{command}\nid:\\t\n\n\0"),
            "bad-escape",
            1002,
        );
    }
    // The body has none.
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, "0", "/topic/a");
    send(&mut client, &format!("{TEXT}\n\\t\\"));
    assert_eq!(Received::next(&mut client).body(), "\\t\\");
}

#[test]
fn v12_value_encoding_connect_and_connected_have_no_escapes() {
    for command in ["CONNECT", "STOMP"] {
        let mut test = start();
        let mut client = test.connect("/stomp?user=c:%5Cnew%5Ctable");
        let rest = "accept-version:1.2\nhost:h\nlogin:\\t\npasscode:\\\nx\\q:\\c\n\n";
        send(&mut client, &format!("{command}\n{rest}"));
        let connected = Received::next(&mut client);
        assert_eq!(connected.command(), "CONNECTED");
        assert_eq!(connected.header("user-name"), Some("c:\\new\\table"));
    }
}

#[test]
fn v12_value_encoding_blanks_belong_to_headers() {
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, " 0 ", "/topic/a ");
    send(&mut client, "SEND\ndestination:/topic/a \n note : x \n\ny");
    let message = Received::next(&mut client);
    assert_eq!(message.header("subscription"), Some(" 0 "));
    assert_eq!(message.header("destination"), Some("/topic/a "));
    assert_eq!(message.header(" note "), Some(" x "));
    fatal(
        "1.2",
        "SEND\ndestination: /topic/a\n\nx\0",
        "unknown-destination",
        1008,
    );
    fatal(
        "1.2",
        "SEND\n destination:/topic/a\n\nx\0",
        "missing-header",
        1002,
    );
    fatal(
        "1.2",
        "SEND\ndestination :/topic/a\n\nx\0",
        "missing-header",
        1002,
    );
    fatal(
        "1.2",
        format!("{TEXT}content-length: 1\n\nx\0"),
        "bad-content-length",
        1002,
    );
}

#[test]
fn v12_augmented_bnf_is_kept() {
    for line in [
        "send", "Send", "SEND ", " SEND", "SENDS", "SEN", "", "MSG", "HTTP/1.1",
    ] {
        if !line.is_empty() {
            let stream = format!("{line}\ndestination:/topic/a\n\nx\0");
            fatal("1.2", stream, "unknown-command", 1002);
        }
    }
    for server in ["CONNECTED", "MESSAGE", "RECEIPT", "ERROR"] {
        fatal("1.2", format!("{server}\n\n\0"), "unknown-command", 1002);
    }
    for header in ["note", "note x", " ", ":x", ":"] {
        fatal("1.2", format!("{TEXT}{header}\n\nx\0"), "bad-header", 1002);
    }
    for stream in ["SEND\0", "SEND\n\0", "SEND\ndestination:/topic/a\n\0"] {
        fatal("1.2", stream, "malformed-frame", 1002);
    }
    fatal(
        "1.2",
        "SEND\ndestination:/topic/a\0b\n\nx\0",
        "malformed-frame",
        1002,
    );
    fatal(
        "1.2",
        "SEND\nDestination:/topic/a\n\nx\0",
        "missing-header",
        1002,
    );
    // A value may be empty, and may have colons.
    let (_test, mut client) = session("1.2");
    subscribe(&mut client, "0", "/topic/a");
    send(&mut client, &format!("{TEXT}empty:\ncolons::a:b:\n\nx"));
    let message = Received::next(&mut client);
    assert_eq!(message.header("empty"), Some(""));
    assert_eq!(message.header("colons"), Some("\\ca\\cb\\c"));
    // A frame that never ends is none.
    let mut test = start();
    let mut client = connect(&mut test, "/stomp", "1.2");
    client.send_text(&format!("{TEXT}\nx"));
    assert_eq!(client.next_message(), None);
    client.send_text("y\0SHOUT\n\n\0");
    assert_fatal(&mut client, "unknown-command", 1002);
}
