//! STOMP over WebSocket as a hostile peer speaks it, and an innocent listener of a topic.

use std::time::Duration;

use tokio::{sync::watch, task::JoinHandle};

use crate::{Raw, Scene, Server, Way, frames, on_each_way, within};

/// Where the program speaks STOMP.
pub const STOMP_PATH: &str = "/stomp";
/// What only the bystander sends to and listens to.
const BYSTANDERS_TOPIC: &str = "/topic/bystander";
/// Messages that are under way at once.
const WINDOW: u64 = 8;
/// Pause between windows, so that the bystander itself is no load.
const PAUSE: Duration = Duration::from_millis(2);

/// A connection that sends any octets, and reads frames of STOMP.
#[derive(Debug)]
pub struct StompPeer {
    /// The WebSocket below.
    pub raw: Raw,
    /// What the program has closed with, if it has: the code and the reason.
    closed: Option<String>,
}

impl StompPeer {
    /// Opens a WebSocket, and sends nothing more.
    ///
    /// # Panics
    /// When the answer is not 101.
    pub async fn upgrade(server: &Server) -> Self {
        let raw = Raw::open(server, STOMP_PATH).await;
        Self { raw, closed: None }
    }

    /// Opens a session of `version`.
    ///
    /// # Panics
    /// When the answer is not CONNECTED.
    pub async fn open(server: &Server, version: &str) -> Self {
        Self::open_with(server, version, "").await
    }

    /// The same with further header lines, each with its line end.
    ///
    /// # Panics
    /// When the answer is not CONNECTED.
    pub async fn open_with(server: &Server, version: &str, headers: &str) -> Self {
        let mut peer = Self::upgrade(server).await;
        let connect = format!("CONNECT\naccept-version:{version}\nhost:h\n{headers}\n\0");
        peer.send(connect).await;
        let connected = peer.next().await.expect("an answer");
        assert!(connected.starts_with("CONNECTED\n"), "{connected}");
        peer
    }

    /// Sends octets, with their NULs, in one binary message.
    ///
    /// # Panics
    /// When the program closes or stops reading.
    pub async fn send(&mut self, octets: impl AsRef<[u8]>) {
        let message = frames::frame(frames::BINARY, octets.as_ref());
        self.raw.send(&message).await;
    }

    /// The same, unless the program has closed; returns whether it took all.
    pub async fn try_send(&mut self, octets: impl AsRef<[u8]>) -> bool {
        let message = frames::frame(frames::BINARY, octets.as_ref());
        self.raw.try_send(&message).await.is_ok()
    }

    /// The next frame without its NUL; `None` at the close.
    ///
    /// # Panics
    /// When neither comes.
    pub async fn next(&mut self) -> Option<String> {
        // Pings come for as long as nothing else does.
        within("a frame of STOMP", self.next_of_any()).await
    }

    async fn next_of_any(&mut self) -> Option<String> {
        loop {
            let frame = self.raw.frame().await?;
            match frame.opcode {
                1 | 2 if frame.payload == b"\n" => {}
                1 | 2 => {
                    let text = String::from_utf8_lossy(&frame.payload);
                    return Some(text.trim_end_matches('\0').to_owned());
                }
                8 => {
                    let (code, reason) = frame.payload.split_at(frame.payload.len().min(2));
                    let reason = String::from_utf8_lossy(reason);
                    self.closed = Some(format!("{code:?} {reason}"));
                    return None;
                }
                _ => {}
            }
        }
    }

    /// Reads frames up to one that this is true of; all of them, that one included.
    ///
    /// # Panics
    /// When the close comes before.
    pub async fn until(&mut self, is_last: impl Fn(&str) -> bool) -> Vec<String> {
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await.expect("another frame before the close");
            let is_end = is_last(&frame);
            frames.push(frame);
            if is_end {
                return frames;
            }
        }
    }

    /// Sends frames, the last of which asks for this receipt, and reads up to that.
    ///
    /// # Panics
    /// When the close comes before.
    pub async fn receipted(&mut self, receipt: &str, octets: impl AsRef<[u8]>) -> Vec<String> {
        self.send(octets).await;
        let last = format!("RECEIPT\nreceipt-id:{receipt}\n");
        self.until(|frame| frame.starts_with(&last)).await
    }

    /// Asks for a receipt, and waits for it, past all that comes before.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn expect_open(&mut self) {
        self.send("SEND\ndestination:/topic/open\nreceipt:open\n\n\0")
            .await;
        loop {
            let frame = self.next().await.expect("an open session");
            assert!(!frame.starts_with("ERROR\n"), "{frame}");
            if frame == "RECEIPT\nreceipt-id:open\n\n" {
                return;
            }
        }
    }

    /// Reads to the ERROR, whose `message` is `word`, to the close with `code`, and to the end.
    /// Returns the ERROR.
    ///
    /// # Panics
    /// When one of these does not come.
    pub async fn expect_error(&mut self, word: &str, code: u16) -> String {
        loop {
            let frame = self.next().await.expect("an ERROR before the close");
            if frame.starts_with("ERROR\n") {
                let message = format!("\nmessage:{word}\n");
                assert!(frame.contains(&message), "{frame}");
                self.raw.expect_close(code).await;
                return frame;
            }
        }
    }
}

