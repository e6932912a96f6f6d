//! The table's calls, with their errors told apart.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Delete, KeysAndAttributes, Put, TransactWriteItem, Update, WriteRequest,
};

use super::item::{self, Item};
use super::keys::Key;
use super::touches::Touches;
use crate::aws_error;
use crate::entropy::Entropy;

/// A call to the table that did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The item is not what the write was computed from; nothing was changed. Read again and decide anew.
    #[error("the item has changed meanwhile")]
    Conflict,
    /// The table did not answer, or throttled beyond the SDK's patience. Whether a write took effect is unknown.
    #[error("DynamoDB is unavailable: {0}")]
    Unavailable(String),
    /// An item does not hold what we write into it.
    #[error("an item is damaged: {0}")]
    Damaged(&'static str),
}

/// The table. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) touches: Touches,
    entropy: Entropy,
}

/// The condition of a write on an item's revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The item does not exist.
    Absent,
    /// The item stands at this revision.
    Rev(u64),
}

/// How often a call that met a transaction under way on the same item is tried again.
const CONTENTION_TRIES: u32 = 6;
/// A batch call takes so many keys.
const BATCH_GET: usize = 100;
const BATCH_WRITE: usize = 25;

impl Store {
    /// The table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Store {
        Store {
            client,
            table: table.into(),
            touches: Touches::default(),
            entropy: Entropy::system(),
        }
    }

    /// The same with a randomness of one's own, which decides how long it pauses where writes collide.
    #[must_use]
    pub fn with_entropy(self, entropy: Entropy) -> Store {
        Store { entropy, ..self }
    }

    /// The item, read strongly.
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(item::key(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| unavailable(&error))?;
        Ok(found.item)
    }

    /// Those of the items that exist, read strongly, in no order.
    pub(crate) async fn get_many(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(BATCH_GET) {
            self.get_chunk(chunk, &mut items).await?;
        }
        Ok(items)
    }

    async fn get_chunk(&self, chunk: &[Key], items: &mut Vec<Item>) -> Result<(), StoreError> {
        let mut wanted: Vec<Item> = chunk.iter().map(item::key).collect();
        let mut pauses = Pauses::new(&self.entropy);
        while !wanted.is_empty() {
            let request = KeysAndAttributes::builder()
                .set_keys(Some(std::mem::take(&mut wanted)))
                .consistent_read(true)
                .build()
                .map_err(|_| StoreError::Damaged("keys"))?;
            let answer = self
                .client
                .batch_get_item()
                .request_items(&self.table, request)
                .send()
                .await
                .map_err(|error| unavailable(&error))?;
            items.extend(
                answer
                    .responses
                    .unwrap_or_default()
                    .remove(&self.table)
                    .unwrap_or_default(),
            );
            if let Some(rest) = answer
                .unprocessed_keys
                .unwrap_or_default()
                .remove(&self.table)
            {
                wanted = rest.keys;
                pauses.next("BatchGetItem leaves keys unprocessed").await?;
            }
        }
        Ok(())
    }

    /// Writes the whole item.
    pub(crate) async fn put(&self, new: Item, expected: Expected) -> Result<(), StoreError> {
        self.send_put(self.put_request(new, expected)?).await
    }

    /// Writes the whole item, whatever stood there.
    pub(crate) async fn put_always(&self, new: Item) -> Result<(), StoreError> {
        self.send_put(self.put_always_request(new)?).await
    }

    async fn send_put(&self, put: Put) -> Result<(), StoreError> {
        let mut pauses = Pauses::new(&self.entropy);
        loop {
            let sent = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(put.item.clone()))
                .set_condition_expression(put.condition_expression.clone())
                .set_expression_attribute_values(put.expression_attribute_values.clone())
                .send()
                .await;
            match sent {
                Ok(_) => return Ok(()),
                Err(error) => match error.code() {
                    Some("ConditionalCheckFailedException") => return Err(StoreError::Conflict),
                    Some("TransactionConflictException") => {
                        pauses.next("TransactionConflict").await?;
                    }
                    _ => return Err(unavailable(&error)),
                },
            }
        }
    }

    /// Carries out all of the writes or none.
    pub(crate) async fn transact(&self, writes: Vec<TransactWriteItem>) -> Result<(), StoreError> {
        match self.transact_or_tell(writes).await? {
            Transacted::Written => Ok(()),
            Transacted::Refused(_) => Err(StoreError::Conflict),
        }
    }

    /// The same; where conditions fail, the answer tells which.
    pub(crate) async fn transact_or_tell(
        &self,
        writes: Vec<TransactWriteItem>,
    ) -> Result<Transacted, StoreError> {
        let mut pauses = Pauses::new(&self.entropy);
        let mut token = new_token(&self.entropy);
        loop {
            let sent = self
                .client
                .transact_write_items()
                .set_transact_items(Some(writes.clone()))
                .client_request_token(&token)
                .send()
                .await;
            match sent {
                Ok(_) => return Ok(Transacted::Written),
                Err(error) => match cancellation(&error) {
                    Cancelled::Condition(places) => return Ok(Transacted::Refused(places)),
                    Cancelled::Contention(reason) => {
                        pauses.next(reason).await?;
                        token = new_token(&self.entropy);
                    }
                    // Our own, sent before: by its token it is known not to be another.
                    Cancelled::InProgress => pauses.next("TransactionInProgress").await?,
                    Cancelled::Not => return Err(unavailable(&error)),
                },
            }
        }
    }

    /// Deletes the items, whether they exist or not.
    pub(crate) async fn delete_many(&self, keys: &[Key]) -> Result<(), StoreError> {
        for chunk in keys.chunks(BATCH_WRITE) {
            let deletions = chunk.iter().map(|key| {
                let deletion = aws_sdk_dynamodb::types::DeleteRequest::builder()
                    .set_key(Some(item::key(key)))
                    .build();
                deletion.map(|deletion| WriteRequest::builder().delete_request(deletion).build())
            });
            let mut writes: Vec<_> = deletions
                .collect::<Result<_, _>>()
                .map_err(|_| StoreError::Damaged("keys"))?;
            let mut pauses = Pauses::new(&self.entropy);
            while !writes.is_empty() {
                let answer = self
                    .client
                    .batch_write_item()
                    .request_items(&self.table, std::mem::take(&mut writes));
                let answer = answer.send().await.map_err(|error| unavailable(&error))?;
                if let Some(rest) = answer
                    .unprocessed_items
                    .unwrap_or_default()
                    .remove(&self.table)
                {
                    writes = rest;
                    pauses
                        .next("BatchWriteItem leaves items unprocessed")
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// Deletes the item where it was written under this claim; else leaves it alone.
    pub(crate) async fn delete_if_claimed(&self, key: &Key, claim: &str) -> Result<(), StoreError> {
        let deleted = self
            .client
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(item::key(key)))
            .condition_expression("claim = :claim")
            .expression_attribute_values(":claim", item::text(claim))
            .send()
            .await;
        match deleted {
            Ok(_) => Ok(()),
            Err(error) => match error.code() {
                Some("ConditionalCheckFailedException" | "TransactionConflictException") => Ok(()),
                _ => Err(unavailable(&error)),
            },
        }
    }

    pub(crate) fn put_request(&self, new: Item, expected: Expected) -> Result<Put, StoreError> {
        let (condition, values) = expected.condition();
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(new))
            .condition_expression(condition)
            .set_expression_attribute_values(values)
            .build()
            .map_err(|_| StoreError::Damaged("item"))
    }

    pub(crate) fn put_always_request(&self, new: Item) -> Result<Put, StoreError> {
        Put::builder()
            .table_name(&self.table)
            .set_item(Some(new))
            .build()
            .map_err(|_| StoreError::Damaged("item"))
    }

    pub(crate) fn delete_request(
        &self,
        key: &Key,
        expected: Expected,
    ) -> Result<Delete, StoreError> {
        let (condition, values) = expected.condition();
        Delete::builder()
            .table_name(&self.table)
            .set_key(Some(item::key(key)))
            .condition_expression(condition)
            .set_expression_attribute_values(values)
            .build()
            .map_err(|_| StoreError::Damaged("key"))
    }

    pub(crate) fn delete_always_request(&self, key: &Key) -> Result<Delete, StoreError> {
        Delete::builder()
            .table_name(&self.table)
            .set_key(Some(item::key(key)))
            .build()
            .map_err(|_| StoreError::Damaged("key"))
    }

    /// Raises an item's revision by one, whatever it is; makes the item where there is none.
    pub(crate) fn raise_request(&self, key: &Key) -> Result<Update, StoreError> {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(item::key(key)))
            .update_expression("ADD rev :one")
            .expression_attribute_values(":one", item::number(1))
            .build()
            .map_err(|_| StoreError::Damaged("key"))
    }
}

