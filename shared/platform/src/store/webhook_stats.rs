//! Counts of webhooks' deliveries by day, status and event type.
//!
//! They are derived from the logs, so that they cannot drift; nothing is written for them on the hot path. What was
//! counted of an hour that is over is kept as a roll-up, and the hour is not read again.
//!
//! # Why a roll-up never tells of an hour that has changed
//! * Whoever writes a delivery of an hour that ended more than half an hour ago touches the hour *before* writing: the item
//!   of the roll-ups says when. Not so where the write leaves the counts as they are: a claim, a retry that another one
//!   follows.
//! * An hour is rolled up no sooner than an hour after its end and after its last touch. Between a write's decision
//!   that it needs no touch, or its touch, and the write itself lie seconds, bounded by the functions' time-out: by then
//!   it has long been carried out or never will be. Clocks may differ by the half hour in between.
//! * A touch holds for the next few minutes' writes of the same process as well: one partition takes 1,000 writes a
//!   second, and a webhook that catches up with its past may have more.
//! * The roll-up holds the touch that was seen before the log was read, and stands only for as long as that is the last.
//!
//! A touch by itself, and not a counter in the transaction that writes the delivery: when an endpoint comes back, hundreds
//! of deliveries of one hour are written at the same time, and transactions on one item would be in each other's way.
//!
//! # What is counted
//! What is in the logs, and what was when its hour was rolled up: entries that expired since stay counted for as long as
//! the roll-up is kept. An hour that was touched after its entries began to expire keeps the roll-up that it has.

use std::collections::{BTreeMap, HashMap};
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::catalogue::EventType;
use domain::ids::{DeliveryId, LogShard, WebhookId};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::delivery_item;
use super::item::{self, Item, get_number, get_text, millis};
use super::keys::{self, Key};
use super::log::StatusFilter;
use super::query::SortKeys;
use super::sms_counters::day_of;
use super::sms_item::expiry;
use super::table::{Store, StoreError, unavailable};
use super::touches;

/// A write so long after the end of its hour touches the hour first.
const FRESH: Duration = Duration::from_secs(30 * 60);
/// An hour is over so long after its end or its last touch.
const CLOSED: Duration = Duration::from_secs(60 * 60);
/// Roll-ups are kept for so long after their day.
const KEPT: Duration = Duration::from_secs(400 * 24 * 60 * 60);
/// To leave out a stretch of rolled-up hours with no more deliveries than this costs more than to read it once again.
const NOT_WORTH_LEAVING_OUT: u64 = 1_000;
/// Webhooks that are counted at a time; each is [`LOG_SHARDS`](domain::ids::LOG_SHARDS) calls.
const WEBHOOKS: usize = 4;

/// How many deliveries of each day, UTC, stand so and are of events of that type. The day is that of the event.
pub type WebhookCounts = HashMap<(Date, StatusFilter, EventType), u64>;

/// An hour since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Hour(i64);

/// What was counted of an hour.
type Counts = HashMap<(StatusFilter, EventType), u64>;

/// What a log has of an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Read {
    counts: Counts,
    /// When the first of its entries expires, in Unix seconds.
    expires: i64,
}

/// What the table keeps of an hour.
#[derive(Debug, Default)]
struct Kept {
    /// When it was touched last, in Unix milliseconds.
    touched: Option<i64>,
    roll_up: Option<RollUp>,
}

/// What was counted of an hour that is over.
#[derive(Debug, Serialize, Deserialize)]
struct RollUp {
    /// The last touch before it was counted.
    touched: Option<i64>,
    /// See [`Read::expires`].
    expires: i64,
    counts: Vec<(StatusFilter, EventType, u64)>,
}

