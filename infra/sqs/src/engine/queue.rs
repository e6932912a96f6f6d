//! One standard queue.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::lagging::LaggingCounts;
use super::receipt::Receipt;
use super::store::{Key, Message, State, Store};
use super::{QueueCounts, SENDER_ID};
use crate::error::Error;
use crate::limits;
use crate::message::{Content, ReceivedMessage};
use crate::queue_attributes::QueueAttributes;
use crate::time::{self, Seconds};

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) arn: String,
    pub(crate) attributes: QueueAttributes,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created_at: Timestamp,
    pub(crate) modified_at: Timestamp,
    purged_at: Option<Timestamp>,
    /// Messages that may be in flight at a time.
    pub(super) in_flight_limit: usize,
    /// Where counts are told late.
    lagging: Option<LaggingCounts>,
    /// Goes into every receipt handle.
    identity: u64,
    store: Store,
}

/// How many messages to receive, and what becomes of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Take {
    pub(super) wanted: usize,
    pub(super) visibility_timeout: Duration,
    /// Messages with this many receives are taken out instead.
    pub(super) dead_after: Option<u32>,
}

/// What a receive found.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) received: Vec<ReceivedMessage>,
    pub(super) dead: Vec<Message>,
}

impl Queue {
    pub(super) fn new(
        name: String,
        arn: String,
        attributes: QueueAttributes,
        identity: u64,
        now: Timestamp,
    ) -> Self {
        Self {
            name,
            arn,
            attributes,
            tags: BTreeMap::new(),
            created_at: now,
            modified_at: now,
            purged_at: None,
            in_flight_limit: limits::IN_FLIGHT,
            lagging: None,
            identity,
            store: Store::default(),
        }
    }

    /// Lets time do its work: drops what is too old, shows what is no longer hidden. Returns whether a receiver may
    /// now get something that it could not get before.
    pub(super) fn advance(&mut self, now: Timestamp) -> bool {
        let (was_full, before) = (self.is_full(), self.counts());
        if let Some(lagging) = &mut self.lagging {
            lagging.note(before, now);
        }
        self.store
            .expire(time::before(now, self.attributes.retention.duration()));
        let woken = self.store.wake(now);
        woken > 0 || (was_full && !self.is_full())
    }

    pub(super) fn send(&mut self, content: Content, delay: Option<Seconds>, now: Timestamp) {
        let delay = delay.unwrap_or(self.attributes.delay).duration();
        let state = match delay {
            Duration::ZERO => State::Visible { since: now },
            delay => State::Delayed {
                until: time::after(now, delay),
            },
        };
        self.store.insert(Message::new(content, state));
    }

