//! Waking what is due: one errand for each kind of what waits.

use std::time::Duration;

use domain::channel::Channel;
use domain::waiting::Waiting;
use futures::StreamExt;
use futures::future::join_all;
use futures::stream;
use jiff::Timestamp;
use platform::metrics::Count;
use platform::queue::message::{SmsWakeUp, WebhookWakeUp};
use platform::queue::sending::Outgoing;
use platform::queue::waits::AHEAD;
use platform::store::StoreError;
use platform::store::due::{DueCursor, DueEntry, DueKey, DuePage, DuePartition, Moved};

use crate::Sweep;

/// What was rescued and is still due is rescued again after so long.
pub const RESCUED_AGAIN: Duration = Duration::from_secs(15 * 60);

/// How long a webhook delivery may be overdue before its wake-up counts as lost: longer than the 90 s after which the
/// message of a process that died is back, three times in a row.
const WEBHOOK_GRACE: Duration = Duration::from_secs(5 * 60);
/// The same for an SMS, which is more urgent: two such deaths in a row. Its leases of 45 s, and the looks at the
/// provider's list 60 s and 5 min after an attempt, are times of their own in the index.
const SMS_GRACE: Duration = Duration::from_secs(3 * 60);

/// Nothing new is begun with less time than this left: a batch of messages and the moves after it, each of which the SDK
/// gives up after 6 s.
pub const TIME_TO_FINISH: Duration = Duration::from_secs(13);

/// Entries of a page; the partitions take turns page by page.
const PAGE: i32 = 100;
/// Partitions at work at a time, for each errand. Each has one batch of messages under way, or the moves of one.
const PARTITIONS: usize = 16;
/// Messages of a batch.
const BATCH: usize = 10;

/// What `sweep` goes through the index for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// Wakes what waits without a message, ahead of time.
    Wake(Channel),
    /// Wakes what should have been woken by now.
    Rescue(Channel),
}

/// What an errand came to.
#[derive(Debug, Default, Clone, Copy)]
struct Tally {
    woken: u64,
    /// Woken, though somebody else had been quicker to write them.
    overtaken: u64,
    /// Left for the next run: not read, not sent or not moved.
    undecided: u64,
}

/// What a turn of a partition came to, and where its next one begins.
struct Turn {
    tally: Tally,
    next: Option<(DuePartition, DueCursor)>,
    failed: Option<StoreError>,
}

/// What a channel's deliveries that have no message wait for.
pub(crate) fn without_message(channel: Channel) -> Waiting {
    match channel {
        Channel::Webhook => Waiting::Parked,
        Channel::Sms => Waiting::ForReceipt,
    }
}

impl Errand {
    /// All of them.
    pub const ALL: [Errand; 4] = [
        Errand::Wake(Channel::Webhook),
        Errand::Wake(Channel::Sms),
        Errand::Rescue(Channel::Webhook),
        Errand::Rescue(Channel::Sms),
    ];

    /// How long something may be overdue in this channel before its wake-up counts as lost.
    pub fn grace(channel: Channel) -> Duration {
        match channel {
            Channel::Webhook => WEBHOOK_GRACE,
            Channel::Sms => SMS_GRACE,
        }
    }

    fn channel(self) -> Channel {
        match self {
            Errand::Wake(channel) | Errand::Rescue(channel) => channel,
        }
    }

    /// Where to look.
    fn waiting(self) -> Waiting {
        match self {
            Errand::Wake(channel) => without_message(channel),
            Errand::Rescue(_) => Waiting::WithMessage,
        }
    }

    /// What is due by then is to be woken.
    fn until(self, now: Timestamp) -> Timestamp {
        match self {
            Errand::Wake(_) => now + AHEAD,
            Errand::Rescue(channel) => now - Errand::grace(channel),
        }
    }

    /// When something woken is due, as the index is to have it.
    fn due_after(self, entry: &DueEntry, now: Timestamp) -> Timestamp {
        match self {
            Errand::Wake(_) => entry.due_at,
            Errand::Rescue(channel) => now + RESCUED_AGAIN - Errand::grace(channel),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Errand::Wake(_) => "wake",
            Errand::Rescue(_) => "rescue",
        }
    }
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.woken += other.woken;
        self.overtaken += other.overtaken;
        self.undecided += other.undecided;
    }
}