impl Store {
    /// Counts the deliveries in these webhooks' logs of events from the first day to the last, both included. May lag
    /// by a moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook_counts(
        &self,
        webhooks: &[WebhookId],
        days: RangeInclusive<Date>,
        now: Timestamp,
    ) -> Result<WebhookCounts, StoreError> {
        let counts: Vec<_> = webhooks
            .iter()
            .map(|webhook| self.count_webhook(webhook, &days, now))
            .collect();
        let mut counts = stream::iter(counts).buffer_unordered(WEBHOOKS);
        let mut sums = WebhookCounts::new();
        while let Some(hours) = counts.try_next().await? {
            for (hour, counts) in hours {
                for ((status, event_type), count) in counts {
                    *sums.entry((hour.date(), status, event_type)).or_default() += count;
                }
            }
        }
        Ok(sums)
    }

    async fn count_webhook(
        &self,
        webhook: &WebhookId,
        days: &RangeInclusive<Date>,
        now: Timestamp,
    ) -> Result<BTreeMap<Hour, Counts>, StoreError> {
        let kept = self.kept_hours(webhook, days).await?;
        let mut counts: BTreeMap<Hour, Counts> = kept
            .iter()
            .filter_map(|(hour, kept)| Some((*hour, kept.counts(now)?)))
            .collect();
        let mut read = BTreeMap::new();
        for hours in uncounted(Hour::of_days(days), &counts) {
            read.extend(self.read_hours(webhook, hours).await?);
        }
        read.retain(|hour, _| !counts.contains_key(hour));
        self.roll_up(webhook, &read, &kept, now).await?;
        counts.extend(read.into_iter().map(|(hour, read)| (hour, read.counts)));
        Ok(counts)
    }

    async fn kept_hours(
        &self,
        webhook: &WebhookId,
        days: &RangeInclusive<Date>,
    ) -> Result<BTreeMap<Hour, Kept>, StoreError> {
        let (first, last) = (days.start().to_string(), days.end().to_string());
        let days = SortKeys::Between(&first, &last);
        let items = self.query_all(&keys::roll_ups(webhook), days).await?;
        let mut kept = BTreeMap::new();
        for item in &items {
            let date: Date = get_text(item, "sk")?
                .parse()
                .map_err(|_| StoreError::Damaged("sk"))?;
            for hour in Hour::of_days(&(date..=date)).map(Hour) {
                let found = Kept::of(item, hour)?;
                kept.extend(found.map(|found| (hour, found)));
            }
        }
        Ok(kept)
    }

    /// Counts what the log has of these hours. Hours without deliveries are left out.
    async fn read_hours(
        &self,
        webhook: &WebhookId,
        hours: Range<i64>,
    ) -> Result<BTreeMap<Hour, Read>, StoreError> {
        let shards = LogShard::all().map(|shard| self.read_shard(webhook, shard, &hours));
        let mut read: BTreeMap<Hour, Read> = BTreeMap::new();
        for (hour, of_shard) in try_join_all(shards).await?.into_iter().flatten() {
            read.entry(hour).or_default().add(of_shard);
        }
        Ok(read)
    }

    async fn read_shard(
        &self,
        webhook: &WebhookId,
        shard: LogShard,
        hours: &Range<i64>,
    ) -> Result<BTreeMap<Hour, Read>, StoreError> {
        let mut read: BTreeMap<Hour, Read> = BTreeMap::new();
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                // No id is the smallest of its millisecond, so that the end is not included.
                .key_condition_expression("pk = :pk AND sk BETWEEN :begin AND :end")
                .projection_expression("sk, doc, expires_at")
                .expression_attribute_values(":pk", item::text(keys::log(webhook, shard)))
                .expression_attribute_values(":begin", item::text(Hour(hours.start).lower_bound()))
                .expression_attribute_values(":end", item::text(Hour(hours.end).lower_bound()))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable(&error))?;
            for item in page.items() {
                let id: DeliveryId = get_text(item, "sk")?
                    .parse()
                    .map_err(|_| StoreError::Damaged("sk"))?;
                let hour = Hour::of(id.event_time());
                read.entry(hour).or_default().add(Read::of(item)?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(read);
            }
        }
    }

    /// Keeps what was read of the hours that are over. Days without deliveries are not worth an item.
    async fn roll_up(
        &self,
        webhook: &WebhookId,
        read: &BTreeMap<Hour, Read>,
        kept: &BTreeMap<Hour, Kept>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut days: BTreeMap<Date, Vec<(Hour, RollUp)>> = BTreeMap::new();
        for (hour, read) in read {
            let touched = kept.get(hour).and_then(|kept| kept.touched);
            if hour.is_over(touched, now) {
                let of_day = days.entry(hour.date()).or_default();
                of_day.push((*hour, RollUp::new(touched, read)));
            }
        }
        for (date, hours) in days {
            self.write_roll_ups(webhook, date, &hours).await?;
        }
        Ok(())
    }

    async fn write_roll_ups(
        &self,
        webhook: &WebhookId,
        date: Date,
        hours: &[(Hour, RollUp)],
    ) -> Result<(), StoreError> {
        let mut changes = vec!["SET expires_at = :expires_at".to_owned()];
        let mut conditions = Vec::new();
        let mut values = HashMap::from([(":expires_at".to_owned(), expires_at(date))]);
        for (hour, roll_up) in hours {
            let (counts, touched) = (hour.counts_attribute(), hour.touched_attribute());
            let text =
                serde_json::to_string(roll_up).map_err(|_| StoreError::Damaged("roll-up"))?;
            values.insert(format!(":{counts}"), item::text(text));
            changes.push(format!("{counts} = :{counts}"));
            conditions.push(match roll_up.touched {
                None => format!("attribute_not_exists({touched})"),
                Some(at) => {
                    values.insert(format!(":{touched}"), item::number(at));
                    format!("{touched} = :{touched}")
                }
            });
        }
        let written = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::key(&keys::roll_up(webhook, date))))
            .update_expression(changes.join(", "))
            .condition_expression(conditions.join(" AND "))
            .set_expression_attribute_values(Some(values))
            .send()
            .await;
        match written {
            Ok(_) => Ok(()),
            // An hour was touched meanwhile: another time.
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(()),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// Tells the statistics that a delivery of that id will be written at `now`. To be called before the write, unless it
    /// leaves status and type as they are; see the [module](self).
    pub(super) async fn touch_hour(
        &self,
        webhook: &WebhookId,
        id: &DeliveryId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let hour = Hour::of(id.event_time());
        if now < hour.end().saturating_add(FRESH).unwrap_or(Timestamp::MAX) {
            return Ok(());
        }
        let last = self.touches.last(webhook, hour.0);
        let mut last = last.lock().await;
        if !touches::holds(*last, now) {
            self.write_touch(webhook, hour, now).await?;
            *last = Some(now);
        }
        Ok(())
    }

    async fn write_touch(
        &self,
        webhook: &WebhookId,
        hour: Hour,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let date = hour.date();
        self.client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::key(&keys::roll_up(webhook, date))))
            .update_expression(format!(
                "SET {} = :now, expires_at = :expires_at",
                hour.touched_attribute()
            ))
            .expression_attribute_values(":now", item::number(millis(now)))
            .expression_attribute_values(":expires_at", expires_at(date))
            .send()
            .await
            .map(drop)
            .map_err(|error| unavailable(&error))
    }

    /// Deletes a webhook's roll-ups.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_roll_ups(&self, webhook: &WebhookId) -> Result<(), StoreError> {
        let items = self
            .query_all(&keys::roll_ups(webhook), SortKeys::All)
            .await?;
        let keys: Vec<Key> = items.iter().filter_map(item::key_of).collect();
        self.delete_many(&keys).await
    }
}

