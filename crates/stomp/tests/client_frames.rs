//! What clients ask for, and what each version requires of them.

use campanile_stomp::{
    AckId, AckMode, Acknowledge, ClientFrame, ClientFrameError, Command, Connect, Decoder,
    HeartBeat, Limits, NoCommonVersion, Request, Role, Send, Subscribe, Unsubscribe, Version,
};

const V10: Version = Version::V10;
const V11: Version = Version::V11;
const V12: Version = Version::V12;

/// Reads one frame, given without its last blank line and its NUL, and hands it to `check`.
#[track_caller]
fn read(
    version: Version,
    head: &str,
    check: impl FnOnce(Result<ClientFrame<'_>, ClientFrameError>),
) {
    let stream = format!("{head}\n\n\0");
    let mut decoder = Decoder::new(Role::Server);
    decoder.set_version(version);
    let decoded = decoder
        .decode(stream.as_bytes(), &Limits::default())
        .expect("legal");
    check(ClientFrame::read(&decoded.frame.expect("whole"), version));
}

#[track_caller]
fn assert_request(version: Version, head: &str, receipt: Option<&str>, request: &Request<'_>) {
    read(version, head, |found| {
        let found = found.expect("all that is required");
        assert_eq!(found.receipt.as_deref(), receipt);
        assert_eq!(&found.request, request);
    });
}

#[track_caller]
fn assert_missing(version: Version, head: &str, header: &'static str) {
    read(version, head, |found| {
        let Err(ClientFrameError::MissingHeader {
            header: found,
            version: told,
            ..
        }) = found
        else {
            panic!("{found:?}")
        };
        assert_eq!((found, told), (header, version));
    });
}

#[track_caller]
fn connect(head: &str, check: impl FnOnce(Connect<'_>)) {
    read(V12, head, |found| match found.expect("legal").request {
        Request::Connect(connect) => check(connect),
        other => panic!("{other:?}"),
    });
}

#[test]
fn s58_s60_stomp12_connect_and_stomp_bring_versions_host_login_and_heart_beat() {
    for command in ["CONNECT", "STOMP"] {
        let head = format!(
            "{command}\naccept-version:1.0,1.1,1.2\nhost:example\nlogin:me\npasscode: \\n \n\
             heart-beat:4000,8000\nreceipt:none"
        );
        connect(&head, |connect| {
            assert_eq!(connect.version(), Ok(V12));
            assert_eq!(connect.host.as_deref(), Some("example"));
            assert_eq!(connect.login.as_deref(), Some("me"));
            let passcode = connect.passcode.expect("given");
            assert_eq!(passcode.expose(), " \\n ", "neither trimmed nor unescaped");
            let beat = HeartBeat {
                sends_every_ms: 4000,
                wants_every_ms: 8000,
            };
            assert_eq!(connect.heart_beat, beat);
        });
        read(V12, &head, |found| {
            assert_eq!(found.expect("legal").receipt, None);
        });
    }
}

#[test]
fn s58_stomp10_connect_may_have_nothing_and_blanks_around_values() {
    connect("CONNECT", |connect| {
        assert_eq!(connect.version(), Ok(V10));
        assert_eq!(
            (connect.host, connect.login, connect.passcode),
            (None, None, None)
        );
        assert_eq!(connect.heart_beat, HeartBeat::NONE);
    });
    connect(
        "CONNECT\nlogin: me \npasscode: secret\nheart-beat: none of them",
        |connect| {
            assert_eq!(connect.login.as_deref(), Some("me"));
            assert_eq!(connect.passcode.expect("given").expose(), "secret");
            assert_eq!(
                connect.heart_beat,
                HeartBeat::NONE,
                "1.0 has no heart-beats"
            );
        },
    );
}

#[test]
fn s58_s66_a_connect_that_comes_to_1_0_is_read_as_1_0_also_when_it_says_so() {
    for accept in ["1.0", "0.9, 1.0", "1.0,2.0"] {
        let head = format!("CONNECT\naccept-version:{accept}\nlogin: me \nheart-beat:1000,1000");
        connect(&head, |connect| {
            assert_eq!(connect.version(), Ok(V10));
            assert_eq!(connect.login.as_deref(), Some("me"));
            assert_eq!(connect.heart_beat, HeartBeat::NONE, "{accept}");
        });
    }
    connect("CONNECT\naccept-version:1.0,1.1\nlogin: me ", |connect| {
        assert_eq!(connect.login.as_deref(), Some(" me "));
    });
}

#[test]
fn s59_connect_with_other_versions_only_is_told() {
    connect("CONNECT\naccept-version:2.0,3.0", |connect| {
        assert_eq!(connect.version(), Err(NoCommonVersion));
    });
}

#[test]
fn s67_a_heart_beat_that_cannot_be_read_is_an_error() {
    read(
        V12,
        "CONNECT\naccept-version:1.2\nheart-beat:a,b",
        |found| {
            let error = found.expect_err("no numbers");
            assert!(matches!(error, ClientFrameError::HeartBeat(_)));
            assert_eq!(error.word(), "bad-header");
            assert!(error.to_string().contains("10000,0"), "{error}");
        },
    );
}

#[test]
fn s81_a_passcode_is_not_shown_by_the_view() {
    connect("CONNECT\npasscode:secret", |connect| {
        let shown = format!("{connect:?}");
        assert!(
            shown.contains("***") && !shown.contains("secret"),
            "{shown}"
        );
    });
}

#[test]
fn s68_stomp12_send_needs_a_destination() {
    let stream = "SEND\ndestination:/a\\cb\ncontent-type:text/plain\ntransaction:t\nreceipt:r";
    let send = Send {
        destination: "/a:b".into(),
        content_type: Some("text/plain".into()),
        transaction: Some("t".into()),
        body: b"",
    };
    assert_request(V12, stream, Some("r"), &Request::Send(send));
    for version in Version::ALL {
        assert_missing(version, "SEND\nDestination:/a", "destination");
    }
}

#[test]
fn s62_the_first_of_repeated_headers_is_taken() {
    let stream = "SEND\ndestination:/a\ndestination:/b\nreceipt:\nreceipt:2";
    let send = Send {
        destination: "/a".into(),
        content_type: None,
        transaction: None,
        body: b"",
    };
    assert_request(V12, stream, Some(""), &Request::Send(send));
}

#[test]
fn s68_stomp11_subscribe_needs_an_id_and_stomp10_does_not() {
    let subscribe = |id: Option<&'static str>, ack| {
        Request::Subscribe(Subscribe {
            id: id.map(Into::into),
            destination: "/queue/foo".into(),
            ack,
            selector: None,
        })
    };
    let padded = "SUBSCRIBE\ndestination: /queue/foo\nack: client";
    assert_request(V10, padded, None, &subscribe(None, AckMode::Client));
    let full = "SUBSCRIBE\nid:0\ndestination:/queue/foo\nack:client-individual";
    for version in Version::ALL {
        let expected = subscribe(Some("0"), AckMode::ClientIndividual);
        assert_request(version, full, None, &expected);
        assert_missing(version, "SUBSCRIBE\nid:0", "destination");
    }
    for version in [V11, V12] {
        assert_missing(version, "SUBSCRIBE\ndestination:/a", "id");
        read(version, padded, |found| {
            found.expect_err("the id is missing");
        });
        read(
            version,
            "SUBSCRIBE\nid:0\ndestination:/a\nack: client",
            |found| {
                let error = found.expect_err("later versions do not trim");
                assert_eq!(error.word(), "bad-header");
                assert!(
                    error.to_string().starts_with("ack mode \" client\" "),
                    "{error}"
                );
            },
        );
    }
    let auto = "SUBSCRIBE\nid:0\ndestination:/queue/foo\nack:auto";
    assert_request(V12, auto, None, &subscribe(Some("0"), AckMode::Auto));
    let none = "SUBSCRIBE\nid:0\ndestination:/queue/foo";
    assert_request(V12, none, None, &subscribe(Some("0"), AckMode::default()));
    for mode in [AckMode::Auto, AckMode::Client, AckMode::ClientIndividual] {
        let stream = auto.replace("auto", mode.as_str());
        assert_request(V12, &stream, None, &subscribe(Some("0"), mode));
    }
}

#[test]
fn s88_subscribe_brings_its_selector() {
    read(
        V12,
        "SUBSCRIBE\nid:0\ndestination:/a\nselector:a = 'x\\cy'",
        |found| {
            let Request::Subscribe(subscribe) = found.expect("legal").request else {
                panic!()
            };
            assert_eq!(subscribe.selector.as_deref(), Some("a = 'x:y'"));
        },
    );
}

#[test]
fn s68_unsubscribe_by_id_or_in_1_0_by_destination() {
    for version in Version::ALL {
        let by_id = "UNSUBSCRIBE\nid:0\ndestination:/a\nreceipt:r";
        let expected = Request::Unsubscribe(Unsubscribe::Id("0".into()));
        assert_request(version, by_id, Some("r"), &expected);
        assert_missing(version, "UNSUBSCRIBE", "id");
    }
    let by_destination = "UNSUBSCRIBE\ndestination: /queue/a";
    let expected = Unsubscribe::Destination("/queue/a".into());
    assert_request(V10, by_destination, None, &Request::Unsubscribe(expected));
    assert_missing(V11, by_destination, "id");
}

#[test]
fn s71_ack_and_nack_name_the_message_as_their_version_does() {
    let head = |command| format!("{command}\nid:a\nmessage-id:m\nsubscription:s\ntransaction:t");
    for (version, message) in [
        (V10, AckId::MessageId("m".into())),
        (
            V11,
            AckId::InSubscription {
                subscription: "s".into(),
                message_id: "m".into(),
            },
        ),
        (V12, AckId::Ack("a".into())),
    ] {
        let acknowledge = Acknowledge {
            message,
            transaction: Some("t".into()),
        };
        let ack = Request::Ack(acknowledge.clone());
        assert_request(version, &head("ACK"), None, &ack);
        if version > V10 {
            assert_request(version, &head("NACK"), None, &Request::Nack(acknowledge));
        }
    }
    assert_missing(V10, "ACK\nid:a\nsubscription:s", "message-id");
    assert_missing(V11, "ACK\nmessage-id:m", "subscription");
    assert_missing(V11, "NACK\nsubscription:s", "message-id");
    assert_missing(V12, "ACK\nmessage-id:m\nsubscription:s", "id");
    read(V10, &head("NACK"), |found| {
        let (command, version) = (Command::Nack, V10);
        let expected = ClientFrameError::CommandNotInVersion { command, version };
        assert_eq!(found, Err(expected));
        assert_eq!(expected.word(), "unknown-command");
    });
}

#[test]
fn s72_transactions_have_a_name() {
    for version in Version::ALL {
        let name = || "tx1".into();
        let receipt = Some("r");
        let head = |command| format!("{command}\ntransaction:tx1\nreceipt:r");
        assert_request(version, &head("BEGIN"), receipt, &Request::Begin(name()));
        assert_request(version, &head("COMMIT"), receipt, &Request::Commit(name()));
        assert_request(version, &head("ABORT"), receipt, &Request::Abort(name()));
        for command in ["BEGIN", "COMMIT", "ABORT"] {
            assert_missing(version, &format!("{command}\nreceipt:r"), "transaction");
        }
    }
    assert_request(
        V10,
        "BEGIN\ntransaction: tx1",
        None,
        &Request::Begin("tx1".into()),
    );
    assert_request(
        V12,
        "BEGIN\ntransaction: tx1",
        None,
        &Request::Begin(" tx1".into()),
    );
}

#[test]
fn s69_disconnect_may_ask_for_a_receipt() {
    assert_request(
        V12,
        "DISCONNECT\nreceipt:77",
        Some("77"),
        &Request::Disconnect,
    );
    assert_request(V10, "DISCONNECT", None, &Request::Disconnect);
}

#[test]
fn s76_a_refusal_names_command_header_and_version() {
    read(V12, "SUBSCRIBE\nid:0", |found| {
        let error = found.expect_err("no destination");
        let text = "SUBSCRIBE has no destination header, which STOMP 1.2 requires; add it";
        assert_eq!(error.to_string(), text);
        assert_eq!(error.word(), "missing-header");
    });
}

#[test]
fn a_servers_frame_is_no_request() {
    let mut decoder = Decoder::new(Role::Client);
    let decoded = decoder.decode(b"RECEIPT\nreceipt-id:1\n\n\0", &Limits::default());
    let frame = decoded.expect("legal").frame.expect("whole");
    let command = Command::Receipt;
    let found = ClientFrame::read(&frame, V12);
    assert_eq!(found, Err(ClientFrameError::ServerFrame { command }));
}
