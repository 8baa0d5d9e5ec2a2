//! What a frame tells of itself once it has been read.

use campanile_stomp::{Decoder, Frame, Limits, Role, Version};

/// Reads one frame in a session of `version` and hands it to `check`.
#[track_caller]
fn read(version: Version, stream: &[u8], check: impl FnOnce(Frame<'_>)) {
    let mut decoder = Decoder::new(Role::Server);
    decoder.set_version(version);
    let decoded = decoder.decode(stream, &Limits::default()).expect("legal");
    check(decoded.frame.expect("whole"));
}

#[test]
fn s62_stomp12_of_repeated_headers_the_first_counts_and_all_are_kept() {
    let stream = b"SEND\nfoo:World\nbar:1\nfoo:Hello\nfoo:\n\n\0";
    for version in Version::ALL {
        read(version, stream, |frame| {
            assert_eq!(frame.header("foo").as_deref(), Some("World"));
            assert_eq!(frame.header("none"), None);
            assert_eq!(frame.headers().filter(|it| it.name == "foo").count(), 3);
        });
    }
}

#[test]
fn s62_a_header_is_found_by_its_name_without_escapes() {
    let stream = b"SEND\n\\\\:one\n\\\\\\\\:two\na\\cb:colon\na\\nb:feed\n\n\0";
    for version in [Version::V11, Version::V12] {
        read(version, stream, |frame| {
            assert_eq!(frame.header("\\").as_deref(), Some("one"));
            assert_eq!(frame.header("\\\\").as_deref(), Some("two"));
            assert_eq!(frame.header("a:b").as_deref(), Some("colon"));
            assert_eq!(frame.header("a\nb").as_deref(), Some("feed"));
            assert_eq!(frame.header("a\\cb"), None, "that is how it is written");
        });
    }
    read(Version::V10, stream, |frame| {
        assert_eq!(frame.header("\\\\").as_deref(), Some("one"));
        assert_eq!(frame.header("a\\cb").as_deref(), Some("colon"));
        assert_eq!(frame.header("a:b"), None);
    });
}

#[test]
fn s81_a_passcode_is_not_shown() {
    let stream = b"CONNECT\nlogin:me\npasscode:secret\npasscode:another\n\nbody\0";
    let mut decoder = Decoder::new(Role::Server);
    let decoded = decoder.decode(stream, &Limits::default()).expect("legal");
    let shown = format!("{decoded:?}");
    assert!(
        shown.contains("me") && shown.contains("\"passcode\": \"***\""),
        "{shown}"
    );
    assert!(
        !shown.contains("secret") && !shown.contains("another"),
        "{shown}"
    );
    let frame = decoded.frame.expect("whole");
    assert!(!format!("{:?}", frame.headers()).contains("secret"));
}
