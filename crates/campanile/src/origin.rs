//! Which pages may connect: the check of the `Origin` header (RFC 6455 10.2, S10).
//!
//! Browsers let every page open a WebSocket to every server and send the user's cookies along;
//! what stops a hostile page is that the server looks at `Origin`. Programs other than browsers
//! may send what they like, so this is no substitute for authentication.

mod pattern;

use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;

use http::header::ORIGIN;

pub use self::pattern::OriginPattern;
use crate::handshake::Handshake;

const IPV6: &str = "write an IPv6 address in brackets, such as http://[::1]:8080";

/// Which values of the `Origin` header a handshake may have.
///
/// A handshake without the header is always allowed, because it does not come from a browser;
/// only [`custom`](Self::custom) may see that differently.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OriginPolicy {
    /// Every origin, and `null`, which browsers send for pages opened from a file.
    Any,
    /// Only pages that came from this very server: same scheme, host and port as the request, as
    /// the client made it. Behind a proxy that ends TLS or changes the host, that needs
    /// [`Builder::trusted_proxies`](crate::Builder::trusted_proxies).
    #[default]
    SameOrigin,
    /// Only pages from one of these origins. The server's own is not implied.
    List(Vec<Origin>),
    /// Only pages whose origin fits one of these patterns. The server's own is not implied.
    Patterns(Vec<OriginPattern>),
    /// What a function of yours says; see [`OriginPolicy::custom`].
    Custom(OriginFunction),
}

/// A function that decides about origins (S8). Two are equal if they are the same one.
#[derive(Clone)]
pub struct OriginFunction(Arc<dyn Fn(&Handshake) -> bool + Send + Sync>);

impl PartialEq for OriginFunction {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for OriginFunction {}

impl fmt::Debug for OriginFunction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OriginFunction")
    }
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

    /// Allows the origins that fit one of the patterns, such as `https://*.example.com` or
    /// `http://localhost:*`; [`OriginPattern`] says what they mean. There are no regular
    /// expressions.
    ///
    /// ```
    /// use campanile::OriginPolicy;
    ///
    /// let policy = OriginPolicy::patterns(["https://*.example.com", "http://localhost:*"])?;
    /// # Ok::<(), campanile::origin::OriginError>(())
    /// ```
    ///
    /// # Errors
    /// [`OriginError`] for the first entry that is not a pattern, with what to write instead.
    pub fn patterns<I>(patterns: I) -> Result<Self, OriginError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let patterns: Result<_, _> = patterns
            .into_iter()
            .map(|entry| OriginPattern::parse(entry.as_ref()))
            .collect();
        patterns.map(Self::Patterns)
    }

    /// Lets a function decide (S8). It is asked for every handshake with at most one `Origin`
    /// header, also for those without one, before any interceptor. It must not block.
    ///
    /// ```
    /// use campanile::OriginPolicy;
    ///
    /// // Browsers only with a ticket, programs always.
    /// let policy = OriginPolicy::custom(|handshake| {
    ///     handshake.origin().is_none() || handshake.query("ticket").is_some()
    /// });
    /// ```
    pub fn custom(decide: impl Fn(&Handshake) -> bool + Send + Sync + 'static) -> Self {
        Self::Custom(OriginFunction(Arc::new(decide)))
    }

    /// Whether a handshake may go on; the answer is 403 otherwise.
    ///
    /// The server's own origin is made of what the client used: [`Handshake::is_secure`] and
    /// [`Handshake::host`].
    ///
    /// Refused under every policy: more than one `Origin` header. Refused under
    /// [`SameOrigin`](Self::SameOrigin), [`List`](Self::List) and [`Patterns`](Self::Patterns):
    /// `null`, and what is not an origin. [`SameOrigin`](Self::SameOrigin) also refuses when the
    /// host is not known.
    pub fn allows(&self, handshake: &Handshake) -> bool {
        let mut values = handshake.headers().get_all(ORIGIN).iter();
        let first = values.next();
        if values.next().is_some() {
            return false;
        }
        if let Self::Custom(function) = self {
            return (function.0)(handshake);
        }
        let Some(value) = first else {
            return true;
        };
        if *self == Self::Any {
            return true;
        }
        let Ok(value) = value.to_str() else {
            return false;
        };
        match self {
            Self::Any | Self::Custom(_) => true,
            Self::SameOrigin => {
                let origin = read_origin(value).ok();
                origin.is_some() && own_origin(handshake) == origin
            }
            Self::List(allowed) => read_origin(value).is_ok_and(|origin| allowed.contains(&origin)),
            Self::Patterns(patterns) => pattern::any_matches(patterns, value),
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
                "a list has no wildcards; list each origin, or use patterns, or use the policy `any`",
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

fn own_origin(handshake: &Handshake) -> Option<Origin> {
    let scheme = if handshake.is_secure() {
        "https"
    } else {
        "http"
    };
    read_authority(scheme, handshake.host()?).ok()
}

/// Whether the text is a host with an optional port, as a `Host` header has it.
pub(crate) fn is_authority(text: &str) -> bool {
    read_authority("", text).is_ok()
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
