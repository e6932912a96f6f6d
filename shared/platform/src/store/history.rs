//! A workspace's history: its SMS deliveries newest first, and its webhooks' deliveries merged.
//!
//! Filters are a bounded scan: a page may come back short, with a cursor to go on from.

use domain::catalogue::{AlertType, EventType};
use domain::delivery::Delivery;
use domain::ids::{DeliveryId, LogShard, UserId, WebhookId, WorkspaceId};
use domain::sms::delivery::{SmsDelivery, Status};
use jiff::Timestamp;

use super::item::{Item, get_text};
use super::log::StatusFilter;
use super::newest_first::{NewestFirst, Source};
use super::table::{Store, StoreError};
use super::{delivery_item, keys, sms_item};

/// Entries that one page looks at, at most.
const SCAN: usize = 1_000;

/// A page of a history, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct HistoryPage<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Where the next page goes on; `None` at the end.
    pub next: Option<DeliveryId>,
}

/// Which part of a history.
#[derive(Debug, Clone, Default)]
pub struct Span {
    /// Only what was made at or after this time.
    pub from: Option<Timestamp>,
    /// Only what was made before this time.
    pub to: Option<Timestamp>,
    /// Only what comes after this entry, i.e. is older.
    pub after: Option<DeliveryId>,
    /// Entries wanted, 1–100.
    pub limit: usize,
}

/// Which SMS deliveries.
#[derive(Debug, Clone, Default)]
pub struct SmsFilter {
    /// Only of this status.
    pub status: Option<Status>,
    /// Only to this member.
    pub recipient: Option<UserId>,
    /// Only of this type.
    pub alert_type: Option<AlertType>,
}

/// Which webhook deliveries.
#[derive(Debug, Clone, Default)]
pub struct WebhookFilter {
    /// Only of this status.
    pub status: Option<StatusFilter>,
    /// Only of this event type.
    pub event: Option<EventType>,
}

impl Store {
    /// A page of a workspace's SMS deliveries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sms_history(
        &self,
        workspace: &WorkspaceId,
        span: &Span,
        filter: &SmsFilter,
    ) -> Result<HistoryPage<SmsDelivery>, StoreError> {
        let partitions = LogShard::all().map(|shard| keys::sms_history(workspace, shard));
        let decode = |item: &Item| Ok(sms_item::decode(item)?.value);
        self.page(partitions, span, decode, |delivery| {
            filter.matches(delivery)
        })
        .await
    }

    /// A page of these webhooks' deliveries, merged.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook_history(
        &self,
        webhooks: &[WebhookId],
        span: &Span,
        filter: &WebhookFilter,
    ) -> Result<HistoryPage<Delivery>, StoreError> {
        let partitions = webhooks
            .iter()
            .flat_map(|webhook| LogShard::all().map(move |shard| keys::log(webhook, shard)));
        let decode = |item: &Item| Ok(delivery_item::decode(item)?.value);
        self.page(partitions, span, decode, |delivery| {
            filter.matches(delivery)
        })
        .await
    }

    async fn page<T>(
        &self,
        partitions: impl Iterator<Item = String>,
        span: &Span,
        decode: impl Fn(&Item) -> Result<T, StoreError>,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<HistoryPage<T>, StoreError> {
        let before = span.before();
        let first = span.from.map(DeliveryId::lower_bound);
        let mut merge = NewestFirst::new(
            self,
            Source::TABLE,
            partitions,
            before.as_deref(),
            span.limit,
        );
        let mut items = Vec::new();
        let mut last = None;
        for _ in 0..SCAN {
            if items.len() == span.limit {
                break;
            }
            let Some(item) = merge.next().await? else {
                return Ok(HistoryPage { items, next: None });
            };
            let id = get_text(&item, "sk")?;
            if first.as_deref().is_some_and(|first| id < first) {
                return Ok(HistoryPage { items, next: None });
            }
            last = Some(id.parse().map_err(|_| StoreError::Damaged("sk"))?);
            items.extend(Some(decode(&item)?).filter(&wanted));
        }
        let next = if merge.is_empty().await? { None } else { last };
        Ok(HistoryPage { items, next })
    }
}

impl Span {
    /// The id that all wanted ones are less than.
    fn before(&self) -> Option<String> {
        let to = self.to.map(DeliveryId::lower_bound);
        let after = self.after.as_ref().map(DeliveryId::to_string);
        match (to, after) {
            (Some(to), Some(after)) => Some(to.min(after)),
            (to, after) => to.or(after),
        }
    }
}

impl SmsFilter {
    fn matches(&self, delivery: &SmsDelivery) -> bool {
        let SmsFilter {
            status,
            recipient,
            alert_type,
        } = self;
        status.is_none_or(|status| status == delivery.status())
            && alert_type.is_none_or(|alert_type| alert_type == delivery.alert_type)
            && (recipient.is_none() || *recipient == delivery.recipient.user_id)
    }
}

impl WebhookFilter {
    fn matches(&self, delivery: &Delivery) -> bool {
        self.status
            .is_none_or(|status| status.matches(&delivery.state))
            && self.event.is_none_or(|event| event == delivery.event_type)
    }
}
