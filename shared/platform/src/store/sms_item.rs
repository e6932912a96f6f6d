//! An SMS delivery as an item: its document, compressed, and what puts it into the index of what is due.

use std::time::Duration;

use domain::channel::Channel;
use domain::compression::{compress, decompress};
use domain::sms::delivery::SmsDelivery;
use jiff::Timestamp;

use super::Versioned;
use super::item::{self, Item, get_binary, get_number, millis};
use super::keys;
use super::table::{Expected, StoreError};

/// Bounds what a stored document may expand to: more than the longest text with the longest timeline.
const EXPANDED: usize = 1024 * 1024;

/// A delivery that waits, be it for a receipt, stays in the table at least so long after something is due.
const PENDING_STAYS: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// The item to write when it is expected to stand as told.
pub(crate) fn encode(delivery: &SmsDelivery, expected: Expected) -> Result<Item, StoreError> {
    let document = serde_json::to_vec(delivery).map_err(|_| StoreError::Damaged("doc"))?;
    let mut item = item::key(&keys::sms(&delivery.key));
    item.insert("rev".to_owned(), item::number(expected.next()));
    item.insert("doc".to_owned(), item::binary(compress(&document)));
    let mut expires_at = delivery.expires_at;
    if let Some((waiting, due_at)) = delivery.waits() {
        expires_at = expires_at.max(due_at + PENDING_STAYS);
        let shard = keys::due_shard(Channel::Sms, waiting, delivery.key.id.due_shard());
        item.insert("due_shard".to_owned(), item::text(shard));
        item.insert("due_at".to_owned(), item::number(millis(due_at)));
    }
    item.insert("expires_at".to_owned(), expiry(expires_at));
    Ok(item)
}

pub(crate) fn decode(item: &Item) -> Result<Versioned<SmsDelivery>, StoreError> {
    let document =
        decompress(get_binary(item, "doc")?, EXPANDED).map_err(|_| StoreError::Damaged("doc"))?;
    let value = serde_json::from_slice(&document).map_err(|_| StoreError::Damaged("doc"))?;
    Ok(Versioned {
        value,
        rev: get_number(item, "rev")?,
    })
}

/// The attribute by which DynamoDB deletes an item at that time or within days after.
pub(crate) fn expiry(at: Timestamp) -> aws_sdk_dynamodb::types::AttributeValue {
    item::number(at.as_second())
}
