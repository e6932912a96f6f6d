//! Counts of a workspace's SMS deliveries by day, status and type of alert.
//!
//! They are counted in the transaction that writes the delivery, so that they equal the history whatever fails. Each
//! day's are spread over [`LOG_SHARDS`](domain::ids::LOG_SHARDS) items, because a counter that every delivery of a
//! workspace changes would be in every transaction's way; the sums of the shards are what counts.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use domain::catalogue::AlertType;
use domain::ids::{LogShard, WorkspaceId};
use domain::sms::delivery::{SmsDelivery, Status};
use domain::sms::member::NotSent;
use futures::future::try_join_all;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::item::{self, Item, get_text};
use super::keys::{self, Key};
use super::query::SortKeys;
use super::sms_item::expiry;
use super::table::{Store, StoreError};

/// Counters are kept for so long.
const KEPT: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    /// Deliveries of this status and type.
    Deliveries(Status, AlertType),
    /// Their segments.
    Segments(Status, AlertType),
    /// Recipients who were named in an alert of this type and not sent to.
    NotSent(NotSent, AlertType),
}

/// Changes to the counters of one day.
#[derive(Debug, Clone)]
pub(crate) struct Changes {
    workspace: WorkspaceId,
    date: Date,
    shard: LogShard,
    by: HashMap<Counted, i64>,
}

/// The counts of a day.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DayCounts {
    /// Deliveries made that day and their segments, by where they stand now. None are zero.
    pub deliveries: HashMap<(Status, AlertType), Count>,
    /// Recipients who were named that day and not sent to. None are zero.
    pub not_sent: HashMap<(NotSent, AlertType), u64>,
}

/// Some deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Count {
    /// How many.
    pub deliveries: u64,
    /// How many segments they have together.
    pub segments: u64,
}

/// The day, UTC, that a delivery made at that time counts for.
#[must_use]
pub fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

impl Changes {
    /// No changes yet, to the counters of the day of `at`. Any shard will do.
    pub(crate) fn new(workspace: &WorkspaceId, at: Timestamp, shard: LogShard) -> Changes {
        Changes {
            workspace: workspace.clone(),
            date: day_of(at),
            shard,
            by: HashMap::new(),
        }
    }

    pub(crate) fn add(&mut self, delivery: &SmsDelivery) {
        self.change(delivery, 1);
    }

    pub(crate) fn remove(&mut self, delivery: &SmsDelivery) {
        self.change(delivery, -1);
    }

    pub(crate) fn add_not_sent(&mut self, because: NotSent, alert_type: AlertType) {
        *self.of(Counted::NotSent(because, alert_type)) += 1;
    }

    fn change(&mut self, delivery: &SmsDelivery, by: i64) {
        let (status, alert_type) = (delivery.status(), delivery.alert_type);
        *self.of(Counted::Deliveries(status, alert_type)) += by;
        *self.of(Counted::Segments(status, alert_type)) += by * i64::from(delivery.segments.get());
    }

    fn of(&mut self, counted: Counted) -> &mut i64 {
        self.by.entry(counted).or_default()
    }

    /// The write; `None` where nothing changes.
    pub(crate) fn write(&self, table: &str) -> Result<Option<TransactWriteItem>, StoreError> {
        let changed: Vec<_> = self.by.iter().filter(|(_, by)| **by != 0).collect();
        if changed.is_empty() {
            return Ok(None);
        }
        let key = Key {
            pk: keys::sms_counters(&self.workspace, self.shard),
            sk: self.date.to_string(),
        };
        let mut update = Update::builder()
            .table_name(table)
            .set_key(Some(item::key(&key)));
        let mut additions = Vec::new();
        for (place, (counted, by)) in changed.into_iter().enumerate() {
            update = update
                .expression_attribute_names(format!("#{place}"), counted.attribute())
                .expression_attribute_values(format!(":{place}"), item::number(by));
            additions.push(format!("#{place} :{place}"));
        }
        let midnight = self
            .date
            .to_zoned(TimeZone::UTC)
            .map_err(|_| StoreError::Damaged("a date"))?;
        let expires_at = midnight.timestamp() + KEPT;
        let update = update
            .expression_attribute_values(":expires_at", expiry(expires_at))
            .update_expression(format!(
                "SET expires_at = :expires_at ADD {}",
                additions.join(", ")
            ))
            .build()
            .map_err(|_| StoreError::Damaged("counters"))?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }
}

