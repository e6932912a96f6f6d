//! Amazon SQS in a process: standard queues with SQS's own rules, the JSON protocol, and a clock that is passed in.
//!
//! The product waits by visibility time-outs, so the rules around them are its ground: what a receive hides and for
//! how long, what a changed time-out may be, what happens at the limits. Each rule's documentation is linked where the
//! rule is. Given the clock and the seed, a run can be repeated exactly.
//!
//! # Layout
//! * [`Sqs`] (here) — the door: JSON calls in, and the typed calls that tests and pollers want
//! * `protocol` — requests and answers of each action
//! * `attributes` — a queue's settings
//! * `message` — bodies, message attributes, their limits and checksums
//! * `queue` — where the messages of one queue are: ready, hidden, gone
//! * `error` — SQS's errors

#![forbid(unsafe_code)]

mod attributes;
mod error;
mod message;
mod protocol;
mod queue;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use queue::Queue;

pub use queue::Counts;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Where the queues are, and what makes their random ids.
#[derive(Debug, Clone)]
pub struct Config {
    /// Such as `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account_id: String,
    /// What queue URLs start with, such as `http://127.0.0.1:4566`.
    pub endpoint: String,
    /// Message ids and receipt handles follow from it.
    pub seed: u64,
}

/// The answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status: 200, or 400 for what the caller did wrong.
    pub status: u16,
    /// Headers beside `Content-Type` and `Content-Length`.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Vec<u8>,
}

/// The queues of one account in one region. Clones share them.
#[derive(Clone)]
pub struct Sqs(Arc<Shared>);

struct Shared {
    config: Config,
    clock: Clock,
    state: Mutex<State>,
    arrivals: watch::Sender<u64>,
}

pub(crate) struct State {
    pub(crate) queues: BTreeMap<String, Queue>,
    pub(crate) ids: Ids,
}

/// Random-looking ids that follow from the seed (SplitMix64, <https://prng.di.unimi.it/splitmix64.c>).
pub(crate) struct Ids(u64);

impl Ids {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// In the form of a UUID, as SQS writes message ids.
    pub(crate) fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xffff,
            b >> 48,
            b & 0xffff_ffff_ffff
        )
    }
}

impl Sqs {
    /// An account without queues.
    pub fn new(config: Config, clock: Clock) -> Sqs {
        let state = Mutex::new(State {
            queues: BTreeMap::new(),
            ids: Ids(config.seed),
        });
        Sqs(Arc::new(Shared {
            config,
            clock,
            state,
            arrivals: watch::Sender::new(0),
        }))
    }

    /// Answers one call of the JSON protocol; `target` is the request's `X-Amz-Target` (`AmazonSQS.SendMessage`).
    ///
    /// Never waits: a `ReceiveMessage` with a `WaitTimeSeconds` answers with what is there. Who wants the long poll
    /// asks again when [`Sqs::arrivals`] changes or the time of [`Sqs::next_visible_at`] has come.
    pub fn handle(&self, target: &str, body: &[u8]) -> Response {
        let now = (self.0.clock)();
        let action = target.strip_prefix("AmazonSQS.").unwrap_or_default();
        let mut state = self.state();
        let answer = protocol::call(&mut state, &self.0.config, now, action, body);
        let id = state.ids.uuid();
        drop(state);
        if protocol::may_release_messages(action) {
            self.0
                .arrivals
                .send_modify(|count| *count = count.wrapping_add(1));
        }
        let (status, mut headers, body) = match answer {
            Ok(body) => (200, Vec::new(), body),
            Err(error) => (400, error.headers(), error.body()),
        };
        headers.push(("x-amzn-requestid", id));
        Response {
            status,
            headers,
            body: body.to_string().into_bytes(),
        }
    }

    /// When the first hidden message of a queue, by its URL or name, becomes visible; `None` where none is hidden.
    pub fn next_visible_at(&self, queue: &str) -> Option<Timestamp> {
        self.queue(queue, |queue| queue.next_visible_at())?
    }

    /// Changes whenever a message may have become receivable by something other than the passing of time.
    pub fn arrivals(&self) -> watch::Receiver<u64> {
        self.0.arrivals.subscribe()
    }

    /// How many messages of a queue, by its URL or name, are where; `None` where there is no such queue.
    pub fn counts(&self, queue: &str) -> Option<Counts> {
        self.queue(queue, |queue| queue.counts())
    }

    /// The names of all queues.
    pub fn queue_names(&self) -> Vec<String> {
        self.state().queues.keys().cloned().collect()
    }

    fn queue<T>(&self, queue: &str, look: impl FnOnce(&mut Queue) -> T) -> Option<T> {
        let now = (self.0.clock)();
        let name = queue.rsplit('/').next().unwrap_or(queue);
        let mut state = self.state();
        let queue = state.queues.get_mut(name)?;
        queue.advance(now);
        Some(look(queue))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No call leaves the state half changed: each checks first and changes then.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
