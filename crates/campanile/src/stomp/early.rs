//! How much a client may send before it is connected.

use campanile_stomp::DecodeError;

use super::refusing::Culprit;
use super::reply::Refused;
use super::session::{Link, Step, StompSession};
use crate::wire::Wire;

/// How many bytes a client may send up to the end of its CONNECT, heart-beats included, however
/// they are cut: who has not said who they are gets no more work done.
pub const CONNECT_BYTES_MAX: usize = 16 << 10;

impl StompSession {
    /// How much of so many bytes may be looked at.
    pub(super) fn room(&self, bytes: usize) -> usize {
        match self.is_connected() {
            true => bytes,
            false => bytes.min(CONNECT_BYTES_MAX - usize::from(self.early_bytes)),
        }
    }

    /// Counts what was looked at.
    pub(super) fn has_come(&mut self, bytes: usize) {
        if !self.is_connected() {
            let all = usize::from(self.early_bytes) + bytes;
            self.early_bytes = u16::try_from(all.min(CONNECT_BYTES_MAX)).unwrap_or(u16::MAX);
        }
    }

    /// Why what the client has sent is refused.
    #[cold]
    pub(super) fn not_understood(&self, error: DecodeError) -> Refused {
        let is_misdirected = matches!(
            error,
            DecodeError::UnknownCommand { .. } | DecodeError::NulInHead
        ) && self.wire == Wire::Bare
            && !self.is_connected();
        let mut refused = Refused::from(error);
        if is_misdirected {
            refused.detail += "; this port is for STOMP alone, without HTTP or TLS around it";
        }
        refused
    }

    /// Refuses a client that has used up its bytes.
    #[cold]
    pub(super) fn without_room(&mut self, link: &mut Link<'_>) -> Step {
        let detail = format!("CONNECT must be over within {CONNECT_BYTES_MAX} bytes; send less");
        self.refuse(
            &Refused::breach("too-big", detail),
            Culprit::default(),
            link,
        );
        Step::Wait
    }
}
