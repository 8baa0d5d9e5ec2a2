//! Who takes part, and how each is addressed.

use std::net::SocketAddr;

use crate::peers::figures::Shape;

/// What a peer is built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kit {
    /// npm, and then node.
    Node,
    /// npm, which also brings the program that runs the server.
    Bun,
    /// cargo, outside the workspace.
    Cargo,
    /// The Go module of this path and version.
    Go(&'static str, &'static str),
    /// Maven.
    Maven,
    /// These packages of the given release of Debian, unpacked and not installed. The first one is
    /// the server's.
    Debian(&'static str, &'static [&'static str]),
    /// Campanile itself, in another dialect.
    Own,
}

/// What a client must say to take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// A text is a message.
    Raw,
    /// Engine.IO 4 and Socket.IO 5: the event `m`.
    SocketIo,
    /// Centrifugo's JSON protocol.
    Centrifugo,
    /// STOMP: sessions of 1.0, 1.1 and 1.2 in turn, each with a subscription id of its own.
    Stomp,
}

/// What a RabbitMQ with its plugins needs, without what only its service and its tools do.
const RABBITMQ: Kit = Kit::Debian(
    "bookworm",
    &[
        "rabbitmq-server",
        "erlang-asn1",
        "erlang-base",
        "erlang-crypto",
        "erlang-eldap",
        "erlang-inets",
        "erlang-mnesia",
        "erlang-os-mon",
        "erlang-parsetools",
        "erlang-public-key",
        "erlang-runtime-tools",
        "erlang-ssl",
        "erlang-syntax-tools",
        "erlang-tools",
        "erlang-xmerl",
    ],
);

/// What an ActiveMQ needs that speaks STOMP and keeps its messages in memory, without what its
/// service, its console and other protocols do.
const ACTIVEMQ: Kit = Kit::Debian(
    "bookworm",
    &[
        "libactivemq-java",
        "libgeronimo-j2ee-management-1.1-spec-java",
        "libgeronimo-jms-1.1-spec-java",
        "libhawtbuf-java",
        "libslf4j-java",
    ],
);

/// A server that Campanile is measured beside.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Its name on the command line; its folder's name, too, if it has one.
    pub(crate) name: &'static str,
    /// Its name in reports.
    pub(crate) title: &'static str,
    /// What it is built with.
    pub(crate) kit: Kit,
    /// What its clients say.
    pub(crate) dialect: Dialect,
    /// Seconds that it needs until it is as fast as it will be.
    pub(crate) warm_up_seconds_min: f64,
    /// Whether it can compress messages.
    pub(crate) has_deflate: bool,
    /// Whether it has queues, besides topics or alone.
    pub(crate) queues: Queues,
}

/// Whether a peer takes part where queues are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queues {
    /// It has none.
    None,
    /// It has some, as it has topics.
    Too,
    /// It is measured for nothing else.
    Only,
}

