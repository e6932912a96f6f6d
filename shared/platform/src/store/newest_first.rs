//! The items of several partitions as one list, newest first: by descending sort key, which begins with the time.

use std::collections::{HashMap, VecDeque};

use aws_sdk_dynamodb::types::AttributeValue;
use futures::StreamExt;
use futures::stream;

use super::item::{self, Item, get_text};
use super::table::{Store, StoreError, unavailable};

/// Queries under way at a time.
const CALLS: usize = 32;

/// Where the items come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Source {
    index: Option<&'static str>,
    partition: &'static str,
}

impl Source {
    /// The table itself, read strongly; items are whole.
    pub(crate) const TABLE: Source = Source {
        index: None,
        partition: "pk",
    };
    /// The index of deliveries that have not succeeded; items are little more than keys, and may be out of date.
    pub(crate) const UNSETTLED: Source = Source {
        index: Some("unsettled"),
        partition: "unsettled",
    };
}

/// Merges partitions, each read a page at a time.
pub(crate) struct NewestFirst<'a> {
    store: &'a Store,
    source: Source,
    partitions: Vec<Partition>,
    before: Option<String>,
    page: i32,
}

struct Partition {
    key: String,
    buffer: VecDeque<Item>,
    start: Option<HashMap<String, AttributeValue>>,
    ended: bool,
}

impl<'a> NewestFirst<'a> {
    /// The items of these partitions whose sort key is less than `before`; `limit` is how many will be wanted.
    pub(crate) fn new(
        store: &'a Store,
        source: Source,
        partitions: impl Iterator<Item = String>,
        before: Option<&str>,
        limit: usize,
    ) -> NewestFirst<'a> {
        let partition = |key| Partition {
            key,
            buffer: VecDeque::new(),
            start: None,
            ended: false,
        };
        let partitions: Vec<_> = partitions.map(partition).collect();
        // The newest items are spread evenly: twice the fair share of each partition mostly suffices.
        let page = limit * 2 / partitions.len().max(1) + 2;
        NewestFirst {
            store,
            source,
            partitions,
            before: before.map(str::to_owned),
            page: i32::try_from(page).unwrap_or(i32::MAX),
        }
    }

    /// Whether the items are whole, or but listed by an index.
    pub(crate) fn is_whole(&self) -> bool {
        self.source == Source::TABLE
    }

    /// The next item; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Item>, StoreError> {
        self.fill().await?;
        let newest = |partition: &&mut Partition| {
            let item = partition.buffer.front()?;
            get_text(item, "sk").ok().map(str::to_owned)
        };
        let partition = self.partitions.iter_mut().max_by_key(newest);
        Ok(partition.and_then(|partition| partition.buffer.pop_front()))
    }

    /// Whether nothing is left.
    pub(crate) async fn is_empty(&mut self) -> Result<bool, StoreError> {
        self.fill().await?;
        let empty = |partition: &Partition| partition.buffer.is_empty();
        Ok(self.partitions.iter().all(empty))
    }

    /// Every partition has something in its buffer or has ended.
    async fn fill(&mut self) -> Result<(), StoreError> {
        let NewestFirst {
            store,
            source,
            partitions,
            before,
            page,
        } = self;
        // Gathered first: a lazy stream of calls would not be `Send`.
        let calls: Vec<_> = partitions
            .iter_mut()
            .filter(|partition| partition.buffer.is_empty() && !partition.ended)
            .map(|partition| partition.fill(store, *source, before.as_deref(), *page))
            .collect();
        let mut calls = stream::iter(calls).buffer_unordered(CALLS);
        while let Some(filled) = calls.next().await {
            filled?;
        }
        Ok(())
    }
}

impl Partition {
    async fn fill(
        &mut self,
        store: &Store,
        source: Source,
        before: Option<&str>,
        page: i32,
    ) -> Result<(), StoreError> {
        while self.buffer.is_empty() && !self.ended {
            let query = store
                .client
                .query()
                .table_name(&store.table)
                .set_index_name(source.index.map(str::to_owned))
                .consistent_read(source.index.is_none())
                .scan_index_forward(false)
                .limit(page)
                .expression_attribute_names("#partition", source.partition)
                .expression_attribute_values(":partition", item::text(&self.key))
                .set_exclusive_start_key(self.start.take());
            let query = match before {
                None => query.key_condition_expression("#partition = :partition"),
                Some(before) => query
                    .key_condition_expression("#partition = :partition AND sk < :before")
                    .expression_attribute_values(":before", item::text(before)),
            };
            let answer = query.send().await.map_err(|error| unavailable(&error))?;
            self.start = answer.last_evaluated_key;
            self.ended = self.start.is_none();
            self.buffer.extend(answer.items.unwrap_or_default());
        }
        Ok(())
    }
}
