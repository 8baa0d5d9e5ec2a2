//! A client as people write them: it comes back when its connection breaks, and says up to where
//! it has received.

use campanile_stomp::{Command, Version};

use super::Random;
use super::acts::{Act, Fate, Mode, Sending, Settling, Subscribing, What};
use super::frames::{Frames, Seen, body_of};
use super::net::Shared;
use super::places::Wish;

/// One of its subscriptions, which outlives connections.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    pub(super) key: String,
    pub(super) wish: Wish,
    pub(super) mode: Mode,
    pub(super) prefetch: usize,
    pub(super) is_selective: bool,
    /// Up to where it has received.
    pub(super) cursor: Option<String>,
    /// It was asked for on this connection.
    pub(super) is_asked_for: bool,
}

/// A message of a queue that it has not settled.
#[derive(Clone, Debug)]
pub(super) struct Held {
    key: String,
    number: usize,
    message_id: String,
    ack: Option<String>,
    /// It was accepted already.
    is_accepted: bool,
}

/// Its end of a connection.
pub(super) struct Line {
    pub(super) id: u64,
    pub(super) pipe: Shared,
    frames: Frames,
    pub(super) is_connected: bool,
}

pub(super) struct Client {
    pub(super) user: Option<usize>,
    pub(super) version: Version,
    pub(super) keeps_going: bool,
    /// It makes no mistakes.
    pub(super) is_careful: bool,
    pub(super) line: Option<Line>,
    pub(super) wanted: Vec<Wanted>,
    pub(super) held: Vec<Held>,
    /// Transactions that it believes to be open.
    pub(super) open: Vec<String>,
    /// Subscriptions whose messages are named in transactions, which must not come back before those
    /// are over.
    pledged: Vec<String>,
    receipts: usize,
    /// Which subscriptions its receipts are for.
    begins: Vec<(String, String)>,
    /// How many bytes it reads at a time at most; none at all for a while if zero.
    pub(super) reads: usize,
}

impl Client {
    pub(super) fn new(user: Option<usize>, random: &mut Random) -> Self {
        Self {
            user,
            version: *random.pick(&Version::ALL),
            keeps_going: random.chance(60),
            is_careful: false,
            line: None,
            wanted: Vec::new(),
            held: Vec::new(),
            open: Vec::new(),
            pledged: Vec::new(),
            receipts: 0,
            begins: Vec::new(),
            reads: usize::MAX,
        }
    }

    /// Begins to talk over a new connection.
    pub(super) fn connect(&mut self, id: u64, pipe: Shared, random: &mut Random) {
        self.line = Some(Line {
            id,
            pipe,
            frames: Frames::new(self.version),
            is_connected: false,
        });
        let mut headers = vec![("host", "campanile")];
        if self.version > Version::V10 {
            headers.push(("accept-version", self.version.as_str()));
        }
        if self.keeps_going {
            headers.push(("x-errors", "keep"));
        }
        self.say(What::Connect, Command::Connect, &headers, "", None);
        for place in 0..self.wanted.len() {
            if random.chance(70) {
                self.ask_for(place, random);
            }
        }
    }

