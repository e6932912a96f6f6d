//! The messages of one queue and the orders they are kept in.
//!
//! A message is visible, delayed or in flight. Every change of state goes through [`Store::change`], which keeps the
//! orders right: the visible ones in line ([`Tenants`]), the hidden ones by when they wake, all by age.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::tenants::Tenants;
use crate::message::Content;

/// A message's number within its queue: the order in which messages came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(pub(super) u64);

/// A message in a queue.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) content: Content,
    pub(super) state: State,
    /// Receives in all queues that it has been in
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>,
    /// `ApproximateReceiveCount`).
    pub(super) receive_count: u32,
    /// Receives in this queue; the last of them holds the receipt handle that counts.
    pub(super) receives_here: u32,
    pub(super) first_received_at: Option<Timestamp>,
    pub(super) dead_letter_source: Option<String>,
}

impl Message {
    pub(super) fn new(content: Content, state: State) -> Self {
        Self {
            content,
            state,
            receive_count: 0,
            receives_here: 0,
            first_received_at: None,
            dead_letter_source: None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum State {
    Visible {
        since: Timestamp,
    },
    Delayed {
        until: Timestamp,
    },
    InFlight {
        received_at: Timestamp,
        until: Timestamp,
    },
}

#[derive(Debug, Default)]
pub(super) struct Store {
    messages: BTreeMap<Key, Message>,
    orders: Orders,
    last_key: u64,
}

impl Store {
    pub(super) fn insert(&mut self, message: Message) {
        self.last_key += 1;
        let key = Key(self.last_key);
        self.orders.by_age.insert((message.content.sent_at, key));
        self.orders.add(key, &message);
        self.messages.insert(key, message);
    }

    pub(super) fn get(&self, key: Key) -> Option<&Message> {
        self.messages.get(&key)
    }

    pub(super) fn remove(&mut self, key: Key) -> Option<Message> {
        let message = self.messages.remove(&key)?;
        self.orders.by_age.remove(&(message.content.sent_at, key));
        self.orders.remove(key, &message);
        Some(message)
    }

    pub(super) fn set_state(&mut self, key: Key, state: State) {
        self.change(key, |message| message.state = state);
    }

    /// Changes a message and puts it where it then belongs.
    pub(super) fn change<T>(
        &mut self,
        key: Key,
        change: impl FnOnce(&mut Message) -> T,
    ) -> Option<T> {
        let message = self.messages.get_mut(&key)?;
        self.orders.remove(key, message);
        let result = change(message);
        self.orders.add(key, message);
        Some(result)
    }

    pub(super) fn clear(&mut self) {
        *self = Self {
            last_key: self.last_key,
            ..Self::default()
        };
    }

    /// The message to hand out next.
    pub(super) fn next(&self, now: Timestamp) -> Option<Key> {
        self.orders.tenants.next(now)
    }

    /// When the first hidden message wakes, past or to come.
    pub(super) fn next_visible_at(&self) -> Option<Timestamp> {
        self.orders.hidden.first().map(|(until, _)| *until)
    }

    /// Drops what was sent at `latest` or before.
    pub(super) fn expire(&mut self, latest: Timestamp) {
        while let Some(&(sent_at, key)) = self.orders.by_age.first()
            && sent_at <= latest
        {
            self.remove(key);
        }
    }

    /// Makes visible what was hidden until `now` or before; returns how many.
    pub(super) fn wake(&mut self, now: Timestamp) -> usize {
        let mut woken = 0;
        while let Some(&(until, key)) = self.orders.hidden.first()
            && until <= now
        {
            self.set_state(key, State::Visible { since: until });
            woken += 1;
        }
        woken
    }

    pub(super) fn in_flight(&self) -> usize {
        self.orders.tenants.in_flight()
    }

    pub(super) fn delayed(&self) -> usize {
        self.orders.delayed
    }

    pub(super) fn visible(&self) -> usize {
        self.messages.len() - self.orders.hidden.len()
    }
}

#[derive(Debug, Default)]
struct Orders {
    tenants: Tenants,
    hidden: BTreeSet<(Timestamp, Key)>,
    by_age: BTreeSet<(Timestamp, Key)>,
    delayed: usize,
}

impl Orders {
    fn add(&mut self, key: Key, message: &Message) {
        let group = message.content.group.as_ref();
        match message.state {
            State::Visible { since } => {
                self.tenants
                    .add_visible(group, (since, key), message.content.sent_at);
            }
            State::Delayed { until } => {
                self.hidden.insert((until, key));
                self.delayed += 1;
            }
            State::InFlight { until, .. } => {
                self.hidden.insert((until, key));
                self.tenants.add_in_flight(group);
            }
        }
    }

    fn remove(&mut self, key: Key, message: &Message) {
        let group = message.content.group.as_ref();
        match message.state {
            State::Visible { since } => self.tenants.remove_visible(group, (since, key)),
            State::Delayed { until } => {
                self.hidden.remove(&(until, key));
                self.delayed -= 1;
            }
            State::InFlight { until, .. } => {
                self.hidden.remove(&(until, key));
                self.tenants.remove_in_flight(group);
            }
        }
    }
}
