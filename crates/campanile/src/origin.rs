//! Which pages may connect: the check of the `Origin` header (RFC 6455 10.2, S10).
//!
//! Browsers let every page open a WebSocket to every server and send the user's cookies along;
//! what stops a hostile page is that the server looks at `Origin`. Programs other than browsers
//! may send what they like, so this is no substitute for authentication.

use std::fmt;
use std::net::Ipv6Addr;

use http::HeaderMap;
use http::header::{HOST, ORIGIN};

const IPV6: &str = "write an IPv6 address in brackets, such as http://[::1]:8080";

/// Which values of the `Origin` header a handshake may have.
///
/// A handshake without the header is always allowed, because it does not come from a browser.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OriginPolicy {
    /// Every origin, and `null`, which browsers send for pages opened from a file.
    Any,
    /// Only pages that came from this very server: same scheme, host and port as the request.
    #[default]
    SameOrigin,
    /// Only pages from one of these origins. The server's own is not implied.
    List(Vec<Origin>),
}

/// Where a page came from: scheme, host and port (RFC 6454).
///
/// Two origins are equal if all three are; hosts and schemes are compared without regard to
/// case, and a default port (80, 443) is the same as none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Box<str>,
    host: Box<str>,
    /// `None` is the scheme's default port.
    port: Option<u16>,
}

/// Why an entry of an origin list was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{entry}` is not an origin: {advice}")]
pub struct OriginError {
    entry: String,
    advice: &'static str,
}

impl OriginError {
    /// The entry as given.
    pub fn entry(&self) -> &str {
        &self.entry
    }
}

impl OriginPolicy {
    /// Allows exactly the listed origins, such as `https://example.com` or
    /// `http://localhost:3000`. An empty list refuses every browser.
    ///
    /// # Errors
    /// [`OriginError`] for the first entry that is not an origin, with what to write instead:
    /// paths, user names, wildcards and `null` are refused.
    pub fn list<I>(origins: I) -> Result<Self, OriginError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let origins: Result<_, _> = origins
            .into_iter()
            .map(|entry| Origin::parse(entry.as_ref()))
            .collect();
        origins.map(Self::List)
    }

    /// Whether a handshake with these headers may go on; the answer is 403 otherwise.
    ///
    /// `own_scheme` is the scheme that the client used, `http` or `https` (also for `ws` and
    /// `wss`); behind a proxy that ends TLS it is `https`. The host that the client used is
    /// read from the `Host` header; for HTTP/2 the caller puts `:authority` there.
    ///
    /// Refused under every policy but [`Any`](Self::Any): more than one `Origin` header, `null`,
    /// and what is not an origin. [`SameOrigin`](Self::SameOrigin) also refuses when there is not
    /// exactly one valid `Host`. [`Any`](Self::Any) refuses only the repeated header.
    pub fn allows(&self, headers: &HeaderMap, own_scheme: &str) -> bool {
        let mut values = headers.get_all(ORIGIN).iter();
        let Some(value) = values.next() else {
            return true;
        };
        if values.next().is_some() {
            return false;
        }
        if *self == Self::Any {
            return true;
        }
        let Some(origin) = value.to_str().ok().and_then(|text| read_origin(text).ok()) else {
            return false;
        };
        match self {
            Self::Any => true,
            Self::SameOrigin => own_origin(headers, own_scheme).is_some_and(|own| own == origin),
            Self::List(allowed) => allowed.contains(&origin),
        }
    }
}

impl Origin {
    /// Reads an origin: `scheme://host` or `scheme://host:port`, and nothing after it.
    ///
    /// # Errors
    /// [`OriginError`] says what is wrong and what to write instead.
    pub fn parse(entry: &str) -> Result<Self, OriginError> {
        let refused = |advice| OriginError {
            entry: entry.to_owned(),
            advice,
        };
        if entry.contains('*') {
            return Err(refused(
                "there are no wildcards; list each origin, or use the policy `any`",
            ));
        }
        if entry == "null" {
            return Err(refused(
                "pages opened from files and sandboxes all share `null`; only the policy `any` \
                 admits them",
            ));
        }
        let origin = read_origin(entry).map_err(refused)?;
        if matches!(&*origin.scheme, "ws" | "wss") {
            return Err(refused(
                "it is the page's address that counts, not the socket's; write http:// or https://",
            ));
        }
        Ok(origin)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme, self.host)?;
        match self.port {
            Some(port) => write!(formatter, ":{port}"),
            None => Ok(()),
        }
    }
}

impl std::str::FromStr for Origin {
    type Err = OriginError;

    fn from_str(entry: &str) -> Result<Self, OriginError> {
        Self::parse(entry)
    }
}

fn own_origin(headers: &HeaderMap, own_scheme: &str) -> Option<Origin> {
    let mut values = headers.get_all(HOST).iter();
    let authority = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    read_authority(own_scheme, authority).ok()
}

/// The error is the advice.
fn read_origin(text: &str) -> Result<Origin, &'static str> {
    const SHAPE: &str = "write scheme://host or scheme://host:port, such as https://example.com";
    let (scheme, authority) = text.split_once("://").ok_or(SHAPE)?;
    let mut letters = scheme.bytes();
    let starts_well = letters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic());
    if !starts_well
        || !letters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    {
        return Err(SHAPE);
    }
    read_authority(scheme, authority)
}

fn read_authority(scheme: &str, authority: &str) -> Result<Origin, &'static str> {
    if authority.contains('@') {
        return Err("remove the user name and the `@`");
    }
    if authority.contains(['/', '?', '#', '\\']) {
        return Err("remove what follows the host and port, the slash included");
    }
    let scheme = scheme.to_ascii_lowercase();
    let (host, port) = split_port(authority)?;
    let default = match &*scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    };
    Ok(Origin {
        scheme: scheme.into(),
        host: read_host(host)?,
        port: port.filter(|port| Some(*port) != default),
    })
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    const PORT: &str = "write a port as a number from 1 to 65535, or leave it out with its colon";
    // The colons inside an IPv6 address are not the port's.
    let end_of_address = match authority.rfind(']') {
        Some(end) => end + 1,
        None if authority.starts_with('[') => authority.len(),
        None => 0,
    };
    if end_of_address == 0 && authority.matches(':').count() > 1 {
        return Err(IPV6);
    }
    let Some(colon) = authority[end_of_address..].find(':') else {
        return Ok((authority, None));
    };
    let (host, port) = authority.split_at(end_of_address + colon);
    let digits = &port[1..];
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    match digits.parse() {
        Ok(port) if plain => Ok((host, Some(port))),
        _ => Err(PORT),
    }
}

fn read_host(host: &str) -> Result<Box<str>, &'static str> {
    if let Some(rest) = host.strip_prefix('[') {
        let address = rest
            .strip_suffix(']')
            .and_then(|text| text.parse::<Ipv6Addr>().ok());
        return match address {
            Some(address) => Ok(format!("[{address}]").into()),
            None => Err(IPV6),
        };
    }
    if host.is_empty() {
        return Err("the host is missing");
    }
    if !host.is_ascii() {
        return Err("write the host as browsers send it, in its ASCII form (xn--…)");
    }
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if !host.bytes().all(valid) {
        return Err("a host has letters, digits, `-`, `.` and `_` only");
    }
    Ok(host.to_ascii_lowercase().into())
}

#[cfg(test)]
#[path = "origin_tests.rs"]
mod tests;
