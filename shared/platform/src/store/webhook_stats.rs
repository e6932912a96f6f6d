//! Counts of webhooks' deliveries by day, status and event type.
//!
//! They are derived from the logs each time, so that they cannot drift: nothing is written for them on the hot path.
//! They are read without strong consistency, and so may lag by a moment.

use std::collections::HashMap;

use domain::catalogue::EventType;
use domain::ids::{DeliveryId, LogShard, WebhookId};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::delivery_item;
use super::item::{self, Item, get_text};
use super::keys;
use super::log::StatusFilter;
use super::sms_counters::day_of;
use super::table::{Store, StoreError, unavailable};

/// Partitions that are read at a time.
const CALLS: usize = 32;

/// How many deliveries of each day, UTC, stand so and are of events of that type. The day is that of the event.
pub type WebhookCounts = HashMap<(Date, StatusFilter, EventType), u64>;

impl Store {
    /// Counts what is in these webhooks' logs of events from the first day to the last, both included.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook_counts(
        &self,
        webhooks: &[WebhookId],
        first: Date,
        last: Date,
    ) -> Result<WebhookCounts, StoreError> {
        let from = DeliveryId::lower_bound(midnight(first));
        let to = last.checked_add(1.day()).map_or(Timestamp::MAX, midnight);
        let to = DeliveryId::lower_bound(to);
        let partitions: Vec<_> = webhooks
            .iter()
            .flat_map(|webhook| LogShard::all().map(move |shard| keys::log(webhook, shard)))
            .map(|pk| self.count_partition(pk, &from, &to))
            .collect();
        stream::iter(partitions)
            .buffer_unordered(CALLS)
            .try_fold(WebhookCounts::new(), async |mut sums, counts| {
                for (counted, count) in counts {
                    *sums.entry(counted).or_default() += count;
                }
                Ok(sums)
            })
            .await
    }

    async fn count_partition(
        &self,
        pk: String,
        from: &str,
        to: &str,
    ) -> Result<WebhookCounts, StoreError> {
        let mut counts = WebhookCounts::new();
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .projection_expression("sk, doc")
                .expression_attribute_values(":pk", item::text(&pk))
                .expression_attribute_values(":from", item::text(from))
                .expression_attribute_values(":to", item::text(to))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable(&error))?;
            for item in page.items() {
                *counts.entry(counted(item)?).or_default() += 1;
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(counts);
            }
        }
    }
}

fn counted(item: &Item) -> Result<(Date, StatusFilter, EventType), StoreError> {
    let id: DeliveryId = get_text(item, "sk")?
        .parse()
        .map_err(|_| StoreError::Damaged("sk"))?;
    let (status, event_type) = delivery_item::decode_counted(item)?;
    Ok((day_of(id.event_time()), status, event_type))
}

/// When a day begins, UTC; of the last days that there are, when time ends.
fn midnight(date: Date) -> Timestamp {
    date.to_zoned(TimeZone::UTC)
        .map_or(Timestamp::MAX, |midnight| midnight.timestamp())
}
