//! Finds the end of a frame and checks its parts, as far as its octets have come.
//!
//! It goes on where it stopped, so that the work is proportional to the octets however they are
//! cut, and each rule is checked at the same octet, so that the same stream fails in the same
//! place.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2};

use crate::{
    command::{Command, Role},
    error::{DecodeError, Excerpt},
    escape::Escapes,
    frame::Frame,
    limits::{COMMAND_LINE_BYTES_MAX, Limits},
    version::Version,
};

/// What the rules of a frame depend on besides its octets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'l> {
    pub(crate) role: Role,
    pub(crate) version: Option<Version>,
    pub(crate) limits: &'l Limits,
}

/// How far a frame has been read. Positions count from its first octet.
#[derive(Debug)]
pub(crate) struct Scan {
    command: Command,
    phase: Phase,
    strips_cr: bool,
    headers: usize,
    /// Where the current line begins; the end of the headers in the body.
    line_start: usize,
    /// Up to where the end of the current line, or of the body, was looked for.
    searched: usize,
    head_start: usize,
    body_start: usize,
    content_length: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Command,
    Headers,
    Body,
}

impl Scan {
    pub(crate) fn new() -> Self {
        Self {
            command: Command::Error,
            phase: Phase::Command,
            strips_cr: false,
            headers: 0,
            line_start: 0,
            searched: 0,
            head_start: 0,
            body_start: 0,
            content_length: None,
        }
    }

    /// Reads on in `octets`, all that there is of the frame, and maybe more. `true` once the frame
    /// is complete.
    #[inline]
    pub(crate) fn advance(
        &mut self,
        octets: &[u8],
        context: &Context<'_>,
    ) -> Result<bool, DecodeError> {
        if self.phase == Phase::Command && !self.read_command(octets, context)? {
            return Ok(false);
        }
        while self.phase == Phase::Headers {
            if !self.read_line(octets, context)? {
                return Ok(false);
            }
        }
        match self.content_length {
            Some(length) => self.read_counted(octets, length),
            None => self.read_to_nul(octets, context),
        }
    }

    /// How many octets of `input` belong to this frame for certain, of which `kept` octets are
    /// there already: up to where something has to be looked at.
    pub(crate) fn wanted(&self, kept: usize, input: &[u8], limits: &Limits) -> usize {
        // One octet over the limit is enough to see that it is passed.
        let most = limits
            .frame_bytes_max
            .saturating_sub(kept)
            .saturating_add(1);
        let input = &input[..input.len().min(most)];
        let end = match (self.phase, self.content_length) {
            (Phase::Command | Phase::Headers, _) => memchr2(b'\n', 0, input).map(|at| at + 1),
            (Phase::Body, None) => memchr(0, input).map(|at| at + 1),
            (Phase::Body, Some(_)) => self.bytes_known().map(|end| end.saturating_sub(kept)),
        };
        end.unwrap_or(input.len()).min(input.len())
    }

    /// How long the whole frame is, once `content-length` has told that.
    pub(crate) fn bytes_known(&self) -> Option<usize> {
        let length = self.content_length?;
        (self.phase == Phase::Body)
            .then(|| self.body_start.saturating_add(length).saturating_add(1))
    }

    fn read_command(&mut self, octets: &[u8], context: &Context<'_>) -> Result<bool, DecodeError> {
        let window = &octets[..octets.len().min(COMMAND_LINE_BYTES_MAX)];
        let Some(end) = memchr2(b'\n', 0, window) else {
            return match window.len() < COMMAND_LINE_BYTES_MAX {
                true => Ok(false),
                false => Err(DecodeError::UnknownCommand {
                    command: Excerpt::new(window),
                }),
            };
        };
        if window[end] == 0 {
            return Err(DecodeError::NulInHead);
        }
        let line = &window[..end];
        let name = line.strip_suffix(b"\r").unwrap_or(line);
        let command = Command::parse(name).ok_or_else(|| DecodeError::UnknownCommand {
            command: Excerpt::new(name),
        })?;
        if command.receiver() != context.role {
            return Err(DecodeError::CommandNotForRole { command });
        }
        // Before 1.2 a carriage return belongs to the value. But no command ends in one: a frame
        // whose first line does was written by a sender who ends all lines so.
        self.strips_cr =
            name.len() < line.len() || matches!(context.version, None | Some(Version::V12));
        self.command = command;
        self.head_start = end + 1;
        self.begin_line(end + 1);
        self.phase = Phase::Headers;
        Ok(true)
    }

