//! `/chat`: what one says, all hear. `@NAME text` is for that name and the speaker only.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use campanile::{
    Builder, Closed, Endpoint, Handle, Handshake, HandshakeInterceptor, Intercepting, OriginPolicy,
    Refusal, Session, State, Text,
};

const PATH: &str = "/chat";

/// The attribute that holds a session's name.
const NAME: &str = "name";

/// Numbers the guests.
#[derive(Clone, Default)]
struct Guests(Arc<AtomicU64>);

/// Takes a name from the URL, so that a page can say who it is: `/chat?name=小明`.
struct NameFromQuery;

impl HandshakeInterceptor for NameFromQuery {
    fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a> {
        Box::pin(async move {
            if let Some(name) = handshake.query(NAME).filter(|name| !name.trim().is_empty()) {
                handshake.attributes().set(NAME, name.trim().to_owned());
            }
            Ok(())
        })
    }
}

pub(super) fn mount(builder: Builder) -> Builder {
    let endpoint = Endpoint::new()
        .origins(OriginPolicy::Any)
        .protocols(["chat", "superchat"])
        .intercept(NameFromQuery)
        .on_open(opened)
        .on_text(said)
        .on_close(closed);
    builder.state(Guests::default()).endpoint(PATH, endpoint)
}

async fn opened(session: Session, State(guests): State<Guests>) {
    let mut attributes = session.attributes();
    if attributes.text(NAME).is_none() {
        let number = guests.0.fetch_add(1, Ordering::Relaxed) + 1;
        attributes.set(NAME, format!("Guest{number}"));
    }
    let name = attributes.text(NAME).unwrap_or_default().to_owned();
    drop(attributes);
    tracing::debug!(session = %session.id(), name, "has come to the chat");
}

async fn said(handle: Handle, session: Session, Text(text): Text) -> Result<(), Refusal> {
    match addressee(&text).map(str::to_owned) {
        None => handle.broadcast(PATH, text)?,
        Some(name) => {
            let speaker = session.id();
            handle.broadcast_to(PATH, text, move |one| {
                one.id() == speaker || one.attributes().text(NAME) == Some(&name)
            })?
        }
    };
    Ok(())
}

async fn closed(session: Session, Closed(ending): Closed) {
    tracing::debug!(session = %session.id(), code = ending.code, "has left the chat");
}

/// Whom a text is for: `@NAME text`.
fn addressee(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('@')?.split_once(char::is_whitespace)?;
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_with_a_text_behind_it_is_addressed() {
        assert_eq!(addressee("@Guest1 hello"), Some("Guest1"));
        assert_eq!(addressee("@小明\u{3000}你好"), Some("小明"));
        for text in ["hello", "@Guest1", "@ hello", "mail a@b c", ""] {
            assert_eq!(addressee(text), None, "{text:?}");
        }
    }
}
