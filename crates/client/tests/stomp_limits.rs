//! What a STOMP client takes from a server, and what it holds: limits, full queues, hostile servers.
#![cfg(feature = "stomp")]

use std::time::Duration;

use campanile_client::{
    ClientError,
    stomp::{
        ConnectedError, DecodeError, Limits, Missed, Reconnect, StompClient, StompError, WhenFull,
    },
};
use campanile_websocket::{Decoder, Event, Role, encode_text};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

mod common;
use common::{
    broker::{Peer, broker, client, connect, next, within},
    header, open, server,
};

/// A broker that answers CONNECT with `answer`, and then says nothing more.
async fn answering(answer: Vec<u8>) -> StompError {
    let (url, served) = broker(|listener| async move {
        let (stream, _) = listener.accept().await.expect("a client");
        let mut peer = Peer::new(stream);
        peer.frame("CONNECT").await;
        // The client may have left before it was told all.
        let _ = peer.stream.write_all(&answer).await;
        assert_eq!(peer.next().await, None);
    })
    .await;
    let refused = within(connect_once(&url)).await;
    within(served).await.expect("the script");
    refused.expect_err("no session")
}

async fn connect_once(url: &str) -> Result<StompClient, StompError> {
    let limits = Limits {
        body_bytes_max: 100,
        headers_max: 8,
        ..Limits::default()
    };
    let client = client(url).limits(limits).reconnect(Reconnect::never());
    client.open_timeout(Duration::from_secs(15)).connect().await
}

#[tokio::test]
async fn s177_a_hostile_answer_to_connect_ends_in_an_error_that_names_it() {
    let endless: Vec<u8> = [b"CONNECTED\n".to_vec(), b"a:b\n".repeat(1_000_000)].concat();
    let error = answering(endless).await;
    let StompError::Protocol(DecodeError::TooManyHeaders { headers_max: 8 }) = error else {
        panic!("{error:?}")
    };
    let long: Vec<u8> = [b"CONNECTED\na:".to_vec(), vec![b'x'; 1 << 20]].concat();
    let error = answering(long).await;
    assert!(
        matches!(
            error,
            StompError::Protocol(DecodeError::HeaderTooBig { .. })
        ),
        "{error:?}"
    );
    let wrong = b"CONNECTED\nversion:1.2\ncontent-length:3\n\nlonger\0".to_vec();
    let error = answering(wrong).await;
    assert!(matches!(error, StompError::Protocol(_)), "{error:?}");
    let error = answering(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()).await;
    assert!(
        matches!(
            error,
            StompError::Protocol(DecodeError::UnknownCommand { .. })
        ),
        "{error:?}"
    );
    let error = answering(b"RECEIPT\nreceipt-id:1\n\n\0".to_vec()).await;
    assert!(
        matches!(
            error,
            StompError::NotConnected(ConnectedError::OtherFrame { .. })
        ),
        "{error:?}"
    );
    let error = answering(b"CONNECTED\nversion:9.9\n\n\0".to_vec()).await;
    assert!(matches!(error, StompError::NotConnected(_)), "{error:?}");
    let error = answering(b"CONNECTED\nversion:1.2\nheart-beat:soon\n\n\0".to_vec()).await;
    assert!(matches!(error, StompError::NotConnected(_)), "{error:?}");
}

#[tokio::test]
async fn s175_an_error_instead_of_connected_is_what_the_server_says() {
    let error = answering(b"ERROR\nmessage:bad-credentials\n\nask somebody\0".to_vec()).await;
    let StompError::Refused(refusal) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(refusal.message, "bad-credentials");
    assert!(error.to_string().contains("ask somebody"), "{error}");
}

