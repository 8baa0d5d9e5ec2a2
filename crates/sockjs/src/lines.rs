//! Frames that wait as lines: each with a line feed behind it, which no frame has in itself.

use crate::frames::HEART_BEAT;

/// The first line, without its line feed, and how many octets both are; `None` while no line is
/// whole.
pub fn first_line(lines: &[u8]) -> Option<(&[u8], usize)> {
    let end = lines.iter().position(|octet| *octet == b'\n')?;
    Some((&lines[..end], end + 1))
}

/// Appends to `frame` what a poll is answered with, and returns how many octets of `lines` that
/// takes: 0, with nothing appended, while no line is whole.
///
/// It is the first frame; a frame of messages is joined by those of all that follow it at once, and
/// heart-beats before another frame are left out, so that no messages wait for further requests of
/// a client who polls.
pub fn merge(lines: &[u8], frame: &mut Vec<u8>) -> usize {
    let Some((mut first, mut consumed)) = first_line(lines) else {
        return 0;
    };
    while first == HEART_BEAT
        && let Some((next, octets)) = first_line(&lines[consumed..])
    {
        first = next;
        consumed += octets;
    }
    let Some(mut messages) = messages_of(first) else {
        frame.extend_from_slice(first);
        return consumed;
    };
    frame.extend_from_slice(b"a[");
    let start = frame.len();
    loop {
        if frame.len() > start && !messages.is_empty() {
            frame.push(b',');
        }
        frame.extend_from_slice(messages);
        let next = first_line(&lines[consumed..]);
        let Some((more, octets)) =
            next.and_then(|(line, octets)| Some((messages_of(line)?, octets)))
        else {
            break;
        };
        messages = more;
        consumed += octets;
    }
    frame.push(b']');
    consumed
}

/// What stands within the brackets of a frame of messages; `None` for other frames.
fn messages_of(frame: &[u8]) -> Option<&[u8]> {
    frame.strip_prefix(b"a[")?.strip_suffix(b"]")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(lines: &str) -> (String, usize) {
        let mut frame = Vec::new();
        let consumed = merge(lines.as_bytes(), &mut frame);
        (String::from_utf8(frame).unwrap(), consumed)
    }

    #[test]
    fn s40_a_poll_gets_one_frame() {
        assert_eq!(merged("o\na[\"x\"]\n"), ("o".to_owned(), 2));
        assert_eq!(
            merged("c[3000,\"Go away!\"]\nc[1,\"\"]\n"),
            ("c[3000,\"Go away!\"]".to_owned(), 19)
        );
        assert_eq!(merged(""), (String::new(), 0));
        assert_eq!(merged("a[\"x\""), (String::new(), 0));
    }

    #[test]
    fn s40_messages_that_have_waited_come_together() {
        let lines = "a[\"1\"]\na[]\na[\"2\",\"3\"]\na[\"4\"]\nc[3000,\"\"]\na[\"5\"]\n";
        let (frame, consumed) = merged(lines);
        assert_eq!(frame, r#"a["1","2","3","4"]"#);
        assert_eq!(&lines[consumed..], "c[3000,\"\"]\na[\"5\"]\n");
        assert_eq!(merged("a[]\na[]\n"), ("a[]".to_owned(), 8));
        assert_eq!(merged("a[]\na[\"1\"]\n"), ("a[\"1\"]".to_owned(), 11));
        assert_eq!(merged("a[\"1\"]\na[\"2\""), ("a[\"1\"]".to_owned(), 7));
    }

    #[test]
    fn s40_a_heart_beat_is_a_frame_only_where_nothing_else_waits() {
        assert_eq!(merged("h\n"), ("h".to_owned(), 2));
        assert_eq!(merged("h\nh\n"), ("h".to_owned(), 4));
        assert_eq!(merged("h\na[\"1\"]\nh\n"), ("a[\"1\"]".to_owned(), 9));
        assert_eq!(merged("h\na[\"1\""), ("h".to_owned(), 2));
    }

    #[test]
    fn s41_a_stream_takes_line_by_line() {
        assert_eq!(first_line(b"o\na[]\n"), Some((&b"o"[..], 2)));
        assert_eq!(first_line(b"a["), None);
        assert_eq!(first_line(b"\n"), Some((&b""[..], 1)));
    }
}
