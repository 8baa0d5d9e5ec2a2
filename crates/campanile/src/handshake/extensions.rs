//! Extensions of the protocol: the built-in compression, and those that a function accepts (S4).

use std::sync::{Arc, Mutex, PoisonError};

use campanile_hub::FormatId;
use campanile_websocket::{
    ExtensionOffer, PERMESSAGE_DEFLATE, accept_deflate, is_token, negotiate,
};

use super::Handshake;
use crate::driver::EndpointFormats;
use crate::wire::Wire;

/// How many of the extensions that a client offers are looked at, the first ones: those that it
/// prefers. The others are declined, which leaves nothing that a client could make long.
pub const EXTENSION_OFFERS_MAX: usize = 32;

/// How many different answers are kept to be shared; others are the session's own.
const SHARED_ANSWERS_MAX: usize = 16;

/// What becomes of an extension that a client offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtensionChoice {
    /// What would become of it anyway: `permessage-deflate` is accepted if the endpoint compresses
    /// and the parameters can be kept to; anything else is declined.
    BuiltIn,
    /// It is not used.
    Decline,
    /// It is used, with this answer: the same name, and the parameters that are agreed on.
    ///
    /// For `permessage-deflate` this means [`BuiltIn`](Self::BuiltIn), since its parameters are
    /// Campanile's to answer. For anything else it is your callbacks that must do what the
    /// extension says, within the content of messages: no extension may use the reserved bits or
    /// opcodes of frames (RFC 6455 5.2), and a client that sets one is closed with 1002.
    Accept(ExtensionOffer),
}

/// A function that is shown one offer after the other.
pub(crate) type ExtensionHook =
    Arc<dyn Fn(&Handshake, &ExtensionOffer) -> ExtensionChoice + Send + Sync>;

/// What is agreed on, in the client's order, and the format if compression is among it.
pub(crate) fn negotiate_extensions(
    handshake: &Handshake,
    hook: Option<&ExtensionHook>,
    formats: &EndpointFormats,
    wire: Wire,
) -> (Vec<ExtensionOffer>, Option<FormatId>) {
    let mut compressed = None;
    let offers = handshake.offered_extensions();
    let offers = &offers[..offers.len().min(EXTENSION_OFFERS_MAX)];
    let accepted = negotiate(offers, |offer| {
        let choice = hook.map_or(ExtensionChoice::BuiltIn, |hook| hook(handshake, offer));
        match choice {
            ExtensionChoice::Decline => None,
            ExtensionChoice::Accept(answer) if offer.name != PERMESSAGE_DEFLATE => {
                let is_valid = answer.name == offer.name && is_answer(&answer);
                if !is_valid {
                    tracing::warn!(
                        %offer, %answer,
                        "an extension is declined: its answer must have its name, and tokens only"
                    );
                }
                is_valid.then_some(answer)
            }
            ExtensionChoice::BuiltIn | ExtensionChoice::Accept(_) => {
                let (window, answer) = accept_deflate(offer)?;
                compressed = Some(formats.compressed_of(wire, window)?);
                Some(answer)
            }
        }
    });
    (accepted, compressed)
}

/// Whether it can be written into a header (RFC 6455 9.1).
fn is_answer(answer: &ExtensionOffer) -> bool {
    let value_is_token = |value: &Option<String>| value.as_deref().is_none_or(is_token);
    is_token(&answer.name)
        && answer
            .parameters
            .iter()
            .all(|(name, value)| is_token(name) && value_is_token(value))
}

/// The answers that an endpoint has given. There are few different ones, so that sessions share
/// them instead of keeping one each.
#[derive(Debug, Default)]
pub(crate) struct ExtensionAnswers(Mutex<Vec<Arc<str>>>);

impl ExtensionAnswers {
    /// The value of `Sec-WebSocket-Extensions` that says this; `None` if there is nothing to say.
    pub(crate) fn shared(&self, accepted: &[ExtensionOffer]) -> Option<Arc<str>> {
        if accepted.is_empty() {
            return None;
        }
        let each: Vec<String> = accepted.iter().map(ToString::to_string).collect();
        let text = each.join(", ");
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = known.iter().find(|known| ***known == *text) {
            return Some(Arc::clone(same));
        }
        let text: Arc<str> = text.into();
        if known.len() < SHARED_ANSWERS_MAX {
            known.push(Arc::clone(&text));
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s4_answers_are_shared_up_to_a_limit() {
        let offer = |number: usize| ExtensionOffer {
            name: format!("x{number}"),
            parameters: vec![("a".into(), Some("1".into()))],
        };
        let answers = ExtensionAnswers::default();
        assert_eq!(answers.shared(&[]), None);
        let first = answers.shared(&[offer(0), offer(1)]).expect("an answer");
        assert_eq!(&*first, "x0; a=1, x1; a=1");
        let again = answers.shared(&[offer(0), offer(1)]).expect("an answer");
        assert!(Arc::ptr_eq(&first, &again));
        for number in 0..2 * SHARED_ANSWERS_MAX {
            answers.shared(&[offer(number)]).expect("an answer");
        }
        assert_eq!(answers.0.lock().expect("fine").len(), SHARED_ANSWERS_MAX);
    }
}
