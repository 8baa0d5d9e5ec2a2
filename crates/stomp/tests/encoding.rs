//! What is written, octet by octet.

#[expect(dead_code, reason = "each test uses its part")]
mod common;

use campanile_stomp::{
    Command, FrameWriter, HeartBeat, NoCommonVersion, SUPPORTED_VERSIONS, Version, append_frame,
    append_message_prefix, encode, encode_message_rest, is_forwarded,
};
use common::{received, received_by_client};

#[test]
fn s62_stomp12_content_length_is_written_for_each_body_that_is_not_empty() {
    let frame = |body: &[u8]| encode(Version::V12, Command::Send, &[("destination", "/a")], body);
    assert_eq!(frame(b""), b"SEND\ndestination:/a\n\n\0");
    assert_eq!(
        frame(b"a\0b"),
        b"SEND\ndestination:/a\ncontent-length:3\n\na\0b\0"
    );
    let long = frame(&[b'x'; 1_234_567]);
    assert!(long.starts_with(b"SEND\ndestination:/a\ncontent-length:1234567\n\nx"));
}

#[test]
fn s62_content_length_can_be_left_out_unless_the_body_holds_a_nul() {
    let frame = |body: &[u8]| {
        let mut out = Vec::new();
        FrameWriter::new(&mut out, Version::V10, Command::Send).body_without_length(body);
        out
    };
    assert_eq!(frame(b"text"), b"SEND\n\ntext\0");
    assert_eq!(frame(b"a\0b"), b"SEND\ncontent-length:3\n\na\0b\0");
}

#[test]
fn s62_a_content_length_of_the_callers_is_not_written() {
    let headers = [("content-length", "999"), ("a", "b")];
    let frame = encode(Version::V12, Command::Send, &headers, b"x");
    assert_eq!(frame, b"SEND\na:b\ncontent-length:1\n\nx\0");
    assert_eq!(
        encode(Version::V12, Command::Send, &headers, b""),
        b"SEND\na:b\n\n\0"
    );
}

#[test]
fn s62_a_frame_that_may_have_no_body_gets_none() {
    let receipt = |version| encode(version, Command::Receipt, &[("receipt-id", "1")], b"x");
    for version in [Version::V11, Version::V12] {
        assert_eq!(receipt(version), b"RECEIPT\nreceipt-id:1\n\n\0");
    }
    assert_eq!(
        receipt(Version::V10),
        b"RECEIPT\nreceipt-id:1\ncontent-length:1\n\nx\0"
    );
}

#[test]
fn s62_no_header_can_inject_another_or_end_the_frame() {
    let value = "x\nadmin:true\r\n\r\n\0SEND\ndestination:/b";
    for version in Version::ALL {
        for command in [Command::Connected, Command::Message] {
            let frame = encode(version, command, &[("a", value), (value, "a")], b"");
            let arrived = received_by_client(version, &frame).frame();
            assert_eq!(arrived.headers.len(), 2, "{version} {command}");
            assert!(arrived.headers.iter().all(|header| header.0 != "admin"));
        }
    }
}

#[test]
fn s62_a_colon_in_a_name_cannot_make_another_name_for_1_0() {
    let frame = encode(
        Version::V10,
        Command::Message,
        &[("message-id:x", "1")],
        b"",
    );
    assert_eq!(frame, b"MESSAGE\nmessage-id_x:1\n\n\0");
    let frame = encode(Version::V11, Command::Message, &[("", "1")], b"");
    assert_eq!(frame, b"MESSAGE\n_:1\n\n\0");
}

