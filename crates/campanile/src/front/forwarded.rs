//! Who is behind a proxy: the client's address, scheme and host as proxies that we trust tell them
//! (S11).
//!
//! Anybody can send these headers. What they say counts only if the socket's other end is a proxy
//! that the operator has named, and of a chain only the part that such proxies have written: it is
//! walked from the right, where each proxy appends, to the first address that is not trusted.

mod network;
mod rfc7239;

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName, header};

pub use self::network::TrustedProxyError;
use self::network::{Network, plain};
use crate::origin::is_authority;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Which headers the trusted proxies write.
///
/// Only one kind is read, ever: a proxy that writes the one kind hands on what a client puts into
/// the other, and then the client would choose its own address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProxyHeaders {
    /// `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`, which nearly all proxies can write.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The proxies whose headers count. None by default.
#[derive(Debug, Default)]
pub(crate) struct TrustedProxies {
    networks: Vec<Network>,
    headers: ProxyHeaders,
}

/// A client, as the socket or trusted proxies show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its address; port 0 if a proxy has not told the port.
    pub(crate) remote: SocketAddr,
    /// It speaks TLS, with us or with the outermost trusted proxy.
    pub(crate) is_secure: bool,
    /// The host, with its port if there is one, that the client asked for. `None` if the request
    /// has not exactly one that is valid.
    pub(crate) host: Option<Box<str>>,
}

impl TrustedProxies {
    /// Reads addresses and networks such as `10.0.0.0/8`.
    pub(crate) fn new(
        entries: &[String],
        headers: ProxyHeaders,
    ) -> Result<Self, TrustedProxyError> {
        let networks = entries
            .iter()
            .map(|entry| Network::parse(entry))
            .collect::<Result<_, _>>()?;
        Ok(Self { networks, headers })
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = plain(address);
        self.networks
            .iter()
            .any(|network| network.contains(address))
    }

    /// Who a request comes from. What proxies that are not trusted say is not looked at, and a
    /// header that is malformed is taken for absent.
    pub(crate) fn see(&self, peer: SocketAddr, is_secure: bool, headers: &HeaderMap) -> Seen {
        let mut seen = Seen {
            remote: peer,
            is_secure,
            host: host_of(headers),
        };
        if self.trusts(peer.ip()) {
            match self.headers {
                ProxyHeaders::XForwarded => self.read_x_forwarded(headers, &mut seen),
                ProxyHeaders::Forwarded => self.read_forwarded(headers, &mut seen),
            }
        }
        seen
    }

    fn read_x_forwarded(&self, headers: &HeaderMap, seen: &mut Seen) {
        let mut hops = 0;
        let mut client = None;
        for (at, element) in from_the_right(headers, &X_FORWARDED_FOR).enumerate() {
            let Some((address, port)) = read_address(element) else {
                ignored(&X_FORWARDED_FOR, seen.remote);
                (hops, client) = (0, None);
                break;
            };
            hops = at;
            client = Some(SocketAddr::new(address, port));
            if !self.trusts(address) {
                break;
            }
        }
        let peer = seen.remote;
        if let Some(client) = client {
            seen.remote = client;
        }
        if let Some(told) = at_hop(headers, &X_FORWARDED_PROTO, hops) {
            match read_scheme(told) {
                Some(is_secure) => seen.is_secure = is_secure,
                None => ignored(&X_FORWARDED_PROTO, peer),
            }
        }
        if let Some(told) = at_hop(headers, &X_FORWARDED_HOST, hops) {
            match Some(told).filter(|told| is_authority(told)) {
                Some(host) => seen.host = Some(host.into()),
                None => ignored(&X_FORWARDED_HOST, peer),
            }
        }
        if let Some(told) = at_hop(headers, &X_FORWARDED_PORT, hops) {
            match (read_port(told), &seen.host) {
                (Some(port), Some(host)) => seen.host = Some(with_port(host, port)),
                (Some(_), None) => {}
                (None, _) => ignored(&X_FORWARDED_PORT, peer),
            }
        }
    }

