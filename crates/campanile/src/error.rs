//! What can go wrong in a handler, as a value.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use campanile_websocket::CloseCode;

use crate::path::PathError;
use crate::reply::Close;

/// What a client is told about a failure that is the server's own business.
const UNEXPECTED: &str = "handler-failed: the server could not handle a message; reconnect";

/// What a handler failed with. Any error converts into it with `?`.
///
/// It goes to the endpoint's error callback, else to the application's. Where there is none, the
/// session is closed as the error says ([`closing`](Self::closing), [`and_close`](Self::and_close),
/// [`said_by`](Self::said_by), a [`Rejection`] for which the client is to blame), else with 1011
/// and without the error's text, which is only logged.
///
/// A type of yours that is not an [`Error`] may have its own conversion:
///
/// ```
/// use campanile::{CloseCode, HandlerError, Text};
///
/// struct Rude;
///
/// impl From<Rude> for HandlerError {
///     fn from(_: Rude) -> Self {
///         Self::closing(CloseCode::POLICY, "rude: mind your words")
///     }
/// }
///
/// async fn said(Text(text): Text) -> Result<String, Rude> {
///     if text.contains("damn") { Err(Rude) } else { Ok(text) }
/// }
///
/// let endpoint = campanile::Endpoint::new().on_text(said);
/// ```
pub struct HandlerError {
    source: Box<dyn Error + Send + Sync>,
    close: Option<Box<Close>>,
}

/// An error that knows how it closes the session when nobody handles it, for
/// [`HandlerError::said_by`].
///
/// ```
/// use campanile::{CloseCode, ClosingError, HandlerError, Text};
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("the market is closed")]
/// struct MarketClosed;
///
/// impl ClosingError for MarketClosed {
///     fn close_code(&self) -> CloseCode {
///         CloseCode::TRY_AGAIN_LATER
///     }
///
///     fn close_reason(&self) -> String {
///         "market-closed: come back at nine".to_owned()
///     }
/// }
///
/// async fn order(Text(_): Text) -> Result<(), HandlerError> {
///     Err(MarketClosed).map_err(HandlerError::said_by)
/// }
///
/// let endpoint = campanile::Endpoint::new().on_text(order);
/// ```
pub trait ClosingError: Error + Send + Sync + 'static {
    /// The close code (RFC 6455 7.4).
    fn close_code(&self) -> CloseCode;

    /// What the client is told: a stable word, a colon, and what to do.
    fn close_reason(&self) -> String;
}

impl HandlerError {
    /// A failure that closes the session with this code and reason; the client sees both.
    pub fn closing(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        let reason = reason.into();
        Self {
            source: reason.clone().into(),
            close: Some(Box::new(Close { code, reason })),
        }
    }

    /// A failure that closes the session as the error itself says.
    pub fn said_by(error: impl ClosingError) -> Self {
        let (code, reason) = (error.close_code(), error.close_reason());
        Self::from(error).and_close(code, reason)
    }

    /// A failure with an error that has no type of its own.
    pub fn from_boxed(source: Box<dyn Error + Send + Sync>) -> Self {
        Self {
            source,
            close: None,
        }
    }

    /// The same failure, which closes the session with this code and reason; the client sees both.
    #[must_use]
    pub fn and_close(mut self, code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        self.close = Some(Box::new(Close::new(code, reason)));
        self
    }

    /// The error that it was made from.
    pub fn source(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.source
    }

    /// The error that it was made from, if it is of this type: such as [`Rejection`],
    /// [`HandlerPanicked`], or your own.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        self.source.downcast_ref()
    }

    /// How the session is closed when nobody handles it: what the client is told.
    pub fn close(&self) -> (CloseCode, Cow<'_, str>) {
        if let Some(close) = &self.close {
            return (close.code, Cow::Borrowed(&close.reason));
        }
        self.downcast_ref::<Rejection>()
            .and_then(Rejection::close)
            .unwrap_or((CloseCode::INTERNAL_ERROR, Cow::Borrowed(UNEXPECTED)))
    }

    /// Whether the failure is the server's, as far as this says: then it is worth a log line.
    pub(crate) fn is_unexpected(&self) -> bool {
        self.close.is_none() && self.close().0 == CloseCode::INTERNAL_ERROR
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self::from_boxed(Box::new(error))
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl fmt::Debug for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerError")
            .field("source", &self.source)
            .field("close", &self.close)
            .finish()
    }
}

/// A handler panicked. The session's error callback sees this.
#[derive(Debug, thiserror::Error)]
#[error("the handler panicked: {0}")]
pub struct HandlerPanicked(pub String);

