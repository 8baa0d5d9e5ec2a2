//! Who handles what clients send and subscribe to under the application's prefix.

use std::sync::Arc;

use campanile_hub::{Content, Message, PathParameters};

use crate::around::Decorator;
use crate::build_error::BuildError;
use crate::context::{About, Event, Purpose, Replies, Sent, Together};
use crate::extract::RequiredState;
use crate::handler::{Callback, Handler};
use crate::path::{PathTemplate, Routes};

/// A handler as it was given to the builder.
#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) path: String,
    pub(crate) callback: Callback,
    pub(crate) required_states: Vec<RequiredState>,
    /// Whether it answers subscriptions, and not messages.
    pub(crate) is_for_subscriptions: bool,
    /// Where its replies go to, if that was said.
    pub(crate) replies: Option<Replies>,
    /// Whether that was said for its group.
    pub(super) is_replies_from_group: bool,
    pub(crate) concurrency: u16,
    /// Asked when it fails; the application's is asked where there is none.
    pub(crate) on_error: Option<Callback>,
}

impl Registered {
    pub(crate) fn new<A, H: Handler<A>>(
        path: String,
        handler: H,
        is_for_subscriptions: bool,
    ) -> Self {
        Self {
            path,
            required_states: H::required_states(),
            callback: Callback::new(handler),
            is_for_subscriptions,
            replies: None,
            is_replies_from_group: false,
            concurrency: 1,
            on_error: None,
        }
    }
}

impl Replies {
    /// Adds a destination to those that there are.
    pub(crate) fn also(replies: &mut Option<Self>, destination: String) {
        let destination: Box<str> = destination.into();
        let all = match &*replies {
            Some(Self::Destinations(all)) => all.iter().cloned().chain([destination]).collect(),
            _ => [destination].into(),
        };
        *replies = Some(Self::Destinations(all));
    }
}

/// The handlers on their paths.
pub(crate) struct HandlerRoutes {
    messages: Routes<Arc<Registered>>,
    subscriptions: Routes<Arc<Registered>>,
}

/// A handler, and the variables of the path that led to it.
pub(crate) struct Found<'a> {
    path: &'a str,
    parameters: PathParameters,
    handler: Arc<Registered>,
}

impl HandlerRoutes {
    /// With the application's decorators around each, and its error callback for those that have
    /// none.
    pub(crate) fn new(
        registered: &[Registered],
        decorators: &[Decorator],
        on_error: Option<&Callback>,
    ) -> Result<Self, BuildError> {
        let mut all = Self {
            messages: Routes::new(),
            subscriptions: Routes::new(),
        };
        for handler in registered {
            let routes = match handler.is_for_subscriptions {
                true => &mut all.subscriptions,
                false => &mut all.messages,
            };
            let mut complete = handler.clone();
            complete.callback = Decorator::all(decorators, complete.callback);
            let on_error = complete.on_error.or_else(|| on_error.cloned());
            complete.on_error = on_error.map(|one| Decorator::all(decorators, one));
            PathTemplate::parse(&handler.path)
                .and_then(|template| routes.insert(template, Arc::new(complete)))
                .map_err(|source| BuildError::Handler {
                    path: handler.path.clone(),
                    source,
                })?;
        }
        Ok(all)
    }

    /// Who handles a message to this path.
    pub(crate) fn message<'a>(&self, path: &'a str) -> Option<Found<'a>> {
        find(&self.messages, path)
    }

    /// Who answers a subscription to this path.
    pub(crate) fn subscribe<'a>(&self, path: &'a str) -> Option<Found<'a>> {
        find(&self.subscriptions, path)
    }
}

fn find<'a>(routes: &Routes<Arc<Registered>>, path: &'a str) -> Option<Found<'a>> {
    let (template, values, handler) = routes.find(path)?;
    Some(Found {
        path,
        parameters: PathParameters::new(Arc::clone(template.shared_names()), values),
        handler: Arc::clone(handler),
    })
}

impl Found<'_> {
    /// What is to be called with a message. For a subscription, `label` names it.
    pub(crate) fn call(
        self,
        destination: &str,
        message: Message,
        receipt: Option<&str>,
        label: Option<&str>,
    ) -> Box<Sent> {
        self.sent(destination, message, receipt, label, None)
    }

    /// What is to be called with a message of a transaction: after those before it, whatever the
    /// handler allows otherwise.
    pub(crate) fn call_together(
        self,
        destination: &str,
        message: Message,
        together: Arc<Together>,
    ) -> Box<Sent> {
        self.sent(destination, message, None, None, Some(together))
    }

    fn sent(
        self,
        destination: &str,
        message: Message,
        receipt: Option<&str>,
        label: Option<&str>,
        together: Option<Arc<Together>>,
    ) -> Box<Sent> {
        let replies = match (&self.handler.replies, label) {
            (Some(replies), _) => replies.clone(),
            (None, Some(label)) => Replies::Subscription(label.into()),
            // As in Spring: what is sent to /app/hello is answered at /topic/hello (S134).
            (None, None) => Replies::Destinations([format!("/topic{}", self.path).into()].into()),
        };
        let about = About {
            destination: destination.into(),
            parameters: self.parameters,
            headers: message.headers,
            concurrency: match together {
                Some(_) => 1,
                None => self.handler.concurrency,
            },
            replies,
            receipt: receipt.map(Into::into),
            together,
            on_error: self.handler.on_error.clone(),
            purpose: match label {
                Some(_) => Purpose::Subscription,
                None => Purpose::Message,
            },
        };
        let event = match message.content {
            Content::Text(text) => {
                Event::Text(String::from_utf8_lossy(text.as_bytes()).into_owned())
            }
            other => Event::Binary(other.bytes().clone()),
        };
        Box::new(Sent {
            callback: self.handler.callback.clone(),
            event,
            about: Arc::new(about),
        })
    }
}