#[tokio::test]
async fn s177_a_server_that_never_answers_connect_is_given_up() {
    let (url, served) = broker(|listener| async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.expect("the end");
    })
    .await;
    let short = client(&url).open_timeout(Duration::from_millis(20));
    let error = within(short.connect()).await.expect_err("no session");
    let StompError::OpenTimedOut { after, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(*after, Duration::from_millis(20));
    assert!(error.to_string().contains(&url), "{error}");
    within(served).await.expect("the script");

    let (url, served) = broker(|listener| async move {
        drop(listener.accept().await.expect("a client"));
    })
    .await;
    let error = within(connect_once(&url)).await.expect_err("no session");
    assert!(
        matches!(error, StompError::Ended(None) | StompError::Lost(_)),
        "{error:?}"
    );
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s180_an_address_that_is_none_is_named() {
    for url in ["http://127.0.0.1/", "stomp://a:b", "127.0.0.1:61613"] {
        let error = StompClient::connect(url).await.expect_err("no address");
        let StompError::Open(source) = &error else {
            panic!("{error:?}")
        };
        assert!(matches!(**source, ClientError::Url { .. }), "{error:?}");
        assert!(error.to_string().contains(url), "{error}");
    }
}

#[tokio::test]
async fn s177_a_message_beyond_the_limits_ends_the_connection() {
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        peer.acknowledge("SUBSCRIBE").await;
        let body = "x".repeat(101);
        peer.send(&format!("MESSAGE\nsubscription:mine\n\n{body}\0"))
            .await;
        assert_eq!(peer.next().await, None);
    })
    .await;
    let client = connect_once(&url).await.expect("a session");
    let subscribed = within(client.subscribe("/topic/a").id("mine")).await;
    let mut topic = subscribed.expect("done");
    let error = within(topic.next()).await.expect_err("too big");
    assert!(
        matches!(error, StompError::Protocol(DecodeError::BodyTooBig { .. })),
        "{error:?}"
    );
    within(served).await.expect("the script");
}

/// A broker that sends eight messages before a receipt, and a ninth one for whatever is sent next.
async fn eight_before_a_receipt() -> (String, tokio::task::JoinHandle<()>) {
    broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        peer.acknowledge("SUBSCRIBE").await;
        let sent = peer.frame("SEND").await;
        for number in 1..=8 {
            peer.message("mine", number).await;
        }
        peer.receipt(&sent).await;
        peer.frame("SEND").await;
        peer.message("mine", 9).await;
        peer.goodbye().await;
    })
    .await
}

