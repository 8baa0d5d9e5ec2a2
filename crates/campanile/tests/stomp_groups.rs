//! Groups of STOMP handlers, what they are told and where their replies go: in memory.

mod support;

use std::error::Error;

use campanile::testing::TestClient;
use campanile::{
    Binary, Bytes, Campanile, CloseCode, Context, Either, Encoded, FromEvent, Handlers, Json,
    Message, MessageHeaders, Path, PayloadFormat, Rejection, SentTo, Session, State, StompEndpoint,
    Text, User, Valid, Validate,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use support::stomp::{Received, listener, send, start_with as start};

/// Sends, and gives what comes back first.
fn ask(client: &mut TestClient, destination: &str, rest: &str) -> Received {
    send(client, &format!("SEND\ndestination:{destination}\n{rest}"));
    Received::next(client)
}

async fn say(Path(room): Path<String>, Text(text): Text) -> String {
    format!("{room}: {text}")
}

#[test]
fn s127_s137_a_groups_settings_are_for_all_and_a_handlers_own_win() {
    let rooms = Handlers::at("/rooms/{room}")
        .send_to("/topic/all")
        .send_to("/topic/rooms/{room}")
        .message("/say", say)
        .message("/whisper", say)
        .send_to_user("/queue/whispers/{room}")
        .message("/note", say)
        .send_to_session("/queue/notes")
        .message("/shout", say)
        .send_to("/topic/shouts")
        .subscription("/first", async |Path(room): Path<String>| {
            format!("hello {room}")
        });
    let mut test = start(Campanile::builder().handlers(rooms));
    let mut one = listener(&mut test, &["/topic/**", "/user/queue/whispers/red"]);
    let mut two = listener(&mut test, &["/user/queue/**", "/user/queue/whispers/red"]);
    send(
        &mut two,
        "SUBSCRIBE\nid:n\ndestination:/user/queue/notes\n\n",
    );
    let heard = ask(&mut one, "/app/rooms/red/say", "\nhi");
    assert_eq!(heard.header("destination"), Some("/topic/all"));
    let heard = Received::next(&mut one);
    assert_eq!(heard.header("destination"), Some("/topic/rooms/red"));
    assert_eq!(heard.body(), "red: hi");
    let heard = ask(&mut one, "/app/rooms/red/shout", "\nhi");
    assert_eq!(heard.header("destination"), Some("/topic/shouts"));
    let heard = ask(&mut one, "/app/rooms/red/whisper", "\nhi");
    assert_eq!(
        heard.header("destination"),
        Some("/user/queue/whispers/red")
    );
    // All sessions of the user, or the one that has asked.
    assert_eq!(Received::next(&mut two).body(), "red: hi");
    let heard = ask(&mut two, "/app/rooms/red/note", "\nhi");
    assert_eq!(heard.header("destination"), Some("/user/queue/notes"));
    assert_eq!((one.next_message(), two.next_message()), (None, None));
    send(
        &mut one,
        "SUBSCRIBE\nid:f\ndestination:/app/rooms/red/first\n\n",
    );
    let first = Received::next(&mut one);
    assert_eq!(
        (first.header("subscription"), first.body()),
        (Some("f"), "hello red")
    );
}

#[test]
fn s143_two_handlers_of_one_destination_are_named_at_start() {
    let rooms = Handlers::at("/rooms/{room}").message("/say", say);
    let app = Campanile::builder()
        .stomp("/stomp", StompEndpoint::new())
        .message("/rooms/{name}/say", say)
        .handlers(rooms);
    let error = app.build().expect_err("two handlers").to_string();
    assert!(error.contains("/rooms/{room}/say"), "{error}");
    assert!(error.contains("/rooms/{name}/say"), "{error}");
    // A message and a subscription may have the same.
    let app = Campanile::builder()
        .stomp("/stomp", StompEndpoint::new())
        .message("/a", async || ())
        .subscription("/a", async || ());
    app.build().expect("an application");
}

#[derive(Deserialize)]
struct Seat {
    room: String,
    seat: u8,
}

#[test]
fn s128_s130_variables_are_typed_and_what_does_not_fit_is_refused() {
    let app = Campanile::builder()
        .message("/{room}/{seat}", async |Path(at): Path<Seat>| {
            format!("{} {}", at.room, at.seat + 1)
        })
        .send_to("/topic/seats");
    let mut test = start(app);
    let mut client = listener(&mut test, &["/topic/seats"]);
    assert_eq!(ask(&mut client, "/app/red/7", "\n").body(), "red 8");
    let error = ask(&mut client, "/app/red/many", "\n");
    assert_eq!(error.header("message"), Some("invalid-path"));
}

#[test]
fn s131_headers_are_required_have_defaults_are_parsed_and_are_all_there() {
    async fn say(headers: MessageHeaders, Text(text): Text) -> Result<String, Rejection> {
        let from = headers.required("from")?;
        let times: usize = headers.parse("times")?.unwrap_or(1);
        let colour = headers.get("colour").unwrap_or("black");
        let all: Vec<&str> = headers.0.iter().map(|(name, _)| name).collect();
        Ok(format!(
            "{from} {colour} {} {}",
            text.repeat(times),
            all.join(",")
        ))
    }
    let app = || Campanile::builder().message("/say", say);
    let mut test = start(app());
    let mut client = listener(&mut test, &["/topic/say"]);
    let heard = ask(&mut client, "/app/say", "from:ada\n\nx");
    assert_eq!(heard.body(), "ada black x from");
    let heard = ask(
        &mut client,
        "/app/say",
        "from:ada\ncolour:red\ntimes:2\n\nx",
    );
    assert_eq!(heard.body(), "ada red xx from,colour,times");
    // S140: what the sender has sent does not go on by itself.
    assert_eq!((heard.header("from"), heard.header("times")), (None, None));
    let error = ask(&mut client, "/app/say", "from:ada\ntimes:twice\n\nx");
    assert_eq!(error.header("message"), Some("invalid-header"));
    let mut client = listener(&mut test, &["/topic/say"]);
    let error = ask(&mut client, "/app/say", "\nx");
    assert_eq!(error.header("message"), Some("missing-header"));
}

/// An argument that nobody but this test has.
struct Loud(String);

impl FromEvent for Loud {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        let payload = context.payload().ok_or_else(|| context.lacks("a text"))?;
        let text = std::str::from_utf8(payload).map_err(Rejection::other)?;
        match text {
            "" => Err(Rejection::refuse(
                CloseCode::POLICY,
                "silence: say something",
            )),
            _ => Ok(Self(text.to_uppercase())),
        }
    }
}

