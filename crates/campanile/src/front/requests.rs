//! Connections that are no sessions yet: a listener has so many, and no more.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
#[cfg(feature = "tls")]
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::{AbortHandle, JoinSet};

use super::serve::UNFINISHED_REQUESTS_MAX;

/// The connections of one listener that are still in its tasks' hands.
pub(super) struct Requests {
    pub(super) tasks: JoinSet<()>,
    table: Arc<Mutex<Table>>,
    unfinished_max: usize,
}

/// Which connections there are, and which of them are closed first when there are too many.
#[derive(Default)]
struct Table {
    connections: HashMap<u64, Connection>,
    /// Those that nothing long is carried by, oldest first: from age to number.
    unfinished: BTreeMap<u64, u64>,
    /// Numbers and ages are never used again.
    next: u64,
}

struct Connection {
    /// Its task, once it is started.
    task: Option<AbortHandle>,
    /// Its place among the unfinished ones, when it is there.
    age: Option<u64>,
    /// How much it carries that lives for long.
    carried: usize,
}

impl Table {
    fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Notes that a connection carries nothing long, from now on.
    fn list(&mut self, number: u64) {
        let age = self.next();
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.age = Some(age);
            self.unfinished.insert(age, number);
        }
    }

    fn drop_oldest(&mut self) {
        if let Some((_, number)) = self.unfinished.pop_first()
            && let Some(connection) = self.connections.remove(&number)
            && let Some(task) = connection.task
        {
            task.abort();
        }
    }

    fn drop_surplus(&mut self, unfinished_max: usize) {
        while self.unfinished.len() > unfinished_max {
            self.drop_oldest();
        }
    }
}

fn lock(table: &Mutex<Table>) -> MutexGuard<'_, Table> {
    table.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Requests {
    fn default() -> Self {
        Self::at_most(UNFINISHED_REQUESTS_MAX)
    }
}

impl Requests {
    fn at_most(unfinished_max: usize) -> Self {
        Self {
            tasks: JoinSet::new(),
            table: Arc::default(),
            unfinished_max,
        }
    }

    /// Starts a connection's task. `connection` is told its place among the others.
    pub(super) fn spawn<F>(&mut self, connection: impl FnOnce(Place) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let number = {
            let mut table = lock(&self.table);
            let number = table.next();
            let connection = Connection {
                task: None,
                age: None,
                carried: 0,
            };
            table.connections.insert(number, connection);
            table.list(number);
            number
        };
        let present = Present {
            table: Arc::clone(&self.table),
            number,
        };
        let place = Place {
            table: Arc::clone(&self.table),
            number,
            unfinished_max: self.unfinished_max,
            #[cfg(feature = "tls")]
            has_carried: Arc::default(),
        };
        // A task that awaits what it was given keeps room for it twice.
        let connection = Box::pin(connection(place));
        let task = self.tasks.spawn(async move {
            let _present = present;
            connection.await;
        });
        let mut table = lock(&self.table);
        match table.connections.get_mut(&number) {
            Some(connection) => connection.task = Some(task),
            // It has ended already, or had to make room before its task was known.
            None => task.abort(),
        }
        table.drop_surplus(self.unfinished_max);
    }

    pub(super) fn drop_oldest(&mut self) {
        lock(&self.table).drop_oldest();
    }
}

/// Held by a connection's task for as long as it runs.
struct Present {
    table: Arc<Mutex<Table>>,
    number: u64,
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut table = lock(&self.table);
        if let Some(connection) = table.connections.remove(&self.number)
            && let Some(age) = connection.age
        {
            table.unfinished.remove(&age);
        }
    }
}

/// A connection's place among all those of its listener. It is an extension of each request that
/// comes over our own listeners.
///
/// When there are [`UNFINISHED_REQUESTS_MAX`] connections that only exchange requests and answers,
/// the one that has done so for longest is closed. Whoever answers with something that is meant to
/// last (a stream of events, a poll that waits, a WebSocket over HTTP/2) says so with
/// [`carry`](Self::carry) and keeps what it returns for as long.
#[derive(Clone)]
pub(crate) struct Place {
    table: Arc<Mutex<Table>>,
    number: u64,
    unfinished_max: usize,
    /// Whether something long was carried, once.
    #[cfg(feature = "tls")]
    has_carried: Arc<AtomicBool>,
}

