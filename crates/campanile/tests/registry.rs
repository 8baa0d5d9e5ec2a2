//! Who is there, and what they have subscribed to: in memory.

mod support;

use campanile::testing::{TestApplication, TestClient};
use campanile::{CloseCode, Listing, REGISTRY_ITEMS_MAX, SubscriptionEntry, UserEntry};

use support::stomp::{Received, connect, send, start};

fn users(test: &mut TestApplication) -> Listing<UserEntry> {
    let handle = test.handle();
    test.block_on(handle.users()).expect("room")
}

fn find(test: &mut TestApplication, part: &'static str) -> Vec<SubscriptionEntry> {
    let handle = test.handle();
    let picks = move |one: &SubscriptionEntry| one.destination().contains(part);
    let found = test.block_on(handle.find_subscriptions(picks));
    let found = found.expect("room");
    assert!(found.is_complete);
    found.items
}

/// The ids and destinations of a user's subscriptions, sorted, session by session.
fn subscriptions(user: &UserEntry) -> Vec<Vec<String>> {
    let sessions = user.sessions().iter().map(|session| {
        let all = session.subscriptions().iter();
        let mut all: Vec<String> = all
            .map(|one| {
                assert_eq!(one.session(), session.session());
                format!("{:?} {}", one.id(), one.destination())
            })
            .collect();
        all.sort();
        all
    });
    let mut sessions: Vec<_> = sessions.collect();
    sessions.sort();
    sessions
}

#[test]
fn s122_the_registry_has_users_with_their_sessions_and_subscriptions() {
    let mut test = start();
    assert!(users(&mut test).items.is_empty());
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.2");
    let mut ada_too = connect(&mut test, "/stomp?user=ada", "1.1");
    // A name is as it was given.
    let mut slash = connect(&mut test, "/stomp?user=B%2Fob", "1.0");
    let mut nobody = connect(&mut test, "/stomp", "1.2");
    for client in [&mut ada, &mut ada_too, &mut slash, &mut nobody] {
        send(client, "SUBSCRIBE\nid:news\ndestination:/topic/news\n\n");
    }
    send(
        &mut ada,
        "SUBSCRIBE\nid:a\\cb\ndestination:/topic/*/price\n\n",
    );
    send(
        &mut ada_too,
        "SUBSCRIBE\nid:0\ndestination:/user/queue/a\n\n",
    );
    send(&mut slash, "SUBSCRIBE\ndestination:/topic/plain\n\n");
    let listing = users(&mut test);
    assert!(listing.is_complete);
    let names: Vec<&str> = listing.items.iter().map(UserEntry::name).collect();
    assert_eq!(names, ["B/ob", "ada"]);
    assert_eq!(test.handle().user_count(), 2);
    assert_eq!(
        subscriptions(&listing.items[1]),
        [
            vec!["Some(\"0\") /user/queue/a", "Some(\"news\") /topic/news"],
            vec!["Some(\"a:b\") /topic/*/price", "Some(\"news\") /topic/news"],
        ]
    );
    assert_eq!(
        subscriptions(&listing.items[0]),
        [vec!["None /topic/plain", "Some(\"news\") /topic/news"]]
    );
    let handle = test.handle();
    let user = test.block_on(handle.user("ada")).expect("room");
    let user = user.expect("ada is here");
    assert_eq!(subscriptions(&user), subscriptions(&listing.items[1]));
    let none = test.block_on(handle.user("eve")).expect("room");
    assert!(none.is_none());
    // Those of nobody are found, too.
    assert_eq!(find(&mut test, "/topic/news").len(), 4);
    assert_eq!(find(&mut test, "/user/").len(), 1);
    ada.disconnect();
    ada_too.disconnect();
    assert_eq!(users(&mut test).items.len(), 1);
    assert_eq!(handle.user_count(), 1);
    assert_eq!(find(&mut test, "/topic/news").len(), 2);
}

#[test]
fn s122_a_predicate_that_panics_finds_nothing_and_harms_nobody() {
    let mut test = start();
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(&mut client, "SUBSCRIBE\nid:0\ndestination:/topic/a\n\n");
    let handle = test.handle();
    let found = test.block_on(handle.find_subscriptions(|_| panic!("a mistake")));
    assert!(found.expect("room").items.is_empty());
    handle.publish("/topic/a", "still here").expect("room");
    assert_eq!(Received::next(&mut client).body(), "still here");
}

