//! Items that are a revision and a JSON document.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Versioned;
use super::item::{self, Item, get_number, get_text};
use super::keys::Key;
use super::table::{Expected, StoreError};

/// The item to write when it is expected to stand as told.
pub(crate) fn encode<T: Serialize>(
    key: &Key,
    value: &T,
    expected: Expected,
) -> Result<Item, StoreError> {
    let document = serde_json::to_string(value).map_err(|_| StoreError::Damaged("doc"))?;
    let mut item = item::key(key);
    item.insert("rev".to_owned(), item::number(expected.next()));
    item.insert("doc".to_owned(), item::text(document));
    Ok(item)
}

pub(crate) fn decode<T: DeserializeOwned>(item: &Item) -> Result<Versioned<T>, StoreError> {
    let value =
        serde_json::from_str(get_text(item, "doc")?).map_err(|_| StoreError::Damaged("doc"))?;
    Ok(Versioned {
        value,
        rev: get_number(item, "rev")?,
    })
}
