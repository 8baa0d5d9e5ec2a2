//! The closing handshake (RFC 6455 7).

use crate::event::Role;

/// How far the closing handshake is (RFC 6455 7.1).
///
/// Report what happens with [`send_close`](Self::send_close) and
/// [`receive_close`](Self::receive_close); time-outs for a peer that never answers are the
/// caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Closing {
    /// Neither side has sent a Close frame.
    #[default]
    Open,
    /// We have sent one and wait for the peer's. What the peer sends meanwhile still counts.
    WeSentClose,
    /// The peer has sent one and waits for ours.
    PeerSentClose,
    /// Both have been sent: the TCP connection is to be closed (RFC 6455 7.1.1).
    Done,
}

impl Closing {
    /// Call it when a Close frame is wanted. Returns whether one is to be sent: each side sends
    /// exactly one (RFC 6455 5.5.1).
    #[must_use]
    pub fn send_close(&mut self) -> bool {
        let (next, send) = match *self {
            Self::Open => (Self::WeSentClose, true),
            Self::PeerSentClose => (Self::Done, true),
            Self::WeSentClose | Self::Done => (*self, false),
        };
        *self = next;
        send
    }

    /// Call it when a Close frame was received. Returns whether an answer is owed, to be announced
    /// with [`send_close`](Self::send_close).
    #[must_use]
    pub fn receive_close(&mut self) -> bool {
        let (next, owed) = match *self {
            Self::Open | Self::PeerSentClose => (Self::PeerSentClose, true),
            Self::WeSentClose | Self::Done => (Self::Done, false),
        };
        *self = next;
        owed
    }

    /// Whether Text, Binary, Ping and Pong frames may still be sent: not after our Close frame
    /// (RFC 6455 5.5.1). After the peer's, only what has been begun should be finished.
    pub fn may_send(self) -> bool {
        matches!(self, Self::Open | Self::PeerSentClose)
    }

    /// Whether both Close frames have been sent.
    pub fn is_done(self) -> bool {
        self == Self::Done
    }

    /// Whether we, being `role`, are to close the TCP connection now. The server closes first, so
    /// that it is the one who keeps no half-closed connection; a client waits for it, and closes
    /// only after a time-out of the caller's (RFC 6455 7.1.1).
    pub fn closes_tcp_now(self, role: Role) -> bool {
        self.is_done() && role == Role::Server
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6455_7_1_2_we_start() {
        let mut closing = Closing::default();
        assert!(closing.may_send());
        assert!(closing.send_close());
        assert_eq!(closing, Closing::WeSentClose);
        assert!(!closing.may_send() && !closing.send_close());
        assert!(!closing.receive_close());
        assert_eq!(closing, Closing::Done);
    }

    #[test]
    fn rfc6455_5_5_1_the_peer_starts_and_gets_one_answer() {
        let mut closing = Closing::default();
        assert!(closing.receive_close());
        assert_eq!(closing, Closing::PeerSentClose);
        assert!(closing.send_close());
        assert!(closing.is_done());
        assert!(!closing.receive_close() && !closing.send_close());
    }

    #[test]
    fn rfc6455_7_1_1_the_server_closes_tcp_first() {
        assert!(Closing::Done.closes_tcp_now(Role::Server));
        assert!(!Closing::Done.closes_tcp_now(Role::Client));
        assert!(!Closing::WeSentClose.closes_tcp_now(Role::Server));
    }
}
