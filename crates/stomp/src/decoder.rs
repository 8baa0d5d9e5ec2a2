//! From octets to frames.

use crate::{
    command::Role,
    error::DecodeError,
    frame::Frame,
    limits::Limits,
    scan::{Context, Scan},
    version::Version,
};

/// What one call of [`Decoder::decode`] came to.
#[derive(Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// How many octets from the front of the input are done with. The next call gets those that
    /// follow.
    pub consumed: usize,
    /// How many line ends stood before the frame, or before the end of the input: heart-beats, and
    /// what some senders put behind each frame. Any of them is a sign of life (STOMP 1.2,
    /// Heart-beating), as are octets that complete nothing.
    pub heart_beats: usize,
    /// What they amounted to; `None` if they complete nothing, then all were consumed.
    pub frame: Option<Frame<'a>>,
}

/// Decodes what one peer sends: octets in, [`Frame`]s out.
///
/// It is small (at most 64 octets) and owns no heap memory between frames, so that an idle
/// connection costs nothing more. See [`decode`](Self::decode) for how to drive it.
#[derive(Debug)]
pub struct Decoder {
    state: State,
    version: Option<Version>,
    role: Role,
    /// Whether the last octet was a carriage return between frames.
    after_cr: bool,
}

#[derive(Debug)]
enum State {
    /// No frame has begun.
    Between,
    /// Some of a frame is kept; all of it if it has been lent.
    Within(Box<Partial>),
    Failed(DecodeError),
}

/// What is kept of a frame that did not lie whole in the input.
#[derive(Debug)]
struct Partial {
    octets: Vec<u8>,
    scan: Scan,
    lent: bool,
}

impl Decoder {
    /// A decoder for a connection that has just been opened, whose version is not known yet.
    pub fn new(role: Role) -> Self {
        Self {
            state: State::Between,
            version: None,
            role,
            after_cr: false,
        }
    }

    /// Reads what follows by the rules of `version`. Call it with what CONNECT and CONNECTED have
    /// come to, before the octets behind that frame are decoded: the peer may already have sent
    /// more.
    ///
    /// Until then frames are read without escapes, a carriage return before a line feed is no part
    /// of a header, and any frame may have a body: so that the first frame of each version is
    /// understood.
    pub fn set_version(&mut self, version: Version) {
        self.version = Some(version);
    }

    /// The version that was [set](Self::set_version).
    pub fn version(&self) -> Option<Version> {
        self.version
    }

