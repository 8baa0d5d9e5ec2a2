//! Which handshake a client wants to see, checked, and its bytes.

use std::borrow::Cow;

use campanile::query_pairs;

use super::{PREFIX, Refused, STRICT};

/// How long a header's value may be.
const VALUE_BYTES_MAX: usize = 256;

/// How long a path with its query may be.
const PATH_BYTES_MAX: usize = 1024;

/// The key of RFC 6455 1.3, which everybody can look up.
const SAMPLE_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// Methods that may be tried; none of them turns the connection into something else.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"];

/// A handshake's request. A header that is `None` is left out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HandshakePlan {
    method: String,
    path: String,
    http: String,
    /// `None` is the server's own address.
    host: Option<String>,
    upgrade: Option<String>,
    connection: Option<String>,
    pub(super) key: Option<String>,
    origin: Option<String>,
    protocols: Option<String>,
    version: Option<String>,
}

impl HandshakePlan {
    /// A plain handshake for `path`.
    pub(super) fn to(path: &str) -> Self {
        let some = |text: &str| Some(text.to_owned());
        Self {
            method: "GET".into(),
            path: path.into(),
            http: "1.1".into(),
            host: None,
            upgrade: some("websocket"),
            connection: some("Upgrade"),
            key: some(SAMPLE_KEY),
            origin: None,
            protocols: None,
            version: some("13"),
        }
    }

    /// Reads a query such as `path=/chat&version=8`. An empty value leaves its header out.
    ///
    /// # Errors
    /// 400 for names that are unknown or come twice, and for values that are too long or could
    /// begin a line of their own.
    pub(super) fn read(query: &str) -> Result<Self, Refused> {
        let mut plan = Self::to("/echo");
        let mut seen: Vec<Cow<'_, str>> = Vec::new();
        for (name, value) in query_pairs(query) {
            if seen.contains(&name) {
                return Err(Refused::bad(format!("`{}` is there twice", shown(&name))));
            }
            let slot = match &*name {
                "method" | "path" | "http" => {
                    plan.set_request_line(&name, &value)?;
                    seen.push(name);
                    continue;
                }
                "host" => &mut plan.host,
                "upgrade" => &mut plan.upgrade,
                "connection" => &mut plan.connection,
                "key" => &mut plan.key,
                "origin" => &mut plan.origin,
                "protocols" => &mut plan.protocols,
                "version" => &mut plan.version,
                _ => {
                    return Err(Refused::bad(format!(
                        "`{}` is unknown; known are method, path, http, host, upgrade, \
                         connection, key, origin, protocols and version",
                        shown(&name)
                    )));
                }
            };
            *slot = header_value(&name, &value)?;
            seen.push(name);
        }
        Ok(plan)
    }

    fn set_request_line(&mut self, name: &str, value: &str) -> Result<(), Refused> {
        match name {
            "method" if METHODS.contains(&value) => self.method = value.to_owned(),
            "method" => {
                let known = METHODS.join(", ");
                return Err(Refused::bad(format!("`method` is one of {known}")));
            }
            "http" if matches!(value, "1.0" | "1.1") => self.http = value.to_owned(),
            "http" => return Err(Refused::bad("`http` is 1.0 or 1.1")),
            _ => self.path = path(value)?,
        }
        Ok(())
    }

    /// The request's head, in the order in which RFC 6455 1.2 shows it.
    pub(super) fn head(&self, authority: &str) -> String {
        let mut head = format!("{} {} HTTP/{}\r\n", self.method, self.path, self.http);
        let headers = [
            ("Host", self.host.as_deref().or(Some(authority))),
            ("Upgrade", self.upgrade.as_deref()),
            ("Connection", self.connection.as_deref()),
            ("Sec-WebSocket-Key", self.key.as_deref()),
            ("Origin", self.origin.as_deref()),
            ("Sec-WebSocket-Protocol", self.protocols.as_deref()),
            ("Sec-WebSocket-Version", self.version.as_deref()),
        ];
        for (name, value) in headers {
            if let Some(value) = value {
                head += &format!("{name}: {value}\r\n");
            }
        }
        head + "\r\n"
    }
}

/// Nothing in a value may end its line: what follows would be a header, or a request, of its own.
fn header_value(name: &str, value: &str) -> Result<Option<String>, Refused> {
    if value.len() > VALUE_BYTES_MAX {
        let detail = format!("`{name}` has at most {VALUE_BYTES_MAX} bytes");
        return Err(Refused::bad(detail));
    }
    if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        let detail =
            format!("`{name}` may have printable ASCII characters only, and no line break");
        return Err(Refused::bad(detail));
    }
    let value = value.trim();
    Ok((!value.is_empty()).then(|| value.to_owned()))
}

/// A path of this server, with its query.
fn path(value: &str) -> Result<String, Refused> {
    if value.len() > PATH_BYTES_MAX {
        let detail = format!("`path` has at most {PATH_BYTES_MAX} bytes");
        return Err(Refused::bad(detail));
    }
    let clean = value
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'#'));
    if !value.starts_with('/') || value.starts_with("//") || !clean {
        return Err(Refused::bad(
            "`path` is a path of this server, such as /chat: it begins with one slash and has \
             neither spaces nor backslashes nor line breaks; escape other characters as %E4%BD%A0",
        ));
    }
    // A handshake for a handshake for a handshake would be a chain as long as the URL allows.
    if value.starts_with(PREFIX) && value.split('?').next() != Some(STRICT) {
        let detail = "of the demo's own paths only /demo/protocol/strict can be connected to";
        return Err(Refused::bad(detail));
    }
    Ok(value.to_owned())
}

/// What a client sent, short enough to be repeated to it.
fn shown(text: &str) -> String {
    text.chars()
        .take(40)
        .flat_map(char::escape_default)
        .collect()
}
