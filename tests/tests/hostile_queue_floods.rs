//! Long queues, and storms at them, while bystanders echo and listen: what waits costs memory up to a
//! limit that is named, and nobody else's time.

use campanile_tests::{
    MIB, Server, StompPeer, Way, attack_stomp, attack_stomp_on,
    queue_peer::{body, consumer, drain, fill, header, messages, sends},
};

/// What an attack may make the process grow by: an outbox, buffers, and what the allocator keeps.
const GROWTH_MAX: usize = 24 * MIB;
/// What one queue may hold, overhead included.
const QUEUE_BYTES_MAX: usize = 640 * MIB;
/// How many queues hold a million short messages: each counts 512 bytes more than it has.
const LAZY_QUEUES: usize = 1;
/// How many SENDs go into one WebSocket message.
const PACK: usize = 1_000;

/// Sends numbered messages to a queue until the program says that it is full, or there were enough;
/// how many it took.
async fn flood(server: &Server, queue: &str, enough: usize) -> usize {
    let mut peer = StompPeer::open_with(server, "1.2", "x-errors:keep\n").await;
    let mut taken = 0;
    while taken < enough {
        let numbers = taken..taken + PACK;
        let bodies = numbers.map(|number| number.to_string());
        peer.send(sends(queue, "", bodies)).await;
        let done = "SEND\ndestination:/topic/open\nreceipt:done\n\n\0";
        let answers = peer.receipted("done", done).await;
        let refused = answers.len() - 1;
        taken += PACK - refused;
        for error in &answers[..refused] {
            assert_eq!(header(error, "message"), Some("queue-full"), "{error}");
        }
        if refused > 0 {
            return taken;
        }
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_s94_a_million_messages_wait_for_one_who_never_acknowledges_and_harm_nobody() {
    let growth_max = GROWTH_MAX + LAZY_QUEUES * QUEUE_BYTES_MAX;
    attack_stomp_on(Way::Directly, growth_max, async |server| {
        let name = |queue: usize| format!("/queue/lazy/{queue}");
        let mut lazy = StompPeer::open(server, "1.2").await;
        for queue in 0..LAZY_QUEUES {
            let head = format!("SUBSCRIBE\nid:{queue}\ndestination:{}\n", name(queue));
            let subscribe = format!("{head}ack:client\nprefetch-count:100\nreceipt:r\n\n\0");
            lazy.receipted("r", subscribe).await;
        }
        let mut taken = Vec::new();
        for queue in 0..LAZY_QUEUES {
            taken.push(flood(server, &name(queue), QUEUE_BYTES_MAX).await);
        }
        assert!(taken.iter().sum::<usize>() >= 1_000_000, "{taken:?}");
        let got = messages(&mut lazy, LAZY_QUEUES * 100).await;
        // Others get theirs, also from other queues.
        for number in 0..10 {
            let other = format!("/queue/other/{number}");
            fill(server, &other, (0..100).map(|body| body.to_string())).await;
            assert_eq!(drain(server, &other, 100).await.len(), 100);
        }
        let mut second = consumer(server, "1.2", &name(0), "ack:client\nprefetch-count:10\n").await;
        assert_eq!(body(&messages(&mut second, 10).await[0]), "100");
        // One that is done makes room for one.
        let ack = header(&got[0], "ack").expect("an id");
        lazy.receipted("a", format!("ACK\nid:{ack}\nreceipt:a\n\n\0"))
            .await;
        let queue = header(&got[0], "destination").expect("a queue").to_owned();
        assert_eq!(flood(server, &queue, PACK).await, 1);
        drop(second);
        drop(lazy);
        // Who was lazy has left: somebody else gets all of it, in order but for what comes back.
        for (queue, taken) in taken.iter().enumerate() {
            let mut heir = consumer(server, "1.2", &name(queue), "").await;
            let mut times = vec![0; *taken];
            for _ in 0..*taken {
                let frame = messages(&mut heir, 1).await.swap_remove(0);
                let number: usize = body(&frame).parse().expect("a number");
                times[number] += 1;
            }
            // One was acknowledged, and one with the first number came for it.
            assert!(times.iter().all(|one| *one == 1), "{queue}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s94_long_messages_fill_a_queue_up_to_its_bytes() {
    attack_stomp_on(
        Way::Directly,
        GROWTH_MAX + 2 * QUEUE_BYTES_MAX,
        async |server| {
            let mut peer = StompPeer::open_with(server, "1.2", "x-errors:keep\n").await;
            let long = "x".repeat(64_000);
            let send = sends("/queue/long", "receipt:sent\n", [long]);
            let mut taken = 0;
            loop {
                peer.send(&send).await;
                let answer = peer.next().await.expect("an answer");
                if !answer.starts_with("RECEIPT\n") {
                    assert_eq!(header(&answer, "message"), Some("queue-full"), "{answer}");
                    assert_eq!(header(&answer, "receipt-id"), Some("sent"));
                    break;
                }
                taken += 1;
                assert!(
                    taken * 64_000 <= QUEUE_BYTES_MAX,
                    "it takes more than it holds"
                );
            }
            assert!(taken * 64_000 >= QUEUE_BYTES_MAX * 9 / 10, "{taken}");
            // Other queues are not full.
            fill(server, "/queue/short", ["x".to_owned()]).await;
            assert_eq!(drain(server, "/queue/short", 1).await, ["x"]);
            assert_eq!(drain(server, "/queue/long", taken).await.len(), taken);
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s88_s91_selectors_that_match_nothing_on_a_long_queue_hold_up_nobody() {
    const LONG: usize = 50_000;
    attack_stomp_on(Way::Directly, GROWTH_MAX + 64 * MIB, async |server| {
        let queue = "/queue/selected";
        assert_eq!(flood(server, queue, LONG).await, LONG);
        let selector = "selector:note LIKE '%a%a%a%a%a%a%b' AND a = 1\nack:client\n";
        let mut picky = Vec::new();
        for _ in 0..20 {
            picky.push(consumer(server, "1.2", queue, selector).await);
        }
        let other = "/queue/selected/other";
        fill(server, other, (0..1_000).map(|body| body.to_string())).await;
        assert_eq!(drain(server, other, 1_000).await.len(), 1_000);
        // What is wanted at the far end is found there.
        let wanted = sends(queue, "a:1\nnote:aaaaaaaaab\n", ["found".to_owned()]);
        let mut peer = StompPeer::open(server, "1.2").await;
        peer.send(wanted).await;
        peer.expect_open().await;
        drop(picky.split_off(1));
        let got = messages(&mut picky[0], 1).await;
        assert_eq!(body(&got[0]), "found");
        let ack = header(&got[0], "ack").expect("an id");
        picky[0]
            .receipted("a", format!("ACK\nid:{ack}\nreceipt:a\n\n\0"))
            .await;
        let all = drain(server, queue, LONG).await;
        assert!(
            all.iter()
                .enumerate()
                .all(|(at, one)| *one == at.to_string())
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s91_storms_of_subscribing_with_messages_in_flight_lose_and_double_nothing() {
    const MESSAGES: usize = 2_000;
    attack_stomp(GROWTH_MAX, async |server| {
        let queue = "/queue/storm";
        fill(
            server,
            queue,
            (0..MESSAGES).map(|number| number.to_string()),
        )
        .await;
        let storm = |mode: &str| {
            let head = format!("SUBSCRIBE\nid:s\ndestination:{queue}\nack:{mode}\n");
            format!("{head}prefetch-count:1000\n\n\0UNSUBSCRIBE\nid:s\n\n\0").repeat(50)
        };
        let mut peers = Vec::new();
        for number in 0..8 {
            let mut peer = StompPeer::open(server, "1.2").await;
            for _ in 0..4 {
                peer.send(storm(["client", "client-individual"][number % 2]))
                    .await;
            }
            peers.push(peer);
        }
        // Half of them leave in the midst of it.
        drop(peers.split_off(4));
        for peer in &mut peers {
            peer.expect_open().await;
        }
        let all = drain(server, queue, MESSAGES).await;
        let mut numbers: Vec<usize> = all.iter().map(|one| one.parse().expect("it")).collect();
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..MESSAGES), "each once");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s91_consumers_that_do_not_read_keep_only_what_is_theirs() {
    const MESSAGES: usize = 2_000;
    attack_stomp_on(Way::Directly, GROWTH_MAX + 32 * MIB, async |server| {
        let queue = "/queue/unread";
        let mut deaf = Vec::new();
        for _ in 0..10 {
            let headers = "ack:auto\nprefetch-count:1000\n";
            deaf.push(consumer(server, "1.2", queue, headers).await);
        }
        let padding = "x".repeat(8_000);
        for first in (0..MESSAGES).step_by(5) {
            let bodies = (first..first + 5).map(|number| format!("{number} {padding}"));
            fill(server, queue, bodies).await;
        }
        // What was not written to them goes to one who reads.
        drop(deaf);
        let mut seen = vec![false; MESSAGES];
        for one in drain(server, queue, 1).await {
            let number: usize = one
                .split(' ')
                .next()
                .and_then(|it| it.parse().ok())
                .expect("it");
            assert!(
                !std::mem::replace(&mut seen[number], true),
                "{number} twice"
            );
        }
    })
    .await;
}
