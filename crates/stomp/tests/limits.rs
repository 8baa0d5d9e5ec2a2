//! Each limit, at it and one beyond (S82).

#[expect(dead_code, reason = "each test uses its part")]
mod common;

use campanile_stomp::{DecodeError, Limits, Role, Version};
use common::{decoder, drive};

/// The outcome, whole and octet by octet.
#[track_caller]
fn error(limits: &Limits, stream: &[u8]) -> Option<DecodeError> {
    let decoder = || decoder(Role::Server, Some(Version::V12));
    let whole = drive(decoder(), [stream], limits);
    let octets = drive(decoder(), stream.chunks(1), limits);
    assert_eq!(whole, octets);
    whole.error
}

#[test]
fn s82_headers_are_counted() {
    let limits = Limits {
        headers_max: 2,
        ..Limits::default()
    };
    assert_eq!(error(&limits, b"SEND\na:b\na:b\n\n\0"), None);
    let expected = Some(DecodeError::TooManyHeaders { headers_max: 2 });
    assert_eq!(error(&limits, b"SEND\na:b\na:b\na:b\n\n\0"), expected);
}

#[test]
fn s82_a_header_has_a_length() {
    let limits = Limits {
        header_bytes_max: 5,
        ..Limits::default()
    };
    assert_eq!(error(&limits, b"SEND\na:bcd\n\n\0"), None);
    assert_eq!(error(&limits, b"SEND\na:bc\r\n\n\0"), None);
    let expected = Some(DecodeError::HeaderTooBig {
        header_bytes_max: 5,
    });
    assert_eq!(error(&limits, b"SEND\na:bcde\n\n\0"), expected);
    assert_eq!(
        error(&limits, b"SEND\nabcdef"),
        expected,
        "found before the line ends"
    );
}

#[test]
fn s82_the_head_has_a_length() {
    let limits = Limits {
        head_bytes_max: 14,
        ..Limits::default()
    };
    assert_eq!(error(&limits, b"SEND\na:b\na:b\n\n\0"), None);
    let expected = Some(DecodeError::HeadTooBig { head_bytes_max: 14 });
    assert_eq!(error(&limits, b"SEND\na:b\na:bc\n\n\0"), expected);
}

#[test]
fn s82_the_body_has_a_length_counted_or_not() {
    let limits = Limits {
        body_bytes_max: 3,
        ..Limits::default()
    };
    assert_eq!(error(&limits, b"SEND\n\nabc\0"), None);
    assert_eq!(error(&limits, b"SEND\ncontent-length:3\n\nabc\0"), None);
    let expected = Some(DecodeError::BodyTooBig { body_bytes_max: 3 });
    assert_eq!(error(&limits, b"SEND\n\nabcd\0"), expected);
    assert_eq!(
        error(&limits, b"SEND\ncontent-length:4\n\n"),
        expected,
        "before it comes"
    );
    let overflow = b"SEND\ncontent-length:18446744073709551621\n\n";
    assert_eq!(error(&limits, overflow), expected, "2^64 + 5 is no 5");
}

#[test]
fn s82_the_frame_has_a_length() {
    let limits = Limits {
        frame_bytes_max: 12,
        ..Limits::default()
    };
    assert_eq!(error(&limits, b"SEND\n\nabcde\0"), None);
    let expected = Some(DecodeError::FrameTooBig {
        frame_bytes_max: 12,
    });
    assert_eq!(error(&limits, b"SEND\n\nabcdef\0"), expected);
    assert_eq!(error(&limits, b"SEND\na:b\nc:d\n\n\0"), expected);
    let counted = Limits {
        frame_bytes_max: 26,
        ..limits
    };
    assert_eq!(error(&counted, b"SEND\ncontent-length:2\n\nab\0"), None);
    let expected = Some(DecodeError::FrameTooBig {
        frame_bytes_max: 26,
    });
    assert_eq!(error(&counted, b"SEND\ncontent-length:3\n\n"), expected);
}

#[test]
fn s82_the_first_octet_beyond_any_limit_tells_which() {
    let limits = Limits {
        header_bytes_max: 6,
        head_bytes_max: 12,
        frame_bytes_max: 13,
        ..Limits::default()
    };
    let header = Some(DecodeError::HeaderTooBig {
        header_bytes_max: 6,
    });
    assert_eq!(error(&limits, b"SEND\nabcdefgh"), header);
    let head = Some(DecodeError::HeadTooBig { head_bytes_max: 12 });
    assert_eq!(error(&limits, b"SEND\na:b\nabcdef\n"), head);
    let none = Limits {
        headers_max: 0,
        header_bytes_max: 0,
        head_bytes_max: 0,
        body_bytes_max: 0,
        frame_bytes_max: 0,
    };
    let expected = Some(DecodeError::HeadTooBig { head_bytes_max: 0 });
    assert_eq!(error(&none, b"SEND\n\n\0"), expected);
    let most = Limits {
        headers_max: usize::MAX,
        header_bytes_max: usize::MAX,
        head_bytes_max: usize::MAX,
        body_bytes_max: usize::MAX,
        frame_bytes_max: usize::MAX,
    };
    assert_eq!(error(&most, b"SEND\na:b\n\nx\0"), None);
    let overflow = b"SEND\ncontent-length:99999999999999999999999\n\n";
    let expected = DecodeError::FrameTooBig {
        frame_bytes_max: usize::MAX,
    };
    assert_eq!(error(&most, overflow), Some(expected));
}

#[test]
fn s82_by_default_frames_of_the_documented_size_pass() {
    let limits = Limits::default();
    let mut stream = b"SEND\n".to_vec();
    let head = limits.head_bytes_max;
    while stream.len() + 3000 < head {
        stream.extend_from_slice(b"a:");
        stream.resize(stream.len() + 2000, b'x');
        stream.push(b'\n');
    }
    stream.extend_from_slice(b"b:");
    stream.resize(head - 2, b'y');
    stream.extend_from_slice(b"\n\n");
    assert_eq!(stream.len(), head);
    stream.resize(head + limits.body_bytes_max, b'z');
    stream.push(0);
    assert_eq!(stream.len(), limits.frame_bytes_max);
    assert_eq!(error(&limits, &stream), None);
}