impl Counted {
    fn attribute(self) -> String {
        match self {
            Counted::Deliveries(status, alert_type) => {
                format!("deliveries#{}#{}", status.as_str(), alert_type.as_str())
            }
            Counted::Segments(status, alert_type) => {
                format!("segments#{}#{}", status.as_str(), alert_type.as_str())
            }
            Counted::NotSent(because, alert_type) => {
                format!("not_sent#{}#{}", because.as_str(), alert_type.as_str())
            }
        }
    }

    fn of_attribute(name: &str) -> Option<Counted> {
        let mut parts = name.split('#');
        let (kind, which, alert_type) = (parts.next()?, parts.next()?, parts.next()?);
        let alert_type: AlertType = alert_type.parse().ok()?;
        let status = || {
            Status::ALL
                .into_iter()
                .find(|status| status.as_str() == which)
        };
        match kind {
            "deliveries" => Some(Counted::Deliveries(status()?, alert_type)),
            "segments" => Some(Counted::Segments(status()?, alert_type)),
            "not_sent" => {
                let because = NotSent::ALL
                    .into_iter()
                    .find(|because| because.as_str() == which)?;
                Some(Counted::NotSent(because, alert_type))
            }
            _ => None,
        }
    }
}

impl Store {
    /// A workspace's counts from the first day to the last, both included, read strongly; days without any are left
    /// out. In order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sms_counts(
        &self,
        workspace: &WorkspaceId,
        first: Date,
        last: Date,
    ) -> Result<Vec<(Date, DayCounts)>, StoreError> {
        let (first, last) = (first.to_string(), last.to_string());
        let partitions: Vec<_> = LogShard::all()
            .map(|shard| keys::sms_counters(workspace, shard))
            .collect();
        let days = SortKeys::Between(&first, &last);
        let shards = partitions.iter().map(|pk| self.query_all(pk, days));
        let mut sums: HashMap<Date, HashMap<Counted, i64>> = HashMap::new();
        for item in try_join_all(shards).await?.into_iter().flatten() {
            let date: Date = get_text(&item, "sk")?
                .parse()
                .map_err(|_| StoreError::Damaged("sk"))?;
            add_item(sums.entry(date).or_default(), &item);
        }
        let mut days: Vec<_> = sums
            .into_iter()
            .map(|(date, sums)| (date, DayCounts::of(&sums)))
            .filter(|(_, counts)| *counts != DayCounts::default())
            .collect();
        days.sort_unstable_by_key(|(date, _)| *date);
        Ok(days)
    }
}

fn add_item(sums: &mut HashMap<Counted, i64>, item: &Item) {
    for (name, value) in item {
        let number = match value {
            AttributeValue::N(digits) => digits.parse::<i64>().ok(),
            _ => None,
        };
        if let (Some(counted), Some(number)) = (Counted::of_attribute(name), number) {
            *sums.entry(counted).or_default() += number;
        }
    }
}

impl DayCounts {
    fn of(sums: &HashMap<Counted, i64>) -> DayCounts {
        let mut counts = DayCounts::default();
        for (counted, sum) in sums {
            let Some(sum) = u64::try_from(*sum).ok().filter(|sum| *sum > 0) else {
                continue;
            };
            match counted {
                Counted::Deliveries(status, alert_type) => {
                    counts
                        .deliveries
                        .entry((*status, *alert_type))
                        .or_default()
                        .deliveries = sum;
                }
                Counted::Segments(status, alert_type) => {
                    counts
                        .deliveries
                        .entry((*status, *alert_type))
                        .or_default()
                        .segments = sum;
                }
                Counted::NotSent(because, alert_type) => {
                    counts.not_sent.insert((*because, *alert_type), sum);
                }
            }
        }
        counts
    }
}
