//! A webhook's deliveries, newest first.
//!
//! The log of a webhook is spread over [`LOG_SHARDS`](domain::ids::LOG_SHARDS) partitions; a page merges them. Filters by event (and by status
//! `success`) are a bounded scan: a page may come back short, with a cursor to go on from.

use aws_sdk_dynamodb::types::Select;
use domain::catalogue::EventType;
use domain::delivery::{Delivery, DeliveryKey, State};
use domain::ids::{DeliveryId, LogShard, WebhookId, WorkspaceId};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::delivery_item;
use super::item::{self, Item, get_text};
use super::keys::{self, Key};
use super::newest_first::{NewestFirst, Source};
use super::table::{Store, StoreError, unavailable};

pub use super::keys::Unsettled;

/// Entries that one page looks at, at most.
const SCAN: usize = 1_000;

/// Which status a log is filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusFilter {
    /// Taken by the endpoint.
    Success,
    /// Nothing more will be tried.
    Failed,
    /// Another attempt follows.
    PendingRetry,
}

/// What a page of the log is to hold.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// Only this status.
    pub status: Option<StatusFilter>,
    /// Only this event type.
    pub event: Option<EventType>,
    /// Only what comes after this entry, i.e. is older.
    pub after: Option<DeliveryId>,
    /// Entries wanted, 1–100.
    pub limit: usize,
}

/// A page of the log, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// The entries.
    pub items: Vec<Delivery>,
    /// To be given as [`LogQuery::after`] for the next page; `None` at the end.
    pub next: Option<DeliveryId>,
}

/// A page of keys of the `unsettled` index, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct UnsettledPage {
    /// The deliveries.
    pub keys: Vec<DeliveryKey>,
    /// Whether there are more behind them.
    pub more: bool,
}

impl StatusFilter {
    /// Every status.
    pub const ALL: [StatusFilter; 3] = [
        StatusFilter::Success,
        StatusFilter::Failed,
        StatusFilter::PendingRetry,
    ];

    /// The status as the API names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            StatusFilter::Success => "success",
            StatusFilter::Failed => "failed",
            StatusFilter::PendingRetry => "pending_retry",
        }
    }

    pub(super) fn matches(self, state: &State) -> bool {
        match self {
            StatusFilter::Success => *state == State::Success,
            StatusFilter::Failed => matches!(state, State::Failed(_)),
            StatusFilter::PendingRetry => matches!(state, State::Pending(_)),
        }
    }
}

/// What was deleted of a webhook's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletedPage {
    /// So many entries.
    pub entries: u64,
    /// Whether there may be more.
    pub more: bool,
}

