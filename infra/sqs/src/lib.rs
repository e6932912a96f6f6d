//! An Amazon SQS in the process: standard queues with SQS's own rules, its JSON protocol, and a clock that is passed in.
//!
//! It is for the local stack and for simulations. With a seed and a clock every run is the same, ids and receipt
//! handles included: nothing here asks the system for time or chance, and nothing waits.
//!
//! What it leaves out: FIFO queues, encryption and access policies (accepted and given back, without effect),
//! permissions and message move tasks. Where AWS is eventually consistent, it is consistent at once: counts are exact
//! (unless [`Sqs::lag_counts`] asks for others), attributes and purges take effect immediately, a receive gives all it can, each message at least as often as it must
//! and never more.
//!
//! # Layout
//! - `protocol`: the calls as they come over the wire, one file for each kind: `queues` (create, find, attributes,
//!   tags), `send`, `receive`, `handles` (delete, change visibility); `batch` holds what batches share.
//! - `engine`: all queues (`mod`), one queue (`queue`), its messages and their orders (`store`), who comes next
//!   (`tenants`), receipt handles (`receipt`), counts that are told late (`lagging`).
//! - `message`: content, attributes, digests. `queue_attributes`, `limits`: settings and quotas. `error`: refusals.

mod engine;
mod error;
mod limits;
mod message;
mod protocol;
mod queue_attributes;
mod random;
mod time;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use engine::{Engine, Polling, Receive};
pub use message::{AttributeValue, MessageAttribute, ReceivedMessage};

/// Tells the time. Must not go back.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Where an [`Sqs`] is and what it draws its ids from.
#[derive(Debug, Clone)]
pub struct Config {
    /// The region in ARNs, `us-east-1`.
    pub region: String,
    /// The account in ARNs and queue URLs, twelve digits.
    pub account_id: String,
    /// What queue URLs start with, `http://127.0.0.1:4566`: they are `{endpoint}/{account}/{name}`.
    pub endpoint: String,
    /// Decides message ids, receipt handles and request ids.
    pub seed: u64,
}

/// The queues of one account in one region. Clones share them.
#[derive(Clone)]
pub struct Sqs(Arc<Shared>);

struct Shared {
    engine: Mutex<Engine>,
    clock: Clock,
    arrivals: watch::Sender<u64>,
}

/// The answer to a call, ready for HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status: 200, 400, or 404 for an unknown action.
    pub status: u16,
    /// `content-type`, `x-amzn-requestid`, and for errors `x-amzn-query-error`.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Vec<u8>,
}

/// How many messages a queue holds, by state, exactly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueCounts {
    /// Ready to be received (`ApproximateNumberOfMessages`).
    pub visible: usize,
    /// Received and hidden (`ApproximateNumberOfMessagesNotVisible`).
    pub in_flight: usize,
    /// Sent with a delay that is not over (`ApproximateNumberOfMessagesDelayed`).
    pub delayed: usize,
}

impl Sqs {
    /// No queues yet.
    #[must_use]
    pub fn new(config: Config, clock: Clock) -> Self {
        let engine = Mutex::new(Engine::new(config));
        Self(Arc::new(Shared {
            engine,
            clock,
            arrivals: watch::Sender::new(0),
        }))
    }