impl Hour {
    fn of(at: Timestamp) -> Hour {
        Hour(at.as_second().div_euclid(3600))
    }

    /// The hours of these days.
    fn of_days(days: &RangeInclusive<Date>) -> Range<i64> {
        let end = days.end().tomorrow().map_or(Timestamp::MAX, midnight);
        Hour::of(midnight(*days.start())).0..Hour::of(end).0
    }

    fn begin(self) -> Timestamp {
        Timestamp::from_second(self.0.saturating_mul(3600)).unwrap_or(Timestamp::MAX)
    }

    fn end(self) -> Timestamp {
        Hour(self.0 + 1).begin()
    }

    fn date(self) -> Date {
        day_of(self.begin())
    }

    fn lower_bound(self) -> String {
        DeliveryId::lower_bound(self.begin())
    }

    /// Whether nobody writes a delivery of it any more without touching it first.
    fn is_over(self, touched: Option<i64>, now: Timestamp) -> bool {
        let touched = touched.and_then(|at| Timestamp::from_millisecond(at).ok());
        let last = touched.map_or(self.end(), |touched| touched.max(self.end()));
        now > last.saturating_add(CLOSED).unwrap_or(Timestamp::MAX)
    }

    fn counts_attribute(self) -> String {
        format!("counts{:02}", self.0.rem_euclid(24))
    }

