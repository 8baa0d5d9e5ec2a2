//! From a TCP connection to a STOMP session: there is no handshake but that of TLS, yet whoever is
//! asked about handshakes is asked here, too.

use std::net::SocketAddr;
use std::sync::Arc;

use campanile_hub::TransportKind;
use campanile_stomp::Version;
use campanile_websocket::HandshakeRequest;
use http::{HeaderMap, Request, StatusCode, Uri};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, timeout};

use super::dispatch::{self, Addresses, Opened, Way};
use super::serve::{HANDSHAKE_TIMEOUT, admit, left};
use super::stream::{Facts, Security, Stream};
use super::upgrade::into_mio;
use crate::app::Running;
use crate::handshake::{Handshake, Refused};
use crate::mounted::Mounted;
use crate::stomp::last_error;
use crate::wire::Wire;

/// How long a client that is refused may take to read why and to leave.
const REFUSAL_TIME: Duration = Duration::from_secs(2);

/// How much of what it has sent is read meanwhile: closed with something unread, the connection
/// would be reset, and the ERROR perhaps lost.
const REFUSED_BYTES_MAX: usize = 64 << 10;

/// What is answered where TLS is spoken and plain STOMP comes.
const TLS_HINT: &[u8] = b"ERROR\nmessage:tls-needed\ncontent-type:text/plain\n\n\
this port speaks TLS: turn it on in the client\0";

/// One connection until its socket goes to a shard.
pub(super) async fn connection(
    stream: TcpStream,
    remote: SocketAddr,
    security: Security,
    running: Arc<Running>,
    mut leaving: watch::Receiver<bool>,
) {
    let Some(mounted) = running.endpoints.tcp() else {
        return;
    };
    let deadline = Instant::now() + HANDSHAKE_TIMEOUT;
    let admitted = admit(stream, remote, &security, TLS_HINT, deadline, &mut leaving).await;
    let Some((stream, addresses)) = admitted else {
        return;
    };
    let facts = stream.facts();
    let entered = tokio::select! {
        entered = enter(&running, mounted, addresses, &facts) => entered,
        () = left(&mut leaving) => return,
    };
    match entered {
        Ok(opened) => match stream.into_transport(into_mio) {
            Ok(transport) => opened.attach(transport),
            Err(error) => tracing::debug!(%error, "a client left while it came in"),
        },
        Err(refused) => {
            let error = refusal(&refused);
            // Whoever does not read it is not waited for.
            let _ = timeout(REFUSAL_TIME, turn_away(stream, &error)).await;
        }
    }
}

/// Asks whether a client may come in, and opens its session.
pub(crate) async fn enter<'a>(
    running: &Running,
    mounted: &'a Mounted,
    addresses: Addresses,
    facts: &Facts,
) -> Result<Opened<'a>, Refused> {
    let mut handshake = handshake(mounted, addresses, facts);
    let way = Way {
        wire: Wire::Bare,
        transport: TransportKind::Tcp,
    };
    dispatch::enter(running, mounted, &mut handshake, way).await
}

/// What interceptors are shown in place of a request.
fn handshake(mounted: &Mounted, addresses: Addresses, facts: &Facts) -> Handshake {
    let Addresses {
        remote,
        local,
        is_secure,
    } = addresses;
    let scheme = if is_secure { "stomps" } else { "stomp" };
    let uri = Uri::builder()
        .scheme(scheme)
        .authority(local.to_string())
        .path_and_query("/")
        .build();
    let mut request = Request::new(());
    *request.uri_mut() = uri.unwrap_or_default();
    let (mut parts, ()) = request.into_parts();
    facts.tell(&mut parts.extensions);
    let nothing = HandshakeRequest {
        accept: String::new(),
        protocols: Vec::new(),
        extensions: Vec::new(),
    };
    // The proxies' words are in headers, and there are none.
    let seen = mounted.proxies.see(remote, is_secure, &HeaderMap::new());
    let attributes = mounted.rules.attributes.clone();
    Handshake::new(parts, nothing, seen, local).with(Default::default(), attributes)
}

/// The ERROR for a client that may not come in.
pub(crate) fn refusal(refused: &Refused) -> bytes::Bytes {
    let word = match refused.status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::SERVICE_UNAVAILABLE => "overloaded",
        _ => "forbidden",
    };
    last_error(Version::V12, &format!("{word}: {}", refused.detail))
}

async fn turn_away(mut stream: Stream, error: &[u8]) -> std::io::Result<()> {
    stream.write_all(error).await?;
    stream.shutdown().await?;
    let (mut buffer, mut read) = ([0; 4 << 10], 0);
    while read <= REFUSED_BYTES_MAX {
        match stream.read(&mut buffer).await? {
            0 => break,
            count => read += count,
        }
    }
    Ok(())
}
