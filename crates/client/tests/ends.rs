//! How connections end, against a tiny server of the test's own.

use std::time::Duration;

use campanile_client::{Client, ClientError, CloseCode, CloseFrame, Limits, Message, Step};
use campanile_websocket::{Event, encode_close, encode_close_empty, encode_ping, encode_text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

mod common;
use common::{client_event, echo, next, open, server, text};

#[tokio::test]
async fn pings_are_answered_and_a_close_is_answered_and_delivered_once() {
    let (url, served) = server(|mut stream| async move {
        open(&mut stream).await;
        stream
            .write_all(&encode_ping(b"1").expect("a ping"))
            .await
            .expect("a ping");
        stream.write_all(&encode_text("one")).await.expect("a text");
        assert_eq!(
            client_event(&mut stream).await,
            format!("{:?}", Event::Pong(b"1"))
        );
        let close = encode_close(CloseCode::GOING_AWAY, "restart: come back");
        stream.write_all(&close).await.expect("a close");
        let answer = client_event(&mut stream).await;
        assert!(answer.contains("restart: come back"), "{answer}");
    })
    .await;
    let mut client = Client::connect(&url).await.expect("connected");
    assert_eq!(next(&mut client).await.expect("a text"), text("one"));
    let close = next(&mut client).await.expect("a close");
    let frame = CloseFrame {
        code: CloseCode::GOING_AWAY,
        reason: "restart: come back".to_owned(),
    };
    assert_eq!(close, Some(Message::Close(Some(frame))));
    assert_eq!(next(&mut client).await.expect("over"), None);
    assert_eq!(next(&mut client).await.expect("over"), None);
    served.await.expect("the server is content");
}

#[tokio::test]
async fn an_empty_close_is_answered_with_an_empty_close() {
    let (url, served) = server(|mut stream| async move {
        open(&mut stream).await;
        stream
            .write_all(&encode_close_empty())
            .await
            .expect("a close");
        assert_eq!(
            client_event(&mut stream).await,
            format!("{:?}", Event::Close(None))
        );
    })
    .await;
    let mut client = Client::connect(&url).await.expect("connected");
    assert_eq!(
        next(&mut client).await.expect("a close"),
        Some(Message::Close(None))
    );
    assert_eq!(next(&mut client).await.expect("over"), None);
    served.await.expect("the server is content");
}

#[tokio::test]
async fn a_server_that_leaves_without_a_close_is_reported() {
    let (url, _served) = server(|mut stream| async move {
        open(&mut stream).await;
        stream
            .write_all(&encode_text("last words")[..5])
            .await
            .expect("half a frame");
    })
    .await;
    let mut client = Client::connect(&url).await.expect("connected");
    assert!(matches!(next(&mut client).await, Err(ClientError::Lost)));
    assert_eq!(next(&mut client).await.expect("over"), None);
}

#[tokio::test]
async fn a_server_that_breaks_the_protocol_is_told_so() {
    let (url, served) = server(|mut stream| async move {
        open(&mut stream).await;
        // A masked frame, which a server may not send (RFC 6455 5.1).
        stream
            .write_all(&[0x81, 0x81, 1, 2, 3, 4, 5])
            .await
            .expect("a bad frame");
        let answer = client_event(&mut stream).await;
        assert!(answer.contains("1002"), "{answer}");
    })
    .await;
    let mut client = Client::connect(&url).await.expect("connected");
    assert!(matches!(
        next(&mut client).await,
        Err(ClientError::Protocol(_))
    ));
    assert!(matches!(
        client.send_text("late").await,
        Err(ClientError::Closed)
    ));
    served.await.expect("the server is content");
}

#[tokio::test]
async fn a_message_over_the_limit_closes_with_1009() {
    let (url, served) = server(|mut stream| async move {
        open(&mut stream).await;
        stream
            .write_all(&encode_text("12345"))
            .await
            .expect("a text");
        let answer = client_event(&mut stream).await;
        assert!(answer.contains("1009"), "{answer}");
    })
    .await;
    let limits = Limits {
        frame_bytes_max: 4,
        message_bytes_max: 4,
        fragments_max: 4,
    };
    let mut client = Client::builder(&url)
        .limits(limits)
        .connect()
        .await
        .expect("connected");
    assert!(matches!(
        next(&mut client).await,
        Err(ClientError::Protocol(_))
    ));
    served.await.expect("the server is content");
}

#[tokio::test]
async fn a_close_that_nobody_answers_ends_all_the_same() {
    let (url, served) = server(|mut stream| async move {
        open(&mut stream).await;
        let mut all = Vec::new();
        stream
            .read_to_end(&mut all)
            .await
            .expect("the client's end");
    })
    .await;
    let bound = Duration::from_millis(20);
    let mut client = Client::builder(&url)
        .close_timeout(bound)
        .connect()
        .await
        .expect("connected");
    match client.close(CloseCode::NORMAL, "bye").await {
        Err(ClientError::TimedOut {
            step: Step::Closing,
            after,
        }) => assert_eq!(after, bound),
        other => panic!("{other:?}"),
    }
    drop(client);
    served.await.expect("the server is content");
}

#[tokio::test]
async fn a_long_reason_is_cut_between_characters() {
    let (url, served) = server(|mut stream| async move {
        open(&mut stream).await;
        echo(stream).await;
    })
    .await;
    let mut client = Client::connect(&url).await.expect("connected");
    let said = client
        .close(CloseCode::NORMAL, &"ü".repeat(100))
        .await
        .expect("closed");
    assert_eq!(said.expect("a reason").reason, "ü".repeat(61));
    served.await.expect("the server is content");
}