    /// Is gone, with all that was on its way.
    pub(super) fn cut(&mut self) {
        if let Some(line) = self.line.take() {
            line.pipe.borrow_mut().is_cut = true;
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.held.clear();
        self.open.clear();
        self.begins.clear();
        self.pledged.clear();
        for one in &mut self.wanted {
            one.is_asked_for = false;
        }
    }

    fn say(
        &mut self,
        what: What,
        command: Command,
        headers: &[(&str, &str)],
        body: &str,
        receipt: Option<String>,
    ) {
        let Some(line) = &self.line else {
            return;
        };
        let mut all = headers.to_vec();
        all.extend(receipt.as_ref().map(|receipt| ("receipt", &**receipt)));
        let bytes = campanile_stomp::encode(self.version, command, &all, body.as_bytes());
        line.pipe.borrow_mut().send(&bytes, Act { what, receipt });
    }

    /// A receipt that it asks for, now and then.
    fn receipt(&mut self, percent: usize, random: &mut Random) -> Option<String> {
        self.receipts += 1;
        random
            .chance(percent)
            .then(|| format!("r{}", self.receipts))
    }

    /// Subscribes, from where it has received up to.
    pub(super) fn ask_for(&mut self, place: usize, random: &mut Random) {
        let Wanted {
            key,
            wish,
            mode,
            prefetch,
            is_selective,
            cursor,
            ..
        } = self.wanted[place].clone();
        let is_queue = matches!(wish, Wish::Queue(_));
        let after = match random.below(100) {
            _ if self.is_careful => None,
            0..2 => Some("yesterday".to_owned()),
            2..5 => None,
            _ => cursor.filter(|_| !is_queue),
        };
        // A client that forgets the receipt is told so, now and then.
        let percent = match after.is_some() {
            true => 98,
            false => 60,
        };
        let receipt = self.receipt(percent, random);
        if is_queue && after.is_some() || after.is_some() && receipt.is_none() {
            // It is refused, and its id is free for another try.
        } else {
            self.wanted[place].is_asked_for = true;
        }
        let (name, prefetch_text) = (wish.name(), prefetch.to_string());
        let mut headers = vec![("destination", &*name)];
        if key != name {
            headers.push(("id", &key));
        }
        if is_queue {
            headers.extend([("ack", mode.as_str()), ("prefetch-count", &*prefetch_text)]);
        }
        headers.extend(is_selective.then_some(("selector", "mark = 'yes'")));
        headers.extend(after.as_ref().map(|after| ("after", &**after)));
        let begins = receipt.clone().map(|receipt| (receipt, key.clone()));
        self.begins.extend(begins);
        let what = What::Subscribe(Subscribing {
            key: key.clone(),
            wish,
            mode,
            prefetch,
            is_selective,
            after: after.clone(),
        });
        self.say(what, Command::Subscribe, &headers, "", receipt);
    }

    pub(super) fn unsubscribe(&mut self, place: usize, random: &mut Random) {
        let one = self.wanted.remove(place);
        let receipt = self.receipt(60, random);
        let name = one.wish.name();
        let header = match one.key == name {
            true => ("destination", &*name),
            false => ("id", &*one.key),
        };
        self.held.retain(|held| held.key != one.key);
        self.say(
            What::Unsubscribe(one.key.clone()),
            Command::Unsubscribe,
            &[header],
            "",
            receipt,
        );
    }

    pub(super) fn send(
        &mut self,
        sending: Sending,
        length: usize,
        is_marked: bool,
        lives_for: Option<u64>,
        random: &mut Random,
    ) {
        let receipt = self.receipt(50, random);
        let (name, body) = (sending.target.name(), body_of(sending.number, length));
        let (lives_for, transaction) = (
            lives_for.map(|time| time.to_string()),
            sending.transaction.clone(),
        );
        let mut headers = vec![("destination", &*name)];
        headers.extend(is_marked.then_some(("mark", "yes")));
        headers.extend(lives_for.as_ref().map(|time| ("expiration", &**time)));
        headers.extend(transaction.as_ref().map(|name| ("transaction", &**name)));
        self.say(What::Send(sending), Command::Send, &headers, &body, receipt);
    }

    /// Says what became of a message that it has. Now and then it says so twice, or later than it
    /// may.
    pub(super) fn settle(&mut self, random: &mut Random) {
        if self.held.is_empty() {
            return;
        }
        let place = random.below(self.held.len());
        // Whoever rejects a message and accepts it later may mean a delivery that is on its way.
        let is_said_twice = random.chance(5);
        let held = match is_said_twice && !self.held[place].is_accepted {
            true => self.held[place].clone(),
            false => self.held.remove(place),
        };
        let transaction = match random.chance(25) && !self.open.is_empty() {
            true => Some(random.pick(&self.open).clone()),
            false => None,
        };
        let mode = self
            .wanted
            .iter()
            .find(|one| one.key == held.key)
            .map(|one| one.mode);
        let is_cumulative = mode == Some(Mode::Client) && self.version > Version::V10;
        let is_pledged = transaction.is_some() || self.pledged.contains(&held.key);
        self.pledged
            .extend(transaction.is_some().then(|| held.key.clone()));
        let must_accept = held.is_accepted || is_said_twice || is_cumulative && is_pledged;
        let fate = match random.below(100) {
            _ if self.version == Version::V10 || must_accept => Fate::Accepted,
            0..70 => Fate::Accepted,
            70..94 => Fate::Rejected,
            _ => Fate::Discarded,
        };
        for one in self
            .held
            .iter_mut()
            .filter(|one| one.message_id == held.message_id)
        {
            one.is_accepted = true;
        }
        if is_cumulative && transaction.is_none() {
            // Those before it are settled with it.
            let mut index = 0;
            self.held.retain(|one| {
                index += 1;
                one.key != held.key || index > place
            });
        }
        let receipt = self.receipt(50, random);
        let has_no_id = held.key.starts_with('/');
        let is_bare = has_no_id || self.version == Version::V10 && random.chance(50);
        let mut headers = match &held.ack {
            Some(ack) => vec![("id", &**ack)],
            None if is_bare => vec![("message-id", &*held.message_id)],
            None => vec![
                ("message-id", &*held.message_id),
                ("subscription", &*held.key),
            ],
        };
        headers.extend(transaction.as_ref().map(|name| ("transaction", &**name)));
        headers.extend((fate == Fate::Discarded).then_some(("requeue", "false")));
        let command = match fate {
            Fate::Accepted => Command::Ack,
            _ => Command::Nack,
        };
        let what = What::Settle(Settling {
            key: (!is_bare || held.ack.is_some()).then(|| held.key.clone()),
            number: held.number,
            fate,
            transaction: transaction.clone(),
        });
        self.say(what, command, &headers, "", receipt);
    }

    /// Accepts all that it has. False if it has nothing.
    pub(super) fn accept_all(&mut self) -> bool {
        let all = std::mem::take(&mut self.held);
        for held in &all {
            let ack = held.ack.as_deref().unwrap_or_default();
            let what = What::Settle(Settling {
                key: Some(held.key.clone()),
                number: held.number,
                fate: Fate::Accepted,
                transaction: None,
            });
            self.say(what, Command::Ack, &[("id", ack)], "", None);
        }
        !all.is_empty()
    }

    /// Begins, commits or aborts.
    pub(super) fn transact(&mut self, random: &mut Random) {
        let receipt = self.receipt(50, random);
        let name = format!("t{}", random.below(3));
        let is_open = self.open.contains(&name);
        let (what, command) = match random.below(100) {
            0..10 if is_open => (What::Begin(name.clone()), Command::Begin),
            _ if !is_open && random.chance(90) => {
                self.open.push(name.clone());
                (What::Begin(name.clone()), Command::Begin)
            }
            10..75 => (What::Commit(name.clone()), Command::Commit),
            _ => (What::Abort(name.clone()), Command::Abort),
        };
        if command != Command::Begin {
            self.open.retain(|one| *one != name);
        }
        self.say(what, command, &[("transaction", &name)], "", receipt);
    }

    pub(super) fn disconnect(&mut self, random: &mut Random) {
        let receipt = self.receipt(80, random);
        self.say(What::Disconnect, Command::Disconnect, &[], "", receipt);
    }

    /// Reads what has come, up to so many bytes, and shows each frame.
    pub(super) fn read(&mut self, bytes: usize, mut show: impl FnMut(u64, &Seen)) {
        let Some(mut line) = self.line.take() else {
            return;
        };
        let read = line.pipe.borrow_mut().read(bytes);
        let (id, mut all) = (line.id, Vec::new());
        line.frames.read(&read, |seen| all.push(seen));
        for seen in all {
            show(id, &seen);
            line.is_connected |= seen.command == Command::Connected;
            if seen.command == Command::Message {
                self.keep(&seen);
            } else if let Some(cursor) = seen.header("cursor") {
                self.begun(&seen, cursor);
            }
        }
        let is_over = {
            let pipe = line.pipe.borrow();
            pipe.is_closed && pipe.down.is_empty()
        };
        match is_over {
            true => self.forget(),
            false => self.line = Some(line),
        }
    }

    /// It knows where a subscription has joined. Where a replay follows, it has received no more
    /// than before.
    fn begun(&mut self, seen: &Seen, cursor: &str) {
        let place = self
            .begins
            .iter()
            .position(|(one, _)| Some(&**one) == seen.header("receipt-id"));
        let Some(place) = place else {
            return;
        };
        let (_, key) = self.begins.remove(place);
        let one = self.wanted.iter_mut().find(|one| one.key == key);
        if let Some(one) = one.filter(|_| seen.header("recovered") != Some("true")) {
            one.cursor = Some(cursor.to_owned());
        }
    }

    fn keep(&mut self, seen: &Seen) {
        let key = seen
            .header("subscription")
            .or_else(|| seen.header("destination"));
        let message_id = seen.header("message-id").unwrap_or_default().to_owned();
        let wanted = self.wanted.iter_mut();
        let Some(one) = wanted.into_iter().find(|one| Some(&*one.key) == key) else {
            return;
        };
        match one.wish {
            Wish::Queue(_) if one.mode == Mode::Auto => {}
            Wish::Queue(_) => self.held.push(Held {
                key: one.key.clone(),
                number: seen.message(),
                message_id,
                ack: seen.header("ack").map(str::to_owned),
                is_accepted: false,
            }),
            _ => one.cursor = Some(message_id),
        }
    }
}