#[test]
fn s133_handlers_are_told_who_where_and_what() {
    async fn all(
        User(user): User,
        session: Session,
        SentTo(to): SentTo,
        State(greeting): State<&'static str>,
        headers: MessageHeaders,
        message: Message,
    ) -> String {
        session.set_attribute("asked", true);
        let asked = session.attribute::<bool>("asked");
        assert_eq!((asked, &headers.0), (Some(true), &message.headers));
        let text = String::from_utf8_lossy(message.content.bytes()).into_owned();
        format!("{greeting} {user} at {to}: {text}")
    }
    let app = Campanile::builder()
        .state("hello")
        .message("/all", all)
        .message("/loud", async |Loud(text): Loud| text);
    let mut test = start(app);
    let mut client = listener(&mut test, &["/topic/*"]);
    let heard = ask(&mut client, "/app/all", "a:1\n\nx");
    assert_eq!(heard.body(), "hello ada at /app/all: x");
    assert_eq!(ask(&mut client, "/app/loud", "\nx").body(), "X");
    let error = ask(&mut client, "/app/loud", "\n");
    assert_eq!(error.header("message"), Some("silence"));
}

#[derive(Deserialize, Serialize)]
struct Order {
    amount: u32,
}

impl Validate for Order {
    fn validate(&self) -> Result<(), String> {
        match self.amount {
            1..=100 => Ok(()),
            _ => Err("order between 1 and 100 pieces".to_owned()),
        }
    }
}

/// `amount=3`.
struct Form;

impl PayloadFormat for Form {
    const NAME: &'static str = "form";
    const CONTENT_TYPES: &'static [&'static str] = &["application/x-www-form-urlencoded"];

    fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Box<dyn Error + Send + Sync>> {
        let text = std::str::from_utf8(payload)?;
        let (name, value) = text.split_once('=').ok_or("no value")?;
        let number: u32 = value.parse()?;
        Ok(serde_json::from_value(serde_json::json!({ name: number }))?)
    }

    fn encode<T: Serialize>(value: &T) -> Result<Message, Box<dyn Error + Send + Sync>> {
        Ok(Message::text(serde_json::to_string(value)?))
    }
}

