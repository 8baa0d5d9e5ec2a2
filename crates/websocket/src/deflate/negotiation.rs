//! Who offers what, and what is answered (RFC 7692 5 and 7.1).

use super::WindowBits;
use crate::handshake::extensions::ExtensionOffer;

/// The extension's name (RFC 7692 7).
pub const PERMESSAGE_DEFLATE: &str = "permessage-deflate";

const SERVER_NO_CONTEXT_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_NO_CONTEXT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_MAX_WINDOW_BITS: &str = "server_max_window_bits";
const CLIENT_MAX_WINDOW_BITS: &str = "client_max_window_bits";

/// What one offer asks for. Each parameter at most once; the inner option is the value.
#[derive(Debug, Default)]
struct Asked {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    client_max_window_bits: Option<Option<u8>>,
}

impl Asked {
    /// Reads the parameters of an offer or an answer; `None` for one that is unknown, given twice,
    /// or with a value that it cannot have (RFC 7692 7.1).
    fn read(extension: &ExtensionOffer) -> Option<Self> {
        if extension.name != PERMESSAGE_DEFLATE {
            return None;
        }
        let mut asked = Self::default();
        for (name, value) in &extension.parameters {
            let again = match (name.as_str(), value) {
                (SERVER_NO_CONTEXT_TAKEOVER, None) => {
                    std::mem::replace(&mut asked.server_no_context_takeover, true)
                }
                (CLIENT_NO_CONTEXT_TAKEOVER, None) => {
                    std::mem::replace(&mut asked.client_no_context_takeover, true)
                }
                (SERVER_MAX_WINDOW_BITS, Some(value)) => {
                    let bits = read_bits(value)?;
                    asked.server_max_window_bits.replace(bits).is_some()
                }
                (CLIENT_MAX_WINDOW_BITS, Some(value)) => {
                    let bits = Some(read_bits(value)?);
                    asked.client_max_window_bits.replace(bits).is_some()
                }
                (CLIENT_MAX_WINDOW_BITS, None) => {
                    asked.client_max_window_bits.replace(None).is_some()
                }
                _ => return None,
            };
            if again {
                return None;
            }
        }
        Some(asked)
    }
}

/// A decimal number from 8 to 15 without a leading zero (RFC 7692 7.1.2).
fn read_bits(value: &str) -> Option<u8> {
    let is_decimal = value.bytes().all(|octet| octet.is_ascii_digit());
    let bits = value.parse().ok().filter(|bits| (8..=15).contains(bits))?;
    (is_decimal && !value.starts_with('0')).then_some(bits)
}

/// The server's side: accepts an offer of permessage-deflate, or declines it with `None`. To be
/// called for one offer after the other until one is accepted; if none is, there is no compression
/// and the handshake succeeds all the same (RFC 7692 5.1). [`negotiate`](crate::negotiate) does
/// so. Returns the window that the server must compress with, and the answer.
///
/// An offer is declined if a parameter is unknown, given twice or has a value that it cannot have,
/// and if it asks for a server's window of 256 octets (see [`WindowBits`]). The answer always has
/// both `no_context_takeover`s, which may be answered unasked (RFC 7692 7.1.1), and
/// `server_max_window_bits` as it was asked for.
///
/// It never has `client_max_window_bits`: the client's window is 32,768 octets, whatever it lets
/// the server ask for (RFC 7692 7.1.2.2). A smaller one would save nothing here, since no
/// connection keeps a window, and this window is kept to exactly: DEFLATE can express no distance
/// beyond it, while zlib does not check smaller ones.
pub fn accept_deflate(offer: &ExtensionOffer) -> Option<(WindowBits, ExtensionOffer)> {
    let asked = Asked::read(offer)?;
    let mut parameters = vec![
        (SERVER_NO_CONTEXT_TAKEOVER.to_owned(), None),
        (CLIENT_NO_CONTEXT_TAKEOVER.to_owned(), None),
    ];
    let mut window = WindowBits::MAX;
    if let Some(bits) = asked.server_max_window_bits {
        window = WindowBits::new(bits)?;
        let value = Some(window.get().to_string());
        parameters.push((SERVER_MAX_WINDOW_BITS.to_owned(), value));
    }
    let answer = ExtensionOffer {
        name: PERMESSAGE_DEFLATE.to_owned(),
        parameters,
    };
    Some((window, answer))
}

/// The client's side: what it offers. Always both `no_context_takeover`s.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeflateOffer {
    /// Asks the server to refer no further back than this.
    pub server_window: Option<WindowBits>,
    /// Lets the server ask the client for a smaller window than this, and says that no larger one
    /// will be used. `None`: it may not ask, and the window is the largest.
    pub client_window: Option<WindowBits>,
}

/// A server's answer that does not fit the offer: the connection must be failed (RFC 7692 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server's answer for permessage-deflate does not fit the offer: {problem}")]
pub struct DeflateAnswerInvalid {
    /// What is wrong with it.
    pub problem: &'static str,
}

impl DeflateOffer {
    /// The element of `Sec-WebSocket-Extensions` to send.
    pub fn to_extension(&self) -> ExtensionOffer {
        let mut parameters = vec![
            (SERVER_NO_CONTEXT_TAKEOVER.to_owned(), None),
            (CLIENT_NO_CONTEXT_TAKEOVER.to_owned(), None),
        ];
        for (name, window) in [
            (SERVER_MAX_WINDOW_BITS, self.server_window),
            (CLIENT_MAX_WINDOW_BITS, self.client_window),
        ] {
            if let Some(window) = window {
                parameters.push((name.to_owned(), Some(window.get().to_string())));
            }
        }
        ExtensionOffer {
            name: PERMESSAGE_DEFLATE.to_owned(),
            parameters,
        }
    }

    /// Reads what the server has accepted: the window that the client must compress with.
    /// `Ok(None)` if it has declined.
    ///
    /// # Errors
    /// [`DeflateAnswerInvalid`] if it has accepted something that was not offered, or with a
    /// client's window of 256 octets, which the compressor cannot keep to.
    pub fn read_answer(
        &self,
        accepted: &[ExtensionOffer],
    ) -> Result<Option<WindowBits>, DeflateAnswerInvalid> {
        let invalid = |problem| Err(DeflateAnswerInvalid { problem });
        let mut ours = accepted
            .iter()
            .filter(|answer| answer.name == PERMESSAGE_DEFLATE);
        let Some(answer) = ours.next() else {
            return Ok(None);
        };
        if ours.next().is_some() {
            return invalid("it is accepted twice");
        }
        let Some(answer) = Asked::read(answer) else {
            return invalid("a parameter is unknown, given twice, or has a wrong value");
        };
        if !answer.server_no_context_takeover {
            return invalid("server_no_context_takeover was asked for");
        }
        match (answer.server_max_window_bits, self.server_window) {
            (None, Some(_)) => return invalid("server_max_window_bits was asked for"),
            (Some(bits), Some(asked)) if bits > asked.get() => {
                return invalid("server_max_window_bits is larger than was asked for");
            }
            // Unasked, it is a promise that costs nothing (RFC 7692 7.1.2.1).
            _ => {}
        }
        match (answer.client_max_window_bits, self.client_window) {
            (None, offered) => Ok(Some(offered.unwrap_or_default())),
            (Some(_), None) => invalid("client_max_window_bits was not offered"),
            (Some(bits), Some(offered)) => match bits.and_then(WindowBits::new) {
                Some(window) if window <= offered => Ok(Some(window)),
                _ => invalid("client_max_window_bits cannot be kept to"),
            },
        }
    }
}

#[cfg(test)]
#[path = "negotiation_tests.rs"]
mod tests;
