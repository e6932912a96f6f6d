//! Where the messages of one queue are: ready to be received, hidden until a time, or gone.
//!
//! Source for all of it: [visibility timeout](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use crate::attributes::{Attributes, Redrive};
use crate::error::Error;
use crate::message::Content;

/// So many messages of a standard queue may be in flight
/// ([quota](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html)).
pub(crate) const MAX_IN_FLIGHT: usize = 120_000;
/// The longest that one receive may hide a message, however often its time-out is changed.
const MAX_HIDDEN: Duration = Duration::from_secs(43_200);

/// The order in which messages were sent.
type Sequence = u64;
type Group = Option<String>;

/// How many messages of a queue are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Ready to be received.
    pub visible: usize,
    /// Received, and neither deleted nor visible again.
    pub in_flight: usize,
    /// Sent with a delay that is not over.
    pub delayed: usize,
}

/// A message of a queue.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) content: Content,
    pub(crate) sent_at: Timestamp,
    pub(crate) first_received_at: Option<Timestamp>,
    pub(crate) receive_count: u32,
    pub(crate) dead_letter_source: Option<String>,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Ready,
    Delayed {
        until: Timestamp,
    },
    InFlight {
        until: Timestamp,
        received_at: Timestamp,
        receive: u64,
    },
}

/// A queue.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) attributes: Attributes,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) created_at: Timestamp,
    pub(crate) changed_at: Timestamp,
    pub(crate) purged_at: Option<Timestamp>,
    messages: HashMap<Sequence, Message>,
    /// What becomes visible when.
    hidden: BTreeSet<(Timestamp, Sequence)>,
    /// What expires when.
    expiring: BTreeSet<(Timestamp, Sequence)>,
    groups: HashMap<Group, Lane>,
    /// The groups with ready messages, the quietest first, among equals the one whose message is oldest.
    order: BTreeSet<(usize, Sequence, Group)>,
    next_sequence: Sequence,
    in_flight: usize,
    delayed: usize,
}

/// The messages of one group.
#[derive(Debug, Default)]
struct Lane {
    ready: BTreeSet<Sequence>,
    in_flight: usize,
}

/// A message handed out.
pub(crate) struct Received {
    pub(crate) message: Message,
    pub(crate) receipt_handle: String,
}

/// What a receive came to.
#[derive(Default)]
pub(crate) struct Receive {
    pub(crate) received: Vec<Received>,
    /// Received too often: for the dead-letter queue.
    pub(crate) dead: Vec<Message>,
}

impl Queue {
    pub(crate) fn new(
        attributes: Attributes,
        tags: BTreeMap<String, String>,
        now: Timestamp,
    ) -> Queue {
        Queue {
            attributes,
            tags,
            created_at: now,
            changed_at: now,
            purged_at: None,
            messages: HashMap::new(),
            hidden: BTreeSet::new(),
            expiring: BTreeSet::new(),
            groups: HashMap::new(),
            order: BTreeSet::new(),
            next_sequence: 0,
            in_flight: 0,
            delayed: 0,
        }
    }

