//! The `Sec-WebSocket-Extensions` header and the negotiation of extensions (RFC 6455 9).

use std::fmt;

use http::{HeaderMap, header::SEC_WEBSOCKET_EXTENSIONS};

use super::{error::HandshakeError, is_token_octet};

/// One extension as a client offers it, or as a server accepts it (RFC 6455 9.1).
///
/// `Display` gives header syntax: `permessage-deflate; server_max_window_bits=12`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExtensionOffer {
    /// The extension's name, a token.
    pub name: String,
    /// Its parameters in order: tokens, with the value after `=` if there was one. A parameter
    /// that was given twice is here twice; what that means is the extension's to say.
    pub parameters: Vec<(String, Option<String>)>,
}

impl fmt::Display for ExtensionOffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        for (name, value) in &self.parameters {
            match value {
                Some(value) => write!(formatter, "; {name}={value}")?,
                None => write!(formatter, "; {name}")?,
            }
        }
        Ok(())
    }
}

/// Reads all `Sec-WebSocket-Extensions` headers; the offers are in the client's order of
/// preference (RFC 6455 9.1). Takes time in proportion to their length.
///
/// # Errors
/// [`HandshakeError::ExtensionsInvalid`] for whatever is not in the grammar. Empty list elements
/// are skipped (RFC 9110 5.6.1.2).
pub fn parse_extensions(headers: &HeaderMap) -> Result<Vec<ExtensionOffer>, HandshakeError> {
    let mut offers = Vec::new();
    for (index, value) in headers.get_all(SEC_WEBSOCKET_EXTENSIONS).iter().enumerate() {
        let mut reader = Reader {
            octets: value.as_bytes(),
            at: 0,
        };
        if reader.read_list(&mut offers).is_none() {
            let (line, offset) = (index + 1, reader.at);
            return Err(HandshakeError::ExtensionsInvalid { line, offset });
        }
    }
    Ok(offers)
}

/// Chooses among a client's offers, in its order (RFC 6455 9.1).
///
/// `choose` sees one offer after another and returns what to answer for it, or `None` to decline
/// it. Once an offer is accepted, later ones of the same name are not asked about; an answer with
/// another name than the offer's is taken for a refusal, since nothing may be accepted that was
/// not offered. That two extensions do not claim the same reserved bit is up to `choose`.
pub fn negotiate(
    offers: &[ExtensionOffer],
    mut choose: impl FnMut(&ExtensionOffer) -> Option<ExtensionOffer>,
) -> Vec<ExtensionOffer> {
    let mut accepted: Vec<ExtensionOffer> = Vec::new();
    for offer in offers {
        if accepted.iter().any(|other| other.name == offer.name) {
            continue;
        }
        if let Some(answer) = choose(offer).filter(|answer| answer.name == offer.name) {
            accepted.push(answer);
        }
    }
    accepted
}

/// A reader that never goes back. Its methods return `None` where the grammar is broken.
struct Reader<'v> {
    octets: &'v [u8],
    at: usize,
}

