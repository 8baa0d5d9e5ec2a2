//! Which requests are an endpoint's SockJS's: those for paths below its own.

use std::sync::Arc;

use campanile_sockjs::{Route, Transport};

use super::{SockJs, SockJsTransport};
use crate::front::Way;
use crate::mounted::Mounted;
use crate::path::{PathTemplate, Routes};

/// What a path below an endpoint's is for.
pub(crate) struct Below<'a> {
    pub(crate) template: &'a PathTemplate,
    /// Of the template's variables.
    pub(crate) values: Vec<String>,
    pub(crate) mounted: &'a Arc<Mounted>,
    pub(crate) options: &'a SockJs,
    /// The endpoint's part of the path, as it came.
    pub(crate) base: &'a str,
    /// `None` for what looks like a session's path and is none: 404, whoever else would like it.
    pub(crate) route: Option<Route<'a>>,
}

impl<'a> Below<'a> {
    /// What is at the endpoint's own path for those who do not want a WebSocket.
    pub(crate) fn greeting(
        template: &'a PathTemplate,
        mounted: &'a Arc<Mounted>,
        path: &'a str,
    ) -> Option<Self> {
        Some(Self {
            template,
            values: Vec::new(),
            mounted,
            options: mounted.sockjs.as_ref()?,
            base: path,
            route: Some(Route::Greeting),
        })
    }

    /// What goes through a WebSocket, if the path is for one and the endpoint has it (S37).
    pub(crate) fn websocket(&self) -> Option<Way> {
        let way = match self.route? {
            Route::RawWebsocket => Way::WEBSOCKET,
            Route::Session {
                transport: Transport::Websocket,
                ..
            } => Way::SOCKJS_WEBSOCKET,
            _ => return None,
        };
        self.options.has(SockJsTransport::WebSocket).then_some(way)
    }
}

/// Finds the endpoint with SockJS that a path which is no endpoint's own belongs to. Other paths
/// below an endpoint's are left to whoever else has them.
pub(crate) fn below<'a>(routes: &'a Routes<Arc<Mounted>>, path: &'a str) -> Option<Below<'a>> {
    // `/`, `/info`, `/{server}/{session}/{transport}`.
    [1, 3].into_iter().find_map(|segments| {
        let cut = path.rmatch_indices('/').nth(segments - 1)?.0;
        let (base, rest) = path.split_at(cut);
        if base == "/" {
            return None;
        }
        let route = Route::parse(rest);
        if route.is_none() && !(segments == 3 && is_like_a_session(rest)) {
            return None;
        }
        let own = if base.is_empty() { "/" } else { base };
        let (template, values, mounted) = routes.find(own)?;
        let options = mounted.sockjs.as_ref()?;
        Some(Below {
            template,
            values,
            mounted,
            options,
            base,
            route,
        })
    })
}

/// Whether a path ends with the name of a transport, parameters behind it or not.
fn is_like_a_session(rest: &str) -> bool {
    let last = rest.rsplit('/').next().unwrap_or_default();
    let name = last.split(';').next().unwrap_or_default();
    Transport::from_name(name).is_some()
}