#[test]
fn s122_an_answer_is_bounded_and_says_so() {
    let mut test = start();
    let clients: Vec<TestClient> = (0..100).map(|_| test.connect("/stomp?user=ada")).collect();
    let handle = test.handle();
    let sessions = test.block_on(handle.sessions_of_user("ada")).expect("room");
    for session in &sessions {
        for number in 0..REGISTRY_ITEMS_MAX / sessions.len() {
            session.subscribe(format!("/topic/{number}")).expect("room");
        }
        test.settle();
    }
    let all = test.block_on(handle.find_subscriptions(|_| true));
    let all = all.expect("room");
    assert_eq!(
        (all.items.len(), all.is_complete),
        (REGISTRY_ITEMS_MAX, true)
    );
    sessions[0].subscribe("/topic/one-more").expect("room");
    let all = test.block_on(handle.find_subscriptions(|_| true));
    let all = all.expect("room");
    assert_eq!(
        (all.items.len(), all.is_complete),
        (REGISTRY_ITEMS_MAX, false)
    );
    // Sessions are items as well: there is no room for all of them.
    let listing = users(&mut test);
    assert!(!listing.is_complete);
    let listed = listing.items[0].sessions().len();
    assert!((90..100).contains(&listed), "{listed}");
    drop(clients);
}

#[test]
fn s99_subscriptions_are_counted_with_those_of_patterns() {
    let mut test = start();
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(&mut client, "SUBSCRIBE\nid:0\ndestination:/topic/a\n\n");
    send(&mut client, "SUBSCRIBE\nid:1\ndestination:/topic/*\n\n");
    test.settle();
    let handle = test.handle();
    assert_eq!(handle.count_at("/topic/a"), 1);
    assert_eq!(handle.subscriptions("/topic/a"), 2);
    assert_eq!(handle.subscriptions("/topic/b"), 1);
    assert_eq!(handle.subscriptions("/topic/a/b"), 0);
}

#[test]
fn s33_s122_subscriptions_are_ended_from_outside_whatever_their_id() {
    let mut test = start();
    let mut client = connect(&mut test, "/stomp?user=ada", "1.2");
    for (id, destination) in [
        ("0", "/topic/a"),
        ("1", "/topic/a"),
        ("2", "/topic/*"),
        ("3", "/user/queue/a"),
    ] {
        let frame = format!("SUBSCRIBE\nid:{id}\ndestination:{destination}\n\n");
        send(&mut client, &frame);
    }
    let handle = test.handle();
    let user = test.block_on(handle.user("ada")).expect("room");
    let user = user.expect("ada is here");
    let session = &user.sessions()[0];
    // By destination: all of them.
    session.session().unsubscribe("/topic/a").expect("room");
    test.settle();
    handle.publish("/topic/a", "by pattern").expect("room");
    let message = Received::next(&mut client);
    assert_eq!(message.header("subscription"), Some("2"));
    assert_eq!(client.next_message(), None);
    // By what is found: exactly that one, also where a pattern or a user is behind it.
    for one in session.subscriptions() {
        one.end().expect("room");
    }
    test.settle();
    assert!(find(&mut test, "/").is_empty());
    assert_eq!(handle.subscriptions("/topic/a"), 0);
    // The session itself goes on, with room for others.
    assert_eq!(handle.count("/stomp"), 1);
    for number in 0..5 {
        let frame = format!("SUBSCRIBE\nid:n{number}\ndestination:/topic/{number}\n\n");
        send(&mut client, &frame);
    }
    assert_eq!(client.next_message(), None);
    assert_eq!(find(&mut test, "/topic/").len(), 5);
}

#[test]
fn s33_s122_a_users_stomp_sessions_are_closed_from_outside() {
    let mut test = start();
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.2");
    let mut ada_too = connect(&mut test, "/stomp?user=ada", "1.2");
    let mut bob = connect(&mut test, "/stomp?user=bob", "1.2");
    for client in [&mut ada, &mut ada_too, &mut bob] {
        send(client, "SUBSCRIBE\nid:0\ndestination:/topic/a\n\n");
    }
    test.settle();
    let handle = test.handle();
    handle.publish("/topic/a", "before").expect("room");
    let reason = "login-ended: sign in again";
    let closed = handle.close_user("ada", CloseCode::POLICY, reason);
    closed.expect("room");
    handle.publish("/topic/a", "after").expect("room");
    for client in [&mut ada, &mut ada_too] {
        assert_eq!(Received::next(client).body(), "before");
        assert_eq!(client.next_close(), (1008, reason.to_owned()));
    }
    assert_eq!(Received::next(&mut bob).body(), "before");
    assert_eq!(Received::next(&mut bob).body(), "after");
    assert_eq!(handle.user_count(), 1);
}
