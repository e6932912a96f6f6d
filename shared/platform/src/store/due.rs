//! The index of what waits: how much of it there is, what is due, and moving entries in it.
//!
//! The index follows the table within moments, so that what it shows may have changed already. Entries are therefore
//! moved on the condition that they stand as they were read; who comes too late has changed nothing. A move leaves the
//! delivery's document and revision alone: the time in the document stays the true one, and whoever writes the delivery
//! at the same moment puts the entry where it belongs.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use domain::channel::Channel;
use domain::delivery::{DeliveryKey, State};
use domain::ids::{DeliveryId, DueShard, WorkspaceId};
use domain::sms::delivery::SmsKey;
use domain::waiting::Waiting;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::deliveries::Stored;
use super::delivery_item;
use super::item::{self, Item, from_millis, get_number, get_text, key_of, millis};
use super::keys::{self, Key};
use super::table::{Store, StoreError, unavailable};

/// The attribute that the index has beside the keys, which do not name a webhook delivery's workspace.
pub(crate) const WORKSPACE: &str = "workspace";

/// Partitions of the index read at a time.
const READS: usize = 8;

/// The deliveries of a channel that wait for the same thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waits {
    /// How many.
    pub count: u64,
    /// When something is to be done about the first of them.
    pub first_due: Option<Timestamp>,
}

/// A partition of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DuePartition {
    /// Deliveries of this channel …
    pub channel: Channel,
    /// … that wait for this …
    pub waiting: Waiting,
    /// … and whose ids fall into this shard.
    pub shard: DueShard,
}

/// A delivery that waits, by whichever channel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum DueKey {
    /// A webhook delivery.
    Webhook(DeliveryKey),
    /// An SMS delivery.
    Sms(SmsKey),
}

/// An entry of the index, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueEntry {
    /// The delivery.
    pub delivery: DueKey,
    /// When something is to be done about it.
    pub due_at: Timestamp,
    key: Key,
    place: DuePlace,
}

/// A part of a partition, what is due first in front.
#[derive(Debug, Clone, Default)]
pub struct DuePage {
    /// The entries that could be read.
    pub entries: Vec<DueEntry>,
    /// The sort keys of those that could not.
    pub unreadable: Vec<String>,
    /// Where the next page begins; `None` where nothing follows.
    pub next: Option<DueCursor>,
}

/// Where a page begins.
#[derive(Debug, Clone)]
pub struct DueCursor(Item);

/// What became of moving an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// It is where it was to go.
    Moved,
    /// It did not stand as it was read any more; nothing was changed.
    Overtaken,
}

/// Where in the index an entry stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DuePlace {
    shard: String,
    /// Unix milliseconds.
    due_at: i64,
}

impl DuePlace {
    pub(crate) fn new(shard: String, due_at: Timestamp) -> DuePlace {
        DuePlace {
            shard,
            due_at: millis(due_at),
        }
    }

    /// The attributes that put an item there.
    pub(crate) fn attributes(&self) -> [(String, AttributeValue); 2] {
        [
            ("due_shard".to_owned(), item::text(&self.shard)),
            ("due_at".to_owned(), item::number(self.due_at)),
        ]
    }
}

impl DuePartition {
    /// The partitions of a channel's deliveries that wait for this.
    pub fn all(channel: Channel, waiting: Waiting) -> impl Iterator<Item = DuePartition> {
        DueShard::all().map(move |shard| DuePartition {
            channel,
            waiting,
            shard,
        })
    }

    fn key(self) -> String {
        keys::due_shard(self.channel, self.waiting, self.shard)
    }
}

impl DueKey {
    /// The channel that it is delivered by.
    pub fn channel(&self) -> Channel {
        match self {
            DueKey::Webhook(_) => Channel::Webhook,
            DueKey::Sms(_) => Channel::Sms,
        }
    }

    /// The workspace that it belongs to.
    pub fn workspace(&self) -> &WorkspaceId {
        match self {
            DueKey::Webhook(key) => &key.workspace,
            DueKey::Sms(key) => &key.workspace,
        }
    }

    /// The delivery's id.
    pub fn id(&self) -> &DeliveryId {
        match self {
            DueKey::Webhook(key) => &key.id,
            DueKey::Sms(key) => &key.id,
        }
    }
}

