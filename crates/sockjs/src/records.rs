//! What frames are put into by transports over plain HTTP.

use crate::{
    callback::{Callback, CallbackError},
    escape::append_escaped_for_script,
    transport::Transport,
};

/// How many octets come before the first frame of a stream: a browser of that time gave a script
/// nothing before it had as many.
const STREAMING_PRELUDE_BYTES: usize = 2048;
/// How long the beginning of a page is at least, for the same reason; the protocol's test wants it
/// to be longer than 1,024.
const PAGE_PRELUDE_BYTES_MIN: usize = 1100;

/// How the answer to one request carries frames: what comes before the first, and what is around
/// each.
///
/// A frame must be one of this crate's, or have neither line ends nor other control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records(Framing);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Framing {
    /// Each frame is all of what carries it.
    Bare,
    /// A line feed after each frame.
    Line,
    /// The same, after a prelude.
    LineOfStream,
    /// An event of server-sent events.
    Event,
    /// A script of a page that calls this function of the page around it.
    Script(Callback),
    /// A script that calls this function.
    Call(Callback),
}

impl Records {
    /// The records of an answer by `transport` to a request with this query, which names the
    /// function to call where there is one. A WebSocket's messages are bare frames; transports that
    /// send receive none.
    ///
    /// # Errors
    /// When the transport [needs a callback](Transport::needs_callback) and the query does not name
    /// one: the answer is 500 then.
    pub fn new(transport: Transport, query: Option<&str>) -> Result<Self, CallbackError> {
        Ok(Self(match transport {
            Transport::Xhr => Framing::Line,
            Transport::XhrStreaming => Framing::LineOfStream,
            Transport::Eventsource => Framing::Event,
            Transport::Htmlfile => Framing::Script(Callback::from_query(query)?),
            Transport::Jsonp => Framing::Call(Callback::from_query(query)?),
            Transport::Websocket | Transport::XhrSend | Transport::JsonpSend => Framing::Bare,
        }))
    }

    /// Appends what comes before the first record; nothing where answers end after one. It does not
    /// count towards the limit of a stream (S48).
    pub fn append_prelude(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Framing::Bare | Framing::Line | Framing::Call(_) => {}
            Framing::LineOfStream => {
                out.resize(out.len() + STREAMING_PRELUDE_BYTES, b'h');
                out.push(b'\n');
            }
            // Opera did not see the first event without it.
            Framing::Event => out.extend_from_slice(b"\r\n"),
            Framing::Script(callback) => append_page(out, callback),
        }
    }

    /// Appends the record with `frame`. All of what is appended counts towards the limit of a
    /// stream (S48).
    pub fn append_record(&self, frame: &[u8], out: &mut Vec<u8>) {
        match &self.0 {
            Framing::Bare => out.extend_from_slice(frame),
            Framing::Line | Framing::LineOfStream => {
                out.extend_from_slice(frame);
                out.push(b'\n');
            }
            Framing::Event => {
                out.extend_from_slice(b"data: ");
                append_for_decode_uri(out, frame);
                out.extend_from_slice(b"\r\n\r\n");
            }
            Framing::Script(_) => {
                out.extend_from_slice(b"<script>\np(\"");
                append_escaped_for_script(out, frame);
                out.extend_from_slice(b"\");\n</script>\r\n");
            }
            Framing::Call(callback) => {
                // The comment keeps the answer from being taken for a file of another kind, which
                // would begin with what the client chose (CVE-2014-4671).
                out.extend_from_slice(b"/**/");
                out.extend_from_slice(callback.as_str().as_bytes());
                out.extend_from_slice(b"(\"");
                append_escaped_for_script(out, frame);
                out.extend_from_slice(b"\");\r\n");
            }
        }
    }
}

/// Appends `frame` so that JavaScript's `decodeURI` gives it back: sockjs-client calls that with
/// each event, and with no frame of another transport. It fails for a `%` that begins no escape.
fn append_for_decode_uri(out: &mut Vec<u8>, frame: &[u8]) {
    let mut parts = frame.split(|octet| *octet == b'%');
    out.extend_from_slice(parts.next().unwrap_or_default());
    for part in parts {
        out.extend_from_slice(b"%25");
        out.extend_from_slice(part);
    }
}