/// An extractor could not make its value from an event. It goes to the error callback as every
/// other failure does (S187); where there is none, the session is closed:
///
/// | what is wrong | code (RFC 6455 7.4.1) | reason begins with |
/// |---|---|---|
/// | the message is not of the format: [`Json`](Self::Json), [`Encoded`](Self::Encoded) | 1007 | `invalid-payload` |
/// | it says that it is of another: [`ContentType`](Self::ContentType) | 1007 | `invalid-payload` |
/// | the value is not accepted: [`Invalid`](Self::Invalid) | 1007 | `invalid-payload` |
/// | a parameter of the path does not fit: [`Path`](Self::Path) | 1008 | `invalid-path` |
/// | the query does not fit: [`Query`](Self::Query) | 1008 | `invalid-query` |
/// | nobody is signed in: [`Anonymous`](Self::Anonymous) | 1008 | `anonymous` |
/// | what an extractor of yours says: [`Refused`](Self::Refused) | its code | its reason |
/// | a mistake of the program's: all others | 1011 | `handler-failed` |
///
/// 1007 is for data "not consistent with the type of the message", 1008 for what no other code
/// fits. The reason names neither types nor fields of the program.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// The handler asks for something that this kind of event does not carry.
    #[error("{wanted} was asked for in a callback for {got}; use the callback that carries it")]
    WrongEvent {
        /// What the extractor needs.
        wanted: &'static str,
        /// What happened.
        got: &'static str,
    },
    /// The message is not the JSON that the handler asks for.
    #[error("the message is not the JSON that is expected here: {0}")]
    Json(#[from] serde_json::Error),
    /// The message is not in the format that the handler asks for, or not what it asks for.
    #[error("the message is not the {format} that is expected here: {source}")]
    Encoded {
        /// The format's name.
        format: &'static str,
        /// What the format says.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A STOMP message's `content-type` says that it is in another format.
    #[error("the message is not the {format} that is expected here, as its content-type says")]
    ContentType {
        /// The format's name.
        format: &'static str,
    },
    /// A [`Valid`](crate::Valid) argument is not valid: what its type says.
    #[error("not valid: {0}")]
    Invalid(String),
    /// The path's parameters do not fit the type that the handler asks for.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The query does not fit the type that the handler asks for.
    #[error("the session's query does not fit: {0}")]
    Query(String),
    /// The session has no user.
    #[error("the session has no user: let an interceptor call `Handshake::set_user`")]
    Anonymous,
    /// No state of that type was given to the builder.
    #[error("no state of type {0}: give it to the builder with `.state(…)`")]
    NoState(&'static str),
    /// The session has no state of that type.
    #[error(
        "the session has no state of type {0}: let the endpoint make it with `.session_state(…)`"
    )]
    NoSessionState(&'static str),
    /// The session's state is in another argument, or still kept by a task.
    #[error(
        "the session's state of type {0} is in use: ask for it once in a callback, and do not keep \
         it longer than the callback runs"
    )]
    SessionStateInUse(&'static str),
    /// An attribute is missing or of another type.
    #[error("the session has no attribute {0:?} of the type that the handler asks for")]
    NoAttribute(String),
    /// Neither extractor of an [`Either`](crate::Either) took the event.
    #[error("{}; nor does the other fit: {}", .0[0], .0[1])]
    Neither(Box<[Self; 2]>),
    /// An extractor refuses what the client did; see [`refuse`](Self::refuse).
    #[error("{reason}")]
    Refused {
        /// The code to close with.
        code: CloseCode,
        /// What the client is told.
        reason: Cow<'static, str>,
    },
    /// An extractor failed for a reason that is none of the client's business.
    #[error(transparent)]
    Other(Box<dyn Error + Send + Sync>),
}

impl Rejection {
    /// For an extractor of yours: what the client did is not accepted. If nobody handles it, the
    /// session is closed with this code and reason.
    pub fn refuse(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Refused {
            code,
            reason: reason.into(),
        }
    }

    /// For an extractor of yours: it failed, and the client is not to blame.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }

