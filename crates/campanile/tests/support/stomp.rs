//! STOMP clients that are driven by hand.

use campanile::testing::{TestApplication, TestClient};
use campanile::{
    Broker, Builder, Campanile, Handshake, HandshakeInterceptor, Intercepting, StompEndpoint,
};

pub(crate) struct UserFromQuery;

impl HandshakeInterceptor for UserFromQuery {
    fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a> {
        Box::pin(async move {
            if let Some(user) = handshake.query("user") {
                handshake.set_user(user);
            }
            Ok(())
        })
    }
}

pub(crate) fn start() -> TestApplication {
    let broker = Broker::new()
        .clients_may_send("/topic/**")
        .clients_may_send("/user/**")
        .subscriptions_max(5);
    start_with(Campanile::builder().broker(broker))
}

/// An application with an endpoint of STOMP, for users of whatever name.
pub(crate) fn start_with(builder: Builder) -> TestApplication {
    let builder = builder.stomp("/stomp", StompEndpoint::new().intercept(UserFromQuery));
    TestApplication::start(builder.build().expect("an application"))
}

/// One of `ada`'s sessions that has subscribed to these, by their own names.
pub(crate) fn listener(test: &mut TestApplication, destinations: &[&str]) -> TestClient {
    let mut client = connect(test, "/stomp?user=ada", "1.2");
    for name in destinations {
        send(
            &mut client,
            &format!("SUBSCRIBE\nid:{name}\ndestination:{name}\n\n"),
        );
    }
    client
}

/// Sends a frame, given without its NUL.
pub(crate) fn send(client: &mut TestClient, frame: &str) {
    client.send_text(&format!("{frame}\0"));
}

/// The next frame: its command, its headers and its body.
pub(crate) struct Received(pub(crate) String);

impl Received {
    #[track_caller]
    pub(crate) fn next(client: &mut TestClient) -> Self {
        let text = client.next_text();
        let frame = text.strip_suffix('\0');
        Self(
            frame
                .unwrap_or_else(|| panic!("no frame: {text:?}"))
                .to_owned(),
        )
    }

    pub(crate) fn command(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let head = self.0.split("\n\n").next().unwrap_or_default();
        let mut lines = head.lines().skip(1);
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    }

    pub(crate) fn body(&self) -> &str {
        self.0.split_once("\n\n").map_or("", |(_, body)| body)
    }
}

pub(crate) fn connect(test: &mut TestApplication, path: &str, version: &str) -> TestClient {
    let mut client = test.connect(path);
    let accept = match version {
        "1.0" => String::new(),
        version => format!("accept-version:{version}\n"),
    };
    send(&mut client, &format!("CONNECT\n{accept}host:localhost\n\n"));
    let connected = Received::next(&mut client);
    assert_eq!(connected.command(), "CONNECTED");
    assert_eq!(connected.header("version"), Some(version));
    client
}

/// What a refusal says: the ERROR's `message` and the close's code.
#[track_caller]
pub(crate) fn refusal(client: &mut TestClient) -> (String, u16) {
    let error = Received::next(client);
    assert_eq!(error.command(), "ERROR", "{}", error.0);
    assert!(!error.body().is_empty(), "it says what to do");
    let word = error.header("message").unwrap_or_default().to_owned();
    (word, client.next_close().0)
}