#[tokio::test]
async fn s177_a_full_queue_pauses_reading_and_loses_nothing() {
    let (url, served) = eight_before_a_receipt().await;
    let client = connect(&url).await;
    let topic = client.subscribe("/topic/a").id("mine");
    let mut topic = within(topic.queue_messages_max(2)).await.expect("done");
    let mut sending = client.send("/topic/b", "").receipt().into_future();
    // It cannot come, however long one waits: nobody reads the messages before it.
    let early = tokio::time::timeout(Duration::from_millis(30), &mut sending).await;
    assert!(early.is_err(), "{early:?}");
    for number in 1..=8 {
        let message = next(&mut topic).await;
        assert_eq!(message.id(), format!("m-{number}"));
        assert_eq!(message.missed(), Missed::Nothing);
    }
    within(sending).await.expect("done");
    within(client.send("/topic/b", "")).await.expect("sent");
    assert_eq!(next(&mut topic).await.id(), "m-9");
    within(client.disconnect()).await.expect("done");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s177_a_full_queue_may_drop_instead_and_tells_how_many() {
    let (url, served) = eight_before_a_receipt().await;
    let client = connect(&url).await;
    let topic = client.subscribe("/topic/a").id("mine");
    let topic = topic.queue_messages_max(2).when_full(WhenFull::Drop);
    let mut topic = within(topic).await.expect("done");
    // The receipt comes, although nobody reads the messages before it.
    let sent = within(client.send("/topic/b", "").receipt()).await;
    sent.expect("done");
    for number in [1, 2] {
        let message = next(&mut topic).await;
        assert_eq!(message.id(), format!("m-{number}"));
        assert_eq!(message.missed(), Missed::Nothing);
    }
    within(client.send("/topic/b", "")).await.expect("sent");
    let message = next(&mut topic).await;
    assert_eq!(message.id(), "m-9");
    assert_eq!(message.missed(), Missed::Dropped(6));
    within(client.disconnect()).await.expect("done");
    within(served).await.expect("the script");
}

#[tokio::test]
async fn s177_a_full_queue_holds_up_neither_unsubscribing_nor_disconnecting() {
    let (url, served) = broker(|listener| async move {
        let mut peer = Peer::accept(&listener).await;
        for id in ["one", "two"] {
            peer.acknowledge("SUBSCRIBE").await;
            for number in 1..=3 {
                peer.message(id, number).await;
            }
            if id == "one" {
                peer.acknowledge("UNSUBSCRIBE").await;
            }
        }
        peer.goodbye().await;
    })
    .await;
    let client = connect(&url).await;
    let one = client.subscribe("/topic/a").id("one").queue_messages_max(1);
    let one = within(one).await.expect("done");
    within(one.unsubscribe()).await.expect("done");
    let two = client.subscribe("/topic/a").id("two").queue_messages_max(1);
    let mut two = within(two).await.expect("done");
    assert_eq!(next(&mut two).await.id(), "m-1");
    within(client.disconnect()).await.expect("done");
    while within(two.next()).await.expect("no error").is_some() {}
    within(served).await.expect("the script");
}

/// The next message of a client over WebSocket: what it is, and what it holds.
async fn web_message(stream: &mut TcpStream) -> (bool, Vec<u8>) {
    let mut decoder = Decoder::new(Role::Server);
    loop {
        let mut byte = [stream.read_u8().await.expect("a byte of a frame")];
        let decoded = decoder.decode(&mut byte, &campanile_client::Limits::default());
        match decoded.expect("valid frames").event {
            Some(Event::Text(text)) => return (true, text.as_bytes().to_vec()),
            Some(Event::Binary(data)) => return (false, data.to_vec()),
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
}

#[tokio::test]
async fn s175_s177_frames_travel_in_web_socket_messages_of_the_wanted_size() {
    let (url, served) = server(|mut stream| async move {
        let head = open(&mut stream).await;
        assert_eq!(header(&head, "X-Token"), Some("t-1"));
        assert_eq!(
            header(&head, "Sec-WebSocket-Protocol"),
            Some("v12.stomp, v11.stomp, v10.stomp")
        );
        let mut frames = [Vec::new(), Vec::new(), Vec::new()];
        for (number, frame) in frames.iter_mut().enumerate() {
            while frame.last() != Some(&0) {
                let (is_text, part) = web_message(&mut stream).await;
                assert!(part.len() <= 20 && is_text == (number < 2), "{part:?}");
                frame.extend_from_slice(&part);
            }
            if number == 0 {
                // A frame in two messages, and a heart-beat in one.
                for text in ["CONNECTED\nver", "sion:1.2\n\n\0", "\n"] {
                    let message = encode_text(text);
                    stream.write_all(&message).await.expect("it is sent");
                }
            }
        }
        let [connect, text, binary] = frames;
        assert!(connect.starts_with(b"CONNECT\naccept-version:1.2,1.1,1.0\nhost:127.0.0.1\n"));
        let text = String::from_utf8(text).expect("text");
        assert!(text.ends_with("\n\n你好你好你好你好你好\0"), "{text}");
        assert!(binary.ends_with(b"\n\n\xff\xfe\0"), "{binary:?}");
    })
    .await;
    let client = client(&url)
        .handshake_header("X-Token", "t-1")
        .message_bytes_max(20)
        .reconnect(Reconnect::never())
        .connect()
        .await
        .expect("a session");
    let body = "你好".repeat(5);
    within(client.send("/topic/a", body)).await.expect("sent");
    within(client.send("/topic/a", [0xff, 0xfe]))
        .await
        .expect("sent");
    within(served).await.expect("the script");
}
