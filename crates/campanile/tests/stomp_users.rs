//! User destinations, by whatever name somebody tries to reach them: in memory.

mod support;

use campanile::testing::{TestApplication, TestClient};
use campanile::{Broker, Campanile, Separator, StompEndpoint};

use support::stomp::{Received, UserFromQuery, connect, refusal, send, start};

fn subscribe(client: &mut TestClient, id: &str, destination: &str) {
    let frame = format!("SUBSCRIBE\nid:{id}\ndestination:{destination}\n\n");
    send(client, &frame);
}

fn send_to(client: &mut TestClient, destination: &str, body: &str) {
    send(
        client,
        &format!("SEND\ndestination:{destination}\n\n{body}"),
    );
}

fn start_with(broker: Broker) -> TestApplication {
    let app = Campanile::builder()
        .broker(broker)
        .stomp("/stomp", StompEndpoint::new().intercept(UserFromQuery))
        .message("/ask", async || "answer")
        .send_to_user("/queue/answers");
    TestApplication::start(app.build().expect("an application"))
}

#[test]
fn s115_s116_the_prefix_is_chosen_and_a_message_names_what_was_subscribed_to() {
    let broker = Broker::new()
        .users("/person/")
        .clients_may_send("/person/**");
    let mut test = start_with(broker);
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.2");
    let mut bob = connect(&mut test, "/stomp?user=bob", "1.2");
    subscribe(&mut ada, "0", "/person/queue/news");
    subscribe(&mut ada, "1", "/person/queue/answers");
    send_to(&mut bob, "/person/ada/queue/news", "for ada");
    let message = Received::next(&mut ada);
    assert_eq!(message.header("destination"), Some("/person/queue/news"));
    assert_eq!(message.body(), "for ada");
    // What a handler answers to its user alone is under the same prefix.
    send_to(&mut ada, "/app/ask", "");
    let message = Received::next(&mut ada);
    assert_eq!(message.header("destination"), Some("/person/queue/answers"));
    assert_eq!(message.header("subscription"), Some("1"));
    // And the usual one means nothing here.
    subscribe(&mut bob, "0", "/user/queue/news");
    assert_eq!(refusal(&mut bob).0, "unknown-destination");
}

#[test]
fn s117_a_session_id_reaches_one_session_and_a_name_reaches_all() {
    let mut test = start();
    let mut first = connect(&mut test, "/stomp?user=ada", "1.2");
    let mut second = connect(&mut test, "/stomp?user=ada", "1.1");
    let mut bob = connect(&mut test, "/stomp?user=bob", "1.2");
    for client in [&mut first, &mut second] {
        subscribe(client, "0", "/user/queue/news");
    }
    let handle = test.handle();
    let sessions = test.block_on(handle.sessions_of_user("ada")).expect("room");
    send_to(&mut bob, "/user/ada/queue/news", "to both");
    for session in &sessions {
        let destination = format!("/user/{}/queue/news", session.id());
        send_to(&mut bob, &destination, &session.id().to_string());
    }
    let mut alone = Vec::new();
    for client in [&mut first, &mut second] {
        assert_eq!(Received::next(client).body(), "to both");
        alone.push(Received::next(client).body().to_owned());
        assert_eq!(client.next_message(), None);
    }
    let mut ids: Vec<String> = sessions.iter().map(|one| one.id().to_string()).collect();
    ids.sort();
    alone.sort();
    assert_eq!(alone, ids);
}

#[test]
fn s119_a_slash_in_a_name_is_encoded_and_a_name_with_the_encoding_is_refused() {
    let mut test = start();
    let mut slash = connect(&mut test, "/stomp?user=a%2Fb", "1.2");
    let mut bob = connect(&mut test, "/stomp?user=bob", "1.2");
    subscribe(&mut slash, "0", "/user/queue/news");
    for name in ["a%2Fb", "a%2fb"] {
        send_to(&mut bob, &format!("/user/{name}/queue/news"), name);
        assert_eq!(Received::next(&mut slash).body(), name);
    }
    // Decoded once, not twice, and a slash as it is divides the name from the rest.
    send_to(&mut bob, "/user/a%252Fb/queue/news", "twice");
    send_to(&mut bob, "/user/a/b/queue/news", "divided");
    assert_eq!(slash.next_message(), None);
    for name in ["a%252Fb", "a%252fb"] {
        let mut client = connect(&mut test, &format!("/stomp?user={name}"), "1.2");
        subscribe(&mut client, "0", "/user/queue/news");
        assert_eq!(refusal(&mut client), ("bad-user-name".into(), 1008));
    }
    send_to(&mut bob, "/user//queue/news", "to no name");
    assert_eq!(refusal(&mut bob).0, "bad-destination");
}

