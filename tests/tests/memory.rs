//! What an idle session costs, and whether it comes back.

use std::sync::Arc;
use std::time::Duration;

use campanile_client::Client;
use campanile_tests::{Server, attack::join_all, clients, require_descriptors, within};
use tokio::task::JoinSet;

/// The budget of a raw session, in bytes of resident memory.
const SESSION_BYTES_MAX: usize = 1_536;

/// Opens so many sessions of `/chat`, each of which then exchanges a message of 200 bytes that is
/// for itself alone.
async fn crowd(server: &Arc<Server>, sessions: usize) -> Vec<Client> {
    const HANDS: usize = 16;
    let mut opening = JoinSet::new();
    for hand in 0..HANDS {
        let server = Arc::clone(server);
        let share = sessions / HANDS + usize::from(hand < sessions % HANDS);
        opening.spawn(async move {
            let text = format!("@nobody {}", "x".repeat(192));
            let mut opened = Vec::with_capacity(share);
            for _ in 0..share {
                let mut client = clients::open(&server, "/chat").await;
                client.send_text(&text).await.expect("sent");
                assert_eq!(clients::next_text(&mut client).await, text);
                opened.push(client);
            }
            opened
        });
    }
    join_all(opening).await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_sessions_cost_at_most_their_budget_and_give_it_back() {
    const SESSIONS: usize = 10_000;
    require_descriptors(SESSIONS + 200);
    let server = Arc::new(Server::start(&[]));
    // Code and stacks that are touched for the first time are not what sessions cost.
    drop(crowd(&server, 100).await);
    let before = server.rss_bytes();
    let sessions = crowd(&server, SESSIONS).await;
    let each = server.rss_bytes().saturating_sub(before) / SESSIONS;
    println!("{each} bytes of resident memory for each of {SESSIONS} sessions");
    assert!(each <= SESSION_BYTES_MAX, "a session costs {each} bytes");
    drop(sessions);
    within("the memory's return", async {
        while server.rss_bytes() > before + before / 10 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}
