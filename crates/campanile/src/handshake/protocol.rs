//! Which sub-protocol is agreed on, and which endpoint then speaks it (S5, S6, S188).

use std::sync::Arc;

use campanile_websocket::select_protocol;
use http::StatusCode;

use super::{Handshake, HandshakeRules, Refused};

/// A function that chooses among what the client offers.
pub(crate) type ProtocolSelector =
    Arc<dyn for<'a> Fn(&'a Handshake) -> Option<&'a str> + Send + Sync>;

/// Who speaks with a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// The endpoint that is mounted.
    Outer,
    /// One of those that it routes to, by index.
    Routed(usize),
}

impl HandshakeRules {
    /// Chooses a sub-protocol, in the client's spelling, and who speaks it.
    ///
    /// `outer_speaks` says whether the mounted endpoint has callbacks of its own.
    pub(crate) fn choose_protocol(
        &self,
        handshake: &Handshake,
        outer_speaks: bool,
    ) -> Result<(Option<Arc<str>>, Speaker), Refused> {
        let offered = handshake.offered_protocols();
        let chosen = match &self.select_protocol {
            _ if offered.is_empty() => None,
            Some(select) => select(handshake).and_then(|name| {
                let same = |offer: &&String| offer.eq_ignore_ascii_case(name);
                let chosen = offered.iter().find(same).map(String::as_str);
                if chosen.is_none() {
                    tracing::warn!(name, "a protocol was chosen that the client does not offer");
                }
                chosen
            }),
            None => {
                let known: Vec<&str> = self.known_protocols().map(AsRef::as_ref).collect();
                select_protocol(offered, &known)
            }
        };
        let routed = |name: &str| {
            self.routed
                .iter()
                .position(|(known, _)| known.eq_ignore_ascii_case(name))
        };
        let is_own = |name: &str| {
            self.protocols
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name))
        };
        let speaker = match (chosen.and_then(routed), &*self.routed) {
            (Some(index), _) => Speaker::Routed(index),
            (None, []) => Speaker::Outer,
            (None, _) if outer_speaks || chosen.is_some_and(is_own) => Speaker::Outer,
            (None, [_only]) if chosen.is_none() => Speaker::Routed(0),
            (None, _) => return Err(self.no_protocol()),
        };
        Ok((chosen.map(|name| self.shared_name(name)), speaker))
    }

    fn known_protocols(&self) -> impl Iterator<Item = &Arc<str>> {
        let routed = self.routed.iter().map(|(name, _)| name);
        routed.chain(&self.protocols)
    }

    /// Sessions share the name if the client spells it as we do.
    fn shared_name(&self, name: &str) -> Arc<str> {
        self.known_protocols()
            .find(|known| ***known == *name)
            .map_or_else(|| name.into(), Arc::clone)
    }

    fn no_protocol(&self) -> Refused {
        let known: Vec<&str> = self.known_protocols().map(AsRef::as_ref).collect();
        let detail = format!(
            "this endpoint speaks several protocols; offer one of them in Sec-WebSocket-Protocol: {}",
            known.join(", ")
        );
        Refused::new(StatusCode::BAD_REQUEST, detail)
    }
}