#[test]
fn s120_who_has_no_name_has_user_destinations_too() {
    let mut test = start_with(Broker::new());
    let mut first = connect(&mut test, "/stomp", "1.2");
    let mut second = connect(&mut test, "/stomp", "1.2");
    for client in [&mut first, &mut second] {
        subscribe(client, "0", "/user/queue/answers");
    }
    send_to(&mut first, "/app/ask", "");
    assert_eq!(Received::next(&mut first).body(), "answer");
    assert_eq!(second.next_message(), None);
}

#[test]
fn s121_no_spelling_leads_to_what_is_somebody_elses() {
    let mut test = start();
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.2");
    let mut bob = connect(&mut test, "/stomp?user=bob", "1.2");
    subscribe(&mut ada, "0", "/user/queue/news");
    let handle = test.handle();
    let sessions = test.block_on(handle.sessions_of_user("ada")).expect("room");
    let id = sessions[0].id().to_string();
    let spellings = [
        // As others translate it.
        format!("/queue/news-user{id}"),
        format!("/topic/news-user{id}"),
        format!("/topic/queue/news-user{id}"),
        // As senders write it.
        "/user/ada/queue/news".to_owned(),
        format!("/user/{id}/queue/news"),
        "/user/../ada/queue/news".to_owned(),
        "/user//queue/news".to_owned(),
        // With wildcards.
        "/user/*/queue/news".to_owned(),
        "/user/**".to_owned(),
        "/**".to_owned(),
        "/topic/../user/ada/queue/news".to_owned(),
        "/topic/**".to_owned(),
        // As it is called within.
        "private /queue/news".to_owned(),
        "/user/queue/news/".to_owned(),
        "/USER/queue/news".to_owned(),
        "user/queue/news".to_owned(),
    ];
    let mut spies = Vec::new();
    for spelling in &spellings {
        let mut spy = connect(&mut test, "/stomp?user=eve", "1.2");
        let frame = format!("SUBSCRIBE\nid:0\ndestination:{spelling}\nreceipt:r\n\n");
        send(&mut spy, &frame);
        // Some are subscribed to, and mean something else; the others are refused.
        let answer = Received::next(&mut spy);
        match answer.command() {
            "RECEIPT" => spies.push((spelling, spy)),
            _ => assert_eq!(answer.header("message"), Some("unknown-destination")),
        }
    }
    assert!(!spies.is_empty());
    send_to(&mut bob, "/user/ada/queue/news", "secret");
    send_to(&mut bob, &format!("/user/{id}/queue/news"), "secret");
    for _ in 0..2 {
        assert_eq!(Received::next(&mut ada).body(), "secret");
    }
    for (spelling, mut spy) in spies {
        assert_eq!(spy.next_message(), None, "{spelling}");
    }
    // Nor does publishing to that name reach it.
    let accepted = handle.publish("/user/queue/news", "forged").expect("room");
    assert_eq!(accepted.subscriptions, 0);
    assert_eq!(ada.next_message(), None);
}

#[test]
fn s126_destinations_begin_as_their_prefixes_do() {
    let mut test = start();
    for wrong in ["topic/a", "user/queue/a"] {
        let mut client = connect(&mut test, "/stomp?user=ada", "1.2");
        subscribe(&mut client, "0", wrong);
        let error = Received::next(&mut client);
        assert_eq!(error.header("message"), Some("unknown-destination"));
        let advice = format!("write \"/{wrong}\"");
        assert!(error.body().contains(&advice), "{}", error.body());
    }
    let broker = Broker::new()
        .topics(["topic."])
        .users("user")
        .separator(Separator::Dot)
        .clients_may_send("topic.**")
        .clients_may_send("user/*.**");
    let mut test = start_with(broker);
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.2");
    let mut bob = connect(&mut test, "/stomp?user=bob", "1.2");
    subscribe(&mut ada, "0", "topic.*.price");
    subscribe(&mut ada, "1", "user/queue.news");
    send_to(&mut bob, "topic.acme.price", "1");
    send_to(&mut bob, "topic.acme.size", "2");
    send_to(&mut bob, "user/ada/queue.news", "3");
    for (destination, body) in [("topic.acme.price", "1"), ("user/queue.news", "3")] {
        let message = Received::next(&mut ada);
        assert_eq!(message.header("destination"), Some(destination));
        assert_eq!(message.body(), body);
    }
    subscribe(&mut bob, "0", "/topic.acme.price");
    assert_eq!(refusal(&mut bob).0, "unknown-destination");
}
