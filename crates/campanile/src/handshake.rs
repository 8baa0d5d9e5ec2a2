//! The opening handshake as interceptors see it.

use std::borrow::Cow;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use campanile_hub::{Attributes, PathParameters};
use http::{HeaderMap, StatusCode, Uri};

/// A handshake request on its way to becoming a session.
#[derive(Debug)]
pub struct Handshake {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) path_parameters: PathParameters,
    pub(crate) remote_address: SocketAddr,
    pub(crate) user: Option<Arc<str>>,
    pub(crate) attributes: Attributes,
}

impl Handshake {
    /// The path and query that were asked for.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The request's headers. The session does not keep them: copy what you need into attributes.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The path's parameters, percent-decoded.
    pub fn path_parameters(&self) -> &PathParameters {
        &self.path_parameters
    }

    /// The first value of a query parameter, with `+` and percent escapes decoded as UTF-8.
    pub fn query(&self, name: &str) -> Option<String> {
        query_pairs(self.uri.query().unwrap_or_default())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The client's address; within a host application that does not tell it, `0.0.0.0:0` (see
    /// [`Campanile::into_router`](crate::Campanile::into_router)).
    pub fn remote_address(&self) -> SocketAddr {
        self.remote_address
    }

    /// Who the session will belong to.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Says who the session will belong to.
    pub fn set_user(&mut self, name: impl Into<Arc<str>>) {
        self.user = Some(name.into());
    }

    /// What will be the session's attributes.
    pub fn attributes(&mut self) -> &mut Attributes {
        &mut self.attributes
    }
}

/// The pairs of a query string in `application/x-www-form-urlencoded`. A pair whose escapes are
/// not UTF-8 keeps replacement characters.
pub fn query_pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_form(name), decode_form(value))
        })
}

fn decode_form(text: &str) -> Cow<'_, str> {
    if !text.contains(['+', '%']) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned();
    Cow::Owned(decoded)
}

/// Why a handshake is refused: what the client is answered instead of 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The status, such as 401 or 403.
    pub status: StatusCode,
    /// What is wrong and what to do, for the body of the answer.
    pub detail: Cow<'static, str>,
}

impl Refused {
    /// A refusal with this status and explanation.
    pub fn new(status: StatusCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            detail: detail.into(),
        }
    }
}

/// A future of an interceptor.
pub type Intercepting<'a> = Pin<Box<dyn Future<Output = Result<(), Refused>> + Send + 'a>>;

/// User code around the handshake (S7).
///
/// ```
/// use campanile::{Handshake, HandshakeInterceptor, Intercepting, Refused};
///
/// /// Lets in whoever knows the word.
/// struct Password;
///
/// impl HandshakeInterceptor for Password {
///     fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a> {
///         Box::pin(async move {
///             if handshake.query("word").as_deref() != Some("open sesame") {
///                 return Err(Refused::new(
///                     campanile::http::StatusCode::FORBIDDEN,
///                     "say the word: add ?word=… to the URL",
///                 ));
///             }
///             handshake.attributes().set("trusted", true);
///             Ok(())
///         })
///     }
/// }
/// ```
pub trait HandshakeInterceptor: Send + Sync + 'static {
    /// Before the handshake is answered: may refuse it, set attributes, say whose it is.
    ///
    /// # Errors
    /// The refusal to answer with; interceptors that come later are then not asked.
    fn before<'a>(&'a self, handshake: &'a mut Handshake) -> Intercepting<'a>;

    /// After it was decided: `Ok` when 101 is sent. Only for those whose `before` was `Ok`, in
    /// reverse order.
    fn after(&self, _handshake: &Handshake, _outcome: Result<(), &Refused>) {}
}

/// Asks the interceptors in order and tells them the outcome in reverse.
pub(crate) async fn intercept(
    interceptors: &[Arc<dyn HandshakeInterceptor>],
    handshake: &mut Handshake,
) -> Result<(), Refused> {
    let mut outcome = Ok(());
    let mut passed = 0;
    for interceptor in interceptors {
        outcome = interceptor.before(handshake).await;
        if outcome.is_err() {
            break;
        }
        passed += 1;
    }
    for interceptor in interceptors[..passed].iter().rev() {
        interceptor.after(handshake, outcome.as_ref().copied());
    }
    outcome
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn query_values_are_decoded_as_forms_are() {
        let pairs: Vec<_> = query_pairs("a=%E4%BD%A0+b%2B&&c&d=%zz").collect();
        assert_eq!(
            pairs,
            [
                ("a".into(), "你 b+".into()),
                ("c".into(), "".into()),
                ("d".into(), Cow::Borrowed("%zz"))
            ]
        );
    }

    struct Noted(&'static str, bool, Arc<Mutex<Vec<String>>>);

    impl HandshakeInterceptor for Noted {
        fn before<'a>(&'a self, _: &'a mut Handshake) -> Intercepting<'a> {
            self.2
                .lock()
                .expect("not poisoned")
                .push(format!("before {}", self.0));
            let refused = Refused::new(StatusCode::FORBIDDEN, "no");
            Box::pin(std::future::ready(if self.1 {
                Ok(())
            } else {
                Err(refused)
            }))
        }

        fn after(&self, _: &Handshake, outcome: Result<(), &Refused>) {
            let note = format!("after {} {}", self.0, outcome.is_ok());
            self.2.lock().expect("not poisoned").push(note);
        }
    }

    #[tokio::test]
    async fn s7_interceptors_run_in_order_and_hear_the_outcome_in_reverse() {
        let notes = Arc::new(Mutex::new(Vec::new()));
        let all: Vec<Arc<dyn HandshakeInterceptor>> = [("a", true), ("b", true), ("c", false)]
            .into_iter()
            .map(|(name, passes)| -> Arc<dyn HandshakeInterceptor> {
                Arc::new(Noted(name, passes, Arc::clone(&notes)))
            })
            .collect();
        let mut handshake = Handshake {
            uri: Uri::from_static("/"),
            headers: HeaderMap::new(),
            path_parameters: PathParameters::default(),
            remote_address: SocketAddr::from(([127, 0, 0, 1], 1)),
            user: None,
            attributes: Attributes::default(),
        };
        let outcome = intercept(&all, &mut handshake).await;
        assert_eq!(
            outcome.map_err(|refused| refused.status),
            Err(StatusCode::FORBIDDEN)
        );
        let notes = notes.lock().expect("not poisoned").clone();
        assert_eq!(
            notes,
            [
                "before a",
                "before b",
                "before c",
                "after b false",
                "after a false"
            ]
        );
    }
}
