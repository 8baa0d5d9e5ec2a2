//! What a STOMP session tries at others' cost, in virtual time: slow beginnings, heart-beats that
//! never come, and other people's destinations. A bystander of the same application notices nothing.

mod support;

use std::time::Duration;

use campanile::testing::{TestApplication, TestClient, TestMessage};

use support::conform::{subscribe, texts};
use support::stomp::{Received, connect, send, start};

const SECOND: Duration = Duration::from_secs(1);

/// Whether the bystander gets what is published now.
#[track_caller]
fn assert_unharmed(test: &TestApplication, bystander: &mut TestClient, number: usize) {
    let text = number.to_string();
    test.handle()
        .publish("/topic/a", text.as_str())
        .expect("room");
    let got: Vec<String> = texts(bystander)
        .into_iter()
        .filter(|text| text != "\n")
        .map(|frame| Received(frame).body().to_owned())
        .collect();
    assert_eq!(got, [text]);
}

fn is_over(client: &mut TestClient) -> Option<u16> {
    let received = client.received();
    received.iter().find_map(|one| match one {
        TestMessage::Close(code, _) => Some(*code),
        _ => None,
    })
}

#[test]
fn s32_first_frames_of_one_octet_a_second_are_cut_off() {
    let mut test = start();
    let mut bystander = connect(&mut test, "/stomp", "1.2");
    subscribe(&mut bystander, "0", "/topic/a");
    let mut slow: Vec<TestClient> = (0..20).map(|_| test.connect("/stomp")).collect();
    let first =
        "CONNECT\naccept-version:1.2\nhost:a-host-whose-name-never-comes-to-an-end.example\n";
    let mut ended = 0;
    for (number, octet) in first.chars().take(70).enumerate() {
        for client in &mut slow {
            if is_over(client).is_some_and(|code| code == 1008) {
                ended += 1;
            } else {
                client.send_text(&octet.to_string());
            }
        }
        test.advance(SECOND);
        assert_unharmed(&test, &mut bystander, number);
    }
    assert_eq!(ended, slow.len());
    assert_eq!(test.handle().sessions(), 1);
}

#[test]
fn s67_sessions_that_withhold_their_heart_beats_end_and_others_do_not() {
    let mut test = start();
    let mut bystander = connect(&mut test, "/stomp", "1.2");
    subscribe(&mut bystander, "0", "/topic/a");
    let mut silent: Vec<TestClient> = (0..20).map(|_| test.connect("/stomp")).collect();
    for client in &mut silent {
        send(
            client,
            "CONNECT\naccept-version:1.2\nhost:h\nheart-beat:10000,500\n\n",
        );
        assert_eq!(Received::next(client).command(), "CONNECTED");
    }
    for number in 0..40 {
        test.advance(SECOND);
        assert_unharmed(&test, &mut bystander, number);
    }
    for client in &mut silent {
        assert_eq!(is_over(client), Some(1001));
    }
    assert_eq!(test.handle().sessions(), 1);
}

#[test]
fn s116_s119_no_spelling_listens_to_somebody_elses_destinations() {
    let mut test = start();
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.2");
    subscribe(&mut ada, "0", "/user/queue/news");
    let mut bob = connect(&mut test, "/stomp?user=bob", "1.2");
    let handle = test.handle();
    let sessions = test.block_on(handle.sessions_of("/stomp")).expect("room");
    let hers = sessions.iter().find(|one| one.user() == Some("ada"));
    let id = hers.expect("her session").id().to_string();
    let spellings = [
        "/user/ada/queue/news".to_owned(),
        "/user/ada%2Fqueue/news".to_owned(),
        "/user%2Fada/queue/news".to_owned(),
        "/user/../user/ada/queue/news".to_owned(),
        "/user/../ada/queue/news".to_owned(),
        "/user/./ada/queue/news".to_owned(),
        "/user//ada/queue/news".to_owned(),
        "//user/ada/queue/news".to_owned(),
        "/user//queue/news".to_owned(),
        "/user/%61da/queue/news".to_owned(),
        "/user/ADA/queue/news".to_owned(),
        "/USER/ada/queue/news".to_owned(),
        "/User/queue/news".to_owned(),
        "/user/ada/queue/**".to_owned(),
        "/user/*/queue/news".to_owned(),
        "/user/**".to_owned(),
        "/**".to_owned(),
        "/topic/../user/ada/queue/news".to_owned(),
        "/topic/**/news".to_owned(),
        "/user/ada\\nqueue/news".to_owned(),
        format!("/user/{id}/queue/news"),
        format!("/queue/news-user{id}"),
        format!("/user/queue/news-user{id}"),
    ];
    for spelling in &spellings {
        for user in ["eve", "ad", "ada/queue", "ADA", ""] {
            let mut eve = connect(&mut test, &format!("/stomp?user={user}"), "1.2");
            send(
                &mut eve,
                &format!("SUBSCRIBE\nid:e\ndestination:{spelling}\n\n"),
            );
            let _ = eve.received();
            send(
                &mut bob,
                "SEND\ndestination:/user/ada/queue/news\n\nfor ada",
            );
            let heard = texts(&mut eve);
            assert_eq!(heard, Vec::<String>::new(), "{user} by {spelling}");
            assert_eq!(texts(&mut ada).len(), 1);
        }
    }
}

#[test]
fn s90_no_spelling_sends_where_clients_may_not() {
    let broker = campanile::Broker::new().clients_may_send("/topic/open/**");
    let endpoint = campanile::StompEndpoint::new().intercept(support::stomp::UserFromQuery);
    let app = campanile::Campanile::builder()
        .broker(broker)
        .stomp("/stomp", endpoint);
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.2");
    subscribe(&mut ada, "0", "/topic/closed");
    subscribe(&mut ada, "1", "/user/queue/news");
    for spelling in [
        "/topic/closed",
        "/topic/open/../closed",
        "/topic/open/%2E%2E/closed",
        "/topic//closed",
        "/topic/./closed",
        "/Topic/closed",
        "/topic/closed/",
        "/user/ada/queue/news",
        "/user/queue/news",
        "/topic/open/../../user/ada/queue/news",
        "//user/ada/queue/news",
    ] {
        let mut eve = connect(&mut test, "/stomp?user=eve", "1.2");
        send(&mut eve, &format!("SEND\ndestination:{spelling}\n\nx"));
        assert_eq!(ada.received(), [], "{spelling}");
    }
}
