//! Sending to STOMP clients from wherever the application is: in memory.

mod support;

use campanile::{
    Accepted, Application, Campanile, Context, FromEvent, Handle, Json, Refusal, Rejection,
};

use support::stomp::{Received, listener, send, start_with as start};

#[derive(serde::Serialize)]
struct Order {
    amount: u32,
}

#[test]
fn s154_anything_is_sent_to_users_sessions_and_topics_with_headers() {
    let mut test = start(Campanile::builder());
    let mut one = listener(&mut test, &["/user/queue/x", "/topic/x"]);
    let mut two = listener(&mut test, &["/user/queue/x"]);
    let handle = test.handle();
    let of_ada = |accepted: Result<Accepted, Refusal>| accepted.expect("room").subscriptions;
    assert_eq!(of_ada(handle.publish_to_user("ada", "/queue/x", "both")), 2);
    assert_eq!(Received::next(&mut one).body(), "both");
    assert_eq!(Received::next(&mut two).body(), "both");
    let sessions = test.block_on(handle.sessions_of("/stomp")).expect("room");
    for session in &sessions {
        let id = session.id();
        assert_eq!(
            of_ada(handle.publish_to_session(id, "/queue/x", id.to_string())),
            1
        );
    }
    let heard = [Received::next(&mut one), Received::next(&mut two)];
    assert_ne!(heard[0].body(), heard[1].body());
    assert_eq!((one.next_message(), two.next_message()), (None, None));
    assert_eq!(
        of_ada(handle.publish_to_user("bob", "/queue/x", "nobody")),
        0
    );
    let order = Json(Order { amount: 3 }).to_message().expect("JSON");
    let headers = order.headers.iter();
    let headers: Vec<(String, String)> = headers
        .chain([("colour", "red")])
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    handle
        .publish("/topic/x", order.with_headers(headers))
        .expect("room");
    let heard = Received::next(&mut one);
    assert_eq!(heard.header("content-type"), Some("application/json"));
    assert_eq!(
        (heard.header("colour"), heard.body()),
        (Some("red"), "{\"amount\":3}")
    );
}

#[test]
fn s155_routes_threads_and_schedules_send_to_stomp_clients() {
    async fn tell(handle: Handle) -> Result<Accepted, Refusal> {
        handle.publish("/topic/x", "from a schedule")
    }
    let app = Campanile::builder()
        .routes_with(|handle| {
            let publish = async move || {
                let accepted = handle.publish("/topic/x", "from a route");
                accepted.expect("room").subscriptions.to_string()
            };
            axum::Router::new().route("/publish", axum::routing::get(publish))
        })
        .schedule("0/5 * * * * ?", tell);
    let mut test = start(app);
    let mut client = listener(&mut test, &["/topic/x"]);
    assert_eq!(test.get("/publish").1, "1");
    assert_eq!(Received::next(&mut client).body(), "from a route");
    let handle = test.handle();
    let thread = std::thread::spawn(move || handle.publish("/topic/x", "from a thread"));
    thread.join().expect("no panic").expect("room");
    assert_eq!(Received::next(&mut client).body(), "from a thread");
    test.advance(std::time::Duration::from_secs(5));
    assert_eq!(Received::next(&mut client).body(), "from a schedule");
}

#[test]
fn s155_the_application_itself_has_the_handle() {
    struct Reach(Handle);
    impl FromEvent for Reach {
        fn from_event(context: &mut Context) -> Result<Self, Rejection> {
            let application: &Application = context.application();
            Ok(Self(application.handle().clone()))
        }
    }
    let app = Campanile::builder().message("/x", async |Reach(handle): Reach| {
        handle.publish("/topic/y", "reached")
    });
    let mut test = start(app);
    let mut client = listener(&mut test, &["/topic/y"]);
    send(&mut client, "SEND\ndestination:/app/x\n\n");
    assert_eq!(Received::next(&mut client).body(), "reached");
}