    fn read_forwarded(&self, headers: &HeaderMap, seen: &mut Seen) {
        let peer = seen.remote;
        let mut told = seen.clone();
        for line in headers.get_all(header::FORWARDED).iter().rev() {
            let Some(elements) = line.to_str().ok().and_then(rfc7239::read) else {
                ignored(&header::FORWARDED, peer);
                return;
            };
            for element in elements.iter().rev() {
                let address = element.client.as_deref().and_then(read_address);
                if let Some((address, port)) = address {
                    told.remote = SocketAddr::new(address, port);
                }
                // Each element was written by one proxy: the client's has what the client used.
                told.is_secure = element.proto.as_deref().map_or(seen.is_secure, |proto| {
                    read_scheme(proto).unwrap_or(seen.is_secure)
                });
                let host = element.host.as_deref().filter(|host| is_authority(host));
                told.host = host.map_or_else(|| seen.host.clone(), |host| Some(host.into()));
                // `unknown` and names of the proxy's own end the walk, too: nobody who is trusted
                // tells what is before them.
                if !address.is_some_and(|(address, _)| self.trusts(address)) {
                    *seen = told;
                    return;
                }
            }
        }
        *seen = told;
    }
}

/// The only `Host` header, if it is one.
fn host_of(headers: &HeaderMap) -> Option<Box<str>> {
    let mut values = headers.get_all(header::HOST).iter();
    let host = values.next()?.to_str().ok()?;
    (values.next().is_none() && is_authority(host)).then(|| host.into())
}

fn ignored(name: &HeaderName, peer: SocketAddr) {
    tracing::debug!(%peer, header = %name, "a trusted proxy sent a header that cannot be read");
}

/// The elements of a list in all headers of a name, the last one first.
fn from_the_right<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).iter().rev();
    // What is not ASCII becomes an element that cannot be read.
    lines
        .flat_map(|line| line.to_str().unwrap_or("\u{fffd}").rsplit(','))
        .map(|element| element.trim_matches([' ', '\t']))
}

/// What the proxy wrote that is so many trusted hops away: the only value, if proxies replace the
/// header instead of appending to it.
fn at_hop<'h>(headers: &'h HeaderMap, name: &HeaderName, hops: usize) -> Option<&'h str> {
    let mut elements = from_the_right(headers, name);
    let last = elements.next()?;
    let mut before = elements.peekable();
    match (hops.checked_sub(1), before.peek()) {
        (None, _) | (_, None) => Some(last),
        // Fewer than there are proxies: it cannot be told who wrote which.
        (Some(hops), Some(_)) => before.nth(hops),
    }
}

/// An address with or without a port (0 then): `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`.
/// The port may be a name of the proxy's own (RFC 7239 6.2), which says nothing here.
fn read_address(text: &str) -> Option<(IpAddr, u16)> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some((plain(address), 0));
    }
    let (address, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            let address = address.parse::<std::net::Ipv6Addr>().ok()?;
            (IpAddr::V6(address), port)
        }
        None => {
            let colon = text.find(':')?;
            let address = text[..colon].parse::<std::net::Ipv4Addr>().ok()?;
            (IpAddr::V4(address), &text[colon..])
        }
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => 0,
        None => return None,
        Some(name) if name.starts_with('_') => 0,
        Some(digits) => read_port(digits)?,
    };
    Some((plain(address), port))
}

fn read_port(text: &str) -> Option<u16> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| is_decimal && *port != 0)
}

/// Whether it is a scheme over TLS; `None` if it is no scheme of ours.
fn read_scheme(text: &str) -> Option<bool> {
    let is = |schemes: [&str; 2]| {
        schemes
            .iter()
            .any(|scheme| text.eq_ignore_ascii_case(scheme))
    };
    if is(["https", "wss"]) {
        Some(true)
    } else {
        is(["http", "ws"]).then_some(false)
    }
}

/// The host with this port instead of its own.
fn with_port(host: &str, port: u16) -> Box<str> {
    let end_of_address = host.rfind(']').map_or(0, |end| end + 1);
    let end = host[end_of_address..]
        .find(':')
        .map_or(host.len(), |colon| end_of_address + colon);
    format!("{}:{port}", &host[..end]).into()
}

#[cfg(test)]
#[path = "forwarded_tests.rs"]
mod tests;