    /// Puts in a message that another queue gave up. It keeps what it has, its age too
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html>).
    pub(super) fn accept_dead_letter(
        &mut self,
        message: Message,
        source_arn: &str,
        now: Timestamp,
    ) {
        self.store.insert(Message {
            state: State::Visible { since: now },
            receives_here: 0,
            dead_letter_source: Some(source_arn.to_owned()),
            ..message
        });
    }

    pub(super) fn receive(&mut self, take: Take, now: Timestamp) -> Taken {
        let room = self.in_flight_limit.saturating_sub(self.store.in_flight());
        let mut taken = Taken::default();
        while taken.received.len() < take.wanted.min(room)
            && let Some(key) = self.store.next(now)
        {
            let receives = self
                .store
                .get(key)
                .map_or(0, |message| message.receives_here);
            if take.dead_after.is_some_and(|limit| receives >= limit) {
                taken.dead.extend(self.store.remove(key));
            } else {
                taken
                    .received
                    .extend(self.hand_out(key, take.visibility_timeout, now));
            }
        }
        // What was received with no time-out at all is visible again, but only now: never twice in one answer.
        self.store.wake(now);
        taken
    }

    fn hand_out(
        &mut self,
        key: Key,
        visibility_timeout: Duration,
        now: Timestamp,
    ) -> Option<ReceivedMessage> {
        let identity = self.identity;
        self.store.change(key, |message| {
            message.receive_count = message.receive_count.saturating_add(1);
            message.receives_here = message.receives_here.saturating_add(1);
            message.first_received_at.get_or_insert(now);
            message.state = State::InFlight {
                received_at: now,
                until: time::after(now, visibility_timeout),
            };
            let receipt = Receipt {
                key,
                receive: message.receives_here,
            };
            received(message, receipt.encode(identity))
        })
    }

    /// Hides a message for `timeout` from now on. Returns whether it becomes visible earlier than it would have.
    ///
    /// Only the handle of the message's latest receive will do: with an older one the message is in somebody else's
    /// hands. AWS documents that for deletion alone; for a change it has been seen to answer just this
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>,
    /// <https://repost.aws/knowledge-center/sqs-receipt-handle-error>).
    pub(super) fn change_visibility(
        &mut self,
        handle: &str,
        timeout: i64,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let receipt = self.receipt(handle)?;
        let message = self
            .store
            .get(receipt.key)
            .filter(|message| message.receives_here == receipt.receive);
        let message = message.ok_or_else(|| Error::MessageNotAvailable(handle.to_owned()))?;
        let State::InFlight { received_at, until } = message.state else {
            return Err(Error::MessageNotInflight);
        };
        let span = Duration::from_secs(timeout.unsigned_abs());
        if elapsed_since_receive(received_at, now) + span > limits::VISIBILITY.duration() {
            return Err(Error::VisibilityBeyondLimit(timeout));
        }
        let changed = time::after(now, span);
        self.store.set_state(
            receipt.key,
            State::InFlight {
                received_at,
                until: changed,
            },
        );
        self.store.wake(now);
        Ok(changed < until)
    }

    /// Deletes a message, visible or not. Returns whether it did: a handle from before the latest receive, or of a
    /// message that is gone, is taken and does nothing
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html>).
    pub(super) fn delete(&mut self, handle: &str) -> Result<bool, Error> {
        let receipt = self.receipt(handle)?;
        let is_latest = self
            .store
            .get(receipt.key)
            .is_some_and(|message| message.receives_here == receipt.receive);
        Ok(is_latest && self.store.remove(receipt.key).is_some())
    }

    pub(super) fn purge(&mut self, now: Timestamp) -> Result<(), Error> {
        if self
            .purged_at
            .is_some_and(|purged_at| time::elapsed(purged_at, now) < limits::PURGE)
        {
            return Err(Error::PurgeQueueInProgress(self.name.clone()));
        }
        self.purged_at = Some(now);
        self.store.clear();
        Ok(())
    }

    /// Whether no more can be handed out before a message is deleted or visible again.
    pub(super) fn is_full(&self) -> bool {
        self.store.in_flight() >= self.in_flight_limit
    }

    pub(super) fn next_visible_at(&self) -> Option<Timestamp> {
        self.store.next_visible_at()
    }

    /// Has counts told so late from now on; at once again where there is no lag.
    pub(super) fn lag_counts(&mut self, lag: Duration, now: Timestamp) {
        let lagging = LaggingCounts::new(lag, self.counts(), now);
        self.lagging = (lag > Duration::ZERO).then_some(lagging);
    }

    /// The counts as the queue's attributes tell them.
    pub(super) fn told_counts(&self) -> QueueCounts {
        let lagging = self.lagging.as_ref();
        lagging.map_or_else(|| self.counts(), LaggingCounts::told)
    }

    pub(crate) fn counts(&self) -> QueueCounts {
        QueueCounts {
            visible: self.store.visible(),
            in_flight: self.store.in_flight(),
            delayed: self.store.delayed(),
        }
    }

    fn receipt(&self, handle: &str) -> Result<Receipt, Error> {
        Receipt::decode(handle, self.identity)
            .ok_or_else(|| Error::ReceiptHandleIsInvalid(handle.to_owned()))
    }
}

/// SQS counts the limit from the receive and in milliseconds, and a call takes some: the full 12 hours are always
/// refused, even on a clock that has not moved.
fn elapsed_since_receive(received_at: Timestamp, now: Timestamp) -> Duration {
    const MILLISECOND: Duration = Duration::from_millis(1);
    let millis = time::elapsed(received_at, now)
        .as_nanos()
        .div_ceil(MILLISECOND.as_nanos());
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)).max(MILLISECOND)
}

fn received(message: &Message, receipt_handle: String) -> ReceivedMessage {
    let content = &message.content;
    ReceivedMessage {
        message_id: content.id.clone(),
        receipt_handle,
        body: content.body.clone(),
        md5_of_body: content.md5_of_body.clone(),
        attributes: system_attributes(message),
        message_attributes: content.attributes.as_map().clone(),
        md5_of_message_attributes: content.md5_of_attributes.clone(),
    }
}

fn system_attributes(message: &Message) -> BTreeMap<String, String> {
    let content = &message.content;
    let first_received_at = message
        .first_received_at
        .map(|at| at.as_millisecond().to_string());
    let group = content
        .group
        .as_ref()
        .map(|group| group.as_str().to_owned());
    let attributes = [
        ("SenderId", Some(SENDER_ID.to_owned())),
        (
            "SentTimestamp",
            Some(content.sent_at.as_millisecond().to_string()),
        ),
        (
            "ApproximateReceiveCount",
            Some(message.receive_count.to_string()),
        ),
        ("ApproximateFirstReceiveTimestamp", first_received_at),
        ("MessageGroupId", group),
        ("AWSTraceHeader", content.trace_header.clone()),
        (
            "DeadLetterQueueSourceArn",
            message.dead_letter_source.clone(),
        ),
    ];
    attributes
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}
