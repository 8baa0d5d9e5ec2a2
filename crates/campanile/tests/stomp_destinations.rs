//! What STOMP clients subscribe and send to: in memory.

mod support;

use campanile::testing::{TestApplication, TestMessage};
use campanile::{Campanile, Message, StompEndpoint};

use support::stomp::{Received, connect, refusal, send, start};

#[test]
fn s65_text_comes_in_text_messages_and_all_else_in_binary_ones() {
    let mut test = start();
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(&mut client, "SUBSCRIBE\nid:0\ndestination:/topic/a\n\n");
    send(
        &mut client,
        "SEND\ndestination:/topic/a\ncontent-type:application/json\n\n{}",
    );
    assert!(client.next_text().contains("application/json"));
    send(
        &mut client,
        "SEND\ndestination:/topic/a\ncontent-type:image/png\n\n\u{89}PNG",
    );
    let image = client.next_binary();
    assert!(image.starts_with(b"MESSAGE\nsubscription:0\n") && image.ends_with(b"PNG\0"));
    let frame = b"SEND\ndestination:/topic/a\ncontent-length:3\n\n\x00\xff\x00\x00";
    client.send_binary(frame);
    let bytes = client.next_binary();
    assert!(bytes.ends_with(b"\n\n\x00\xff\x00\x00"), "{bytes:?}");
}

#[test]
fn s84_s88_patterns_and_selectors_choose_what_a_subscription_receives() {
    let mut test = start();
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(
        &mut client,
        "SUBSCRIBE\nid:p\ndestination:/topic/*/price\n\n",
    );
    send(
        &mut client,
        "SUBSCRIBE\nid:s\ndestination:/topic/acme/price\nselector:size > 10 AND venue LIKE 'X%'\n\n",
    );
    let quote = |size: &str, venue: &str| {
        Message::text(size).with_headers([("size", size), ("venue", venue)])
    };
    let handle = test.handle();
    for (size, venue) in [("5", "XZRH"), ("50", "NYSE"), ("500", "XETR")] {
        handle
            .publish("/topic/acme/price", quote(size, venue))
            .expect("room");
    }
    handle.publish("/topic/acme/news", "no").expect("room");
    let mut got = Vec::new();
    while let Some(TestMessage::Text(text)) = client.next_message() {
        let message = Received(text.trim_end_matches('\0').to_owned());
        got.push(format!(
            "{} {}",
            message.header("subscription").unwrap_or_default(),
            message.body()
        ));
    }
    got.sort();
    assert_eq!(got, ["p 5", "p 50", "p 500", "s 500"]);
}

#[test]
fn s116_s117_s118_s120_user_destinations_are_their_users_alone() {
    let mut test = start();
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.2");
    let mut ada_too = connect(&mut test, "/stomp?user=ada", "1.2");
    let mut bob = connect(&mut test, "/stomp?user=bob", "1.2");
    let mut nobody = connect(&mut test, "/stomp", "1.2");
    for client in [&mut ada, &mut ada_too, &mut bob, &mut nobody] {
        send(client, "SUBSCRIBE\nid:0\ndestination:/user/queue/news\n\n");
    }
    send(
        &mut bob,
        "SEND\ndestination:/user/ada/queue/news\n\nfor ada",
    );
    for client in [&mut ada, &mut ada_too] {
        let message = Received::next(client);
        assert_eq!(message.header("destination"), Some("/user/queue/news"));
        assert_eq!(message.body(), "for ada");
    }
    // Who sends to their own name reaches the session that sends.
    send(
        &mut ada,
        "SEND\ndestination:/user/ada/queue/news\n\nto myself",
    );
    assert_eq!(Received::next(&mut ada).body(), "to myself");
    let handle = test.handle();
    let sessions = test.block_on(handle.sessions_of("/stomp")).expect("room");
    let id = sessions
        .iter()
        .find(|one| one.user().is_none())
        .map(|one| one.id().to_string())
        .expect("nobody's session");
    send(
        &mut bob,
        &format!("SEND\ndestination:/user/{id}/queue/news\n\nanonymous"),
    );
    assert_eq!(Received::next(&mut nobody).body(), "anonymous");
    for client in [&mut ada_too, &mut bob] {
        assert_eq!(client.next_message(), None);
    }
}

#[test]
fn s90_clients_may_not_send_where_nobody_has_allowed_it() {
    let app = Campanile::builder().stomp("/stomp", StompEndpoint::new());
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(&mut client, "SEND\ndestination:/topic/a\n\nx");
    assert_eq!(refusal(&mut client), ("forbidden".into(), 1008));
}
