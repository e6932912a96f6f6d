//! Deliveries by key; recording what became of an attempt.
//!
//! Who changes what is counted of an hour long past tells the [statistics](super::webhook_stats) first.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::delivery::{Delivery, DeliveryKey, State, WebhookEffect};
use domain::ids::EventId;
use domain::webhook::Webhook;
use jiff::Timestamp;

use super::table::{Expected, Store, StoreError};
use super::{Versioned, delivery_item, item, keys};

/// A delivery with the revision of its item.
pub type Stored = Versioned<Delivery>;

/// Deliveries that were read together.
pub type ReadDeliveries = HashMap<DeliveryKey, Result<Stored, StoreError>>;

/// What became of recording an attempt.
#[derive(Debug, Clone, PartialEq)]
pub enum Recorded {
    /// It is written, and with it what it means for the webhook.
    Written {
        /// Whether the write switched the webhook off.
        webhook_disabled: bool,
    },
    /// The delivery has moved on meanwhile (another invocation recorded first, or it was deleted): nothing written.
    Overtaken,
}

/// Tries at a transaction whose webhook keeps changing under it: as many deliveries of one batch may fail at once.
const WEBHOOK_TRIES: usize = 120;

impl Store {
    /// The delivery, read strongly.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delivery(&self, key: &DeliveryKey) -> Result<Option<Stored>, StoreError> {
        let item = self.get(&keys::delivery_key(key)).await?;
        let stored = item.as_ref().map(delivery_item::decode).transpose()?;
        // The partition is the webhook's; a key that names another workspace finds nothing.
        Ok(stored.filter(|stored| stored.value.key.workspace == key.workspace))
    }

    /// Those of the deliveries that exist, read strongly, each with its own error: one that is damaged is not to hold
    /// up the others. The keys must differ from each other.
    ///
    /// # Errors
    /// [`StoreError`] where nothing could be read.
    pub async fn deliveries(&self, wanted: &[DeliveryKey]) -> Result<ReadDeliveries, StoreError> {
        let places: HashMap<_, _> = wanted
            .iter()
            .map(|key| (keys::delivery_key(key), key))
            .collect();
        // In the order in which they were wanted: a run can be repeated exactly.
        let places_read: Vec<_> = wanted.iter().map(keys::delivery_key).collect();
        let items = self.get_many(&places_read).await?;
        let decoded = items.iter().filter_map(|item| {
            let key = places.get(&item::key_of(item)?)?;
            let stored = delivery_item::decode(item);
            Some(((*key).clone(), stored))
        });
        Ok(decoded.collect())
    }

    /// Writes a delivery that has no item yet.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where it has one.
    pub async fn create_delivery(&self, delivery: &Delivery) -> Result<(), StoreError> {
        let item = delivery_item::encode(delivery, Expected::Absent)?;
        self.touch(delivery, delivery.created_at).await?;
        self.put(item, Expected::Absent).await
    }

    /// Writes a changed delivery at `now`; the answer is its new revision.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where it has changed or gone meanwhile.
    pub async fn save_delivery(
        &self,
        delivery: &Stored,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let expected = Expected::Rev(delivery.rev);
        // A claim is made on what was pending and leaves it so.
        if !is_claimed(&delivery.value) {
            self.touch(&delivery.value, now).await?;
        }
        self.put(delivery_item::encode(&delivery.value, expected)?, expected)
            .await?;
        Ok(expected.next())
    }

    /// Records what became of an attempt, together with what it means for the webhook. `rev` is the revision that the
    /// attempt was claimed at, `None` for the first attempt of a delivery that has no item yet.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: whether it was written is unknown.
    pub async fn record_attempt(
        &self,
        delivery: &Delivery,
        rev: Option<u64>,
        effect: WebhookEffect,
        webhook: &Webhook,
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let expected = rev.map_or(Expected::Absent, Expected::Rev);
        let stays_pending = rev.is_some() && matches!(delivery.state, State::Pending(_));
        if !stays_pending {
            self.touch(delivery, now).await?;
        }
        let touches_webhook = match effect {
            WebhookEffect::None => false,
            // A success that saw no streak leaves the webhook alone: nothing is written for it on the hot path.
            WebhookEffect::EventDelivered => !webhook.streak.is_empty(),
            WebhookEffect::EventFailed | WebhookEffect::Gone => true,
        };
        if !touches_webhook {
            let put = self
                .put(delivery_item::encode(delivery, expected)?, expected)
                .await;
            return written_or_overtaken(put, false);
        }
        self.record_with_effect(delivery, expected, effect, webhook, now)
            .await
    }

    async fn record_with_effect(
        &self,
        delivery: &Delivery,
        expected: Expected,
        effect: WebhookEffect,
        attempted: &Webhook,
        now: Timestamp,
    ) -> Result<Recorded, StoreError> {
        let DeliveryKey {
            workspace,
            webhook: webhook_id,
            ..
        } = &delivery.key;
        for _ in 0..WEBHOOK_TRIES {
            let put = self.put_request(delivery_item::encode(delivery, expected)?, expected)?;
            let mut writes = vec![TransactWriteItem::builder().put(put).build()];
            let Some(mut webhook) = self.webhook(workspace, webhook_id).await? else {
                return Ok(Recorded::Overtaken);
            };
            let was_active = webhook.value.is_active();
            // What an endpoint said says nothing of the one that the webhook was moved to meanwhile.
            let moved = webhook.value.url != attempted.url;
            let effect = if moved && effect == WebhookEffect::Gone {
                WebhookEffect::None
            } else {
                effect
            };
            if apply(effect, &mut webhook.value, &delivery.event_id, now) {
                writes.extend(self.save_webhook_writes(&webhook)?);
            }
            match self.transact(writes).await {
                Err(StoreError::Conflict) if !self.stands_at(&delivery.key, expected).await? => {
                    return Ok(Recorded::Overtaken);
                }
                // The webhook was changed by somebody else: read it again.
                Err(StoreError::Conflict) => {}
                other => {
                    let disabled = was_active && !webhook.value.is_active();
                    return written_or_overtaken(other, disabled);
                }
            }
        }
        Err(StoreError::Unavailable(
            "the webhook keeps changing".to_owned(),
        ))
    }

    async fn touch(&self, delivery: &Delivery, now: Timestamp) -> Result<(), StoreError> {
        let DeliveryKey { webhook, id, .. } = &delivery.key;
        self.touch_hour(webhook, id, now).await
    }

    async fn stands_at(&self, key: &DeliveryKey, expected: Expected) -> Result<bool, StoreError> {
        let rev = self.delivery(key).await?.map(|stored| stored.rev);
        Ok(match expected {
            Expected::Absent => rev.is_none(),
            Expected::Rev(expected) => rev == Some(expected),
        })
    }
}

fn is_claimed(delivery: &Delivery) -> bool {
    matches!(&delivery.state, State::Pending(pending) if pending.lease.is_some())
}

fn apply(effect: WebhookEffect, webhook: &mut Webhook, event: &EventId, now: Timestamp) -> bool {
    match effect {
        WebhookEffect::None => false,
        WebhookEffect::EventDelivered => webhook.count_delivered_event(),
        WebhookEffect::EventFailed => webhook.count_failed_event(event, now),
        WebhookEffect::Gone => webhook.count_gone(now),
    }
}

fn written_or_overtaken(
    result: Result<(), StoreError>,
    webhook_disabled: bool,
) -> Result<Recorded, StoreError> {
    match result {
        Ok(()) => Ok(Recorded::Written { webhook_disabled }),
        Err(StoreError::Conflict) => Ok(Recorded::Overtaken),
        Err(other) => Err(other),
    }
}