/// All peers. The kernel floor stands behind those who speak as it does: it is no server but their
/// bound. Those that STOMP is measured beside follow.
pub(crate) const PEERS: [Peer; 11] = [
    Peer {
        name: "bun",
        title: "Bun",
        kit: Kit::Bun,
        dialect: Dialect::Raw,
        warm_up_seconds_min: 0.0,
        has_deflate: true,
        queues: Queues::None,
    },
    Peer {
        name: "ws",
        title: "npm ws",
        kit: Kit::Node,
        dialect: Dialect::Raw,
        warm_up_seconds_min: 0.0,
        has_deflate: true,
        queues: Queues::None,
    },
    Peer {
        name: "socket.io",
        title: "Socket.IO",
        kit: Kit::Node,
        dialect: Dialect::SocketIo,
        warm_up_seconds_min: 0.0,
        has_deflate: true,
        queues: Queues::None,
    },
    Peer {
        name: "axum",
        title: "axum",
        kit: Kit::Cargo,
        dialect: Dialect::Raw,
        warm_up_seconds_min: 0.0,
        has_deflate: false,
        queues: Queues::None,
    },
    Peer {
        name: "centrifugo",
        title: "Centrifugo",
        kit: Kit::Go("github.com/centrifugal/centrifugo/v6", "v6.9.1"),
        dialect: Dialect::Centrifugo,
        warm_up_seconds_min: 0.0,
        has_deflate: true,
        queues: Queues::None,
    },
    Peer {
        name: "spring",
        title: "Spring Boot",
        kit: Kit::Maven,
        dialect: Dialect::Raw,
        // The virtual machine compiles what is hot while it runs.
        warm_up_seconds_min: 6.0,
        has_deflate: true,
        queues: Queues::None,
    },
    Peer {
        name: "floor",
        title: "kernel floor",
        kit: Kit::Cargo,
        dialect: Dialect::Raw,
        warm_up_seconds_min: 0.0,
        has_deflate: false,
        queues: Queues::None,
    },
    Peer {
        name: "campanile-raw",
        title: "Campanile, raw",
        kit: Kit::Own,
        dialect: Dialect::Raw,
        warm_up_seconds_min: 0.0,
        has_deflate: true,
        queues: Queues::None,
    },
    Peer {
        name: "spring-stomp",
        title: "Spring Boot's simple broker",
        kit: Kit::Maven,
        dialect: Dialect::Stomp,
        warm_up_seconds_min: 6.0,
        has_deflate: true,
        queues: Queues::None,
    },
    Peer {
        name: "rabbitmq",
        title: "RabbitMQ",
        kit: RABBITMQ,
        dialect: Dialect::Stomp,
        // Its queues' processes find their size.
        warm_up_seconds_min: 2.0,
        has_deflate: true,
        queues: Queues::Too,
    },
    Peer {
        name: "activemq",
        title: "ActiveMQ",
        kit: ACTIVEMQ,
        dialect: Dialect::Stomp,
        // The virtual machine compiles what is hot while it runs.
        warm_up_seconds_min: 6.0,
        has_deflate: false,
        queues: Queues::Only,
    },
];

impl Peer {
    /// Whether it is measured when nobody is named, beside a Campanile that speaks `dialect`.
    pub(crate) fn is_usual_beside(&self, dialect: Dialect, shapes: &[Shape]) -> bool {
        let is_for_stomp = self.kit == Kit::Own || self.dialect == Dialect::Stomp;
        is_for_stomp == (dialect == Dialect::Stomp)
            && shapes.iter().any(|shape| self.takes_part_in(*shape))
    }

    fn takes_part_in(&self, shape: Shape) -> bool {
        match self.queues {
            Queues::None => shape != Shape::Queue,
            Queues::Too => true,
            Queues::Only => shape == Shape::Queue,
        }
    }

    /// Why a shape cannot be measured with this peer, if it cannot.
    pub(crate) fn lacks(&self, shape: Shape, is_deflated: bool) -> Option<&'static str> {
        if !self.takes_part_in(shape) {
            return Some(match self.queues {
                Queues::Only => "it is measured for its queues only",
                _ => "it has no queues",
            });
        }
        if self.kit == Kit::Own && shape == Shape::Rooms {
            return Some("its rooms are another program's");
        }
        if self.dialect == Dialect::Stomp && shape == Shape::Echo {
            return Some("it has no echo: its clients send to topics");
        }
        if is_deflated && !self.has_deflate {
            return Some("it has no permessage-deflate");
        }
        if self.dialect == Dialect::Centrifugo && shape == Shape::Echo {
            return Some("it has no echo: its clients publish to channels");
        }
        None
    }
}