    fn begin_line(&mut self, start: usize) {
        self.line_start = start;
        self.searched = start;
    }

    #[inline]
    fn read_line(&mut self, octets: &[u8], context: &Context<'_>) -> Result<bool, DecodeError> {
        let limits = context.limits;
        // The first place where the line's end would be too late.
        let line_max = self
            .line_start
            .saturating_add(limits.header_bytes_max)
            .saturating_add(1);
        let window_end = line_max
            .min(limits.head_bytes_max)
            .min(limits.frame_bytes_max);
        let searched = self.searched.min(window_end);
        let window = &octets[searched..octets.len().min(window_end).max(searched)];
        let Some(end) = memchr2(b'\n', 0, window).map(|at| at + searched) else {
            if octets.len() < window_end {
                self.searched = octets.len();
                return Ok(false);
            }
            return Err(if window_end == line_max {
                let header_bytes_max = limits.header_bytes_max;
                DecodeError::HeaderTooBig { header_bytes_max }
            } else if window_end == limits.head_bytes_max {
                let head_bytes_max = limits.head_bytes_max;
                DecodeError::HeadTooBig { head_bytes_max }
            } else {
                frame_too_big(limits)
            });
        };
        if octets[end] == 0 {
            return Err(DecodeError::NulInHead);
        }
        let mut line = &octets[self.line_start..end];
        if self.strips_cr {
            line = line.strip_suffix(b"\r").unwrap_or(line);
        }
        if line.is_empty() {
            self.end_headers(octets, end + 1, context)?;
            return Ok(true);
        }
        self.headers += 1;
        let header = self.headers;
        if header > limits.headers_max {
            let headers_max = limits.headers_max;
            return Err(DecodeError::TooManyHeaders { headers_max });
        }
        match memchr(b':', line) {
            None => return Err(DecodeError::HeaderWithoutColon { header }),
            Some(0) => return Err(DecodeError::HeaderNameEmpty { header }),
            Some(colon) => {
                if &line[..colon] == b"content-length" && self.content_length.is_none() {
                    self.content_length = Some(content_length(&line[colon + 1..], context)?);
                }
            }
        }
        self.begin_line(end + 1);
        Ok(true)
    }

    /// What can be checked when all headers are there.
    fn end_headers(
        &mut self,
        octets: &[u8],
        body_start: usize,
        context: &Context<'_>,
    ) -> Result<(), DecodeError> {
        let head = &octets[self.head_start..self.line_start];
        let escapes = Escapes::of(self.command, context.version);
        if escapes != Escapes::None && memchr(b'\\', head).is_some() {
            check_escapes(head, escapes, self.strips_cr)?;
        }
        if context.version == Some(Version::V12) && memchr(b'\r', head).is_some() {
            check_carriage_returns(head)?;
        }
        self.phase = Phase::Body;
        self.body_start = body_start;
        self.searched = body_start;
        let Some(length) = self.content_length else {
            return Ok(());
        };
        let command = self.command;
        if length > 0 && !command.may_have_body(context.version) {
            return Err(DecodeError::BodyNotAllowed { command });
        }
        let body_bytes_max = context.limits.body_bytes_max;
        if length > body_bytes_max {
            return Err(DecodeError::BodyTooBig { body_bytes_max });
        }
        let end = body_start
            .checked_add(length)
            .and_then(|it| it.checked_add(1));
        if end.is_none_or(|end| end > context.limits.frame_bytes_max) {
            return Err(frame_too_big(context.limits));
        }
        Ok(())
    }

    fn read_counted(&mut self, octets: &[u8], length: usize) -> Result<bool, DecodeError> {
        let end = self.body_start + length;
        match octets.get(end) {
            None => Ok(false),
            Some(0) => {
                self.searched = end;
                Ok(true)
            }
            Some(_) => Err(DecodeError::BodyNotTerminated {
                content_length: length,
            }),
        }
    }

