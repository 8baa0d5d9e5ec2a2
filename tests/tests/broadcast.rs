//! One broadcast to very many: nothing is lost, and all see the same order.

use std::sync::Arc;

use campanile_client::Client;
use campanile_tests::{Server, attack::join_all, clients, clients::next_text, require_descriptors};
use tokio::task::JoinSet;

/// Opens `sessions` sessions of `path`, sixteen at a time.
async fn open_many(server: &Arc<Server>, path: &'static str, sessions: usize) -> Vec<Client> {
    let mut opening = JoinSet::new();
    for part in 0..16 {
        let server = Arc::clone(server);
        let share = sessions / 16 + usize::from(part < sessions % 16);
        opening.spawn(async move {
            let mut opened = Vec::with_capacity(share);
            for _ in 0..share {
                opened.push(clients::open(&server, path).await);
            }
            opened
        });
    }
    join_all(opening).await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_sessions_get_twenty_broadcasts_in_one_order() {
    const SESSIONS: usize = 2_000;
    const PUBLISHERS: usize = 4;
    const MESSAGES_EACH: usize = 5;
    require_descriptors(SESSIONS + 200);
    let server = Arc::new(Server::start(&[]));
    let sessions = open_many(&server, "/chat", SESSIONS).await;
    let mut tasks = JoinSet::new();
    for (index, mut client) in sessions.into_iter().enumerate() {
        tasks.spawn(async move {
            if index < PUBLISHERS {
                for number in 0..MESSAGES_EACH {
                    client
                        .send_text(&format!("{index}-{number}"))
                        .await
                        .expect("sent");
                }
            }
            let mut received = Vec::with_capacity(PUBLISHERS * MESSAGES_EACH);
            for _ in 0..PUBLISHERS * MESSAGES_EACH {
                received.push(next_text(&mut client).await);
            }
            // Nothing comes twice: the answer to a ping is next.
            client.ping(b"over").await.expect("sent");
            let last = clients::next(&mut client).await;
            assert_eq!(last, campanile_client::Message::Pong(b"over"[..].into()));
            (client, received)
        });
    }
    let (_clients, received): (Vec<Client>, Vec<Vec<String>>) =
        join_all(tasks).await.into_iter().unzip();
    assert_eq!(received.len(), SESSIONS);
    let order = &received[0];
    for publisher in 0..PUBLISHERS {
        let prefix = format!("{publisher}-");
        let own: Vec<&String> = order
            .iter()
            .filter(|text| text.starts_with(&prefix))
            .collect();
        let sent: Vec<String> = (0..MESSAGES_EACH)
            .map(|number| format!("{prefix}{number}"))
            .collect();
        assert_eq!(
            own,
            sent.iter().collect::<Vec<_>>(),
            "publisher {publisher}"
        );
    }
    assert!(
        received.iter().all(|other| other == order),
        "two sessions saw different orders"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_broadcasts_arrives_whole_and_in_order() {
    const SESSIONS: usize = 50;
    const MESSAGES: usize = 2_000;
    let server = Arc::new(Server::start(&[]));
    let mut sessions = open_many(&server, "/chat", SESSIONS).await;
    let mut publisher = sessions.pop().expect("a session");
    let mut tasks = JoinSet::new();
    for mut client in sessions {
        tasks.spawn(async move {
            for number in 0..MESSAGES {
                assert_eq!(next_text(&mut client).await, format!("message {number}"));
            }
        });
    }
    for number in 0..MESSAGES {
        publisher
            .send_text(&format!("message {number}"))
            .await
            .expect("sent");
    }
    for number in 0..MESSAGES {
        assert_eq!(next_text(&mut publisher).await, format!("message {number}"));
    }
    join_all(tasks).await;
}
