//! Handlers of what STOMP clients send: in memory, in virtual time.

mod support;

use std::time::Duration;

use campanile::testing::{TestApplication, TestMessage};
use campanile::{Campanile, HandlerError, IntoReply, Json, Path, Reply, StompEndpoint, Text, User};

use support::stomp::{Received, UserFromQuery, connect, send};

const SECOND: Duration = Duration::from_secs(1);

#[derive(serde::Deserialize)]
struct Hello {
    name: String,
}

#[derive(serde::Serialize)]
struct Greeting {
    content: String,
}

async fn greet(Json(hello): Json<Hello>) -> Json<Greeting> {
    tokio::time::sleep(SECOND).await;
    let content = format!("Hello, {}!", hello.name);
    Json(Greeting { content })
}

async fn say(Path(room): Path<String>, User(user): User, Text(text): Text) -> String {
    format!("{user} in {room}: {text}")
}

fn with_handlers() -> TestApplication {
    let app = Campanile::builder()
        .stomp("/stomp", StompEndpoint::new().intercept(UserFromQuery))
        .message("/hello", greet)
        .send_to("/topic/greetings")
        .concurrent(16)
        .message("/rooms/{room}", say)
        .message("/whisper/{room}", say)
        .send_to_user("/queue/whispers")
        .message("/fail", async || {
            Err::<(), _>(std::io::Error::other("secret"))
        })
        .subscription("/time", async || "noon");
    TestApplication::start(app.build().expect("an application"))
}

#[test]
fn s127_s132_s135_a_handler_answers_at_its_topic_and_ten_at_once_take_a_second() {
    let mut test = with_handlers();
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(
        &mut client,
        "SUBSCRIBE\nid:0\ndestination:/topic/greetings\n\n",
    );
    for number in 0..10 {
        let body = format!("{{\"name\":\"{number}\"}}");
        send(
            &mut client,
            &format!("SEND\ndestination:/app/hello\nreceipt:{number}\n\n{body}"),
        );
    }
    test.advance(SECOND);
    let mut greetings = Vec::new();
    let mut receipts = 0;
    while let Some(TestMessage::Text(text)) = client.next_message() {
        let frame = Received(text.trim_end_matches('\0').to_owned());
        match frame.command() {
            "RECEIPT" => receipts += 1,
            _ => {
                assert_eq!(frame.header("content-type"), Some("application/json"));
                greetings.push(frame.body().to_owned());
            }
        }
    }
    assert_eq!((greetings.len(), receipts), (10, 10));
    assert!(greetings.contains(&"{\"content\":\"Hello, 3!\"}".to_owned()));
}

#[test]
fn s128_s130_s133_s134_s136_variables_users_and_default_replies() {
    let mut test = with_handlers();
    let mut ada = connect(&mut test, "/stomp?user=ada", "1.1");
    send(&mut ada, "SUBSCRIBE\nid:r\ndestination:/topic/rooms/*\n\n");
    send(
        &mut ada,
        "SUBSCRIBE\nid:w\ndestination:/user/queue/whispers\n\n",
    );
    send(&mut ada, "SEND\ndestination:/app/rooms/blue\n\nhello");
    let message = Received::next(&mut ada);
    assert_eq!(message.header("destination"), Some("/topic/rooms/blue"));
    assert_eq!(message.body(), "ada in blue: hello");
    send(&mut ada, "SEND\ndestination:/app/whisper/red\n\npst");
    let message = Received::next(&mut ada);
    assert_eq!(message.header("subscription"), Some("w"));
    assert_eq!(message.body(), "ada in red: pst");
}

#[test]
fn s129_s138_a_subscription_handler_answers_once_and_that_subscription_alone() {
    let mut test = with_handlers();
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(
        &mut client,
        "SUBSCRIBE\nid:t\ndestination:/app/time\nreceipt:1\n\n",
    );
    let message = Received::next(&mut client);
    assert_eq!(
        (message.header("subscription"), message.body()),
        (Some("t"), "noon")
    );
    assert_eq!(Received::next(&mut client).header("receipt-id"), Some("1"));
    assert_eq!(client.next_message(), None);
}

#[test]
fn s80_s142_s144_what_goes_wrong_in_a_handler_is_told_without_internals() {
    for (frame, word) in [
        ("SEND\ndestination:/app/nothing\n\n", "no-handler"),
        ("SUBSCRIBE\nid:0\ndestination:/app/hello\n\n", "no-handler"),
        ("SEND\ndestination:/app/fail\n\n", "handler-failed"),
        (
            "SEND\ndestination:/app/hello\n\nnot JSON",
            "invalid-payload",
        ),
        ("SEND\ndestination:/app/rooms/blue\n\nwho am I", "anonymous"),
    ] {
        let mut test = with_handlers();
        let mut client = connect(&mut test, "/stomp", "1.2");
        send(&mut client, frame);
        let error = Received::next(&mut client);
        assert_eq!(error.header("message"), Some(word), "{}", error.0);
        assert!(!error.0.contains("secret"));
    }
}

/// How warm it is.
struct Celsius(f32);

impl IntoReply for Celsius {
    fn into_reply(self) -> Result<Reply, HandlerError> {
        match self.0 {
            degrees if degrees < -273.15 => Err(HandlerError::closing(
                campanile::CloseCode::POLICY,
                "too-cold: measure again",
            )),
            degrees => Ok(Reply::from(format!("{degrees} °C"))),
        }
    }
}

#[test]
fn s146_what_a_handler_returns_may_be_a_type_of_ones_own() {
    let app = Campanile::builder()
        .stomp("/stomp", StompEndpoint::new())
        .subscription("/degrees/{degrees}", async |Path(degrees): Path<f32>| {
            Celsius(degrees)
        });
    let mut test = TestApplication::start(app.build().expect("an application"));
    let mut client = connect(&mut test, "/stomp", "1.2");
    send(
        &mut client,
        "SUBSCRIBE\nid:a\ndestination:/app/degrees/21.5\n\n",
    );
    assert_eq!(Received::next(&mut client).body(), "21.5 °C");
    send(
        &mut client,
        "SUBSCRIBE\nid:b\ndestination:/app/degrees/-300\n\n",
    );
    let error = Received::next(&mut client);
    assert_eq!(error.header("message"), Some("too-cold"));
}