#[test]
fn s132_s145_the_content_type_chooses_the_format_and_values_are_validated() {
    async fn order(order: Either<Json<Order>, Encoded<Form, Order>>) -> String {
        let (how, order) = match order {
            Either::First(Json(order)) => ("JSON", order),
            Either::Second(form) => ("form", form.value),
        };
        format!("{} by {how}", order.amount)
    }
    async fn checked(Valid(Json(order)): Valid<Json<Order>>) -> String {
        order.amount.to_string()
    }
    let app = Campanile::builder()
        .message("/order", order)
        .message("/checked", checked)
        .message("/text", async |Text(text): Text| text)
        .message("/bytes", async |Binary(bytes): Binary| {
            bytes.len().to_string()
        });
    let mut test = start(app);
    let mut client = listener(&mut test, &["/topic/*"]);
    let json = "\n{\"amount\":3}";
    for (content_type, body, expected) in [
        ("", json, "3 by JSON"),
        (
            "content-type:application/json;charset=utf-8\n",
            json,
            "3 by JSON",
        ),
        (
            "content-type:application/vnd.order+json\n",
            json,
            "3 by JSON",
        ),
        (
            "content-type:application/x-www-form-urlencoded\n",
            "\namount=4",
            "4 by form",
        ),
    ] {
        let heard = ask(&mut client, "/app/order", &format!("{content_type}{body}"));
        assert_eq!(heard.body(), expected, "{content_type}");
    }
    assert_eq!(ask(&mut client, "/app/checked", json).body(), "3");
    assert_eq!(ask(&mut client, "/app/bytes", "\nabc").body(), "3");
    let binary = "content-type:application/octet-stream\n\nabcd";
    assert_eq!(ask(&mut client, "/app/bytes", binary).body(), "4");
    for (destination, rest, says) in [
        ("/app/checked", "\n{\"amount\":0}", "between 1 and 100"),
        ("/app/checked", "\n{\"amount\":", "not valid JSON"),
        (
            "/app/checked",
            "content-type:text/plain\n\n{\"amount\":3}",
            "JSON",
        ),
        (
            "/app/order",
            "content-type:image/png\n\n{\"amount\":3}",
            "form",
        ),
        ("/app/text", binary, "text"),
    ] {
        let mut client = listener(&mut test, &[]);
        let error = ask(&mut client, destination, rest);
        assert_eq!(error.header("message"), Some("invalid-payload"), "{rest}");
        assert!(error.body().contains(says), "{}", error.0);
    }
}

#[test]
fn s134_s136_s138_s139_s140_replies_go_where_they_are_expected() {
    async fn later(Text(text): Text) -> String {
        tokio::task::yield_now().await;
        text
    }
    let app = Campanile::builder()
        .message("/plain", later)
        .message("/several", later)
        .send_to("/topic/one")
        .send_to("/topic/two")
        .message("/mine", later)
        .send_to_user("/queue/mine")
        .message("/headers", async || {
            Message::text("{}").with_headers([("content-type", "application/json"), ("n", "1")])
        })
        .message("/list", async || vec!["1", "2"])
        .message("/bytes", async || Bytes::from_static(b"\0\xff"));
    let mut test = start(app);
    let mut client = listener(&mut test, &["/topic/*", "/user/queue/mine"]);
    let heard = ask(&mut client, "/app/plain", "note:n\n\nx");
    assert_eq!(heard.header("destination"), Some("/topic/plain"));
    assert_eq!(heard.header("note"), None);
    assert_eq!(
        heard.header("content-type"),
        Some("text/plain;charset=UTF-8")
    );
    for name in ["/topic/one", "/topic/two"] {
        let heard = match name {
            "/topic/one" => ask(&mut client, "/app/several", "\nx"),
            _ => Received::next(&mut client),
        };
        assert_eq!(heard.header("destination"), Some(name));
    }
    let heard = ask(&mut client, "/app/mine", "\nx");
    assert_eq!(heard.header("subscription"), Some("/user/queue/mine"));
    let heard = ask(&mut client, "/app/headers", "\n");
    let headers = (heard.header("content-type"), heard.header("n"));
    assert_eq!(headers, (Some("application/json"), Some("1")));
    assert_eq!(ask(&mut client, "/app/list", "\n").body(), "1");
    assert_eq!(Received::next(&mut client).body(), "2");
    send(&mut client, "SEND\ndestination:/app/bytes\n\n");
    let bytes = client.next_binary();
    assert!(bytes.ends_with(b"\0\xff\0"));
}
