//! Whose a provider's message is, and receipts that came before that was known.
//!
//! A receipt and a send may cross. Each first writes what it has, then reads, strongly, what the other wrote: the
//! receipt is kept and then the owner looked for; the owner is written and then kept receipts are looked for. Whoever
//! comes second sees the first.

use std::time::Duration;

use domain::ids::WorkspaceId;
use domain::sms::delivery::{Found, SmsKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::document;
use super::item::{self, Item, get_text};
use super::keys::{self, Key};
use super::sms_item::expiry;
use super::table::{Store, StoreError};

/// How long a receipt is kept whose message is not known.
pub const EARLY_RECEIPT_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A receipt whose message was not known when it came.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyReceipt {
    /// What it says.
    pub found: Found,
    /// When it came.
    pub at: Timestamp,
    key: Key,
}

#[derive(Serialize, Deserialize)]
struct Document {
    found: Found,
    at: Timestamp,
    /// The workspaces with whose token it was verified: it counts for their messages alone.
    workspaces: Vec<WorkspaceId>,
}

impl Store {
    /// The delivery that a message belongs to, read strongly.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn message_owner(&self, message_id: &str) -> Result<Option<SmsKey>, StoreError> {
        let item = self.get(&keys::message_owner(message_id)).await?;
        item.as_ref().map(delivery_of).transpose()
    }

    /// Those of the messages that belong to some delivery, with that delivery, read strongly. The ids must differ
    /// from each other.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn owned_messages(
        &self,
        message_ids: &[String],
    ) -> Result<Vec<(String, SmsKey)>, StoreError> {
        let wanted: Vec<_> = message_ids
            .iter()
            .map(|id| keys::message_owner(id))
            .collect();
        let items = self.get_many(&wanted).await?;
        let mut owned = Vec::new();
        for (id, key) in message_ids.iter().zip(&wanted) {
            let item = items
                .iter()
                .find(|item| item::key_of(item).as_ref() == Some(key));
            if let Some(item) = item {
                owned.push((id.clone(), delivery_of(item)?));
            }
        }
        Ok(owned)
    }

    /// Keeps a receipt whose message is not known. `random` tells it from others of the same moment.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn keep_early_receipt(
        &self,
        found: &Found,
        verified_for: &[WorkspaceId],
        at: Timestamp,
        random: u64,
    ) -> Result<(), StoreError> {
        let key = Key {
            pk: keys::message(&found.message_id),
            sk: format!(
                "{}{:015}#{random:016x}",
                keys::EARLY_RECEIPT_PREFIX,
                item::millis(at)
            ),
        };
        let document = Document {
            found: found.clone(),
            at,
            workspaces: verified_for.to_vec(),
        };
        let mut item = document::encode(&key, &document, super::table::Expected::Absent)?;
        item.insert("expires_at".to_owned(), expiry(at + EARLY_RECEIPT_KEPT));
        self.put_always(item).await
    }

    /// The kept receipts of a message that count for this workspace, oldest first, read strongly.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn early_receipts(
        &self,
        workspace: &WorkspaceId,
        message_id: &str,
    ) -> Result<Vec<EarlyReceipt>, StoreError> {
        let pk = keys::message(message_id);
        let mut receipts = Vec::new();
        for item in self.query_prefix(&pk, keys::EARLY_RECEIPT_PREFIX).await? {
            let document: Document = document::decode(&item)?.value;
            if document.workspaces.contains(workspace) {
                receipts.push(EarlyReceipt {
                    found: document.found,
                    at: document.at,
                    key: item::key_of(&item).ok_or(StoreError::Damaged("key"))?,
                });
            }
        }
        Ok(receipts)
    }

    /// Forgets kept receipts, once their delivery has them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn forget_early_receipts(&self, receipts: &[EarlyReceipt]) -> Result<(), StoreError> {
        let keys: Vec<_> = receipts.iter().map(|receipt| receipt.key.clone()).collect();
        self.delete_many(&keys).await
    }
}

/// The item that says that the message is this delivery's.
pub(crate) fn owner_item(message_id: &str, owner: &SmsKey, expires_at: Timestamp) -> Item {
    naming(&keys::message_owner(message_id), owner, expires_at)
}

/// An item that names a delivery.
pub(crate) fn naming(key: &Key, delivery: &SmsKey, expires_at: Timestamp) -> Item {
    let mut item = item::key(key);
    item.insert(
        "workspace".to_owned(),
        item::text(delivery.workspace.as_str()),
    );
    item.insert("delivery".to_owned(), item::text(delivery.id.as_str()));
    item.insert("expires_at".to_owned(), expiry(expires_at));
    item
}

/// The delivery that such an item names.
pub(crate) fn delivery_of(item: &Item) -> Result<SmsKey, StoreError> {
    Ok(SmsKey {
        workspace: get_text(item, "workspace")?
            .parse()
            .map_err(|_| StoreError::Damaged("workspace"))?,
        id: get_text(item, "delivery")?
            .parse()
            .map_err(|_| StoreError::Damaged("delivery"))?,
    })
}
