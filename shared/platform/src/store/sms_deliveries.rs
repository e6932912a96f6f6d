//! SMS deliveries by key, and writing their steps.
//!
//! Each write carries along, in one transaction, whatever must never disagree with the delivery: the counters of its
//! day, who owns the provider's message, and who has the say over a text while it is not known whether it was sent.

use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use domain::sms::delivery::{SmsDelivery, SmsKey};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::item::{self, Item, get_text};
use super::keys::{self, Key};
use super::sms_counters::Changes;
use super::sms_item;
use super::table::{Expected, Store, StoreError, Transacted};
use super::{Versioned, receipts};

/// An SMS delivery with the revision of its item.
pub type StoredSms = Versioned<SmsDelivery>;

/// What became of writing a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// It is written, at this revision.
    Written(u64),
    /// The delivery has moved on meanwhile; nothing written. Read it and decide anew.
    Overtaken,
    /// Another delivery has the say over the same text from the same sender to the same phone; nothing written.
    TextInFlight,
    /// The provider's message belongs to another delivery; nothing written.
    MessageOwned,
}

/// How long at most somebody keeps the say over a text; longer than any delivery takes to be cleared up.
const TEXT_KEPT: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// A write, and what it means when its condition fails.
type Conditional = (TransactWriteItem, Saved);

impl Store {
    /// The delivery, read strongly.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sms(&self, key: &SmsKey) -> Result<Option<StoredSms>, StoreError> {
        let item = self.get(&keys::sms(key)).await?;
        item.as_ref().map(sms_item::decode).transpose()
    }

    /// Writes a delivery that has no item yet.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where it has one.
    pub async fn create_sms(&self, delivery: &SmsDelivery) -> Result<(), StoreError> {
        let mut writes = vec![self.new_sms_write(delivery)?];
        let SmsKey { workspace, id } = &delivery.key;
        let mut changes = Changes::new(workspace, delivery.created_at, id.shard());
        changes.add(delivery);
        writes.extend(changes.write(&self.table)?);
        self.transact(writes).await
    }

    pub(crate) fn new_sms_write(
        &self,
        delivery: &SmsDelivery,
    ) -> Result<TransactWriteItem, StoreError> {
        let item = sms_item::encode(delivery, Expected::Absent)?;
        let put = self.put_request(item, Expected::Absent)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Writes the step from what was read to `after`.
    ///
    /// # Errors
    /// [`StoreError`]; whether an [`StoreError::Unavailable`] write took effect is unknown.
    pub async fn save_sms(
        &self,
        before: &StoredSms,
        after: &SmsDelivery,
    ) -> Result<Saved, StoreError> {
        let steps = self.step_writes(before, after)?;
        let (writes, meanings): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
        match self.transact_or_tell(writes).await? {
            Transacted::Written => Ok(Saved::Written(before.rev + 1)),
            // The delivery's own write comes first: where it fails, nothing else matters.
            Transacted::Refused(places) => {
                let meaning = places.first().and_then(|place| meanings.get(*place));
                Ok(meaning.cloned().unwrap_or(Saved::Overtaken))
            }
        }
    }

    fn step_writes(
        &self,
        before: &StoredSms,
        after: &SmsDelivery,
    ) -> Result<Vec<Conditional>, StoreError> {
        let expected = Expected::Rev(before.rev);
        let put = self.put_request(sms_item::encode(after, expected)?, expected)?;
        let mut writes = vec![(
            TransactWriteItem::builder().put(put).build(),
            Saved::Overtaken,
        )];
        writes.extend(self.owner_write(&before.value, after)?);
        writes.extend(self.text_write(&before.value, after)?);
        if before.value.status() != after.status() {
            let SmsKey { workspace, id } = &after.key;
            let mut changes = Changes::new(workspace, after.created_at, id.shard());
            changes.remove(&before.value);
            changes.add(after);
            let write = changes.write(&self.table)?;
            writes.extend(write.map(|write| (write, Saved::Overtaken)));
        }
        Ok(writes)
    }

    /// A provider's message that the delivery gets to know of becomes its own.
    fn owner_write(
        &self,
        before: &SmsDelivery,
        after: &SmsDelivery,
    ) -> Result<Option<Conditional>, StoreError> {
        let (None, Some(message)) = (&before.provider_message_id, &after.provider_message_id)
        else {
            return Ok(None);
        };
        let item = receipts::owner_item(message, &after.key, after.expires_at);
        let put = self.put_request(item, Expected::Absent)?;
        let write = TransactWriteItem::builder().put(put).build();
        Ok(Some((write, Saved::MessageOwned)))
    }

    /// Takes the say over the text, or gives it up.
    fn text_write(
        &self,
        before: &SmsDelivery,
        after: &SmsDelivery,
    ) -> Result<Option<Conditional>, StoreError> {
        let write = match (text_key(before), text_key(after)) {
            (None, Some(key)) => {
                let item = holder_item(&key, after);
                let put = self.put_request(item, Expected::Absent)?;
                TransactWriteItem::builder().put(put).build()
            }
            (Some(key), None) => {
                // Unconditional: nobody else gets it while this delivery has it.
                let delete = Delete::builder()
                    .table_name(&self.table)
                    .set_key(Some(item::key(&key)))
                    .build()
                    .map_err(|_| StoreError::Damaged("key"))?;
                TransactWriteItem::builder().delete(delete).build()
            }
            (None, None) | (Some(_), Some(_)) => return Ok(None),
        };
        Ok(Some((write, Saved::TextInFlight)))
    }

    /// Frees a delivery's text from a holder that has no use for it any more, which is never so unless its item was
    /// lost.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn free_abandoned_text(&self, delivery: &SmsDelivery) -> Result<(), StoreError> {
        let Some(key) = text_key(delivery) else {
            return Ok(());
        };
        let Some(item) = self.get(&key).await? else {
            return Ok(());
        };
        let holder = receipts::delivery_of(&item)?;
        let claim = get_text(&item, "claim")?;
        let holds = self
            .sms(&holder)
            .await?
            .is_some_and(|stored| text_key(&stored.value).as_ref() == Some(&key));
        if holds {
            return Ok(());
        }
        // The holder may have given it up since it was read, and anybody taken it: each taking has another claim.
        self.delete_if_claimed(&key, claim).await
    }
}

/// The say over the text of a message that may be on its way; `None` where none is.
fn text_key(delivery: &SmsDelivery) -> Option<Key> {
    let (account, sender) = delivery.state.in_flight()?;
    let mut hash = Sha256::new();
    for part in [
        account.as_str(),
        sender.as_str(),
        delivery.recipient.phone.as_str(),
        &delivery.text,
    ] {
        // A length before each part keeps ("a", "bc") apart from ("ab", "c").
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: String = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Some(keys::text_in_flight(&digest))
}

fn holder_item(key: &Key, delivery: &SmsDelivery) -> Item {
    let at = delivery.state.due_at().unwrap_or(Timestamp::UNIX_EPOCH);
    let mut item = receipts::naming(key, &delivery.key, at + TEXT_KEPT);
    let claim = delivery.state.claim().map(|claim| claim.0.to_string());
    item.insert("claim".to_owned(), item::text(claim.unwrap_or_default()));
    item
}