/// Appends the beginning of the page that htmlfile's scripts are in (sockjs-protocol, HtmlFile):
/// the text is the protocol's, blanks fill it up.
fn append_page(out: &mut Vec<u8>, callback: &Callback) {
    let start = out.len();
    out.extend_from_slice(
        b"<!doctype html>\n\
          <html><head>\n\
          \x20 <meta http-equiv=\"X-UA-Compatible\" content=\"IE=edge\" />\n\
          \x20 <meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\" />\n\
          </head><body><h2>Don't panic!</h2>\n\
          \x20 <script>\n\
          \x20   document.domain = document.domain;\n\
          \x20   var c = parent.",
    );
    out.extend_from_slice(callback.as_str().as_bytes());
    out.extend_from_slice(
        b";\n\
          \x20   c.start();\n\
          \x20   function p(d) {c.message(d);};\n\
          \x20   window.onload = function() {c.stop();};\n\
          \x20 </script>",
    );
    let filled = out.len().max(start + PAGE_PRELUDE_BYTES_MIN);
    out.resize(filled, b' ');
    out.extend_from_slice(b"\r\n\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::{GO_AWAY, OPEN, append_message};

    fn records(transport: Transport) -> Records {
        Records::new(transport, Some("c=callback")).unwrap()
    }

    fn prelude(transport: Transport) -> String {
        let mut out = Vec::new();
        records(transport).append_prelude(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn record(transport: Transport, frame: &[u8]) -> String {
        let mut out = Vec::new();
        records(transport).append_record(frame, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn message(text: &str) -> Vec<u8> {
        let mut frame = Vec::new();
        append_message(&mut frame, text);
        frame
    }

    #[test]
    fn s39_a_websockets_message_is_the_frame() {
        assert_eq!(prelude(Transport::Websocket), "");
        assert_eq!(record(Transport::Websocket, OPEN), "o");
    }

    #[test]
    fn s40_a_poll_ends_with_a_line_feed() {
        assert_eq!(prelude(Transport::Xhr), "");
        assert_eq!(record(Transport::Xhr, &message("x")), "a[\"x\"]\n");
    }

    #[test]
    fn s41_a_stream_begins_with_two_kibibytes() {
        let expected = format!("{}\n", "h".repeat(2048));
        assert_eq!(prelude(Transport::XhrStreaming), expected);
        assert_eq!(record(Transport::XhrStreaming, OPEN), "o\n");
    }

    #[test]
    fn s42_events_begin_with_a_line_end() {
        assert_eq!(prelude(Transport::Eventsource), "\r\n");
        assert_eq!(record(Transport::Eventsource, OPEN), "data: o\r\n\r\n");
        assert_eq!(
            record(Transport::Eventsource, &message("  \0\n\r ")),
            "data: a[\"  \\u0000\\n\\r \"]\r\n\r\n"
        );
    }

    #[test]
    fn s42_only_events_have_their_percent_signs_escaped() {
        let frame = message("100% %41 %");
        assert_eq!(
            record(Transport::Eventsource, &frame),
            "data: a[\"100%25 %2541 %25\"]\r\n\r\n"
        );
        for transport in Transport::ALL {
            let is_same = record(transport, &frame).contains("100% %41 %");
            assert_eq!(
                is_same,
                transport != Transport::Eventsource,
                "{transport:?}"
            );
        }
    }

    #[test]
    fn s43_a_page_begins_with_the_function_to_call() {
        let page = prelude(Transport::Htmlfile);
        assert!(page.len() > 1024);
        assert!(page.starts_with("<!doctype html>\n<html><head>\n  <meta http-equiv="));
        assert!(page.contains("\n    var c = parent.callback;\n    c.start();\n"));
        assert!(page.trim_end().ends_with("c.stop();};\n  </script>"));
        assert_eq!(
            record(Transport::Htmlfile, OPEN),
            "<script>\np(\"o\");\n</script>\r\n"
        );
        assert_eq!(
            record(Transport::Htmlfile, &message("x")),
            "<script>\np(\"a[\\\"x\\\"]\");\n</script>\r\n"
        );
    }

    #[test]
    fn s43_a_message_cannot_end_the_script_that_it_is_in() {
        let out = record(Transport::Htmlfile, &message("</script><!--\u{2028}\\"));
        assert_eq!(
            out,
            "<script>\np(\"a[\\\"\\u003c/script>\\u003c!--\\\\u2028\\\\\\\\\\\"]\");\n</script>\r\n"
        );
    }

    #[test]
    fn sockjs_protocol_a_call_begins_with_a_comment() {
        let mut close = Vec::new();
        GO_AWAY.append(&mut close);
        assert_eq!(prelude(Transport::Jsonp), "");
        assert_eq!(
            record(Transport::Jsonp, &close),
            "/**/callback(\"c[3000,\\\"Go away!\\\"]\");\r\n"
        );
    }

    #[test]
    fn s43_only_where_a_function_is_called_one_is_required() {
        for transport in Transport::ALL {
            let error = Records::new(transport, Some("t=1")).err();
            let expected = transport.needs_callback().then_some(CallbackError::Missing);
            assert_eq!(error, expected, "{transport:?}");
        }
    }
}
