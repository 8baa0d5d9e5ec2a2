//! Who listens and does not read ends in the outbox's policy; who leaves is forgotten.

mod listen;
mod support;

use campanile::{Campanile, EventsEndpoint, OutboxPolicy, Overflow};
use listen::{EVENTS, LINES, get};
use serde_json::Value;
use support::{House, within};

const A: &str = "/events?destination=/topic/a";

/// More than the kernel's buffers of both ends hold.
const MESSAGES: usize = 20_000;

async fn serve(overflow: Overflow) -> House {
    let policy = OutboxPolicy {
        bytes_max: 16 << 10,
        overflow,
        ..OutboxPolicy::default()
    };
    let app = Campanile::builder().events("/events", EventsEndpoint::new().outbox(policy));
    House::serve(app.build().expect("an application")).await
}

async fn flood(house: &House) {
    for number in 0..MESSAGES {
        let message = format!("{number} {}", "x".repeat(1_000));
        while house.handle.publish("/topic/a", message.clone()).is_err() {
            tokio::task::yield_now().await;
        }
        if number % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Waits until so many sessions are there.
async fn sessions(house: &House, count: usize) {
    within(async {
        while house.handle.statistics().sessions != count {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn number(record: &Value) -> usize {
    let data = record["data"].as_str().expect("a text");
    let number = data.split(' ').next().expect("a number");
    number.parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn events_a_stream_that_nobody_reads_is_closed_as_too_slow() {
    let house = serve(Overflow::Close).await;
    let mut unread = get(house.address, A, &[EVENTS]).await;
    sessions(&house, 1).await;
    flood(&house).await;
    sessions(&house, 0).await;
    within(async {
        while house.handle.statistics().ended.slow_consumers != 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // It may read on for a moment: up to the reason, or to where it was cut.
    let mut expected = 0;
    unread.event().await;
    while let Some(event) = unread.try_event().await {
        if event.event.as_deref() == Some("close") {
            assert_eq!(event.json()["code"], 1008);
            break;
        }
        assert_eq!(number(&event.json()), expected);
        expected += 1;
    }
    assert!(expected < MESSAGES, "it was all read");
    house.leave().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_gaps_say_how_many_are_missing_and_where() {
    for overflow in [Overflow::DropOldest, Overflow::DropNewest] {
        let house = serve(overflow).await;
        let mut lines = get(house.address, A, &[LINES]).await;
        lines.record().await;
        flood(&house).await;
        house.handle.publish("/topic/a", "end").expect("room");
        let (mut next, mut gaps) = (0, 0);
        let mut last = String::new();
        while next < MESSAGES {
            let record = lines.record().await;
            if record["event"] == "gap" {
                assert_eq!(record["destination"], "/topic/a");
                next +=
                    usize::try_from(record["dropped"].as_u64().expect("a number")).expect("few");
                gaps += 1;
            } else {
                assert_eq!(number(&record), next, "{overflow:?}");
                next += 1;
            }
            let id = record["id"].as_str().expect("an id").to_owned();
            assert_ne!(std::mem::replace(&mut last, id), last);
        }
        assert!(gaps > 0, "nothing was dropped");
        house.leave().await;
    }
}

#[tokio::test]
async fn events_who_leaves_is_forgotten() {
    let house = serve(Overflow::Close).await;
    let mut all = Vec::new();
    for headers in [&[EVENTS][..], &[LINES], &[]] {
        all.push(get(house.address, A, headers).await);
    }
    sessions(&house, 3).await;
    drop(all);
    sessions(&house, 0).await;
    house.leave().await;
}