impl Reader<'_> {
    fn read_list(&mut self, offers: &mut Vec<ExtensionOffer>) -> Option<()> {
        loop {
            self.skip_blanks();
            if !matches!(self.peek(), None | Some(b',')) {
                offers.push(self.read_offer()?);
            }
            match self.peek() {
                None => return Some(()),
                Some(b',') => self.at += 1,
                Some(_) => return None,
            }
        }
    }

    fn read_offer(&mut self) -> Option<ExtensionOffer> {
        let name = self.read_token()?;
        let mut parameters = Vec::new();
        self.skip_blanks();
        while self.take(b';') {
            self.skip_blanks();
            let parameter = self.read_token()?;
            self.skip_blanks();
            let value = if self.take(b'=') {
                Some(self.read_value()?)
            } else {
                None
            };
            self.skip_blanks();
            parameters.push((parameter, value));
        }
        Some(ExtensionOffer { name, parameters })
    }

    /// A token, or a quoted string whose content is a token (RFC 6455 9.1).
    fn read_value(&mut self) -> Option<String> {
        self.skip_blanks();
        if !self.take(b'"') {
            return self.read_token();
        }
        let mut value = String::new();
        loop {
            let escaped = self.take(b'\\');
            match self.peek()? {
                b'"' if !escaped => break,
                octet if is_token_octet(octet) => value.push(char::from(octet)),
                _ => return None,
            }
            self.at += 1;
        }
        self.at += 1;
        (!value.is_empty()).then_some(value)
    }

    fn read_token(&mut self) -> Option<String> {
        let rest = &self.octets[self.at..];
        let len = rest
            .iter()
            .take_while(|octet| is_token_octet(**octet))
            .count();
        self.at += len;
        let token: String = rest[..len].iter().copied().map(char::from).collect();
        (!token.is_empty()).then_some(token)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn take(&mut self, octet: u8) -> bool {
        let found = self.peek() == Some(octet);
        self.at += usize::from(found);
        found
    }

    fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn parse(lines: &[&[u8]]) -> Result<Vec<String>, HandshakeError> {
        let mut headers = HeaderMap::new();
        for line in lines {
            let value = HeaderValue::from_bytes(line).expect("a header value");
            headers.append(SEC_WEBSOCKET_EXTENSIONS, value);
        }
        Ok(parse_extensions(&headers)?
            .iter()
            .map(ToString::to_string)
            .collect())
    }

    fn fails_at(line: &[u8]) -> Option<usize> {
        match parse(&[line]) {
            Err(HandshakeError::ExtensionsInvalid { offset, .. }) => Some(offset),
            _ => None,
        }
    }

    #[test]
    fn rfc6455_9_1_lists_parameters_and_quoted_values() {
        let browser = b"permessage-deflate; client_max_window_bits";
        let expected = Ok(vec![
            "permessage-deflate; client_max_window_bits".to_owned(),
        ]);
        assert_eq!(parse(&[browser]), expected);

        let lines: [&[u8]; 3] = [b" a;b=1 ;c = \"t\\wo\" ,, d", b"", b"e"];
        let expected = ["a; b=1; c=two", "d", "e"].map(String::from).to_vec();
        assert_eq!(parse(&lines), Ok(expected));
        assert_eq!(parse(&[]), Ok(vec![]));
    }

    #[test]
    fn rfc6455_9_1_garbage_is_refused_where_it_starts() {
        assert_eq!(fails_at(b"a;"), Some(2));
        assert_eq!(fails_at(b"a; b="), Some(5));
        assert_eq!(fails_at(b"a b"), Some(2));
        assert_eq!(fails_at(b"a; b=\"\""), Some(7));
        assert_eq!(fails_at(b"a; b=\"x y\""), Some(7));
        assert_eq!(fails_at(b"a; b=\"x"), Some(7));
        assert_eq!(fails_at(b"a; b=\"x\\\""), Some(8));
        assert_eq!(fails_at(b"; a"), Some(0));
        assert_eq!(fails_at(b"a; =1"), Some(3));
        assert_eq!(fails_at(b"a\xff"), Some(1));
        assert_eq!(fails_at(b"a;b;;c"), Some(4));
    }

    #[test]
    fn cve_2020_7662_an_unclosed_quote_of_60_kb_is_read_once() {
        let mut line = b"a; b=\"".to_vec();
        line.extend(b"\\a".repeat(30_000));
        assert_eq!(fails_at(&line), Some(line.len()));
    }

    #[test]
    fn rfc6455_9_1_negotiation_keeps_the_clients_order_and_takes_each_name_once() {
        let offer = |name: &str, parameter: &str| ExtensionOffer {
            name: name.into(),
            parameters: vec![(parameter.into(), None)],
        };
        let offers = [
            offer("x", "1"),
            offer("d", "1"),
            offer("d", "2"),
            offer("d", "3"),
            offer("e", "1"),
        ];
        let mut asked = Vec::new();
        let accepted = negotiate(&offers, |offer| {
            asked.push(offer.to_string());
            match (offer.name.as_str(), offer.parameters[0].0.as_str()) {
                ("d", "2") | ("e", _) => Some(offer.clone()),
                ("x", _) => Some(ExtensionOffer {
                    name: "never-offered".into(),
                    parameters: vec![],
                }),
                _ => None,
            }
        });
        assert_eq!(accepted, [offer("d", "2"), offer("e", "1")]);
        assert_eq!(asked, ["x; 1", "d; 1", "d; 2", "e; 1"]);
    }
}