impl Sweep {
    /// Goes through the partitions in rounds until there is nothing left, or no time.
    pub(crate) async fn run(&self, errand: Errand, deadline: Timestamp) -> Result<(), StoreError> {
        let until = errand.until((self.clock)());
        let partitions = DuePartition::all(errand.channel(), errand.waiting());
        let mut turns: Vec<_> = partitions.map(|partition| (partition, None)).collect();
        let mut tally = Tally::default();
        let mut failed = None;
        while !turns.is_empty() && self.has_time(deadline) {
            let round = stream::iter(turns)
                .map(|(partition, from)| self.turn(errand, partition, from, until, deadline))
                .buffer_unordered(PARTITIONS);
            turns = Vec::new();
            for turn in round.collect::<Vec<Turn>>().await {
                tally.add(turn.tally);
                failed = failed.or(turn.failed);
                turns.extend(turn.next.map(|(partition, from)| (partition, Some(from))));
            }
        }
        self.report(errand, tally, !turns.is_empty());
        failed.map_or(Ok(()), Err)
    }

    /// A page of a partition.
    async fn turn(
        &self,
        errand: Errand,
        partition: DuePartition,
        from: Option<DueCursor>,
        until: Timestamp,
        deadline: Timestamp,
    ) -> Turn {
        let mut turn = Turn {
            tally: Tally::default(),
            next: None,
            failed: None,
        };
        let page = match self.store.due_page(partition, until, PAGE, from).await {
            Ok(page) => page,
            Err(error) => {
                turn.failed = Some(error);
                return turn;
            }
        };
        let DuePage {
            entries,
            unreadable,
            next,
        } = page;
        for sort_key in unreadable {
            tracing::warn!(delivery_id = sort_key, "entry not read");
            turn.tally.undecided += 1;
        }
        for batch in entries.chunks(BATCH) {
            if !self.has_time(deadline) {
                return turn;
            }
            turn.tally.add(self.wake(errand, batch).await);
        }
        turn.next = next.map(|next| (partition, next));
        turn
    }

    /// Sends the wake-ups, then moves the entries of those that were sent.
    async fn wake(&self, errand: Errand, batch: &[DueEntry]) -> Tally {
        let messages: Vec<_> = batch.iter().map(|entry| self.message(entry)).collect();
        let queue = match errand.channel() {
            Channel::Webhook => &self.queues.slow,
            Channel::Sms => &self.queues.sms,
        };
        let mut tally = Tally::default();
        let mut sent = Vec::with_capacity(batch.len());
        for (entry, result) in batch.iter().zip(queue.send_all(&messages).await) {
            match result {
                Ok(()) => sent.push(entry),
                Err(error) => undecided(&mut tally, entry, &error),
            }
        }
        let moves = sent.iter().map(|entry| self.move_on(errand, entry));
        for (entry, moved) in sent.iter().zip(join_all(moves).await) {
            match moved {
                Ok(Moved::Moved) => self.count(errand, entry, &mut tally),
                Ok(Moved::Overtaken) => tally.overtaken += 1,
                Err(error) => undecided(&mut tally, entry, &error),
            }
        }
        tally
    }

    fn message(&self, entry: &DueEntry) -> Outgoing {
        let message = match &entry.delivery {
            DueKey::Webhook(key) => Outgoing::json(&WebhookWakeUp::of(key), key.webhook.as_str()),
            DueKey::Sms(key) => Outgoing::json(&SmsWakeUp::of(key), key.workspace.as_str()),
        };
        let left = entry.due_at.duration_since((self.clock)());
        message.delayed(Duration::try_from(left).unwrap_or_default())
    }

    async fn move_on(&self, errand: Errand, entry: &DueEntry) -> Result<Moved, StoreError> {
        let due_at = errand.due_after(entry, (self.clock)());
        self.store
            .move_due(entry, Waiting::WithMessage, due_at)
            .await
    }

    fn count(&self, errand: Errand, entry: &DueEntry, tally: &mut Tally) {
        tally.woken += 1;
        if let Errand::Rescue(channel) = errand {
            self.metrics.add(Count::Rescued(channel), 1);
            tracing::info!(
                workspace_id = %entry.delivery.workspace(),
                delivery_id = %entry.delivery.id(),
                channel = channel.as_str(),
                "delivery rescued"
            );
        }
    }

    fn report(&self, errand: Errand, tally: Tally, unfinished: bool) {
        self.metrics.add(Count::Undecided, tally.undecided);
        if tally.woken + tally.overtaken + tally.undecided > 0 {
            tracing::info!(
                errand = errand.name(),
                channel = errand.channel().as_str(),
                woken = tally.woken,
                overtaken = tally.overtaken,
                undecided = tally.undecided,
                unfinished,
                "woke what is due"
            );
        }
    }

    fn has_time(&self, deadline: Timestamp) -> bool {
        (self.clock)() + TIME_TO_FINISH < deadline
    }
}

fn undecided(tally: &mut Tally, entry: &DueEntry, error: &dyn std::fmt::Display) {
    tally.undecided += 1;
    tracing::warn!(
        workspace_id = %entry.delivery.workspace(),
        delivery_id = %entry.delivery.id(),
        %error,
        "not woken; the next run tries again"
    );
}
