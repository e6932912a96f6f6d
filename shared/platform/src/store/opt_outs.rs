//! Who told which sender to stop.

use std::collections::HashSet;

use domain::ids::WorkspaceId;
use domain::sms::phone::PhoneNumber;
use jiff::Timestamp;

use super::item::{self, Item, get_text};
use super::keys::{self, Key};
use super::table::{Store, StoreError};

impl Store {
    /// Those of the phones whose owners told this sender to stop, read strongly. The phones must differ from each
    /// other.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn opted_out(
        &self,
        workspace: &WorkspaceId,
        sender: &str,
        phones: &[PhoneNumber],
    ) -> Result<HashSet<PhoneNumber>, StoreError> {
        let wanted: Vec<Key> = phones
            .iter()
            .map(|phone| keys::opt_out(workspace, phone, sender))
            .collect();
        let found = self.get_many(&wanted).await?;
        let found: HashSet<&str> = found
            .iter()
            .map(|item| get_text(item, "sk"))
            .collect::<Result<_, _>>()?;
        let of = |key: &Key| found.contains(key.sk.as_str());
        let opted_out = phones.iter().zip(&wanted).filter(|(_, key)| of(key));
        Ok(opted_out.map(|(phone, _)| phone.clone()).collect())
    }

    /// Remembers that the phone's owner told the sender to stop.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn add_opt_out(
        &self,
        workspace: &WorkspaceId,
        phone: &PhoneNumber,
        sender: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let key = keys::opt_out(workspace, phone, sender);
        self.put_always(opt_out_item(&key, at)).await
    }

    /// Forgets it for every sender of the workspace: an administrator clears it. The answer is how many there were.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clear_opt_outs(
        &self,
        workspace: &WorkspaceId,
        phone: &PhoneNumber,
    ) -> Result<usize, StoreError> {
        let pk = keys::workspace(workspace);
        let items = self.query_prefix(&pk, &keys::opt_outs_of(phone)).await?;
        let keys: Vec<Key> = items.iter().filter_map(item::key_of).collect();
        self.delete_many(&keys).await?;
        Ok(keys.len())
    }
}

/// That a phone's owner told a sender to stop, since when.
pub(crate) fn opt_out_item(key: &Key, since: Timestamp) -> Item {
    let mut item = item::key(key);
    item.insert("since".to_owned(), item::number(item::millis(since)));
    item
}
