//! Queries of a partition, in the order of the sort keys, read strongly.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{self, Item};
use super::keys::Key;
use super::table::{Store, StoreError, unavailable};

/// Which sort keys.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SortKeys<'a> {
    /// All.
    All,
    /// Those that start so.
    Prefix(&'a str),
    /// Those from the first to the last, both included.
    Between(&'a str, &'a str),
}

/// A part of an answer.
pub(crate) struct Page {
    pub(crate) items: Vec<Item>,
    pub(crate) more: bool,
}

impl Store {
    /// All items of a partition whose sort key starts so.
    pub(crate) async fn query_prefix(
        &self,
        pk: &str,
        prefix: &str,
    ) -> Result<Vec<Item>, StoreError> {
        self.query_all(pk, SortKeys::Prefix(prefix)).await
    }

    /// All items of a partition with such sort keys.
    pub(crate) async fn query_all(
        &self,
        pk: &str,
        sort_keys: SortKeys<'_>,
    ) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let (page, next) = self.query_page(pk, sort_keys, start, None).await?;
            items.extend(page);
            start = next;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// At most `limit` items of a partition whose sort key starts so, those after `after`.
    pub(crate) async fn prefix_page(
        &self,
        pk: &str,
        prefix: &str,
        after: Option<&Key>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        // One more than wanted: DynamoDB names a key to go on after also where nothing follows.
        let ask = i32::try_from(limit + 1).unwrap_or(i32::MAX);
        let start = after.map(item::key);
        let (mut items, next) = self
            .query_page(pk, SortKeys::Prefix(prefix), start, Some(ask))
            .await?;
        let more = items.len() > limit || (next.is_some() && items.len() == limit);
        items.truncate(limit);
        Ok(Page { items, more })
    }

    async fn query_page(
        &self,
        pk: &str,
        sort_keys: SortKeys<'_>,
        start: Option<HashMap<String, AttributeValue>>,
        limit: Option<i32>,
    ) -> Result<(Vec<Item>, Option<HashMap<String, AttributeValue>>), StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_values(":pk", item::text(pk))
            .set_exclusive_start_key(start)
            .set_limit(limit);
        let query = match sort_keys {
            SortKeys::All => query.key_condition_expression("pk = :pk"),
            SortKeys::Prefix(prefix) => query
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", item::text(prefix)),
            SortKeys::Between(first, last) => query
                .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":first", item::text(first))
                .expression_attribute_values(":last", item::text(last)),
        };
        let page = query.send().await.map_err(|error| unavailable(&error))?;
        Ok((page.items.unwrap_or_default(), page.last_evaluated_key))
    }
}