    /// Catches up with the clock: what was hidden long enough is ready, what is too old is gone.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        while let Some((until, sequence)) = self
            .hidden
            .first()
            .copied()
            .filter(|(until, _)| *until <= now)
        {
            self.hidden.remove(&(until, sequence));
            self.put(sequence, Place::Ready);
        }
        while let Some((at, sequence)) = self.expiring.first().copied().filter(|(at, _)| *at <= now)
        {
            self.expiring.remove(&(at, sequence));
            self.remove(sequence);
        }
    }

    pub(crate) fn next_visible_at(&self) -> Option<Timestamp> {
        self.hidden.first().map(|(until, _)| *until)
    }

    pub(crate) fn counts(&self) -> Counts {
        let visible = self.messages.len() - self.in_flight - self.delayed;
        Counts {
            visible,
            in_flight: self.in_flight,
            delayed: self.delayed,
        }
    }

    /// Takes a new message.
    pub(crate) fn send(
        &mut self,
        id: String,
        content: Content,
        now: Timestamp,
    ) -> Result<(), Error> {
        let delay = content.delay()?.unwrap_or(self.attributes.delay);
        let message = Message {
            id,
            content,
            sent_at: now,
            first_received_at: None,
            receive_count: 0,
            dead_letter_source: None,
            place: Place::Ready,
        };
        self.insert(message, (!delay.is_zero()).then(|| now + delay));
        Ok(())
    }

    /// Takes a message that another queue gives up. It keeps its age: retention counts from when it was first sent.
    pub(crate) fn accept_dead(&mut self, message: Message, source_arn: String) {
        let message = Message {
            dead_letter_source: Some(source_arn),
            receive_count: 0,
            first_received_at: None,
            ..message
        };
        self.insert(message, None);
    }

    fn insert(&mut self, mut message: Message, delayed_until: Option<Timestamp>) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        message.place = Place::Ready;
        self.expiring
            .insert((message.sent_at + self.attributes.retention, sequence));
        let group = message.content.message_group_id.clone();
        self.messages.insert(sequence, message);
        self.edit_group(group, |lane| drop(lane.ready.insert(sequence)));
        if let Some(until) = delayed_until {
            self.put(sequence, Place::Delayed { until });
        }
    }

    /// Hands out up to `most` messages, the quietest groups first: a busy tenant does not hold up the others
    /// ([fair queues](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html)).
    pub(crate) fn receive(
        &mut self,
        most: usize,
        visibility: Duration,
        now: Timestamp,
        mut next_id: impl FnMut() -> u64,
    ) -> Receive {
        let mut receive = Receive::default();
        while receive.received.len() < most && self.in_flight < MAX_IN_FLIGHT {
            let Some((_, sequence, _)) = self.order.first().cloned() else {
                break;
            };
            let Some(message) = self.messages.get_mut(&sequence) else {
                break;
            };
            let limit = self
                .attributes
                .redrive
                .as_ref()
                .map_or(u32::MAX, |redrive| redrive.max_receive_count);
            if message.receive_count >= limit {
                receive.dead.extend(self.remove(sequence));
                continue;
            }
            message.receive_count += 1;
            message.first_received_at.get_or_insert(now);
            let id = next_id();
            self.put(
                sequence,
                Place::InFlight {
                    until: now + visibility,
                    received_at: now,
                    receive: id,
                },
            );
            let message = self.messages[&sequence].clone();
            receive.received.push(Received {
                message,
                receipt_handle: format!("{sequence:016x}{id:016x}"),
            });
        }
        receive
    }

    /// Deletes the message that was received under this handle. A handle of an earlier receive deletes nothing, and
    /// neither that nor a message long gone is an error
    /// ([DeleteMessage](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html)).
    pub(crate) fn delete(&mut self, handle: &str) -> Result<(), Error> {
        let (sequence, receive) = read_handle(handle)?;
        // A message that has become visible again is still deleted by its last handle.
        let last = self.messages.get(&sequence).map(|message| message.place);
        match last {
            Some(Place::InFlight { receive: last, .. }) if last != receive => {}
            Some(_) => drop(self.remove(sequence)),
            None => {}
        }
        Ok(())
    }

    /// Hides a received message for `timeout` from now. All time-outs of one receive together may not exceed 12 hours
    /// ([ChangeMessageVisibility](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html));
    /// some time has always passed since the receive, so that the whole 12 hours are always refused.
    pub(crate) fn change_visibility(
        &mut self,
        handle: &str,
        timeout: Duration,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (sequence, receive) = read_handle(handle)?;
        let Some(message) = self.messages.get(&sequence) else {
            let words = format!(
                "Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not \
                 available for visibility timeout change."
            );
            return Err(Error::InvalidParameter(words));
        };
        let Place::InFlight {
            received_at,
            receive: last,
            ..
        } = message.place
        else {
            return Err(Error::MessageNotInflight);
        };
        if last != receive {
            return Err(Error::MessageNotInflight);
        }
        let elapsed = Duration::try_from(now.duration_since(received_at)).unwrap_or_default();
        if elapsed.max(Duration::from_millis(1)) + timeout > MAX_HIDDEN {
            let words = format!(
                "Value {} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message \
                 is beyond the limit [43200 seconds].",
                timeout.as_secs()
            );
            return Err(Error::InvalidParameter(words));
        }
        self.put(
            sequence,
            Place::InFlight {
                until: now + timeout,
                received_at,
                receive,
            },
        );
        self.advance(now);
        Ok(())
    }

    /// Deletes everything; once in 60 seconds
    /// ([PurgeQueue](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html)).
    pub(crate) fn purge(&mut self, now: Timestamp) -> Result<(), Error> {
        if self
            .purged_at
            .is_some_and(|last| now < last + Duration::from_secs(60))
        {
            return Err(Error::PurgeQueueInProgress);
        }
        let all: Vec<_> = self.messages.keys().copied().collect();
        for sequence in all {
            self.remove(sequence);
        }
        self.purged_at = Some(now);
        Ok(())
    }

    /// Retention counts anew for all messages when it is changed.
    pub(crate) fn set_attributes(&mut self, attributes: Attributes, now: Timestamp) {
        self.attributes = attributes;
        self.changed_at = now;
        let retention = self.attributes.retention;
        self.expiring = self
            .messages
            .iter()
            .map(|(sequence, message)| (message.sent_at + retention, *sequence))
            .collect();
    }

    pub(crate) fn redrive(&self) -> Option<&Redrive> {
        self.attributes.redrive.as_ref()
    }

    /// Moves a message to a place, and all the books with it.
    fn put(&mut self, sequence: Sequence, place: Place) {
        let Some(message) = self.messages.get_mut(&sequence) else {
            return;
        };
        let before = std::mem::replace(&mut message.place, place);
        let group = message.content.message_group_id.clone();
        self.uncount(before, sequence);
        match place {
            Place::Ready => {}
            Place::Delayed { until } => {
                self.delayed += 1;
                self.hidden.insert((until, sequence));
            }
            Place::InFlight { until, .. } => {
                self.in_flight += 1;
                self.hidden.insert((until, sequence));
            }
        }
        self.edit_group(group, |lane| {
            lane.leave(before, sequence);
            lane.enter(place, sequence);
        });
    }

    fn remove(&mut self, sequence: Sequence) -> Option<Message> {
        let message = self.messages.remove(&sequence)?;
        self.expiring
            .remove(&(message.sent_at + self.attributes.retention, sequence));
        self.uncount(message.place, sequence);
        self.edit_group(message.content.message_group_id.clone(), |lane| {
            lane.leave(message.place, sequence)
        });
        Some(message)
    }

    fn uncount(&mut self, place: Place, sequence: Sequence) {
        match place {
            Place::Ready => {}
            Place::Delayed { until } => {
                self.delayed -= 1;
                self.hidden.remove(&(until, sequence));
            }
            Place::InFlight { until, .. } => {
                self.in_flight -= 1;
                self.hidden.remove(&(until, sequence));
            }
        }
    }

    /// Changes a group and keeps the order of groups true.
    fn edit_group(&mut self, group: Group, edit: impl FnOnce(&mut Lane)) {
        let lane = self.groups.entry(group.clone()).or_default();
        if let Some(first) = lane.ready.first() {
            self.order.remove(&(lane.in_flight, *first, group.clone()));
        }
        edit(lane);
        if let Some(first) = lane.ready.first() {
            self.order.insert((lane.in_flight, *first, group));
        } else if lane.in_flight == 0 {
            self.groups.remove(&group);
        }
    }
}

impl Lane {
    fn leave(&mut self, place: Place, sequence: Sequence) {
        match place {
            Place::Ready => drop(self.ready.remove(&sequence)),
            Place::InFlight { .. } => self.in_flight -= 1,
            Place::Delayed { .. } => {}
        }
    }

    fn enter(&mut self, place: Place, sequence: Sequence) {
        match place {
            Place::Ready => drop(self.ready.insert(sequence)),
            Place::InFlight { .. } => self.in_flight += 1,
            Place::Delayed { .. } => {}
        }
    }
}

fn read_handle(handle: &str) -> Result<(Sequence, u64), Error> {
    let halves = handle
        .is_ascii()
        .then(|| handle.split_at_checked(16))
        .flatten()
        .ok_or(Error::ReceiptHandleIsInvalid)?;
    let read = |half: &str| {
        u64::from_str_radix(half, 16)
            .ok()
            .filter(|_| half.len() == 16)
    };
    read(halves.0)
        .zip(read(halves.1))
        .ok_or(Error::ReceiptHandleIsInvalid)
}
