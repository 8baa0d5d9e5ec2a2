//! Opening a connection: the options, TCP, and the opening handshake.

use std::{io, time::Duration};

use campanile_websocket::{ClientHandshake, ClientResponse, DeflateOffer, Limits, is_token};
use http::{HeaderName, HeaderValue};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, lookup_host},
    time::timeout,
};

use crate::{
    connection::{Client, Opened},
    error::{ClientError, Step},
    stream::Stream,
    url::Address,
};

/// Bytes that one read of the opening handshake asks for.
const HEAD_READ_BYTES: usize = 2048;

/// The options of a connection that is to be opened; made by [`Client::builder`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `connect`"]
pub struct Builder {
    url: String,
    protocols: Vec<String>,
    headers: Vec<(String, String)>,
    limits: Limits,
    compression: Option<DeflateOffer>,
    open_timeout: Duration,
    close_timeout: Duration,
    #[cfg(feature = "tls")]
    tls: crate::Tls,
}

impl Builder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            protocols: Vec::new(),
            headers: Vec::new(),
            limits: Limits::default(),
            compression: None,
            open_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            #[cfg(feature = "tls")]
            tls: crate::Tls::default(),
        }
    }

    /// Sub-protocols to offer, the preferred one first (RFC 6455 4.1). None by default.
    pub fn protocols<I>(mut self, protocols: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.protocols = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// One more header of the handshake, such as `Authorization` or `Cookie`.
    ///
    /// `connect` refuses names and values that HTTP does not allow, and the names of the handshake
    /// itself (`Host`, `Upgrade`, `Connection` and `Sec-WebSocket-*`).
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// The `Origin` header, as a browser sends it (RFC 6454). None by default.
    pub fn origin(self, origin: impl Into<String>) -> Self {
        self.header("Origin", origin)
    }

    /// Limits on what the server may send; by default those of [`Limits::default`].
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Offers permessage-deflate (RFC 7692). None by default. If the server accepts, messages of at
    /// least 128 bytes are sent compressed, unless that makes them longer; those that are sent in
    /// fragments are not.
    pub fn compression(mut self, offer: DeflateOffer) -> Self {
        self.compression = Some(offer);
        self
    }

    /// Whom to trust on a `wss://` address, and who this client is. By default the system's
    /// authorities, and nobody in particular. An address with `ws://` is not concerned.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: crate::Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Bound on resolving, connecting and the opening handshake together; 10 s by default.
    pub fn open_timeout(mut self, open_timeout: Duration) -> Self {
        self.open_timeout = open_timeout;
        self
    }

    /// Bound on the closing handshake, up to the end of the TCP connection; 5 s by default.
    pub fn close_timeout(mut self, close_timeout: Duration) -> Self {
        self.close_timeout = close_timeout;
        self
    }

    /// Opens the connection.
    ///
    /// # Errors
    /// [`ClientError::Url`] and [`ClientError::Header`] before anything is sent, then
    /// [`Resolve`](ClientError::Resolve), [`Connect`](ClientError::Connect), `Tls`,
    /// [`Handshake`](ClientError::Handshake), [`Compression`](ClientError::Compression),
    /// [`NoAnswer`](ClientError::NoAnswer), [`Io`](ClientError::Io) and
    /// [`TimedOut`](ClientError::TimedOut).
    pub async fn connect(self) -> Result<Client, ClientError> {
        let address = Address::parse(&self.url)?;
        let handshake = self.handshake(&address)?;
        let opening = async {
            let stream = self.open_stream(&address).await?;
            exchange(stream, &handshake).await
        };
        let after = self.open_timeout;
        let (stream, response, rest) =
            timeout(after, opening)
                .await
                .map_err(|_| ClientError::TimedOut {
                    step: Step::Opening,
                    after,
                })??;
        let window = match &self.compression {
            Some(offer) => offer.read_answer(&response.extensions)?,
            None => None,
        };
        Ok(Client::new(Opened {
            stream,
            response,
            rest,
            window,
            limits: self.limits,
            close_timeout: self.close_timeout,
        }))
    }

    /// TCP, and TLS over it if the address wants that.
    pub(crate) async fn open_stream(&self, address: &Address) -> Result<Stream, ClientError> {
        let socket = open_socket(address).await?;
        self.secure(socket, address).await
    }

    #[cfg(feature = "tls")]
    async fn secure(&self, socket: TcpStream, address: &Address) -> Result<Stream, ClientError> {
        if !address.is_secure {
            return Ok(Stream::Plain(socket));
        }
        let stream = self.tls.connect(socket, &address.host).await?;
        Ok(Stream::Tls(Box::new(stream)))
    }

    #[cfg(not(feature = "tls"))]
    async fn secure(&self, socket: TcpStream, _: &Address) -> Result<Stream, ClientError> {
        Ok(Stream::Plain(socket))
    }

    fn handshake(&self, address: &Address) -> Result<ClientHandshake, ClientError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce)?;
        let mut handshake =
            ClientHandshake::new(&address.host_header, &address.path_and_query, nonce);
        for protocol in &self.protocols {
            if !is_token(protocol) {
                return Err(ClientError::Header {
                    name: "Sec-WebSocket-Protocol".to_owned(),
                    value: protocol.clone(),
                    problem: "a sub-protocol is one token of letters, digits and !#$%&'*+-.^_`|~",
                });
            }
        }
        handshake = handshake
            .protocols(self.protocols.iter().map(String::as_str))
            .extensions(self.compression.iter().map(DeflateOffer::to_extension));
        for (name, value) in &self.headers {
            let (name, value) = checked_header(name, value)?;
            handshake = handshake.header(name, value);
        }
        Ok(handshake)
    }
}

