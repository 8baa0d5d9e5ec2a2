//! What queues do with time, with limits and with what nobody wants.

mod counter;
mod simulator;

use std::time::Duration;

use campanile_hub::{
    Message, Outcome, QUEUED_OVERHEAD_BYTES, QueueLimits, Refusal, TICK, Verdict, Wait,
};

use counter::{ORDERS, consumer};
use simulator::House;

const NOTHING: [&str; 0] = [];
const DEAD: &str = "/queue/dead";

fn with_dead_letters() -> QueueLimits {
    QueueLimits {
        rejections_max: 2,
        dead_letters: Some(DEAD.into()),
        ..QueueLimits::default()
    }
}

/// Everything that time asks for is done.
fn pass(house: &mut House, time: Duration) {
    house.pass(time);
    for _ in 0..4 {
        house.pump();
    }
}

#[test]
fn s71_a_rejected_message_rests_and_then_goes_to_another() {
    let mut house = House::new(1, 1);
    let first = house.taker("a", 1);
    let at = house.put_all(&["1"]);
    assert_eq!(house.got(first), ["a 1"]);
    let other = house.taker("b", 1);
    house.reject(first, "a", at[0]);
    assert_eq!(house.state(ORDERS).waiting, 1);
    let waits = house.pump();
    assert_eq!(waits[0], Wait::AtMost(TICK), "something is due");
    pass(&mut house, Duration::from_millis(900));
    assert_eq!(house.got(other), NOTHING);
    pass(&mut house, Duration::from_millis(100));
    assert_eq!(house.got(first), NOTHING);
    assert_eq!(house.got(other), ["b*2 1"]);
    assert_eq!(house.pump()[0], Wait::Event, "nothing is due any more");
    // Where there is no other it comes to the same again, as often as need be.
    house.lose(first);
    for deliveries in 3..20 {
        house.reject(other, "b", at[0]);
        pass(&mut house, Duration::from_secs(1));
        assert_eq!(house.got(other), [format!("b*{deliveries} 1")]);
    }
}

#[test]
fn s71_another_shard_that_arms_a_delay_wakes_the_first() {
    let mut house = House::new(2, 1);
    let slot = house.enter_at(1);
    let shard = &mut house.sides[1].shard;
    let outcome = shard.consume(slot, consumer(ORDERS, "a", 1));
    assert_eq!(outcome, Outcome::Done(()));
    let at = house.put_all(&["1"]);
    assert_eq!(house.got_at(1, slot), ["a 1"]);
    let woken = |house: &House| house.woken[0].load(std::sync::atomic::Ordering::Relaxed);
    let before = woken(&house);
    let settlement = counter::settlement("a", at[0], Verdict::Rejected);
    let settled = house.sides[1].shard.settle(slot, &settlement);
    assert_eq!(settled, Outcome::Done(()));
    assert!(woken(&house) > before);
    assert_eq!(house.pump(), [Wait::AtMost(TICK), Wait::Event]);
    pass(&mut house, Duration::from_secs(1));
    assert_eq!(house.got_at(1, slot), ["a*2 1"]);
}

#[test]
fn s71_what_is_rejected_too_often_or_discarded_goes_to_the_dead_letters() {
    let mut house = House::new(1, 1);
    house.limit("/queue/orders", with_dead_letters());
    let slot = house.taker("a", 9);
    let watcher = house.enter_at(0);
    house.consume(watcher, consumer(DEAD, "d", 9));
    let message = Message::text("1").with_headers([
        ("colour", "red"),
        ("expiration", "60000"),
        ("dead-letter-queue", "forged"),
    ]);
    let first = house.put(message).expect("room").id.position;
    let second = house.put("2").expect("room").id.position;
    assert_eq!(house.got(slot), ["a 1", "a 2"]);
    let discarded = house.settle(slot, "a", second, Verdict::Discarded);
    assert_eq!(discarded, Outcome::Done(()));
    assert_eq!(house.got(watcher), ["d 2"]);
    house.reject(slot, "a", first);
    pass(&mut house, Duration::from_secs(1));
    assert_eq!(house.got(slot), ["a*2 1"]);
    assert_eq!(house.got(watcher), NOTHING);
    house.reject(slot, "a", first);
    assert_eq!(house.got(watcher), ["d 1"]);
    assert_eq!(house.state(ORDERS).bytes, 0);
    let late = house.settle(slot, "a", first, Verdict::Accepted);
    assert_eq!(late, Outcome::Refused(Refusal::NotDelivered));
}