impl Dialect {
    /// The dialect's name as `campanile bench` knows it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::SocketIo => "socket.io",
            Self::Centrifugo => "centrifugo",
            Self::Stomp => "stomp",
        }
    }

    /// Where clients connect to for a shape. `{room}` stands for a room's number.
    pub(crate) fn url(self, address: SocketAddr, shape: Shape) -> String {
        if shape == Shape::Queue {
            return format!("tcp://{address}");
        }
        let target = match (self, shape) {
            (Self::Raw, Shape::Echo) => "/echo",
            (Self::Raw, Shape::Rooms) => "/rooms/{room}",
            (Self::Raw, _) => "/chat",
            (Self::SocketIo, Shape::Echo) => "/socket.io/?EIO=4&transport=websocket&echo=1",
            (Self::SocketIo, Shape::Rooms) => "/socket.io/?EIO=4&transport=websocket&room={room}",
            (Self::SocketIo, _) => "/socket.io/?EIO=4&transport=websocket",
            (Self::Centrifugo, Shape::Rooms) => "/connection/websocket#room-{room}",
            (Self::Centrifugo, _) => "/connection/websocket#bench",
            (Self::Stomp, Shape::Rooms) => "/stomp#/topic/room-{room}",
            (Self::Stomp, _) => "/stomp#/topic/bench",
        };
        format!("ws://{address}{target}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_peer_is_found_by_one_name() {
        for (index, peer) in PEERS.iter().enumerate() {
            assert!(PEERS[..index].iter().all(|other| other.name != peer.name));
        }
    }

    #[test]
    fn the_shape_chooses_the_path() {
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        let url = |dialect: Dialect, shape| dialect.url(address, shape);
        assert_eq!(url(Dialect::Raw, Shape::FanoutMax), "ws://127.0.0.1:9/chat");
        assert_eq!(url(Dialect::Raw, Shape::Echo), "ws://127.0.0.1:9/echo");
        assert!(url(Dialect::SocketIo, Shape::Rooms).ends_with("&room={room}"));
        assert!(url(Dialect::Centrifugo, Shape::Rooms).ends_with("#room-{room}"));
        assert!(url(Dialect::Stomp, Shape::Rooms).ends_with("/stomp#/topic/room-{room}"));
        assert!(url(Dialect::Stomp, Shape::Fanout).ends_with("/stomp#/topic/bench"));
        assert_eq!(url(Dialect::Stomp, Shape::Queue), "tcp://127.0.0.1:9");
    }

    #[test]
    fn what_a_peer_lacks_is_said() {
        let peer = |name: &str| PEERS.iter().find(|peer| peer.name == name).unwrap();
        assert!(peer("centrifugo").lacks(Shape::Echo, false).is_some());
        assert!(peer("centrifugo").lacks(Shape::Fanout, false).is_none());
        assert!(peer("floor").lacks(Shape::Fanout, true).is_some());
        assert!(peer("bun").lacks(Shape::Fanout, true).is_none());
        assert!(peer("rabbitmq").lacks(Shape::Echo, false).is_some());
        assert!(peer("campanile-raw").lacks(Shape::Rooms, false).is_some());
        assert!(peer("spring-stomp").lacks(Shape::Queue, false).is_some());
        assert!(peer("rabbitmq").lacks(Shape::Queue, false).is_none());
        assert!(peer("activemq").lacks(Shape::Queue, false).is_none());
        assert!(peer("activemq").lacks(Shape::FanoutMax, false).is_some());
    }

    #[test]
    fn stomp_is_measured_beside_stomp_and_what_it_is_made_of() {
        let usual = |dialect, shape| {
            let peers = PEERS.iter();
            let peers = peers.filter(|peer| peer.is_usual_beside(dialect, &[shape]));
            peers.map(|peer| peer.name).collect::<Vec<_>>()
        };
        let stomp = usual(Dialect::Stomp, Shape::FanoutMax);
        assert_eq!(stomp, ["campanile-raw", "spring-stomp", "rabbitmq"]);
        let queues = usual(Dialect::Stomp, Shape::Queue);
        assert_eq!(queues, ["rabbitmq", "activemq"]);
        let raw = usual(Dialect::Raw, Shape::FanoutMax);
        assert_eq!(raw.len() + stomp.len() + 1, PEERS.len());
        assert!(raw.contains(&"spring") && raw.contains(&"floor"));
    }
}
