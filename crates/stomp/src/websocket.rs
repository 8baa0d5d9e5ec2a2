//! How frames are put into WebSocket messages.

/// Whether a body of this `content-type` is text that a WebSocket text message can carry: `text/*`,
/// JSON, XML, JavaScript and forms, unless `charset` names another encoding than UTF-8 (S65).
/// Everything else is for a binary message. A type says so only; a text message must also *be*
/// UTF-8, so look at the octets, too. Without a `content-type` a body is a blob (STOMP 1.2, Header
/// content-type); most senders that leave it out send text.
pub fn is_text_content_type(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let charset = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset").then_some(value)
    });
    let is_utf8 = charset.is_none_or(|charset| {
        ["utf-8", "utf8", "us-ascii", "ascii"]
            .iter()
            .any(|it| charset.eq_ignore_ascii_case(it))
    });
    is_utf8 && is_text(essence)
}

fn is_text(essence: &str) -> bool {
    let Some((kind, subtype)) = essence.split_once('/') else {
        return false;
    };
    let is = |name: &str| subtype.eq_ignore_ascii_case(name);
    let ends = |suffix: &str| {
        let start = subtype.len().checked_sub(suffix.len());
        let end = start.and_then(|start| subtype.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    if kind.eq_ignore_ascii_case("text") {
        return !subtype.is_empty();
    }
    if ends("+json") || ends("+xml") {
        return true;
    }
    kind.eq_ignore_ascii_case("application")
        && (is("json")
            || is("xml")
            || is("javascript")
            || is("ecmascript")
            || is("x-ndjson")
            || is("x-www-form-urlencoded")
            || is("graphql")
            || is("yaml")
            || is("sql"))
}

/// Cuts an encoded frame into messages of at most `bytes_max` octets, for receivers with small
/// buffers (S64). Text is cut between characters, as each text message must be UTF-8 by itself
/// (RFC 6455 8.1); a character that is longer than `bytes_max` is not cut.
pub fn split_text(frame: &str, bytes_max: usize) -> impl Iterator<Item = &str> {
    let mut rest = frame;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = bytes_max.min(rest.len());
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        if end == 0 {
            end = rest.chars().next().map_or(rest.len(), char::len_utf8);
        }
        let (part, after) = rest.split_at(end);
        rest = after;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s65_text_types_go_as_text_and_all_others_as_binary() {
        for text in [
            "text/plain",
            "TEXT/HTML; charset=UTF-8",
            "application/json",
            "application/json;charset=\"utf-8\"",
            "application/problem+json",
            "image/svg+xml",
            "application/xml ; charset = us-ascii",
            "application/x-www-form-urlencoded",
            "text/plain; format=flowed",
        ] {
            assert!(is_text_content_type(text), "{text}");
        }
        for binary in [
            "",
            "text",
            "text/",
            "/json",
            "application/octet-stream",
            "application/x-protobuf",
            "image/png",
            "application/cbor",
            "text/plain; charset=ISO-8859-1",
            "application/json; charset=utf-16",
            "application/jsonp",
            "application/é",
        ] {
            assert!(!is_text_content_type(binary), "{binary}");
        }
    }

    #[test]
    fn s64_a_split_frame_is_cut_between_characters_and_loses_nothing() {
        let frame = "MESSAGE\n\ngrüezi 你好 🔔\0";
        for bytes_max in 0..40 {
            let parts: Vec<&str> = split_text(frame, bytes_max).collect();
            assert_eq!(parts.concat(), frame);
            for part in &parts {
                assert!(!part.is_empty());
                assert!(
                    part.len() <= bytes_max || part.chars().count() == 1,
                    "{part}"
                );
            }
        }
        assert_eq!(split_text(frame, 100).count(), 1);
        assert_eq!(split_text("", 1).count(), 0);
    }
}
