//! Clean leaving: on SIGTERM every client is closed with a reason, and the program ends with 0.

use campanile_client::Message;
use campanile_tests::{
    Raw, Request, Server,
    attack::join_all,
    clients::{self, next},
    frames::{TEXT, frame},
    require_descriptors, within,
};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sessions_are_told_that_the_program_leaves() {
    const SESSIONS: usize = 1_000;
    require_descriptors(SESSIONS + 200);
    let mut server = Server::start(&[]);
    let paths = ["/chat", "/echo", "/ws/1", "/websocket/10086"];
    let mut tasks = JoinSet::new();
    for path in paths.iter().cycle().take(SESSIONS) {
        let mut client = clients::open(&server, path).await;
        tasks.spawn(async move {
            // `/ws/…` may say the time once more before it ends.
            let close = loop {
                match next(&mut client).await {
                    Message::Text(_) => {}
                    other => break other,
                }
            };
            let Message::Close(Some(frame)) = close else {
                panic!("{close:?}")
            };
            assert_eq!(frame.code.get(), 1001, "{}", frame.reason);
            assert!(!frame.reason.is_empty(), "no reason was given");
            assert_eq!(
                within("the end", client.next()).await.expect("a clean end"),
                None
            );
        });
    }
    let status = server.terminate().await;
    assert_eq!(join_all(tasks).await.len(), SESSIONS);
    assert_eq!(status.code(), Some(0), "{status}");
}

#[tokio::test]
async fn peers_that_hold_on_do_not_keep_the_program_alive() {
    let mut server = Server::start(&[]);
    let mut unfinished = Raw::connect(&server).await;
    unfinished.send(b"GET /echo HTTP/1.1\r\nHost: loc").await;
    let mut kept_alive = Raw::connect(&server).await;
    kept_alive
        .send(&Request::get("/healthz-or-not").bytes())
        .await;
    kept_alive.response().await;
    let mut deaf = Raw::connect_narrow(&server).await;
    deaf.upgrade("/echo").await;
    deaf.send(&frame(TEXT, &[b'x'; 500_000])).await;
    let mut half = Raw::open(&server, "/chat").await;
    half.send(&frame(TEXT, &[b'x'; 1_000])[..500]).await;
    let silent = Raw::open(&server, "/chat").await;
    let status = server.terminate().await;
    assert_eq!(status.code(), Some(0), "{status}");
    // Nobody on this side has answered anything.
    half.expect_close(1001).await;
    drop((unfinished, kept_alive, deaf, silent));
}

#[tokio::test]
async fn a_program_without_clients_ends_at_once() {
    let mut server = Server::start(&[]);
    assert_eq!(server.terminate().await.code(), Some(0));
}
