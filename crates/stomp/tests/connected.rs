//! What a server answers to CONNECT, as a client reads it.

use campanile_stomp::{
    Command, Connected, ConnectedError, Decoder, HeartBeat, Limits, Role, Version, encode,
};

fn read(stream: &[u8], check: impl FnOnce(Result<Connected<'_>, ConnectedError>)) {
    let mut decoder = Decoder::new(Role::Client);
    let decoded = decoder.decode(stream, &Limits::default()).expect("legal");
    check(Connected::read(&decoded.frame.expect("whole")));
}

#[test]
fn s61_connected_tells_version_heart_beat_session_server_and_user() {
    let headers = [
        ("version", "1.2"),
        ("heart-beat", "500,10000"),
        ("session", "a:b\\n"),
        ("server", "campanile/0.1"),
        ("user-name", "Ann"),
    ];
    let frame = encode(Version::V12, Command::Connected, &headers, b"");
    read(&frame, |found| {
        let connected = found.expect("legal");
        assert_eq!(connected.version, Version::V12);
        assert_eq!(connected.heart_beat.to_string(), "500,10000");
        assert_eq!(connected.session.as_deref(), Some("a:b\\n"));
        assert_eq!(connected.server.as_deref(), Some("campanile/0.1"));
        assert_eq!(connected.user_name.as_deref(), Some("Ann"));
    });
}

#[test]
fn s58_stomp10_connected_has_no_version_and_no_heart_beats() {
    read(b"CONNECTED\nsession: 7\nheart-beat:1,1\n\n\0", |found| {
        let connected = found.expect("legal");
        assert_eq!(connected.version, Version::V10);
        assert_eq!(connected.heart_beat, HeartBeat::NONE);
        assert_eq!(connected.session.as_deref(), Some("7"));
    });
}

#[test]
fn s59_other_answers_open_no_session() {
    read(b"ERROR\nmessage:no\n\n\0", |found| {
        let command = Command::Error;
        assert_eq!(found, Err(ConnectedError::OtherFrame { command }));
    });
    read(b"CONNECTED\nversion:3.0\n\n\0", |found| {
        let error = found.expect_err("not spoken here");
        assert!(error.to_string().contains("\"3.0\""), "{error}");
    });
    read(b"CONNECTED\nversion:1.1\nheart-beat:x\n\n\0", |found| {
        assert!(matches!(found, Err(ConnectedError::HeartBeat(_))));
    });
}