/// Keeps sending numbered messages to a topic of its own in a task, until it is stopped. Each must
/// come back once, in order.
#[derive(Debug)]
pub struct StompBystander {
    stop: watch::Sender<bool>,
    came: watch::Receiver<u64>,
    task: JoinHandle<()>,
}

impl StompBystander {
    /// Starts one, and waits for its first messages.
    ///
    /// # Panics
    /// When it cannot connect.
    pub async fn start(server: &Server) -> Self {
        let mut peer = StompPeer::open(server, "1.2").await;
        let subscribe = format!("SUBSCRIBE\nid:0\ndestination:{BYSTANDERS_TOPIC}\n\n\0");
        peer.send(subscribe).await;
        let (stop, stopped) = watch::channel(false);
        let (count, came) = watch::channel(0);
        let task = tokio::spawn(listen(peer, stopped, count));
        let mut bystander = Self { stop, came, task };
        bystander.await_messages(WINDOW).await;
        bystander
    }

    /// Waits for `more` further messages: time in which whatever is going on goes on.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn await_messages(&mut self, more: u64) {
        let goal = *self.came.borrow() + more;
        let reached = self.came.wait_for(|it| *it >= goal);
        if within("the listener's messages", reached).await.is_err() {
            panic!("the listener ended early");
        }
    }

    /// Stops it.
    ///
    /// # Panics
    /// When a message was lost, out of order or altered, or the connection was lost.
    pub async fn stop(mut self) {
        self.await_messages(WINDOW).await;
        // Fails only when the task has ended, and then its result says why.
        let _ = self.stop.send(true);
        let ended = within("the listener's end", self.task).await;
        ended.expect("the listener has noticed nothing");
    }
}

async fn listen(mut peer: StompPeer, stopped: watch::Receiver<bool>, count: watch::Sender<u64>) {
    let mut came = 0;
    while !*stopped.borrow() {
        for number in came..came + WINDOW {
            let frame = format!("SEND\ndestination:{BYSTANDERS_TOPIC}\n\nmessage {number}\0");
            peer.send(frame).await;
        }
        for _ in 0..WINDOW {
            let Some(message) = peer.next().await else {
                panic!("a message, not the end: closed with {:?}", peer.closed);
            };
            assert!(message.starts_with("MESSAGE\n"), "{message}");
            assert!(
                message.ends_with(&format!("\n\nmessage {came}")),
                "{message}"
            );
            came += 1;
            count.send_replace(came);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What is sent in a session of 1.2, and what must come of it: the word of the ERROR and the code of
/// the close.
pub type Attack = (Vec<u8>, &'static str, u16);

/// Opens `times` sessions for each attack, all at the same time, since one that was refused takes its
/// time to end.
///
/// # Panics
/// When one of them is not refused as it should be.
pub async fn refuse_all(server: &Server, times: usize, attacks: &[Attack]) {
    let mut peers = Vec::new();
    for (octets, word, code) in attacks {
        for _ in 0..times {
            let mut peer = StompPeer::open(server, "1.2").await;
            peer.send(octets).await;
            peers.push((peer, word, code));
        }
    }
    for (mut peer, word, code) in peers {
        peer.expect_error(word, *code).await;
    }
}

/// Attacks STOMP on each way to the program, while a bystander echoes and another one listens to a
/// topic, both on the same way. The program may grow by `growth_max` bytes.
///
/// # Panics
/// When the attack does, a bystander suffers, or the program grows by more.
pub async fn attack_stomp(growth_max: usize, attack: impl AsyncFn(&Server)) {
    on_each_way(async |way| attack_stomp_on(way, growth_max, &attack).await).await;
}

/// The same on one way.
///
/// # Panics
/// As there.
pub async fn attack_stomp_on(way: Way, growth_max: usize, attack: impl AsyncFn(&Server)) {
    let mut scene = Scene::start_behind(way).await;
    let listener = StompBystander::start(&scene.server).await;
    attack(&scene.server).await;
    scene.bystander.await_echoes(8).await;
    listener.stop().await;
    scene.end(growth_max).await;
}