    fn read_to_nul(&mut self, octets: &[u8], context: &Context<'_>) -> Result<bool, DecodeError> {
        let limits = context.limits;
        let command = self.command;
        if octets.get(self.body_start).is_some_and(|octet| *octet != 0)
            && !command.may_have_body(context.version)
        {
            return Err(DecodeError::BodyNotAllowed { command });
        }
        let body_max = self
            .body_start
            .saturating_add(limits.body_bytes_max)
            .saturating_add(1);
        let window_end = body_max.min(limits.frame_bytes_max);
        let searched = self.searched.min(window_end);
        let window = &octets[searched..octets.len().min(window_end).max(searched)];
        match memchr(0, window) {
            Some(at) => {
                self.searched = searched + at;
                Ok(true)
            }
            None if octets.len() < window_end => {
                self.searched = octets.len();
                Ok(false)
            }
            None if window_end == body_max => Err(DecodeError::BodyTooBig {
                body_bytes_max: limits.body_bytes_max,
            }),
            None => Err(frame_too_big(limits)),
        }
    }

    /// The octets of a complete frame, with its NUL.
    pub(crate) fn bytes(&self) -> usize {
        self.searched + 1
    }

    /// The complete frame that lies at the front of `octets`.
    #[inline]
    pub(crate) fn frame<'a>(
        &self,
        octets: &'a [u8],
        version: Option<Version>,
    ) -> Result<Frame<'a>, DecodeError> {
        let part = |range: Range<usize>| octets.get(range).unwrap_or_default();
        let head = simdutf8::basic::from_utf8(part(self.head_start..self.line_start));
        Ok(Frame {
            command: self.command,
            escapes: Escapes::of(self.command, version),
            strips_cr: self.strips_cr,
            head: head.map_err(|_| DecodeError::HeadNotUtf8)?,
            body: part(self.body_start..self.searched),
        })
    }
}

fn frame_too_big(limits: &Limits) -> DecodeError {
    DecodeError::FrameTooBig {
        frame_bytes_max: limits.frame_bytes_max,
    }
}

/// Digits only. What does not fit is too long for any limit, so it may as well be the greatest.
fn content_length(value: &[u8], context: &Context<'_>) -> Result<usize, DecodeError> {
    // The examples of 1.0 have blanks after the colon, which it does not explain.
    let value = match context.version {
        None | Some(Version::V10) => value.trim_ascii(),
        Some(_) => value,
    };
    if value.is_empty() {
        return Err(DecodeError::ContentLengthInvalid);
    }
    let mut length = 0_usize;
    for digit in value {
        if !digit.is_ascii_digit() {
            return Err(DecodeError::ContentLengthInvalid);
        }
        let digit = usize::from(digit - b'0');
        length = length.saturating_mul(10).saturating_add(digit);
    }
    Ok(length)
}

fn check_escapes(head: &[u8], escapes: Escapes, strips_cr: bool) -> Result<(), DecodeError> {
    let mut at = 0;
    while let Some(found) = memchr(b'\\', &head[at..]) {
        at += found;
        // There always is one more, as each line has its end.
        let octet = head.get(at + 1).copied().unwrap_or(b'\n');
        if escapes.meaning(octet).is_none() {
            let header = memchr_iter(b'\n', &head[..at]).count() + 1;
            let ends_line = strips_cr && head[at + 1..].starts_with(b"\r\n");
            let octet = if ends_line { b'\n' } else { octet };
            return Err(DecodeError::BadEscape { header, octet });
        }
        at += 2;
    }
    Ok(())
}

fn check_carriage_returns(head: &[u8]) -> Result<(), DecodeError> {
    for at in memchr_iter(b'\r', head) {
        if head.get(at + 1) != Some(&b'\n') {
            let header = memchr_iter(b'\n', &head[..at]).count() + 1;
            return Err(DecodeError::CarriageReturnInHeader { header });
        }
    }
    Ok(())
}
