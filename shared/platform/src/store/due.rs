//! The index of what waits: how much of it there is, and since when it is due.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::Select;
use domain::channel::Channel;
use domain::ids::DueShard;
use futures::{StreamExt, TryStreamExt};
use jiff::Timestamp;

use super::item::{self, from_millis, get_number};
use super::keys;
use super::table::{Store, StoreError, unavailable};

/// The deliveries of a channel that wait for an attempt, or are in one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub count: u64,
    /// When something is to be done about the first of them.
    pub first_due: Option<Timestamp>,
}

/// Partitions of the index read at a time.
const READS: usize = 8;

impl Store {
    /// What waits in a channel, as the index has it: it follows the table within moments. Costs a read unit for some
    /// forty deliveries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waiting(&self, channel: Channel) -> Result<Waiting, StoreError> {
        let shards = DueShard::all().map(|shard| {
            self.waiting_in(keys::due_shard(
                channel,
                domain::waiting::Waiting::WithMessage,
                shard,
            ))
        });
        let shards: Vec<Waiting> = futures::stream::iter(shards)
            .buffer_unordered(READS)
            .try_collect()
            .await?;
        Ok(Waiting {
            count: shards.iter().map(|shard| shard.count).sum(),
            first_due: shards.iter().filter_map(|shard| shard.first_due).min(),
        })
    }

    async fn waiting_in(&self, shard: String) -> Result<Waiting, StoreError> {
        let first = self.due_in(&shard).limit(1).send().await;
        let first = first.map_err(|error| unavailable(&error))?;
        let Some(first) = first.items().first() else {
            return Ok(Waiting::default());
        };
        Ok(Waiting {
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
