//! Attributes in and out of an item.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::keys::Key;
use super::table::StoreError;

/// An item as the SDK hands it over.
pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn binary(value: Vec<u8>) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

/// The item's key attributes.
pub(crate) fn key(key: &Key) -> Item {
    HashMap::from([
        ("pk".to_owned(), text(&key.pk)),
        ("sk".to_owned(), text(&key.sk)),
    ])
}

/// The key that the item stands at.
pub(crate) fn key_of(item: &Item) -> Option<Key> {
    let text = |name| get_text(item, name).ok().map(str::to_owned);
    Some(Key {
        pk: text("pk")?,
        sk: text("sk")?,
    })
}

pub(crate) fn get_text<'a>(item: &'a Item, name: &'static str) -> Result<&'a str, StoreError> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
        .ok_or(StoreError::Damaged(name))
}

pub(crate) fn get_binary<'a>(item: &'a Item, name: &'static str) -> Result<&'a [u8], StoreError> {
    item.get(name)
        .and_then(|value| value.as_b().ok())
        .map(Blob::as_ref)
        .ok_or(StoreError::Damaged(name))
}

pub(crate) fn get_number<T: std::str::FromStr>(
    item: &Item,
    name: &'static str,
) -> Result<T, StoreError> {
    let digits = item
        .get(name)
        .and_then(|value| value.as_n().ok())
        .ok_or(StoreError::Damaged(name))?;
    digits.parse().map_err(|_| StoreError::Damaged(name))
}

/// Unix milliseconds.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// A time from Unix milliseconds.
pub(crate) fn from_millis(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(|_| StoreError::Damaged("a time"))
}