    /// Takes octets from the front of `input` until one frame is complete or `input` is used up.
    ///
    /// `input` may be cut anywhere: reads from TCP, or the content of WebSocket messages, text or
    /// binary, into which frames may be packed and over which they may be spread (S63). Call it
    /// again with what follows [`Decoded::consumed`] until the frame is `None`; then all of `input`
    /// has been consumed, what is unfinished has been copied, and the next call gets the next
    /// octets from the network. (That last call, which may be one with an empty `input`, also frees
    /// the memory of a large frame; [`release`](Self::release) does so too.)
    ///
    /// A frame that lies whole in `input` is lent from there, without a copy or an allocation.
    ///
    /// # Errors
    /// The first rule that the peer broke. A rule is checked as soon as the octets are there on
    /// which it depends, so that the same stream fails in the same place however it is cut. After
    /// an error, every call returns the same one.
    pub fn decode<'a>(
        &'a mut self,
        input: &'a [u8],
        limits: &Limits,
    ) -> Result<Decoded<'a>, DecodeError> {
        self.release();
        if let State::Failed(error) = self.state {
            return Err(error);
        }
        let context = Context {
            role: self.role,
            version: self.version,
            limits,
        };
        let mut done = Decoded {
            consumed: 0,
            heart_beats: 0,
            frame: None,
        };
        if matches!(self.state, State::Between) {
            match self.skip_line_ends(input) {
                Ok((consumed, heart_beats)) => {
                    done.consumed = consumed;
                    done.heart_beats = heart_beats;
                }
                Err(error) => return Err(self.fail(error)),
            }
            let rest = &input[done.consumed..];
            if rest.is_empty() {
                return Ok(done);
            }
            let mut scan = Scan::new();
            let frame = match scan.advance(rest, &context) {
                Ok(true) => scan.frame(rest, self.version),
                Ok(false) => {
                    self.state = State::Within(Box::new(Partial {
                        octets: rest.to_vec(),
                        scan,
                        lent: false,
                    }));
                    done.consumed = input.len();
                    return Ok(done);
                }
                Err(error) => Err(error),
            };
            return match frame {
                Ok(frame) => {
                    done.consumed += scan.bytes();
                    done.frame = Some(frame);
                    Ok(done)
                }
                Err(error) => Err(self.fail(error)),
            };
        }
        match self.go_on(input, &context) {
            Ok((consumed, is_complete)) => {
                done.consumed = consumed;
                if !is_complete {
                    return Ok(done);
                }
            }
            Err(error) => return Err(self.fail(error)),
        }
        if let State::Within(partial) = &mut self.state {
            partial.lent = true;
            done.frame = partial.scan.frame(&partial.octets, self.version).ok();
        }
        Ok(done)
    }

    /// Frees the memory of the frame that was returned last. [`decode`](Self::decode) does so
    /// itself when it is called again; call this if that may take a while.
    pub fn release(&mut self) {
        if matches!(&self.state, State::Within(partial) if partial.lent) {
            self.state = State::Between;
        }
    }

    /// Whether nothing is unfinished: the peer has sent whole frames so far.
    pub fn is_idle(&self) -> bool {
        match &self.state {
            State::Between => !self.after_cr,
            State::Within(partial) => partial.lent,
            State::Failed(_) => true,
        }
    }

    /// The octets of heap memory that this decoder holds for what is unfinished or lent. 0 between
    /// frames.
    pub fn retained_bytes(&self) -> usize {
        match &self.state {
            State::Within(partial) => size_of::<Partial>() + partial.octets.capacity(),
            State::Between | State::Failed(_) => 0,
        }
    }

    /// Goes over line ends between frames; returns how many octets and how many ends that are.
    #[inline]
    fn skip_line_ends(&mut self, input: &[u8]) -> Result<(usize, usize), DecodeError> {
        let mut ends = 0;
        for (at, octet) in input.iter().enumerate() {
            match (octet, self.after_cr) {
                (b'\n', _) => {
                    self.after_cr = false;
                    ends += 1;
                }
                (b'\r', false) => self.after_cr = true,
                (_, true) => return Err(DecodeError::StrayCarriageReturn),
                (_, false) => return Ok((at, ends)),
            }
        }
        Ok((input.len(), ends))
    }

    /// Adds to the frame that is kept; returns how much was taken, and whether it is complete.
    fn go_on(&mut self, input: &[u8], context: &Context<'_>) -> Result<(usize, bool), DecodeError> {
        let State::Within(partial) = &mut self.state else {
            return Ok((0, false));
        };
        let mut consumed = 0;
        while consumed < input.len() {
            let rest = &input[consumed..];
            let wanted = partial
                .scan
                .wanted(partial.octets.len(), rest, context.limits);
            partial.keep(&rest[..wanted], context.limits);
            consumed += wanted;
            if partial.scan.advance(&partial.octets, context)? {
                // Whether the headers are text is asked when they are lent; a frame that was
                // spread over several reads pays for asking twice.
                partial.scan.frame(&partial.octets, context.version)?;
                return Ok((consumed, true));
            }
        }
        Ok((consumed, false))
    }

    #[cold]
    fn fail(&mut self, error: DecodeError) -> DecodeError {
        self.state = State::Failed(error);
        error
    }
}

impl Partial {
    /// Appends octets. The buffer grows with what has arrived, by a quarter of that at a time, and
    /// not beyond what the frame can come to.
    fn keep(&mut self, octets: &[u8], limits: &Limits) {
        let needed = self.octets.len() + octets.len();
        if needed > self.octets.capacity() {
            let roomy = needed + needed / 4;
            let whole = self.scan.bytes_known().unwrap_or(limits.frame_bytes_max);
            let capacity = roomy.min(whole).max(needed);
            self.octets.reserve_exact(capacity - self.octets.len());
        }
        self.octets.extend_from_slice(octets);
    }
}
