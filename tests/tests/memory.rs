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

/// Waits until resident memory has not changed for a while, and answers how much it is.
async fn settled(server: &Server) -> usize {
    // Longer than the program waits between two looks at whether a crowd has left.
    const SAME_READINGS: usize = 8;
    within("memory that stays the same", async {
        let (mut last, mut same) = (0, 0);
        while same < SAME_READINGS {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let now = server.rss_bytes();
            same = if now == last { same + 1 } else { 0 };
            last = now;
        }
        last
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_sessions_cost_at_most_their_budget_and_give_it_back() {
    const SESSIONS: usize = 10_000;
    require_descriptors(SESSIONS + 200);
    let server = Arc::new(Server::start(&[]));
    // Code that runs for the first time and the allocator's caches, which a first crowd fills, are
    // not what sessions cost.
    drop(crowd(&server, SESSIONS / 5).await);
    let before = settled(&server).await;
    let sessions = crowd(&server, SESSIONS).await;
    let each = server.rss_bytes().saturating_sub(before) / SESSIONS;
    println!("{each} bytes of resident memory for each of {SESSIONS} sessions");
    assert!(each <= SESSION_BYTES_MAX, "a session costs {each} bytes");
    drop(sessions);
    let after = settled(&server).await;
    println!("{before} bytes before they came, {after} after they have left");
    assert!(
        after <= before + before / 10,
        "of {before} bytes before they came, {after} are left"
    );
}
