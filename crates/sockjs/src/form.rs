//! Values out of queries and forms.

use std::borrow::Cow;

use percent_encoding::percent_decode;

const FORM: &str = "application/x-www-form-urlencoded";

/// The payload of a request to [`JsonpSend`](crate::Transport::JsonpSend): the value `d` of a form,
/// or the body as it is, by its content type. Without one, what begins with `d=` is a form.
///
/// It is empty when a form has no such value; [`decode_messages`](crate::decode_messages) says then
/// what is missing.
pub fn form_payload<'a>(content_type: Option<&str>, body: &'a [u8]) -> Cow<'a, [u8]> {
    let is_form = content_type.map_or_else(|| body.starts_with(b"d="), is_form);
    if is_form {
        value_of(body, b"d").unwrap_or_default()
    } else {
        Cow::Borrowed(body)
    }
}

fn is_form(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(FORM)
}

/// The first value called `name` among `pairs`, decoded (application/x-www-form-urlencoded).
pub(crate) fn value_of<'a>(pairs: &'a [u8], name: &[u8]) -> Option<Cow<'a, [u8]>> {
    let mut pairs = pairs.split(|octet| *octet == b'&');
    let value = pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))?;
    if !value.contains(&b'+') {
        return Some(percent_decode(value).into());
    }
    let spaced: Vec<u8> = value
        .iter()
        .map(|octet| if *octet == b'+' { b' ' } else { *octet })
        .collect();
    Some(percent_decode(&spaced).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockjs_protocol_a_form_has_its_payload_in_d() {
        let payload = |body: &'static str| form_payload(Some(FORM), body.as_bytes());
        assert_eq!(&*payload("d=%5B%22x%22%5D"), b"[\"x\"]");
        assert_eq!(&*payload("a=1&d=%5B%22a+b%2B%22%5D&d=2"), b"[\"a b+\"]");
        assert_eq!(&*payload("d=100%&x"), b"100%");
        for body in ["", "d=", "d", "p=p", "dd=1"] {
            assert_eq!(&*payload(body), b"", "{body}");
        }
    }

    #[test]
    fn sockjs_protocol_only_forms_are_decoded() {
        let body = br#"["%61bc"]"#;
        for content_type in [Some("text/plain"), Some(""), Some("T"), None] {
            assert_eq!(&*form_payload(content_type, body), body, "{content_type:?}");
        }
        assert_eq!(&*form_payload(None, b"d=%61"), b"a");
        let content_type = "Application/X-WWW-Form-Urlencoded ; charset=UTF-8";
        assert_eq!(&*form_payload(Some(content_type), b"d=%61"), b"a");
    }
}