#[test]
fn s61_connected_is_never_escaped() {
    let beat = HeartBeat {
        sends_every_ms: 500,
        wants_every_ms: 10_000,
    }
    .to_string();
    let headers = [
        ("version", "1.2"),
        ("heart-beat", &*beat),
        ("server", "campanile/0.1"),
        ("session", "a:b\\n"),
        ("user-name", "Ann\nB"),
    ];
    let frame = encode(Version::V12, Command::Connected, &headers, b"");
    let expected = b"CONNECTED\nversion:1.2\nheart-beat:500,10000\nserver:campanile/0.1\n\
                     session:a:b\\n\nuser-name:Ann B\n\n\0";
    assert_eq!(frame, expected);
}

#[test]
fn s59_s73_an_error_lists_the_versions_and_says_why() {
    let why = NoCommonVersion.to_string();
    let headers = [
        ("message", NoCommonVersion.word()),
        ("version", SUPPORTED_VERSIONS),
        ("content-type", "text/plain"),
    ];
    let frame = encode(Version::V10, Command::Error, &headers, why.as_bytes());
    let arrived = received_by_client(Version::V10, &frame).frame();
    assert_eq!(arrived.headers[1], ("version".into(), "1.0,1.1,1.2".into()));
    assert_eq!(arrived.body, why.as_bytes());
}

#[test]
fn s87_prefix_and_rest_together_are_one_message() {
    let headers = [
        ("destination", "/topic/a"),
        ("message-id", "e-1"),
        ("subscription", "spoofed"),
        ("ack", "spoofed"),
        ("x", "y:z"),
    ];
    for version in Version::ALL {
        let rest = encode_message_rest(version, &headers, b"hi\0");
        let mut written = Vec::new();
        let mut writer = FrameWriter::message_rest(&mut written, version);
        for (name, value) in headers {
            writer.header(name, value);
        }
        writer.body(b"hi\0");
        assert_eq!(written, rest);
        let mut frame = b"kept".to_vec();
        append_message_prefix(version, Some("sub 0"), Some("ack-9"), &mut frame);
        frame.extend_from_slice(&rest);
        let arrived = received_by_client(version, &frame[4..]).frame();
        let mut expected = vec![("subscription", "sub 0")];
        if version == Version::V12 {
            expected.push(("ack", "ack-9"));
        }
        expected.extend([
            ("destination", "/topic/a"),
            ("message-id", "e-1"),
            ("x", "y:z"),
        ]);
        assert_eq!(arrived.own_headers(), expected, "{version}");
        assert_eq!(arrived.body, b"hi\0");
    }
    let mut frame = Vec::new();
    append_message_prefix(Version::V10, None, None, &mut frame);
    assert_eq!(frame, b"MESSAGE\n");
}

#[test]
fn s87_a_buffer_with_room_is_not_replaced() {
    let headers = [("destination", "/topic/a"), ("message-id", "e-1")];
    let mut out = Vec::with_capacity(512);
    let place = out.as_ptr();
    for _ in 0..3 {
        append_message_prefix(Version::V12, Some("0"), Some("1"), &mut out);
        append_frame(&mut out, Version::V12, Command::Message, &headers, b"body");
    }
    assert_eq!(out.as_ptr(), place);
    let rest = encode_message_rest(Version::V12, &headers, &[0; 1000]);
    assert!(
        rest.capacity() < rest.len() + 40,
        "room for the length's digits, no more"
    );
}

#[test]
fn s79_control_headers_of_a_send_do_not_reach_receivers() {
    let send = b"SEND\ndestination:/topic/a\nreceipt:1\ntransaction:t\nmessage-id:mine\n\
                 subscription:s\nack:x\ncontent-length:2\npasscode:p\ncontent-type:text/plain\n\
                 gap:1\nredelivered:true\ndelivery-count:2\ndead-letter-reason:r\n\
                 dead-letter-queue:/queue/q\n\
                 priority:9\n\nhi\0";
    let sent = received(Version::V12, send).frame();
    let forwarded: Vec<_> = sent
        .headers
        .iter()
        .map(|header| header.0.as_str())
        .filter(|name| is_forwarded(name))
        .collect();
    assert_eq!(forwarded, ["content-type", "priority"]);
}
