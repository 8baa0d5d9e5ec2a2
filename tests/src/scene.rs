//! An attack and its witness.

use std::sync::Arc;

use crate::{
    Bystander, Server, Way,
    clients::{self, next_text},
};

/// A program with a bystander, and the memory that it had before the attack.
#[derive(Debug)]
pub struct Scene {
    /// The program.
    pub server: Arc<Server>,
    /// Whose echoes must arrive.
    pub bystander: Bystander,
    /// Resident memory before the attack, in bytes.
    pub before: usize,
}

impl Scene {
    /// Starts both.
    ///
    /// # Panics
    /// When the program does not start.
    pub async fn start() -> Self {
        Self::start_behind(Way::Directly).await
    }

    /// Starts both, the program with these arguments.
    ///
    /// # Panics
    /// When the program does not start.
    pub async fn start_with(arguments: &[&str]) -> Self {
        Self::around(Server::start(arguments)).await
    }

    /// Starts both, and the proxy of this way; the bystander comes by it, too.
    ///
    /// # Panics
    /// When the program does not start, or the proxy is not installed.
    pub async fn start_behind(way: Way) -> Self {
        Self::around(Server::start_behind(way)).await
    }

    async fn around(server: Server) -> Self {
        let server = Arc::new(server);
        let bystander = Bystander::start(&server).await;
        let before = server.rss_bytes();
        Self {
            server,
            bystander,
            before,
        }
    }

    /// Ends the test: the bystander has noticed nothing, a newcomer is served, and the process has
    /// not grown by more than `growth_max` at any time.
    ///
    /// # Panics
    /// When one of these does not hold.
    pub async fn end(mut self, growth_max: usize) {
        self.bystander.await_echoes(8).await;
        let mut newcomer = clients::open(&self.server, "/echo").await;
        newcomer.send_text("hello").await.expect("sent");
        assert_eq!(next_text(&mut newcomer).await, "hello");
        assert!(self.bystander.stop().await > 0);
        self.server.assert_memory_within(self.before, growth_max);
    }
}