#[test]
fn s71_a_dead_letter_tells_where_it_comes_from_and_why() {
    let mut house = House::new(1, 1);
    house.limit("/queue/orders", with_dead_letters());
    let seen: std::sync::Arc<std::sync::Mutex<Vec<String>>> = std::sync::Arc::default();
    let told = std::sync::Arc::clone(&seen);
    let watcher = house.enter_at(0);
    let mut dead = consumer(DEAD, "d", 9);
    dead.wants = Some(std::sync::Arc::new(move |one| {
        let all = one.headers().iter();
        let all = all.map(|(name, value)| format!("{name}={value}"));
        told.lock()
            .expect("a lock")
            .push(all.collect::<Vec<_>>().join(" "));
        true
    }));
    house.consume(watcher, dead);
    let slot = house.taker("a", 9);
    let forged = [("colour", "red"), ("dead-letter-queue", "forged")];
    let at = house
        .put(Message::text("1").with_headers(forged))
        .expect("room");
    house.pump();
    let outcome = house.settle(slot, "a", at.id.position, Verdict::Discarded);
    assert_eq!(outcome, Outcome::Done(()));
    house.lose(slot);
    let brief = [("expiration", "10")];
    house
        .put(Message::text("2").with_headers(brief))
        .expect("room");
    pass(&mut house, Duration::from_millis(10));
    assert_eq!(house.got(watcher), ["d 1", "d 2"]);
    let seen = seen.lock().expect("a lock").clone();
    let of = |reason: &str| format!("dead-letter-reason={reason} dead-letter-queue=/queue/orders");
    assert_eq!(
        seen,
        [format!("colour=red {}", of("discarded")), of("expired")]
    );
}

#[test]
fn s71_dead_letters_stay_and_without_any_a_rejected_message_is_never_lost() {
    let mut house = House::new(1, 1);
    // A queue that takes its own dead letters.
    house.limit("/queue/**", with_dead_letters());
    let slot = house.enter_at(0);
    house.consume(slot, consumer(DEAD, "d", 9));
    let at = house.put_to(DEAD, "1").expect("room").id.position;
    assert_eq!(house.got(slot), ["d 1"]);
    for deliveries in 2..9 {
        let position = match deliveries {
            2 | 3 => at,
            _ => at + 1,
        };
        house.reject(slot, "d", position);
        pass(&mut house, Duration::from_secs(1));
        let count = match deliveries {
            2 => "*2".to_owned(),
            // As a dead letter it is another message.
            3 => String::new(),
            more => format!("*{}", more - 2),
        };
        assert_eq!(house.got(slot), [format!("d{count} 1")]);
    }
    assert_eq!(house.state(DEAD).delivered, 1);
}

#[test]
fn s71_where_the_dead_letters_are_full_a_message_stays_until_there_is_room() {
    let mut house = House::new(1, 1);
    house.limit("/queue/orders", with_dead_letters());
    let none = QueueLimits {
        messages_max: 1,
        ..QueueLimits::default()
    };
    house.limit(DEAD, none);
    house.put_to(DEAD, "in the way").expect("room");
    let slot = house.taker("a", 9);
    let at = house.put_all(&["1"]);
    house.pump();
    let outcome = house.settle(slot, "a", at[0], Verdict::Discarded);
    assert_eq!(outcome, Outcome::Done(()));
    pass(&mut house, Duration::from_secs(5));
    assert_eq!(house.got(slot).len(), 1, "nobody gets it again");
    assert_eq!(house.state(ORDERS).waiting, 1);
    let watcher = house.enter_at(0);
    house.consume(watcher, consumer(DEAD, "d", 9));
    house.pump();
    house.accept(watcher, "d", 1);
    pass(&mut house, Duration::from_secs(1));
    assert_eq!(house.got(watcher), ["d in the way", "d 1"]);
    assert_eq!(house.state(ORDERS).waiting, 0);
}

#[test]
fn s94_what_has_waited_too_long_is_gone() {
    let mut house = House::new(1, 1);
    let limits = QueueLimits {
        time_to_live: Some(Duration::from_secs(10)),
        ..QueueLimits::default()
    };
    house.limit("/queue/*", limits);
    let own = |text: &str, millis: &str| Message::text(text).with_headers([("expiration", millis)]);
    house.put(own("brief", "1000")).expect("room");
    house.put("usual").expect("room");
    house.put(own("long", "60000")).expect("room");
    house.put(own("nonsense", "soon")).expect("room");
    house.pump();
    pass(&mut house, Duration::from_secs(1));
    assert_eq!(house.state(ORDERS).waiting, 3);
    pass(&mut house, Duration::from_secs(9));
    assert_eq!(house.state(ORDERS).waiting, 1);
    // Nobody has pumped, but it is not delivered either.
    house.pass(Duration::from_secs(50));
    let slot = house.taker("a", 9);
    house.put("new").expect("room");
    assert_eq!(house.got(slot), ["a new"]);
    // What a consumer has does not expire; what comes back does.
    pass(&mut house, Duration::from_secs(100));
    assert_eq!(house.state(ORDERS).delivered, 1);
    house.lose(slot);
    pass(&mut house, Duration::ZERO);
    assert_eq!(house.hub.queue(ORDERS), None);
}

