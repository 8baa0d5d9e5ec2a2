//! The page that a client loads within another one, to speak to this server from its own origin.

use crate::answers::escape_attribute;

/// The page at `/iframe*.html`, of type `text/html; charset=UTF-8`, made once for an endpoint
/// (S44, S45).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IframePage {
    body: String,
    entity_tag: String,
}

impl IframePage {
    /// The page that loads the client's library from `library_url`: absolute, or a path of this
    /// server. It should be the version that clients use, and be cached.
    pub fn new(library_url: &str) -> Self {
        // All but the URL is as the protocol has it (sockjs-protocol, IFrame page).
        let body = format!(
            "<!DOCTYPE html>\n\
             <html>\n\
             <head>\n\
             \x20 <meta http-equiv=\"X-UA-Compatible\" content=\"IE=edge\" />\n\
             \x20 <meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\" />\n\
             \x20 <script src=\"{}\"></script>\n\
             \x20 <script>\n\
             \x20   document.domain = document.domain;\n\
             \x20   SockJS.bootstrap_iframe();\n\
             \x20 </script>\n\
             </head>\n\
             <body>\n\
             \x20 <h2>Don't panic!</h2>\n\
             \x20 <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>\n\
             </body>\n\
             </html>",
            escape_attribute(library_url)
        );
        let entity_tag = format!("\"{:016x}\"", hash(body.as_bytes()));
        Self { body, entity_tag }
    }

    /// The page.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// Its `ETag`, with quotes: another one for another page.
    pub fn entity_tag(&self) -> &str {
        &self.entity_tag
    }

    /// Whether a client whose request has this header `If-None-Match` knows the page: the answer is
    /// 304 then, without a body and a type (RFC 9110 13.1.2).
    pub fn is_known(&self, if_none_match: &str) -> bool {
        let mut tags = if_none_match.split(',').map(str::trim);
        tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.entity_tag)
    }
}

/// FNV-1a of 64 bits: it tells pages apart, and protects nothing.
fn hash(octets: &[u8]) -> u64 {
    octets.iter().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(*octet)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s44_the_page_starts_the_clients_library() {
        let page = IframePage::new("/assets/sockjs.min.js");
        let lines: Vec<_> = page.body().lines().collect();
        assert_eq!(lines.len(), 16);
        assert_eq!(lines[0], "<!DOCTYPE html>");
        assert_eq!(
            lines[5],
            "  <script src=\"/assets/sockjs.min.js\"></script>"
        );
        assert_eq!(lines[8], "    SockJS.bootstrap_iframe();");
        assert_eq!(lines[15], "</html>");
    }

    #[test]
    fn s44_a_page_is_known_by_its_tag() {
        let page = IframePage::new("/a.js");
        let tag = page.entity_tag();
        assert!(tag.len() == 18 && tag.starts_with('"') && tag.ends_with('"'));
        assert_eq!(IframePage::new("/a.js").entity_tag(), tag);
        assert_ne!(IframePage::new("/b.js").entity_tag(), tag);
        for known in [tag, "*", &format!("W/{tag}"), &format!("\"x\", {tag}")] {
            assert!(page.is_known(known), "{known}");
        }
        for unknown in ["", "\"x\"", tag.trim_matches('"'), "x*"] {
            assert!(!page.is_known(unknown), "{unknown}");
        }
        // What FNV's authors publish for "a".
        assert_eq!(hash(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn s45_the_librarys_url_is_configured_and_stays_an_attribute() {
        let page = IframePage::new("https://cdn.example/s.js?a=1&b=\"></script><script>alert(1)//");
        assert!(page.body().contains(
            "src=\"https://cdn.example/s.js?a=1&amp;b=&quot;&gt;&lt;/script&gt;&lt;script&gt;alert(1)//\">"
        ));
    }
}
