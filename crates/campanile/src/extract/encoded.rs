//! Messages as types: JSON, and any other format of serde's.

use std::error::Error;
use std::fmt;
use std::marker::PhantomData;

use campanile_hub::Message;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::FromEvent;
use super::sent::check_content_type;
use crate::context::{Context, Event};
use crate::error::{HandlerError, Rejection};

/// A message's payload as JSON, whether it came as text or as binary; as a reply it is text. A STOMP
/// message whose `content-type` is something else is refused; one without may be JSON.
///
/// ```
/// use campanile::{Endpoint, Json};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Deserialize)]
/// struct Order {
///     symbol: String,
///     amount: u32,
/// }
///
/// #[derive(Serialize)]
/// struct Bill {
///     total: u32,
/// }
///
/// async fn order(Json(order): Json<Order>) -> Json<Bill> {
///     Json(Bill { total: order.amount * 3 })
/// }
///
/// let endpoint = Endpoint::new().on_text(order);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromEvent for Json<T> {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        check_content_type(context, "JSON", |it| {
            it == "application/json" || it.ends_with("+json")
        })?;
        match context.untaken() {
            Some(Event::Text(text)) => Ok(Self(serde_json::from_str(text)?)),
            Some(Event::Binary(bytes)) => Ok(Self(serde_json::from_slice(bytes)?)),
            _ => Err(context.lacks("a message")),
        }
    }
}

impl<T: Serialize> Json<T> {
    /// The text message that it is as a reply, to be sent or published.
    ///
    /// # Errors
    /// When the value cannot be JSON, such as a map whose keys are not texts.
    pub fn to_message(&self) -> serde_json::Result<Message> {
        let message = Message::text(serde_json::to_string(&self.0)?);
        Ok(message.with_headers([("content-type", "application/json")]))
    }
}

/// A format that messages may be in, for [`Encoded`] (S196): any that serde knows.
///
/// What needs to be set up or kept for each session belongs into its
/// [`SessionState`](crate::SessionState).
pub trait PayloadFormat: 'static {
    /// Its name, as in "the message is not the CBOR that is expected here".
    const NAME: &'static str;

    /// The content types of STOMP messages that may be in it, in lower case and without parameters;
    /// empty if that does not matter (S145). A message without `content-type` is tried always. With
    /// [`Either`](crate::Either) a handler takes several formats, and the content type chooses.
    const CONTENT_TYPES: &'static [&'static str] = &[];

    /// From a message's payload, whether it came as text or as binary, to a value.
    ///
    /// # Errors
    /// Why it is not one; it goes to the error callback as [`Rejection::Encoded`].
    fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Box<dyn Error + Send + Sync>>;

    /// From a value to the message that is sent.
    ///
    /// # Errors
    /// Why it cannot be one; it goes to the error callback.
    fn encode<T: Serialize>(value: &T) -> Result<Message, Box<dyn Error + Send + Sync>>;
}

/// A message's payload in a [`PayloadFormat`] of yours; also a reply.
///
/// ```
/// use std::error::Error;
///
/// use campanile::{Encoded, Endpoint, Message, PayloadFormat};
/// use serde::{Serialize, de::DeserializeOwned};
///
/// /// `application/x-ndjson`: JSON with a line's end behind it.
/// struct Lines;
///
/// impl PayloadFormat for Lines {
///     const NAME: &'static str = "line of JSON";
///
///     fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, Box<dyn Error + Send + Sync>> {
///         Ok(serde_json::from_slice(payload.strip_suffix(b"\n").ok_or("no line's end")?)?)
///     }
///
///     fn encode<T: Serialize>(value: &T) -> Result<Message, Box<dyn Error + Send + Sync>> {
///         Ok(Message::text(serde_json::to_string(value)? + "\n"))
///     }
/// }
///
/// type Line<T> = Encoded<Lines, T>;
///
/// async fn sum(numbers: Line<Vec<u32>>) -> Line<u32> {
///     Line::new(numbers.value.iter().sum())
/// }
///
/// let endpoint = Endpoint::new().on_text(sum);
/// ```
pub struct Encoded<F, T> {
    /// What the message says.
    pub value: T,
    format: PhantomData<fn() -> F>,
}

impl<F, T> Encoded<F, T> {
    /// A value that is to be sent in this format.
    pub fn new(value: T) -> Self {
        Self {
            value,
            format: PhantomData,
        }
    }
}

impl<F: PayloadFormat, T: Serialize> Encoded<F, T> {
    /// The message that it is as a reply, to be sent or published.
    ///
    /// # Errors
    /// What [`PayloadFormat::encode`] says.
    pub fn to_message(&self) -> Result<Message, HandlerError> {
        F::encode(&self.value).map_err(HandlerError::from_boxed)
    }
}

impl<F: PayloadFormat, T: DeserializeOwned> FromEvent for Encoded<F, T> {
    fn from_event(context: &mut Context) -> Result<Self, Rejection> {
        check_content_type(context, F::NAME, |it| {
            F::CONTENT_TYPES.is_empty() || F::CONTENT_TYPES.contains(&it)
        })?;
        let payload = context.message();
        let payload = payload.ok_or_else(|| context.lacks("a message"))?;
        match F::decode(payload) {
            Ok(value) => Ok(Self::new(value)),
            Err(source) => Err(Rejection::Encoded {
                format: F::NAME,
                source,
            }),
        }
    }
}

impl<F, T: Clone> Clone for Encoded<F, T> {
    fn clone(&self) -> Self {
        Self::new(self.value.clone())
    }
}

impl<F, T: fmt::Debug> fmt::Debug for Encoded<F, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Encoded").field(&self.value).finish()
    }
}