#[test]
fn s94_many_that_expire_at_once_go_so_many_at_a_time_without_waiting_for_more_time() {
    let mut house = House::new(1, 1);
    let limits = QueueLimits {
        time_to_live: Some(Duration::from_secs(1)),
        dead_letters: Some(DEAD.into()),
        ..QueueLimits::default()
    };
    house.limit(ORDERS, limits);
    let few = QueueLimits {
        messages_max: 2_000,
        ..QueueLimits::default()
    };
    house.limit(DEAD, few);
    for _ in 0..4_000 {
        house.put("x").expect("room");
    }
    house.pass(Duration::from_secs(1));
    let mut buried = 0;
    let before = house.woken[0].load(std::sync::atomic::Ordering::Relaxed);
    for _ in 0..8 {
        house.pump();
        let now = house.hub.queue(DEAD).map_or(0, |one| one.waiting);
        assert!(now - buried <= 1_024, "{buried} {now}");
        buried = now;
    }
    assert!(house.woken[0].load(std::sync::atomic::Ordering::Relaxed) > before);
    assert_eq!((buried, house.state(ORDERS).waiting), (2_000, 2_000));
    // The others wait for room, and nobody gets them meanwhile.
    let slot = house.taker("a", 9);
    house.pass(Duration::from_secs(1));
    assert_eq!(house.got(slot), NOTHING);
    let watcher = house.enter_at(0);
    house.consume(watcher, counter::automatic(DEAD, "d", 1_000));
    let mut got = 0;
    for _ in 0..20 {
        got += house.got(watcher).len();
        house.pass(Duration::from_secs(1));
    }
    assert_eq!((got, house.state(ORDERS).waiting), (4_000, 0));
}

#[test]
fn s94_a_full_queue_refuses_and_what_has_expired_makes_room_first() {
    let mut house = House::new(1, 1);
    let bytes = QUEUED_OVERHEAD_BYTES + 1;
    for limits in [
        QueueLimits {
            messages_max: 3,
            ..QueueLimits::default()
        },
        QueueLimits {
            bytes_max: 3 * bytes,
            ..QueueLimits::default()
        },
    ] {
        let queue = format!("/queue/{}", limits.messages_max);
        house.limit(&queue, limits);
        for text in ["1", "2", "3"] {
            house.put_to(&queue, text).expect("room");
        }
        assert_eq!(house.put_to(&queue, "4"), Err(Refusal::QueueFull));
        assert_eq!(house.state(&queue).waiting, 3);
        assert_eq!(house.state(&queue).bytes, 3 * bytes);
        // What consumers have counts as well.
        let slot = house.enter_at(0);
        house.consume(slot, consumer(&queue, "a", 2));
        assert_eq!(house.got(slot), ["a 1", "a 2"]);
        assert_eq!(house.put_to(&queue, "4"), Err(Refusal::QueueFull));
        let first = house.hub.position() - 2;
        house.accept(slot, "a", first);
        house.put_to(&queue, "4").expect("room");
        assert_eq!(house.put_to(&queue, "5"), Err(Refusal::QueueFull));
        assert_eq!(house.got(slot), ["a 3"]);
    }
    house.limit(
        "/queue/brief",
        QueueLimits {
            messages_max: 1,
            time_to_live: Some(Duration::from_secs(1)),
            ..QueueLimits::default()
        },
    );
    house.put_to("/queue/brief", "1").expect("room");
    assert_eq!(house.put_to("/queue/brief", "2"), Err(Refusal::QueueFull));
    house.pass(Duration::from_secs(1));
    house
        .put_to("/queue/brief", "2")
        .expect("the first has expired");
    assert_eq!(house.state("/queue/brief").waiting, 1);
}

#[test]
fn s94_a_node_has_so_many_queues_and_an_unused_one_is_forgotten() {
    let mut house = House::new(1, 1);
    let name = |number: usize| format!("/queue/{number}");
    for number in 0..campanile_hub::QUEUES_MAX {
        house.put_to(&name(number), "1").expect("room");
    }
    let more = name(campanile_hub::QUEUES_MAX);
    assert_eq!(house.put_to(&more, "1"), Err(Refusal::TooManyQueues));
    let slot = house.enter_at(0);
    let shard = &mut house.sides[0].shard;
    let outcome = shard.consume(slot, consumer(&more, "m", 1));
    assert_eq!(outcome, Outcome::Refused(Refusal::TooManyQueues));
    house.consume(slot, consumer(&name(0), "a", 1));
    house.pump();
    house.accept(slot, "a", 1);
    assert_eq!(house.put_to(&more, "1"), Err(Refusal::TooManyQueues));
    let shard = &mut house.sides[0].shard;
    assert_eq!(shard.stop_consuming(slot, "a"), Outcome::Done(()));
    house.put_to(&more, "1").expect("room for a queue");
}