    /// Answers one call of the AWS JSON 1.0 protocol
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html>):
    /// `target` is its `X-Amz-Target` header (`AmazonSQS.SendMessage`), `body` its JSON.
    ///
    /// Never waits: a `ReceiveMessage` with `WaitTimeSeconds` answers with what is there. Who wants to poll long asks
    /// again on [`Self::arrivals`] and at [`Self::next_visible_at`]. Errors are answers, too.
    pub fn handle(&self, target: &str, body: &[u8]) -> Response {
        self.with(|engine, now| protocol::answer(engine, now, target, body))
    }

    /// When the first hidden message of a queue, delayed or in flight, becomes visible; none if none is hidden or there
    /// is no such queue. A time that has come stays the answer until the next call on the queue.
    #[must_use]
    pub fn next_visible_at(&self, queue_url_or_name: &str) -> Option<Timestamp> {
        self.with(|engine, _| engine.next_visible_at(queue_url_or_name))
    }

    /// Changes each time that a receiver may get something, or know of something, that was not there before: a message
    /// sent, released or found visible again, a hidden one due earlier, room below the in-flight limit.
    #[must_use]
    pub fn arrivals(&self) -> watch::Receiver<u64> {
        self.0.arrivals.subscribe()
    }

    /// Receives up to `max` messages, 10 at most, with all their attributes, and hides them for `visibility` or else
    /// the queue's time-out (12 hours at most). Empty if there are none, no such queue, or no room in flight.
    #[must_use = "what is received and not kept stays hidden until its time-out is over"]
    pub fn receive(
        &self,
        queue_url_or_name: &str,
        max: usize,
        visibility: Option<Duration>,
    ) -> Vec<ReceivedMessage> {
        let receive = Receive {
            wanted: max.min(limits::BATCH_ENTRIES),
            visibility_timeout: visibility
                .map(|timeout| timeout.min(limits::VISIBILITY.duration())),
            polling: Polling::Long,
        };
        self.with(|engine, now| engine.receive(queue_url_or_name, receive, now))
            .unwrap_or_default()
    }

    /// Deletes a message. Returns whether it was there to be deleted: `false` for a handle that is not of the message's
    /// latest receive, or is none of this queue.
    pub fn delete(&self, queue_url_or_name: &str, receipt_handle: &str) -> bool {
        self.with(|engine, now| engine.delete_message(queue_url_or_name, receipt_handle, now))
            .unwrap_or(false)
    }

    /// How many messages a queue holds; none if there is no such queue.
    #[must_use]
    pub fn counts(&self, queue_url_or_name: &str) -> Option<QueueCounts> {
        let counts = |engine: &mut Engine, now| {
            engine
                .queue_mut(queue_url_or_name, now)
                .map(|queue| queue.counts())
        };
        self.with(counts).ok()
    }

    /// Lets a queue have another number of messages in flight than AWS's 120,000: AWS raises it on request, and tests of
    /// the limit lower it. Returns whether there is such a queue.
    pub fn limit_in_flight(&self, queue_url_or_name: &str, limit: usize) -> bool {
        self.with(|engine, now| engine.limit_in_flight(queue_url_or_name, limit, now))
            .is_ok()
    }

    /// Lets a queue's attributes tell its counts as they were so long ago (to the second), as AWS's may be a minute late
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>): at first
    /// those of now. [`Self::counts`] stays exact. Returns whether there is such a queue.
    pub fn lag_counts(&self, queue_url_or_name: &str, lag: Duration) -> bool {
        self.with(|engine, now| engine.lag_counts(queue_url_or_name, lag, now))
            .is_ok()
    }

    /// The names of all queues, sorted.
    #[must_use]
    pub fn queue_names(&self) -> Vec<String> {
        self.with(|engine, _| engine.names().map(str::to_owned).collect())
    }

    /// All attributes of a queue, as `GetQueueAttributes` gives them for `All`; none if there is no such queue.
    #[must_use]
    pub fn queue_attributes(&self, queue_url_or_name: &str) -> Option<BTreeMap<String, String>> {
        let attributes = |engine: &mut Engine, now| {
            engine
                .queue_mut(queue_url_or_name, now)
                .map(|q| q.all_attributes())
        };
        self.with(attributes).ok()
    }

    fn with<T>(&self, call: impl FnOnce(&mut Engine, Timestamp) -> T) -> T {
        let mut engine = self.0.engine.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that calls see time in the order in which they take effect.
        let now = (self.0.clock)();
        let result = call(&mut engine, now);
        let news = engine.take_news();
        drop(engine);
        if news {
            self.0
                .arrivals
                .send_modify(|count| *count = count.wrapping_add(1));
        }
        result
    }
}

impl std::fmt::Debug for Sqs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sqs").finish_non_exhaustive()
    }
}