    fn touched_attribute(self) -> String {
        format!("touched{:02}", self.0.rem_euclid(24))
    }
}

impl Kept {
    fn of(item: &Item, hour: Hour) -> Result<Option<Kept>, StoreError> {
        let number = |value: &AttributeValue| value.as_n().ok()?.parse().ok();
        let touched = item.get(&hour.touched_attribute()).and_then(number);
        let counts = item.get(&hour.counts_attribute());
        let roll_up = counts
            .and_then(|value| value.as_s().ok())
            .map(|text| serde_json::from_str(text).map_err(|_| StoreError::Damaged("roll-up")))
            .transpose()?;
        let kept = Kept { touched, roll_up };
        Ok((kept.touched.is_some() || kept.roll_up.is_some()).then_some(kept))
    }

    /// The counts, where they stand: the hour was not touched since, or some of what was in the log is there no longer.
    fn counts(&self, now: Timestamp) -> Option<Counts> {
        let roll_up = self.roll_up.as_ref()?;
        let stands = roll_up.touched == self.touched || roll_up.expires <= now.as_second();
        stands.then(|| roll_up.counts())
    }
}

impl Default for Read {
    fn default() -> Read {
        Read {
            counts: Counts::new(),
            expires: i64::MAX,
        }
    }
}

impl Read {
    fn of(item: &Item) -> Result<Read, StoreError> {
        let counted = delivery_item::decode_counted(item)?;
        Ok(Read {
            counts: Counts::from([(counted, 1)]),
            expires: get_number(item, "expires_at")?,
        })
    }

    fn add(&mut self, other: Read) {
        self.expires = self.expires.min(other.expires);
        for (counted, count) in other.counts {
            *self.counts.entry(counted).or_default() += count;
        }
    }
}

impl RollUp {
    fn new(touched: Option<i64>, read: &Read) -> RollUp {
        let counts = read.counts.iter();
        RollUp {
            touched,
            expires: read.expires,
            counts: counts
                .map(|((status, event_type), count)| (*status, *event_type, *count))
                .collect(),
        }
    }

    fn counts(&self) -> Counts {
        let counts = self.counts.iter();
        counts
            .map(|(status, event_type, count)| ((*status, *event_type), *count))
            .collect()
    }
}

/// The stretches of hours to be read: all but those that are counted.
fn uncounted(hours: Range<i64>, counts: &BTreeMap<Hour, Counts>) -> Vec<Range<i64>> {
    let mut stretches: Vec<Range<i64>> = Vec::new();
    let mut between = 0;
    for hour in hours {
        if let Some(counts) = counts.get(&Hour(hour)) {
            between += counts.values().sum::<u64>();
            continue;
        }
        match stretches.last_mut() {
            Some(last) if between <= NOT_WORTH_LEAVING_OUT => last.end = hour + 1,
            _ => stretches.push(hour..hour + 1),
        }
        between = 0;
    }
    stretches
}

fn expires_at(date: Date) -> AttributeValue {
    expiry(
        midnight(date)
            .saturating_add(KEPT)
            .unwrap_or(Timestamp::MAX),
    )
}

/// When a day begins, UTC; of the last days that there are, when time ends.
fn midnight(date: Date) -> Timestamp {
    date.to_zoned(TimeZone::UTC)
        .map_or(Timestamp::MAX, |midnight| midnight.timestamp())
}
