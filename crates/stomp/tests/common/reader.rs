//! Another reader of frames, written in the plainest way from the grammar: the whole stream at
//! once, no limits, everything copied. What the decoder says is compared with it.

use campanile_stomp::{Command, Role, Version};

use super::Owned;

/// The frames of a stream, and whether something that is wrong follows them.
pub(crate) fn read(mut stream: &[u8], role: Role, version: Option<Version>) -> (Vec<Owned>, bool) {
    let mut frames = Vec::new();
    loop {
        while let [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] = stream {
            stream = rest;
        }
        if stream.is_empty() || stream == b"\r" {
            return (frames, false);
        }
        match frame(stream, role, version) {
            Ok(Some((frame, bytes))) => {
                frames.push(frame);
                stream = &stream[bytes..];
            }
            Ok(None) => return (frames, false),
            Err(()) => return (frames, true),
        }
    }
}

/// A frame and its length; `None` if some of it is missing.
fn frame(
    stream: &[u8],
    role: Role,
    version: Option<Version>,
) -> Result<Option<(Owned, usize)>, ()> {
    let mut at = 0;
    let Some(mut line) = take_line(stream, &mut at)? else {
        // No command is that long.
        return if stream.len() < 32 { Ok(None) } else { Err(()) };
    };
    let has_cr = line.ends_with(b"\r");
    let strips_cr = has_cr || version.is_none() || version == Some(Version::V12);
    if has_cr {
        line = &line[..line.len() - 1];
    }
    let command = Command::ALL
        .into_iter()
        .find(|command| command.as_str().as_bytes() == line)
        .ok_or(())?;
    let is_from_server = ["CONNECTED", "MESSAGE", "RECEIPT", "ERROR"].contains(&command.as_str());
    if is_from_server != (role == Role::Client) {
        return Err(());
    }
    let opens = ["CONNECT", "STOMP", "CONNECTED"].contains(&command.as_str());
    let mut headers = Vec::new();
    let mut length = None;
    let mut bad = false;
    loop {
        let Some(mut line) = take_line(stream, &mut at)? else {
            return Ok(None);
        };
        if strips_cr && line.ends_with(b"\r") {
            line = &line[..line.len() - 1];
        }
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|octet| *octet == b':').ok_or(())?;
        let (name, value) = (&line[..colon], &line[colon + 1..]);
        if name.is_empty() {
            return Err(());
        }
        if name == b"content-length" && length.is_none() {
            length = Some(number(value, version)?);
        }
        bad |= version == Some(Version::V12) && line.contains(&b'\r');
        let escapes = match version {
            _ if opens => "",
            None | Some(Version::V10) => "",
            Some(Version::V11) => "nc\\",
            Some(Version::V12) => "nc\\r",
        };
        // Text that is not UTF-8 is a mistake of the frame, which is found at its end.
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        match (plain(&text(name), escapes), plain(&text(value), escapes)) {
            (Some(name), Some(value)) => headers.push((name, value)),
            _ => bad = true,
        }
    }
    if bad {
        return Err(());
    }
    let may_have_body = ["SEND", "MESSAGE", "ERROR"].contains(&command.as_str())
        || version.is_none()
        || version == Some(Version::V10);
    let rest = &stream[at..];
    if !may_have_body
        && (length.is_some_and(|it| it > 0) || rest.first().is_some_and(|it| *it != 0))
    {
        return Err(());
    }
    let body = match length {
        Some(length) => match rest.get(length) {
            None => return Ok(None),
            Some(0) => &rest[..length],
            Some(_) => return Err(()),
        },
        None => match rest.iter().position(|octet| *octet == 0) {
            None => return Ok(None),
            Some(end) => &rest[..end],
        },
    };
    let head = &stream[..at];
    if std::str::from_utf8(head).is_err() {
        return Err(());
    }
    let owned = Owned {
        command,
        headers,
        body: body.to_vec(),
    };
    Ok(Some((owned, at + body.len() + 1)))
}

/// The next line; an error if a NUL comes before its end.
fn take_line<'s>(stream: &'s [u8], at: &mut usize) -> Result<Option<&'s [u8]>, ()> {
    let rest = &stream[*at..];
    for (index, octet) in rest.iter().enumerate() {
        match octet {
            0 => return Err(()),
            b'\n' => {
                *at += index + 1;
                return Ok(Some(&rest[..index]));
            }
            _ => {}
        }
    }
    Ok(None)
}

fn number(value: &[u8], version: Option<Version>) -> Result<usize, ()> {
    let mut text = String::from_utf8_lossy(value).into_owned();
    if version.is_none() || version == Some(Version::V10) {
        let is_blank = |it: char| it.is_ascii_whitespace();
        text = text.trim_matches(is_blank).to_owned();
    }
    if text.is_empty() || !text.chars().all(|it| it.is_ascii_digit()) {
        return Err(());
    }
    // Beyond any stream of a test.
    Ok(text.parse().unwrap_or(usize::MAX >> 1))
}

/// Undoes escapes, character by character; `None` if one is not among `escapes`.
fn plain(text: &str, escapes: &str) -> Option<String> {
    if escapes.is_empty() {
        return Some(text.to_owned());
    }
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        let escape = characters.next().filter(|it| escapes.contains(*it))?;
        plain.push(match escape {
            'n' => '\n',
            'c' => ':',
            'r' => '\r',
            other => other,
        });
    }
    Some(plain)
}