fn checked_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), ClientError> {
    let refuse = |problem| {
        Err(ClientError::Header {
            name: name.to_owned(),
            value: value.to_owned(),
            problem,
        })
    };
    let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
        return refuse("this is not the name of an HTTP header");
    };
    let own = matches!(parsed.as_str(), "host" | "upgrade" | "connection")
        || parsed.as_str().starts_with("sec-websocket-");
    if own {
        return refuse("this header belongs to the handshake itself");
    }
    match HeaderValue::from_str(value) {
        Ok(value) => Ok((parsed, value)),
        Err(_) => refuse("a header's value is visible ASCII characters and spaces"),
    }
}

/// Connects to the first of the host's addresses that accepts.
async fn open_socket(address: &Address) -> Result<TcpStream, ClientError> {
    let (host, port) = (address.host.as_str(), address.port);
    let candidates: Vec<std::net::SocketAddr> = if host.eq_ignore_ascii_case("localhost") {
        // Not left to the resolver: a hosts file may know only one of the two (RFC 6761 6.3).
        vec![
            ([127, 0, 0, 1], port).into(),
            (std::net::Ipv6Addr::LOCALHOST, port).into(),
        ]
    } else {
        lookup_host((host, port))
            .await
            .map_err(|source| ClientError::Resolve {
                host: host.to_owned(),
                source,
            })?
            .collect()
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for candidate in candidates {
        match TcpStream::connect(candidate).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(ClientError::Connect {
        host: host.to_owned(),
        port,
        source: last,
    })
}

/// Sends the request and reads the answer; what came behind the answer's head is returned too.
async fn exchange(
    mut stream: Stream,
    handshake: &ClientHandshake,
) -> Result<(Stream, ClientResponse, Vec<u8>), ClientError> {
    stream.write_all(&handshake.request_bytes()).await?;
    stream.flush().await?;
    let mut head = Vec::with_capacity(HEAD_READ_BYTES);
    loop {
        // The codec refuses a head of more than 16 KiB, so this ends.
        let read = stream.read_buf(&mut head).await;
        #[cfg(feature = "tls")]
        if let Some(refused) = read.as_ref().err().and_then(crate::TlsError::of) {
            // A server of TLS 1.3 refuses a client's certificate behind its own handshake.
            return Err(refused.into());
        }
        if read? == 0 {
            return Err(ClientError::NoAnswer);
        }
        if let Some((response, head_bytes)) = handshake.read_response(&head)? {
            let rest = head.split_off(head_bytes);
            return Ok((stream, response, rest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(builder: &Builder) -> String {
        let address = Address::parse("ws://127.0.0.1:1/").expect("an address");
        match builder.handshake(&address) {
            Err(error @ ClientError::Header { .. }) => error.to_string(),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("the header was taken"),
        }
    }

    #[test]
    fn headers_that_could_break_the_handshake_are_refused() {
        let builder = Builder::new("ws://127.0.0.1:1/");
        refused(&builder.clone().header("X-A", "one\r\nX-B: two"));
        refused(&builder.clone().header("X A", "one"));
        refused(&builder.clone().header("Sec-WebSocket-Key", "mine"));
        refused(&builder.clone().header("host", "elsewhere"));
        refused(&builder.clone().origin("http://a\n"));
        refused(&builder.clone().protocols(["chat", "two words"]));
        refused(&builder.protocols([""]));
    }
}