impl Store {
    /// A page of a webhook's log.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn log_page(
        &self,
        workspace: &WorkspaceId,
        webhook: &WebhookId,
        query: &LogQuery,
    ) -> Result<LogPage, StoreError> {
        let mut merge = merge(self, webhook, query);
        let mut items = Vec::new();
        let mut last = None;
        for _ in 0..SCAN {
            if items.len() == query.limit {
                break;
            }
            let Some(item) = merge.next().await? else {
                return Ok(LogPage { items, next: None });
            };
            let id = id_of(&item)?;
            last = Some(id.clone());
            let delivery = if merge.is_whole() {
                Some(delivery_item::decode(&item)?.value)
            } else {
                self.listed(workspace, webhook, id).await?
            };
            let wanted = |delivery: &Delivery| {
                query
                    .status
                    .is_none_or(|status| status.matches(&delivery.state))
                    && query.event.is_none_or(|event| event == delivery.event_type)
            };
            items.extend(delivery.filter(wanted));
        }
        let next = if merge.is_empty().await? { None } else { last };
        Ok(LogPage { items, next })
    }

    /// The entry that the index named; it may have moved on since.
    async fn listed(
        &self,
        workspace: &WorkspaceId,
        webhook: &WebhookId,
        id: DeliveryId,
    ) -> Result<Option<Delivery>, StoreError> {
        let key = DeliveryKey {
            workspace: workspace.clone(),
            webhook: webhook.clone(),
            id,
        };
        Ok(self.delivery(&key).await?.map(|stored| stored.value))
    }

    /// How many deliveries of a webhook have failed, of events since a time, tests left out. From an index: a failure of the last
    /// second may be missing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn count_failed(
        &self,
        webhook: &WebhookId,
        since: Timestamp,
    ) -> Result<u64, StoreError> {
        let counts = LogShard::all().map(|shard| self.count_failed_in(webhook, shard, since));
        Ok(try_join_all(counts).await?.iter().sum())
    }

    async fn count_failed_in(
        &self,
        webhook: &WebhookId,
        shard: LogShard,
        since: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut count = 0;
        let mut start = None;
        loop {
            let page = self
                .client
                .query()
                .table_name(&self.table)
                .index_name("unsettled")
                .select(Select::Count)
                .filter_expression("attribute_not_exists(test)")
                .key_condition_expression("unsettled = :unsettled AND sk >= :since")
                .expression_attribute_values(
                    ":unsettled",
                    item::text(keys::unsettled(webhook, Unsettled::Failed, shard)),
                )
                .expression_attribute_values(":since", item::text(DeliveryId::lower_bound(since)))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| unavailable(&error))?;
            count += u64::try_from(page.count).unwrap_or(0);
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(count);
            }
        }
    }

    /// Some of a webhook's deliveries that stand so, of events since a time, in one shard, after an id, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unsettled_page(
        &self,
        workspace: &WorkspaceId,
        webhook: &WebhookId,
        which: Unsettled,
        shard: LogShard,
        after: &str,
    ) -> Result<UnsettledPage, StoreError> {
        const PAGE: i32 = 100;
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("unsettled")
            .limit(PAGE)
            .key_condition_expression("unsettled = :unsettled AND sk > :after")
            .expression_attribute_values(
                ":unsettled",
                item::text(keys::unsettled(webhook, which, shard)),
            )
            .expression_attribute_values(":after", item::text(after))
            .send()
            .await
            .map_err(|error| unavailable(&error))?;
        let key = |item: &Item| {
            let id = get_text(item, "sk")?
                .parse()
                .map_err(|_| StoreError::Damaged("sk"))?;
            Ok(DeliveryKey {
                workspace: workspace.clone(),
                webhook: webhook.clone(),
                id,
            })
        };
        let keys = page.items().iter().map(key).collect::<Result<_, _>>()?;
        Ok(UnsettledPage {
            keys,
            more: page.last_evaluated_key.is_some(),
        })
    }

    /// Deletes up to a few hundred entries of a webhook's log in one shard. They are read strongly: nobody looks again for
    /// one that is missed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_log_page(
        &self,
        webhook: &WebhookId,
        shard: LogShard,
    ) -> Result<DeletedPage, StoreError> {
        let pk = keys::log(webhook, shard);
        let page = self
            .client
            .query()
            .table_name(&self.table)
            .limit(200)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", item::text(&pk))
            .projection_expression("sk")
            .send()
            .await
            .map_err(|error| unavailable(&error))?;
        let key = |item: &Item| {
            Ok(Key {
                pk: pk.clone(),
                sk: get_text(item, "sk")?.to_owned(),
            })
        };
        let keys: Vec<Key> = page
            .items()
            .iter()
            .map(key)
            .collect::<Result<_, StoreError>>()?;
        self.delete_many(&keys).await?;
        Ok(DeletedPage {
            entries: keys.len() as u64,
            more: page.last_evaluated_key.is_some(),
        })
    }
}

/// A webhook's log, or what the index lists of it, newest first.
fn merge<'a>(store: &'a Store, webhook: &WebhookId, query: &LogQuery) -> NewestFirst<'a> {
    let which = match query.status {
        Some(StatusFilter::Failed) => Some(Unsettled::Failed),
        Some(StatusFilter::PendingRetry) => Some(Unsettled::Pending),
        Some(StatusFilter::Success) | None => None,
    };
    let partition = |shard| match which {
        None => keys::log(webhook, shard),
        Some(which) => keys::unsettled(webhook, which, shard),
    };
    let source = match which {
        None => Source::TABLE,
        Some(_) => Source::UNSETTLED,
    };
    let before = query.after.as_ref().map(DeliveryId::to_string);
    NewestFirst::new(
        store,
        source,
        LogShard::all().map(partition),
        before.as_deref(),
        query.limit,
    )
}

fn id_of(item: &Item) -> Result<DeliveryId, StoreError> {
    get_text(item, "sk")?
        .parse()
        .map_err(|_| StoreError::Damaged("sk"))
}