impl Place {
    /// The same place with a memory of its own for [`has_carried`](Self::has_carried).
    #[cfg(feature = "tls")]
    pub(super) fn for_one_request(&self) -> Self {
        Self {
            has_carried: Arc::default(),
            ..self.clone()
        }
    }

    /// Whether [`carry`](Self::carry) was called, here or on a clone.
    #[cfg(feature = "tls")]
    pub(super) fn has_carried(&self) -> bool {
        self.has_carried.load(Ordering::Relaxed)
    }

    /// Keeps this connection from being closed for its age, until what is returned is dropped: for
    /// HTTP/1.1 together with the answer's body.
    pub(crate) fn carry(&self) -> Carried {
        #[cfg(feature = "tls")]
        self.has_carried.store(true, Ordering::Relaxed);
        let mut table = lock(&self.table);
        let mut listed = None;
        if let Some(connection) = table.connections.get_mut(&self.number) {
            connection.carried += 1;
            listed = connection.age.take();
        }
        if let Some(age) = listed {
            table.unfinished.remove(&age);
        }
        drop(table);
        Carried(self.clone())
    }
}

/// Something that lives for long and is carried by a connection: see [`Place::carry`].
pub(crate) struct Carried(Place);

impl Drop for Carried {
    fn drop(&mut self) {
        let Place {
            table,
            number,
            unfinished_max,
            ..
        } = &self.0;
        let mut table = lock(table);
        let Some(connection) = table.connections.get_mut(number) else {
            // It has ended before what it carried.
            return;
        };
        connection.carried -= 1;
        if connection.carried == 0 {
            table.list(*number);
            table.drop_surplus(*unfinished_max);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    /// Connections that never end by themselves and say when they were ended.
    struct Crowd {
        requests: Requests,
        ended: mpsc::Receiver<usize>,
        tell: mpsc::Sender<usize>,
    }

    struct Tell(mpsc::Sender<usize>, usize);

    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.try_send(self.1).expect("the test listens");
        }
    }

    impl Crowd {
        fn of_at_most(unfinished_max: usize) -> Self {
            let (tell, ended) = mpsc::channel(16);
            let requests = Requests::at_most(unfinished_max);
            Self {
                requests,
                ended,
                tell,
            }
        }

        fn add(&mut self, number: usize) -> Place {
            let tell = Tell(self.tell.clone(), number);
            let mut kept = None;
            self.requests.spawn(|place| {
                kept = Some(place);
                async move {
                    let _tell = tell;
                    std::future::pending::<()>().await;
                }
            });
            kept.expect("a place was given")
        }
    }

    #[tokio::test]
    async fn the_oldest_connection_makes_room_for_one_more() {
        let mut crowd = Crowd::of_at_most(2);
        for number in 0..3 {
            crowd.add(number);
        }
        assert_eq!(crowd.ended.recv().await, Some(0));
        crowd.requests.drop_oldest();
        assert_eq!(crowd.ended.recv().await, Some(1));
    }

    #[tokio::test]
    async fn a_connection_that_carries_something_long_is_not_counted() {
        let mut crowd = Crowd::of_at_most(2);
        let first = crowd.add(0);
        let (stream, other_stream) = (first.carry(), first.carry());
        for number in 1..4 {
            crowd.add(number);
        }
        assert_eq!(crowd.ended.recv().await, Some(1));
        drop(stream);
        crowd.add(4);
        assert_eq!(crowd.ended.recv().await, Some(2));
        // Now it counts again, as the youngest, and there is one too many.
        drop(other_stream);
        assert_eq!(crowd.ended.recv().await, Some(3));
        crowd.requests.drop_oldest();
        crowd.requests.drop_oldest();
        assert_eq!(crowd.ended.recv().await, Some(4));
        assert_eq!(crowd.ended.recv().await, Some(0));
    }

    #[tokio::test]
    async fn what_outlives_its_connection_does_no_harm() {
        let mut crowd = Crowd::of_at_most(1);
        let place = crowd.add(0);
        let stream = place.carry();
        crowd.requests.tasks.abort_all();
        assert_eq!(crowd.ended.recv().await, Some(0));
        while crowd.requests.tasks.join_next().await.is_some() {}
        drop((stream, place.carry()));
        let table = lock(&crowd.requests.table);
        assert!(table.connections.is_empty() && table.unfinished.is_empty());
    }
}
