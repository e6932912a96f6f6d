//! What happened to a delivery, entry by entry.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Entries that a timeline keeps. Receipts may repeat without end; what comes after this many is left out unless it
/// changes the delivery's status.
pub const MOST_ENTRIES: usize = 100;

/// The entries, oldest first, in the order in which they were recorded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeline(Vec<Entry>);

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When we got to know of it.
    pub at: Timestamp,
    /// What it was.
    pub status: Stage,
    /// Who told.
    pub source: Source,
    /// Where it went wrong: the provider's error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u32>,
}

/// A stage in the life of a message, ours and Twilio's.
/// Source: [Message status](https://www.twilio.com/docs/messaging/api/message-resource#message-status-values).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Made here; or in Twilio's queue.
    Queued,
    /// An attempt was begun; or Twilio is sending.
    Sending,
    /// The attempt failed, and another follows.
    Retrying,
    /// The attempt ended without an answer; perhaps it was accepted.
    Unclear,
    /// Twilio will choose a sender.
    Accepted,
    /// Twilio will send it later.
    Scheduled,
    /// The provider has it; or it is with the carrier.
    Sent,
    /// It is on the phone.
    Delivered,
    /// The recipient opened it.
    Read,
    /// The carrier could not deliver it.
    Undelivered,
    /// It failed.
    Failed,
    /// Twilio dropped it.
    Canceled,
    /// Nobody can tell what became of it.
    Unknown,
}

/// Who told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The product itself.
    Service,
    /// The provider's answer to a send.
    Provider,
    /// A receipt.
    Receipt,
    /// The account's list of messages.
    Reconciliation,
    /// The provider, when it was asked because its last word had not come.
    Inquiry,
    /// A receipt of another message that names this delivery.
    ForeignReceipt,
}

impl Timeline {
    /// The entries, oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Whether another attempt was begun after one that was perhaps accepted.
    pub(super) fn tells_of_an_attempt_after_doubt(&self) -> bool {
        let is_attempt =
            |entry: &Entry| entry.status == Stage::Sending && entry.source == Source::Service;
        let mut since_doubt = self.0.iter();
        since_doubt.any(|entry| entry.status == Stage::Unclear) && since_doubt.any(is_attempt)
    }

    /// Adds an entry, if there is room.
    pub fn push(&mut self, entry: Entry) {
        if self.0.len() < MOST_ENTRIES {
            self.0.push(entry);
        }
    }

    /// Adds an entry that changes the delivery's status, room or not: statuses only move forward, so that there are few.
    pub fn push_change(&mut self, entry: Entry) {
        self.0.push(entry);
    }
}