impl Store {
    /// How much of a channel waits for this, as the index has it. Costs a read unit for some forty deliveries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waits(&self, channel: Channel, waiting: Waiting) -> Result<Waits, StoreError> {
        let partitions = DuePartition::all(channel, waiting);
        let waits: Vec<Waits> = futures::stream::iter(partitions)
            .map(|partition| self.waits_in(partition.key()))
            .buffer_unordered(READS)
            .try_collect()
            .await?;
        Ok(Waits {
            count: waits.iter().map(|waits| waits.count).sum(),
            first_due: waits.iter().filter_map(|waits| waits.first_due).min(),
        })
    }

    async fn waits_in(&self, shard: String) -> Result<Waits, StoreError> {
        let first = self.due_in(&shard).limit(1).send().await;
        let first = first.map_err(|error| unavailable(&error))?;
        let Some(first) = first.items().first() else {
            return Ok(Waits::default());
        };
        Ok(Waits {
            first_due: Some(from_millis(get_number(first, "due_at")?)?),
            count: self.count_in(&shard).await?,
        })
    }

    async fn count_in(&self, shard: &str) -> Result<u64, StoreError> {
        let counts = self.due_in(shard).select(Select::Count);
        let mut pages = counts.into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| unavailable(&error))?;
            count += u64::try_from(page.count()).unwrap_or_default();
        }
        Ok(count)
    }

    /// At most `limit` entries of a partition that are due at `until` or before, first due first, from where the page
    /// before ended.
    ///
    /// # Errors
    /// [`StoreError`] where the page could not be read. An entry that does not hold what we write into it is named in
    /// the page and holds up nobody.
    pub async fn due_page(
        &self,
        partition: DuePartition,
        until: Timestamp,
        limit: i32,
        from: Option<DueCursor>,
    ) -> Result<DuePage, StoreError> {
        let page = self
            .due_in(&partition.key())
            .key_condition_expression("due_shard = :shard AND due_at <= :until")
            .expression_attribute_values(":until", item::number(millis(until)))
            .limit(limit)
            .set_exclusive_start_key(from.map(|DueCursor(start)| start))
            .send()
            .await
            .map_err(|error| unavailable(&error))?;
        let mut read = DuePage {
            next: page.last_evaluated_key.map(DueCursor),
            ..DuePage::default()
        };
        for found in page.items.unwrap_or_default() {
            match self.due_entry(partition.channel, &found).await {
                Ok(entry) => read.entries.push(entry),
                Err(StoreError::Damaged(_)) => {
                    let sort_key = get_text(&found, "sk").unwrap_or_default();
                    read.unreadable.push(sort_key.to_owned());
                }
                Err(other) => return Err(other),
            }
        }
        Ok(read)
    }

    async fn due_entry(&self, channel: Channel, found: &Item) -> Result<DueEntry, StoreError> {
        let key = key_of(found).ok_or(StoreError::Damaged("pk"))?;
        let id: DeliveryId = key.sk.parse().map_err(|_| StoreError::Damaged("sk"))?;
        let delivery = match channel {
            Channel::Webhook => DueKey::Webhook(DeliveryKey {
                webhook: keys::webhook_of_log(&key.pk).ok_or(StoreError::Damaged("pk"))?,
                workspace: self.workspace_of(found, &key).await?,
                id,
            }),
            Channel::Sms => DueKey::Sms(SmsKey {
                workspace: keys::workspace_of_sms_history(&key.pk)
                    .ok_or(StoreError::Damaged("pk"))?,
                id,
            }),
        };
        let due_at = from_millis(get_number(found, "due_at")?)?;
        Ok(DueEntry {
            delivery,
            due_at,
            place: DuePlace::new(get_text(found, "due_shard")?.to_owned(), due_at),
            key,
        })
    }

    /// As the index has it; where an earlier version wrote the item, as the delivery's document has it.
    async fn workspace_of(&self, found: &Item, key: &Key) -> Result<WorkspaceId, StoreError> {
        if found.contains_key(WORKSPACE) {
            let workspace = get_text(found, WORKSPACE)?.parse();
            return workspace.map_err(|_| StoreError::Damaged(WORKSPACE));
        }
        let stored = self.get(key).await?.ok_or(StoreError::Damaged("index"))?;
        Ok(delivery_item::decode(&stored)?.value.key.workspace)
    }

    /// Moves an entry to where its delivery waits for `waiting`, to be seen to at `due_at`, if it still stands as it
    /// was read.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: whether it was moved is unknown.
    pub async fn move_due(
        &self,
        entry: &DueEntry,
        waiting: Waiting,
        due_at: Timestamp,
    ) -> Result<Moved, StoreError> {
        let DueEntry {
            delivery,
            key,
            place,
            ..
        } = entry;
        let shard = keys::due_shard(delivery.channel(), waiting, delivery.id().due_shard());
        self.move_item(key, place, &DuePlace::new(shard, due_at))
            .await
    }

    /// Parks a pending delivery that has a message: from now on `sweep` is to wake it.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: whether it is parked is unknown.
    pub async fn park(&self, stored: &Stored) -> Result<Moved, StoreError> {
        let key = &stored.value.key;
        let State::Pending(pending) = &stored.value.state else {
            return Ok(Moved::Overtaken);
        };
        let parked = delivery_item::due_place(key, &pending.clone().parked());
        let from = delivery_item::due_place(key, pending);
        self.move_item(&keys::delivery_key(key), &from, &parked)
            .await
    }

    async fn move_item(
        &self,
        key: &Key,
        from: &DuePlace,
        to: &DuePlace,
    ) -> Result<Moved, StoreError> {
        let moved = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::key(key)))
            .update_expression("SET due_shard = :shard, due_at = :at")
            .condition_expression("due_shard = :old_shard AND due_at = :old_at")
            .expression_attribute_values(":shard", item::text(&to.shard))
            .expression_attribute_values(":at", item::number(to.due_at))
            .expression_attribute_values(":old_shard", item::text(&from.shard))
            .expression_attribute_values(":old_at", item::number(from.due_at))
            .send()
            .await;
        match moved {
            Ok(_) => Ok(Moved::Moved),
            Err(error) => match error.code() {
                // A transaction under way on the item is about to change it.
                Some("ConditionalCheckFailedException" | "TransactionConflictException") => {
                    Ok(Moved::Overtaken)
                }
                _ => Err(unavailable(&error)),
            },
        }
    }

    /// A partition of the index, what is due first in front.
    fn due_in(&self, shard: &str) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(&self.table)
            .index_name("due")
            .key_condition_expression("due_shard = :shard")
            .expression_attribute_values(":shard", item::text(shard))
    }
}
