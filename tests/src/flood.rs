//! Requests by the ten thousand, on a few connections.

use std::{collections::BTreeMap, net::IpAddr, ops::Range, sync::Arc, time::Duration};

use tokio::{net::TcpSocket, task::JoinSet};

use crate::{Raw, Response, Scene, Server, StompBystander, attack::join_all, within};

/// How often something is looked at that will become true by itself.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A flood of plain requests.
#[derive(Debug, Clone, Copy)]
pub struct Flood {
    /// How many requests.
    pub count: usize,
    /// On how many connections at a time.
    pub connections: usize,
    /// How many of them each connection sends before it reads the answers. More than one is only
    /// for requests that the program reads to their end and does not close behind.
    pub at_once: usize,
}

impl Flood {
    /// Sends the requests that `request` makes of their numbers, from 0 on, and hands each answer
    /// to `check`. Connections that the program closes are replaced. Returns how many answers had
    /// which status.
    ///
    /// # Panics
    /// When a request stays without an answer, or the check fails.
    pub async fn run(
        self,
        server: &Arc<Server>,
        request: impl Fn(usize) -> Vec<u8> + Copy + Send + 'static,
        check: impl Fn(usize, &Response) + Copy + Send + 'static,
    ) -> BTreeMap<u16, usize> {
        let mut tasks = JoinSet::new();
        let share = self.count.div_ceil(self.connections);
        for first in (0..self.count).step_by(share) {
            let numbers = first..(first + share).min(self.count);
            let server = Arc::clone(server);
            tasks.spawn(ask_in_turn(server, numbers, self.at_once, request, check));
        }
        let mut statuses = BTreeMap::new();
        for (status, count) in join_all(tasks).await.into_iter().flatten() {
            *statuses.entry(status).or_default() += count;
        }
        statuses
    }
}

async fn ask_in_turn(
    server: Arc<Server>,
    numbers: Range<usize>,
    at_once: usize,
    request: impl Fn(usize) -> Vec<u8>,
    check: impl Fn(usize, &Response),
) -> BTreeMap<u16, usize> {
    let mut statuses = BTreeMap::new();
    let mut next = numbers.start;
    let mut raw = Raw::connect(&server).await;
    while next < numbers.end {
        let first = next;
        let batch = first..numbers.end.min(first + at_once);
        let requests: Vec<Vec<u8>> = batch.clone().map(&request).collect();
        let _ = raw.try_send(&requests.concat()).await;
        let mut is_open = true;
        for (number, request) in batch.zip(&requests) {
            let Some(answer) = raw.answer_to(request).await else {
                is_open = false;
                break;
            };
            *statuses.entry(answer.status).or_default() += 1;
            check(number, &answer);
            next += 1;
            if answer.header("Connection") == Some("close") {
                is_open = false;
                break;
            }
        }
        assert!(next > first, "request {first} has no answer");
        if !is_open {
            raw = Raw::connect(&server).await;
        }
    }
    statuses
}

impl Raw {
    /// Connects from another address of this machine.
    ///
    /// # Panics
    /// When it is none, or the program does not accept.
    pub async fn connect_from(address: impl Into<IpAddr>, server: &Server) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        let address = (address.into(), 0).into();
        socket.bind(address).expect("an address of this machine");
        let connecting = socket.connect(server.address());
        let stream = within("a connection", connecting).await;
        Self::over(stream.expect("the program accepts"))
    }

    /// Sends a request, as it is, on a new connection, and reads the answer.
    ///
    /// # Panics
    /// When the program closes instead.
    pub async fn ask_bytes(server: &Server, request: &[u8]) -> Response {
        let mut raw = Self::connect(server).await;
        // What is left unsent when the program closes was not to be read.
        let _ = raw.try_send(request).await;
        raw.answer_to(request).await.expect("an answer")
    }

    /// Reads the answer to `request`: that to HEAD has no body. `None` when the connection ends
    /// without one.
    ///
    /// # Panics
    /// When neither comes.
    pub async fn answer_to(&mut self, request: &[u8]) -> Option<Response> {
        if !request.starts_with(b"HEAD ") {
            return self.answer().await;
        }
        while self.received().is_empty() {
            if self.receive("an answer's head").await.is_some() {
                return None;
            }
        }
        Some(self.head().await)
    }
}

/// Attacks the program while one bystander echoes and another one listens to a topic. The program may
/// grow by `growth_max` bytes.
///
/// # Panics
/// When the attack does, a bystander suffers, or the program grows by more.
pub async fn attack_http(growth_max: usize, attack: impl AsyncFn(&Arc<Server>)) {
    let mut scene = Scene::start().await;
    let listener = StompBystander::start(&scene.server).await;
    attack(&scene.server).await;
    scene.bystander.await_echoes(8).await;
    listener.stop().await;
    scene.end(growth_max).await;
}

/// Waits until something has become true that will become so by itself.
///
/// # Panics
/// When it does not.
pub async fn until(what: &str, mut is_true: impl AsyncFnMut() -> bool) {
    within(what, async {
        while !is_true().await {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
    .await;
}
