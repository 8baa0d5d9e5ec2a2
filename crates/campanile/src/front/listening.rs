//! What a server listens on, and for whom.

use socket2::SockRef;
use tokio::net::TcpListener;
#[cfg(feature = "tls")]
use tokio::task::JoinSet;

#[cfg(feature = "tls")]
use super::http2::Http2;
use super::stream::Security;
#[cfg(feature = "tls")]
use super::tls::Tls;
use super::upgrade::SEND_BUFFER_BYTES;

/// What clients of a listener speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    /// HTTP, and what it is upgraded to.
    Http,
    /// STOMP without anything around it.
    Stomp,
}

/// A listener with what stands between its sockets and us.
#[derive(Debug)]
pub(super) struct Listening {
    pub(super) listener: TcpListener,
    pub(super) security: Security,
    pub(super) speaks: Speaks,
}

impl Listening {
    /// A plain one.
    pub(super) fn new(listener: TcpListener, speaks: Speaks) -> Self {
        // Accepted sockets inherit it, so it holds for plain answers, too. Without it the kernel's
        // own limit does.
        let _ = SockRef::from(&listener).set_send_buffer_size(SEND_BUFFER_BYTES);
        Self {
            listener,
            security: Security::Plain,
            speaks,
        }
    }

    /// The same under TLS.
    #[cfg(feature = "tls")]
    pub(super) fn under(self, tls: Tls) -> Self {
        Self {
            security: Security::Tls(tls),
            ..self
        }
    }

    /// The same with HTTP/2, if it is under TLS and for HTTP.
    #[cfg(feature = "tls")]
    pub(super) fn offering(mut self, http2: Http2) -> Self {
        if let (Security::Tls(tls), Speaks::Http) = (&mut self.security, self.speaks) {
            *tls = tls.offering(http2);
        }
        self
    }
}

/// Looks after the files that certificates are from, once for each pair.
#[cfg(feature = "tls")]
pub(super) fn watch_files(listeners: &[Listening]) -> JoinSet<()> {
    let mut pairs: Vec<&Tls> = Vec::new();
    for listening in listeners {
        if let Security::Tls(tls) = &listening.security
            && !pairs.iter().any(|pair| pair.is_same(tls))
        {
            pairs.push(tls);
        }
    }
    pairs.into_iter().cloned().map(Tls::watch).collect()
}
