//! Where hostile input goes: every endpoint of the program, on every way to it.

use crate::{Raw, Request, Scene, Server, Way};

/// What every endpoint that tells the time begins its path with.
const CLOCK_PATH: &str = "/ws/";
/// What it begins each message with.
const CLOCK_WORDS: &str = "这是来自服务端的消息：";

/// Whether clients of `path` are told the time, whatever they do.
pub(crate) fn tells_the_time(path: &str) -> bool {
    path.starts_with(CLOCK_PATH)
}

/// Whether a message is what those clients are told.
pub(crate) fn is_the_time(message: &[u8]) -> bool {
    message.starts_with(CLOCK_WORDS.as_bytes())
}

/// What comes back from an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// Text and binary.
    Everything,
    /// Text, since the sender hears it, too; binary is refused with 1003.
    Text,
    /// Nothing at all; binary is refused with 1003.
    Nothing,
}

/// An endpoint of the program.
#[derive(Debug)]
pub struct Endpoint {
    /// Where it is.
    pub path: &'static str,
    /// What comes back.
    pub answers: Answers,
    /// How many octets a message may have.
    pub message_bytes_max: usize,
    /// How many frames a message may have.
    pub fragments_max: usize,
}

/// Every endpoint: all but the last have the library's limits as they are.
pub static ENDPOINTS: [Endpoint; 4] = [
    default_limits("/chat", Answers::Text),
    default_limits("/websocket/10086", Answers::Nothing),
    default_limits("/ws/10086", Answers::Nothing),
    Endpoint {
        path: "/echo",
        answers: Answers::Everything,
        message_bytes_max: 64 << 20,
        fragments_max: 131_072,
    },
];

/// Those with the library's limits.
pub fn with_default_limits() -> &'static [Endpoint] {
    &ENDPOINTS[..3]
}

/// The one that takes more.
pub fn with_high_limits() -> &'static [Endpoint] {
    &ENDPOINTS[3..]
}

const fn default_limits(path: &'static str, answers: Answers) -> Endpoint {
    Endpoint {
        path,
        answers,
        message_bytes_max: 64 << 10,
        fragments_max: 1_024,
    }
}

impl Endpoint {
    /// Whether it has the library's limits.
    pub fn has_default_limits(&self) -> bool {
        self.fragments_max == 1_024
    }

    /// A correct opening handshake for it.
    pub fn upgrade(&self) -> Request {
        Request::upgrade(self.path)
    }

    /// Opens a session of it.
    ///
    /// # Panics
    /// When the answer is not 101.
    pub async fn open(&self, server: &Server) -> Raw {
        Raw::open(server, self.path).await
    }

    /// Opens a session of it that may compress.
    ///
    /// # Panics
    /// When the answer is not 101, or does not accept the offer.
    pub async fn open_compressed(&self, server: &Server) -> Raw {
        Raw::open_compressed(server, self.path, "").await
    }

    /// Expects what comes of the text `text`, sent just now, and that the session stays open. The
    /// answer may be compressed.
    ///
    /// # Panics
    /// When something else comes.
    pub async fn expect_taken(&self, raw: &mut Raw, text: &[u8]) {
        if self.answers != Answers::Nothing {
            let answer = raw.frame().await.expect("an answer");
            let said = if answer.compressed {
                crate::deflate::inflated(&answer.payload)
            } else {
                answer.payload
            };
            assert!((answer.opcode, &said[..]) == (1, text), "another answer");
        }
        raw.expect_open().await;
    }
}

/// Does something on each way to the program.
pub async fn on_each_way(check: impl AsyncFn(Way)) {
    for way in Way::ALL {
        println!("{way:?}");
        check(way).await;
    }
}

/// Checks something at each endpoint, on each way to it.
///
/// # Panics
/// When the check does; what was printed last says where.
pub async fn everywhere(check: impl AsyncFn(&Server, &'static Endpoint)) {
    for way in Way::ALL {
        let server = Server::start_behind(way);
        for endpoint in &ENDPOINTS {
            println!("{way:?}, {}", endpoint.path);
            check(&server, endpoint).await;
        }
    }
}

/// Attacks each endpoint, on each way to it, while a bystander comes the same way. The program may
/// grow by `growth_max` bytes.
///
/// # Panics
/// When the attack does, the bystander suffers, or the program grows by more; what was printed last
/// says where.
pub async fn attack_everywhere(
    growth_max: usize,
    attack: impl AsyncFn(&mut Scene, &'static Endpoint),
) {
    for way in Way::ALL {
        attack_on(way, &ENDPOINTS, growth_max, &attack).await;
    }
}

/// Attacks some endpoints on one way to them, as [`attack_everywhere`] does.
///
/// # Panics
/// As there.
pub async fn attack_on(
    way: Way,
    endpoints: &'static [Endpoint],
    growth_max: usize,
    attack: impl AsyncFn(&mut Scene, &'static Endpoint),
) {
    let mut scene = Scene::start_behind(way).await;
    for endpoint in endpoints {
        println!("{way:?}, {}", endpoint.path);
        attack(&mut scene, endpoint).await;
    }
    scene.end(growth_max).await;
}
