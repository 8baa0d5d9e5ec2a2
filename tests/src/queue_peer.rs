//! Queues, as hostile peers and their victims use them.

use crate::{Server, StompPeer};

/// The value of a header of a frame, as it was sent.
pub fn header<'a>(frame: &'a str, name: &str) -> Option<&'a str> {
    let head = frame.split("\n\n").next().unwrap_or_default();
    let mut lines = head.lines().skip(1);
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
}

/// The body of a frame.
pub fn body(frame: &str) -> &str {
    frame.split_once("\n\n").map_or("", |(_, body)| body)
}

/// SENDs to a queue, one behind the other, each with its header lines and one of these bodies.
pub fn sends(queue: &str, headers: &str, bodies: impl IntoIterator<Item = String>) -> String {
    let send = |body| format!("SEND\ndestination:{queue}\n{headers}\n{body}\0");
    bodies.into_iter().map(send).collect()
}

/// A session that takes messages from a queue by its subscription `0`, with these header lines.
///
/// # Panics
/// When it is refused.
pub async fn consumer(server: &Server, version: &str, queue: &str, headers: &str) -> StompPeer {
    let mut peer = StompPeer::open(server, version).await;
    let subscribe = format!("SUBSCRIBE\nid:0\ndestination:{queue}\n{headers}receipt:s\n\n\0");
    let came = peer.receipted("s", subscribe).await;
    assert!(came.iter().all(|frame| !frame.starts_with("ERROR\n")));
    peer
}

/// Puts messages with these bodies into a queue, and waits until they are there.
///
/// # Panics
/// When one of them is refused.
pub async fn fill(server: &Server, queue: &str, bodies: impl IntoIterator<Item = String>) {
    let mut peer = StompPeer::open(server, "1.2").await;
    peer.send(sends(queue, "", bodies)).await;
    peer.expect_open().await;
}

/// The next so many MESSAGEs.
///
/// # Panics
/// When something else comes.
pub async fn messages(peer: &mut StompPeer, count: usize) -> Vec<String> {
    let mut all = Vec::with_capacity(count);
    while all.len() < count {
        let frame = peer.next().await.expect("a MESSAGE before the close");
        assert!(frame.starts_with("MESSAGE\n"), "{frame}");
        all.push(frame);
    }
    all
}

/// Everything that is in a queue, with a last message behind it. What sessions had that have ended
/// comes back when the program knows of their end: so many messages are waited for in any case.
///
/// # Panics
/// When fewer come.
pub async fn drain(server: &Server, queue: &str, at_least: usize) -> Vec<String> {
    let mut peer = consumer(server, "1.2", queue, "").await;
    let first = messages(&mut peer, at_least).await;
    let mut bodies: Vec<String> = first.iter().map(|one| body(one).to_owned()).collect();
    fill(server, queue, ["last".to_owned()]).await;
    loop {
        let frame = messages(&mut peer, 1).await.swap_remove(0);
        match body(&frame) {
            "last" => return bodies,
            other => bodies.push(other.to_owned()),
        }
    }
}
