//! What the fuzz targets do with one input. The corpus is replayed through the same functions by
//! an ordinary test.

use campanile_stomp::{
    ClientFrame, Command, DecodeError, Decoder, Limits, Role, Selector, SelectorError, Version,
    append_message_prefix, encode, encode_message_rest,
};

use super::{LIMITS, Outcome, Owned, decoder, drive, reader::read};

/// Decodes `data` whole, in pieces and octet by octet, and requires the same outcome of all, and of
/// a reader of its own. Then encodes the frames for each version and requires them to come back.
///
/// The first octet says how: bit 0 for the client's role, bits 1 and 2 for the version, and the
/// other bits, plus one, are the size of the pieces. The rest is the stream.
pub(crate) fn decode_input(data: &[u8]) -> Option<DecodeError> {
    let (&how, stream) = data.split_first()?;
    let role = match how & 1 {
        0 => Role::Server,
        _ => Role::Client,
    };
    let version = match how >> 1 & 3 {
        0 => None,
        1 => Some(Version::V10),
        2 => Some(Version::V11),
        _ => Some(Version::V12),
    };
    let whole = drive(decoder(role, version), [stream], &LIMITS);
    let pieces = stream.chunks(usize::from(how >> 3) + 1);
    assert_eq!(drive(decoder(role, version), pieces, &LIMITS), whole);
    assert_eq!(
        drive(decoder(role, version), stream.chunks(1), &LIMITS),
        whole
    );
    let Outcome { frames, error, .. } = whole;
    let (expected, is_bad) = read(stream, role, version);
    let is_limit = error.is_some_and(|error| error.word() == "too-big");
    if is_limit || error == Some(DecodeError::StrayCarriageReturn) {
        assert!(
            expected.starts_with(&frames),
            "{frames:?} begin {expected:?}"
        );
    } else {
        assert_eq!(frames, expected);
        assert_eq!(error.is_some(), is_bad, "{error:?}");
    }
    for frame in &frames {
        for version in Version::ALL {
            assert_arrives(frame, role, version);
        }
    }
    if role == Role::Server {
        read_requests(stream, version);
    }
    error
}

/// Requires that `frame` reaches a receiver of `version` with as many headers, whatever they hold.
pub(crate) fn assert_arrives(frame: &Owned, role: Role, version: Version) {
    let headers = frame.own_headers();
    let octets = encode(version, frame.command, &headers, &frame.body);
    let limits = Limits {
        headers_max: 100,
        ..Limits::default()
    };
    let again = drive(decoder(role, Some(version)), [octets.as_slice()], &limits).frame();
    assert_eq!(again.command, frame.command);
    let expected: Vec<(String, String)> = headers
        .iter()
        .map(|(name, value)| {
            let arrives = |text: &str, is_name| arrives_as(text, frame.command, version, is_name);
            (arrives(name, true), arrives(value, false))
        })
        .collect();
    let again_headers = again.own_headers();
    let expected: Vec<_> = expected
        .iter()
        .map(|it| (it.0.as_str(), it.1.as_str()))
        .collect();
    assert_eq!(again_headers, expected);
    if frame.command.may_have_body(Some(version)) {
        assert_eq!(again.body, frame.body);
    }
    if frame.command == Command::Message {
        let mut joined = Vec::new();
        append_message_prefix(version, Some("s:1"), Some("a\n"), &mut joined);
        joined.extend(encode_message_rest(version, &headers, &frame.body));
        let joined = drive(decoder(role, Some(version)), [joined.as_slice()], &limits).frame();
        assert_eq!(
            joined.headers[0],
            ("subscription".to_owned(), "s:1".to_owned())
        );
        assert_eq!(joined.body, frame.body);
        let prefix = if version == Version::V12 { 2 } else { 1 };
        let is_prefix = |name: &str| name == "subscription" || name == "ack";
        let rest = expected.iter().filter(|header| !is_prefix(header.0));
        assert!(joined.own_headers()[prefix..].iter().eq(rest));
    }
}

/// What becomes of a header's name or value: the rules that the encoder documents.
fn arrives_as(text: &str, command: Command, version: Version, is_name: bool) -> String {
    let opens = matches!(
        command,
        Command::Connect | Command::Stomp | Command::Connected
    );
    let version = if opens { Version::V10 } else { version };
    let harmless = if is_name { '_' } else { ' ' };
    let arrives = |it: char| match it {
        '\0' => harmless,
        '\r' if version < Version::V12 => harmless,
        '\n' if version < Version::V11 => harmless,
        ':' if version < Version::V11 && is_name => harmless,
        other => other,
    };
    match text {
        "" if is_name => "_".to_owned(),
        text => text.chars().map(arrives).collect(),
    }
}

/// Reads what clients ask for, in every version; what is secret may not be shown.
fn read_requests(stream: &[u8], version: Option<Version>) {
    let mut decoder: Decoder = decoder(Role::Server, version);
    let mut rest = stream;
    while let Ok(decoded) = decoder.decode(rest, &LIMITS) {
        let Some(frame) = decoded.frame else { break };
        for version in Version::ALL {
            if let Err(error) = ClientFrame::read(&frame, version) {
                assert!(!error.word().is_empty() && !error.to_string().is_empty());
            }
        }
        let names = frame
            .headers()
            .filter(|header| header.name == "passcode")
            .count();
        assert_eq!(
            format!("{frame:?}")
                .matches("\"passcode\": \"***\"")
                .count(),
            names
        );
        rest = &rest[decoded.consumed..];
    }
}

/// Parses the first line of `data` as a selector and tries it on a message with the other lines, as
/// NAME:VALUE, for headers.
pub(crate) fn selector_input(data: &[u8]) -> Option<Result<bool, SelectorError>> {
    let text = std::str::from_utf8(data).ok()?;
    let (text, message) = text.split_once('\n').unwrap_or((text, ""));
    let header = |name: &str| {
        let mut headers = message.lines().filter_map(|line| line.split_once(':'));
        let found = headers.find(|header| header.0 == name);
        found.map(|header| header.1.into())
    };
    let selector = match Selector::parse(text) {
        Ok(selector) => selector,
        Err(error) => {
            assert!(error.to_string().starts_with("selector"));
            return Some(Err(error));
        }
    };
    let is_selected = selector.matches(header);
    if let Ok(opposite) = Selector::parse(&format!("NOT ({text})")) {
        assert!(
            !(is_selected && opposite.matches(header)),
            "{text} is true and false"
        );
    }
    Some(Ok(is_selected))
}