    /// What the client is told; `None` if it is not to blame.
    fn close(&self) -> Option<(CloseCode, Cow<'_, str>)> {
        let (code, reason) = match self {
            Self::Json(error) => {
                let (line, column) = (error.line(), error.column());
                let what = match error.is_data() {
                    true => "JSON, but not what is expected",
                    false => "not valid JSON",
                };
                let at = format!(
                    "invalid-payload: the message is {what} (line {line}, column {column}); \
                     correct it and reconnect"
                );
                (CloseCode::INVALID_PAYLOAD, Cow::Owned(at))
            }
            Self::Encoded { format, .. } | Self::ContentType { format } => {
                let what = format!(
                    "invalid-payload: the message is not the {format} expected here; correct it \
                     and reconnect"
                );
                (CloseCode::INVALID_PAYLOAD, Cow::Owned(what))
            }
            Self::Invalid(what) => {
                let what = format!("invalid-payload: {what}");
                (CloseCode::INVALID_PAYLOAD, Cow::Owned(what))
            }
            Self::Path(error) if error.is_for_the_client() => (
                CloseCode::POLICY,
                Cow::Borrowed("invalid-path: a part of the URL's path does not fit; correct it"),
            ),
            Self::Query(_) => (
                CloseCode::POLICY,
                Cow::Borrowed("invalid-query: the URL's query does not fit; correct it"),
            ),
            Self::Anonymous => (
                CloseCode::POLICY,
                Cow::Borrowed("anonymous: this is for known users only; sign in and reconnect"),
            ),
            Self::Refused { code, reason } => (*code, Cow::Borrowed(&**reason)),
            // The client is to blame only if it could have satisfied one of the two.
            Self::Neither(both) => return both[1].close().or_else(|| both[0].close()),
            Self::WrongEvent { .. }
            | Self::Path(_)
            | Self::NoState(_)
            | Self::NoSessionState(_)
            | Self::SessionStateInUse(_)
            | Self::NoAttribute(_)
            | Self::Other(_) => return None,
        };
        Some((code, reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close_of(rejection: Rejection) -> (u16, String) {
        let error = HandlerError::from(rejection);
        let (code, reason) = error.close();
        assert_eq!(error.is_unexpected(), code == CloseCode::INTERNAL_ERROR);
        assert!(reason.len() <= 123, "{reason}");
        (code.get(), reason.into_owned())
    }

    fn json(text: &str) -> Rejection {
        serde_json::from_str::<u8>(text).expect_err("no u8").into()
    }

    #[test]
    fn s187_a_rejection_says_what_to_do_and_tells_no_internals() {
        let (code, reason) = close_of(json("1 x"));
        assert_eq!(code, 1007);
        assert_eq!(
            reason,
            "invalid-payload: the message is not valid JSON (line 1, column 3); correct it and \
             reconnect"
        );
        let (code, reason) = close_of(json("\"secret\""));
        assert_eq!((code, reason.contains("secret")), (1007, false));
        let encoded = Rejection::Encoded {
            format: "CBOR",
            source: "secret".into(),
        };
        let (code, reason) = close_of(encoded);
        assert_eq!((code, reason.contains("secret")), (1007, false));
        let path: Result<u8, _> = crate::path::deserialize([("seat", "x")]);
        let (code, reason) = close_of(path.expect_err("no seat").into());
        assert_eq!(
            (code, reason.split(':').next()),
            (1008, Some("invalid-path"))
        );
        let path: Result<(u8, u8), _> = crate::path::deserialize([("seat", "1")]);
        assert_eq!(close_of(path.expect_err("one only").into()).0, 1011);
        assert_eq!(close_of(Rejection::Query("secret".into())).0, 1008);
        assert_eq!(close_of(Rejection::Anonymous).0, 1008);
        assert_eq!(close_of(Rejection::other("secret")).0, 1011);
        assert_eq!(close_of(Rejection::NoState("Secret")).0, 1011);
    }

    #[test]
    fn s196_neither_is_the_clients_fault_if_one_of_the_two_is() {
        let wrong = || Rejection::WrongEvent {
            wanted: "a",
            got: "b",
        };
        let neither = Rejection::Neither(Box::new([json("x"), wrong()]));
        assert_eq!(close_of(neither).0, 1007);
        let neither = Rejection::Neither(Box::new([wrong(), wrong()]));
        assert_eq!(close_of(neither).0, 1011);
    }

    #[derive(Debug, thiserror::Error)]
    #[error("the market is closed")]
    struct MarketClosed;

    impl ClosingError for MarketClosed {
        fn close_code(&self) -> CloseCode {
            CloseCode::TRY_AGAIN_LATER
        }

        fn close_reason(&self) -> String {
            "market-closed: come back at nine".to_owned()
        }
    }

    #[test]
    fn s192_an_error_may_say_how_it_closes_and_stays_what_it_was() {
        let error = HandlerError::said_by(MarketClosed);
        assert_eq!(error.close().0, CloseCode::TRY_AGAIN_LATER);
        assert_eq!(error.close().1, "market-closed: come back at nine");
        assert!(error.downcast_ref::<MarketClosed>().is_some());
        assert_eq!(error.source().to_string(), "the market is closed");
        assert!(!error.is_unexpected());
        // Said on purpose: no surprise for the log, whatever the code.
        let error = HandlerError::from(MarketClosed).and_close(CloseCode::INTERNAL_ERROR, "x: y");
        assert!(!error.is_unexpected());
        assert!(HandlerError::from(MarketClosed).is_unexpected());
    }
}
