//! What the messages say.
//!
//! A message is a wake-up: what is to be done stands in the table. Only the first message of a delivery carries the
//! event as well, so that a delivery that succeeds at once costs one write.

use domain::catalogue::EventType;
use domain::delivery::{DeliveryKey, RecoverJob};
use domain::event::Body;
use domain::ids::{DeliveryId, EventId, WebhookId, WorkspaceId};
use domain::sms::delivery::SmsKey;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::batch::wake_ups::WakeUp;

/// Wakes a webhook delivery.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookWakeUp {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// What to deliver, where the delivery may have no item yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<FirstAttempt>,
}

/// What to deliver.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FirstAttempt {
    /// The upstream's idempotency key.
    pub event_id: EventId,
    /// The type of the event.
    pub event: EventType,
    /// When the events queue took the event; `None` where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
    /// The body, which travels as it is, byte for byte, not as a string within a string.
    #[serde(with = "verbatim")]
    pub body: Body,
}

mod verbatim {
    use domain::event::Body;
    use serde::de::{Deserialize, Deserializer};
    use serde::ser::{Error, Serialize, Serializer};
    use serde_json::value::RawValue;

    pub(super) fn serialize<S: Serializer>(body: &Body, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(body.as_str()).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Body, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Body::from(String::from(Box::<str>::from(raw))))
    }
}

impl WebhookWakeUp {
    /// Wakes a delivery that has an item.
    pub fn of(key: &DeliveryKey) -> WebhookWakeUp {
        WebhookWakeUp {
            workspace: key.workspace.clone(),
            webhook: key.webhook.clone(),
            delivery: key.id.clone(),
            first: None,
        }
    }

    /// Where the delivery is found.
    pub fn key(&self) -> DeliveryKey {
        DeliveryKey {
            workspace: self.workspace.clone(),
            webhook: self.webhook.clone(),
            id: self.delivery.clone(),
        }
    }
}

impl WakeUp for WebhookWakeUp {
    type Key = DeliveryKey;

    fn key(&self) -> DeliveryKey {
        self.key()
    }

    fn merge(&mut self, other: WebhookWakeUp) {
        if self.first.is_none() {
            self.first = other.first;
        }
    }
}

/// Wakes an SMS delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmsWakeUp {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The delivery.
    pub delivery: DeliveryId,
    /// When the events queue took the event; `None` where that is not known, or there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted_at: Option<Timestamp>,
}

impl SmsWakeUp {
    /// Wakes this delivery.
    pub fn of(key: &SmsKey) -> SmsWakeUp {
        SmsWakeUp {
            workspace: key.workspace.clone(),
            delivery: key.id.clone(),
            accepted_at: None,
        }
    }
}

impl WakeUp for SmsWakeUp {
    type Key = SmsKey;

    fn key(&self) -> SmsKey {
        SmsKey {
            workspace: self.workspace.clone(),
            id: self.delivery.clone(),
        }
    }

    fn merge(&mut self, other: SmsWakeUp) {
        self.accepted_at = self.accepted_at.or(other.accepted_at);
    }
}

/// Work on many deliveries of a webhook. Each job can be done again from the start at any time: what it has done
/// already it finds done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkJob {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The webhook.
    pub webhook: WebhookId,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// What is to be done.
    pub task: BulkTask,
}

/// What is to be done to many deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkTask {
    /// Failed ones, of events since a time, get a fresh schedule.
    Recover {
        /// Tells this recovery from others.
        job: RecoverJob,
        /// Events at or after this time.
        since: Timestamp,
    },
    /// Pending ones end, because the webhook is off.
    EndPending,
    /// All of them go, because the webhook is deleted.
    DeleteLog,
}