impl Expected {
    fn condition(self) -> (&'static str, Option<HashMap<String, AttributeValue>>) {
        match self {
            Expected::Absent => ("attribute_not_exists(pk)", None),
            Expected::Rev(rev) => (
                "rev = :rev",
                Some(HashMap::from([(":rev".to_owned(), item::number(rev))])),
            ),
        }
    }

    /// The revision that the write leaves behind.
    pub(crate) fn next(self) -> u64 {
        match self {
            Expected::Absent => 1,
            Expected::Rev(rev) => rev + 1,
        }
    }
}

/// Growing pauses between tries, and an end to them.
struct Pauses<'a> {
    tries: u32,
    entropy: &'a Entropy,
}

impl<'a> Pauses<'a> {
    fn new(entropy: &'a Entropy) -> Pauses<'a> {
        Pauses { tries: 0, entropy }
    }

    async fn next(&mut self, why: &str) -> Result<(), StoreError> {
        self.tries += 1;
        if self.tries > CONTENTION_TRIES {
            return Err(StoreError::Unavailable(why.to_owned()));
        }
        // Of random length, so that those who collided do not collide again.
        let longest = Duration::from_millis(20) * 2u32.pow(self.tries);
        tokio::time::sleep(longest.mul_f64(0.25 + 0.75 * self.entropy.unit())).await;
        Ok(())
    }
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Transacted {
    /// All is written.
    Written,
    /// Nothing is: the conditions of the writes at these places failed.
    Refused(Vec<usize>),
}

/// Tells a transaction from any other, also where it is sent again.
/// Source: [TransactWriteItems, idempotency](https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
fn new_token(entropy: &Entropy) -> String {
    format!("{:032x}", u128::from_le_bytes(entropy.bytes()))
}

/// The reasons that pass: somebody else is at the item, or too many are at its partition.
const CONTENTION: [&str; 3] = [
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
];

enum Cancelled {
    Condition(Vec<usize>),
    Contention(&'static str),
    InProgress,
    Not,
}

/// Why a transaction was cancelled. A failed condition weighs more than contention: trying again cannot mend it. The SDK
/// does not look at the reasons, so a transaction that was refused for its rate is not tried again by it.
/// Source: [TransactWriteItems](https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
fn cancellation<R>(error: &SdkError<TransactWriteItemsError, R>) -> Cancelled {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return match error.code() {
            Some("TransactionInProgressException") => Cancelled::InProgress,
            _ => Cancelled::Not,
        };
    };
    let reasons = cancelled.cancellation_reasons();
    let places = |code| {
        let of_code = reasons
            .iter()
            .enumerate()
            .filter(move |(_, reason)| reason.code() == Some(code));
        of_code.map(|(place, _)| place).collect::<Vec<_>>()
    };
    let refused = places("ConditionalCheckFailed");
    if !refused.is_empty() {
        Cancelled::Condition(refused)
    } else if let Some(reason) = CONTENTION.iter().find(|code| !places(code).is_empty()) {
        Cancelled::Contention(reason)
    } else {
        Cancelled::Not
    }
}

pub(crate) fn unavailable<E, R>(error: &SdkError<E, R>) -> StoreError
where
    E: ProvideErrorMetadata,
{
    StoreError::Unavailable(aws_error::words(error))
}
