//! The project's client, as tests use it.

use campanile_client::{Client, Limits, Message, Tls};

use crate::{MIB, Server, within};

/// What a test's client takes: more than the program ever sends.
pub const LIMITS: Limits = Limits {
    frame_bytes_max: 128 * MIB,
    message_bytes_max: 128 * MIB,
    fragments_max: 1 << 20,
};

/// Opens `path` and waits until the session has answered a ping: from then on it is one of the
/// sessions that a broadcast reaches.
///
/// # Panics
/// When the program refuses.
pub async fn open(server: &Server, path: &str) -> Client {
    let builder = match server.is_secure() {
        true => {
            let tls = Tls::new().danger_accept_any_certificate();
            Client::builder(&server.secure_url(path)).tls(tls)
        }
        false => Client::builder(&server.url(path)),
    };
    let builder = builder.limits(LIMITS);
    let mut client = within("a connection", builder.connect())
        .await
        .expect("connected");
    settle(&mut client).await;
    client
}

/// Waits until the session has answered a ping. Messages that arrive before that are discarded.
///
/// # Panics
/// When the connection ends.
pub async fn settle(client: &mut Client) {
    client.ping(b"settled?").await.expect("a ping is sent");
    while !matches!(next(client).await, Message::Pong(payload) if payload == b"settled?"[..]) {}
}

/// The next message.
///
/// # Panics
/// When the connection is over.
pub async fn next(client: &mut Client) -> Message {
    let next = within("a message", client.next()).await;
    next.expect("an open connection").expect("a message")
}

/// The next message, which must be a text.
///
/// # Panics
/// When it is something else.
pub async fn next_text(client: &mut Client) -> String {
    match next(client).await {
        Message::Text(text) => text,
        other => panic!("{other:?} instead of a text"),
    }
}

/// The Close that must be the next message, as its code and reason; then the connection must end.
///
/// # Panics
/// When something else comes, or the Close has no code.
pub async fn next_close(client: &mut Client) -> (u16, String) {
    let Message::Close(Some(frame)) = next(client).await else {
        panic!("no Close with a code")
    };
    let after = within("the end", client.next()).await.expect("a clean end");
    assert_eq!(after, None, "a message behind the Close");
    (frame.code.get(), frame.reason)
}
