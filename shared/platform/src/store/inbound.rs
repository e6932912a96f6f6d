//! What recipients texted to a sender, each message once.
//!
//! Twilio repeats a request that was not answered, and whoever has caught one can post it again: its signature stays good. A
//! START that counted a second time would lift a STOP that was texted after it. So whether a message was applied is an item
//! of its own, written in the transaction that applies it.

use std::time::Duration;

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::ids::WorkspaceId;
use domain::twilio::inbound::{Inbound, Keyword};
use jiff::Timestamp;

use super::item;
use super::keys::{self, Key};
use super::opt_outs::opt_out_item;
use super::sms_item::expiry;
use super::table::{Expected, Store, StoreError};

/// How long it is known that a message was applied: as long as Twilio itself shows a message, [400
/// days](https://help.twilio.com/articles/223181008). A copy is dangerous for as long as the token that signed it is in use, to
/// which there is no end, so the longest time that can be given a reason. It is one item of some 100 bytes, of a STOP or
/// START alone.
pub const APPLIED_KEPT: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It counts from now on, or asked for nothing.
    Now,
    /// It had been applied before; nothing was changed.
    Before,
}

impl Store {
    /// Remembers a STOP, or forgets it at a START, for each sender that the message was texted to, unless that was done
    /// before for the same message.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: perhaps applied; the same message may be applied again.
    pub async fn apply_inbound(
        &self,
        workspace: &WorkspaceId,
        inbound: &Inbound,
        now: Timestamp,
    ) -> Result<Applied, StoreError> {
        let mut writes = Vec::new();
        for sender in inbound.senders() {
            let key = keys::opt_out(workspace, &inbound.from, sender);
            writes.extend(self.opt_out_write(&key, inbound.word, now)?);
        }
        if writes.is_empty() {
            return Ok(Applied::Now);
        }
        writes.push(self.applied_write(workspace, inbound, now)?);
        // The message's item is the only one with a condition.
        match self.transact(writes).await {
            Ok(()) => Ok(Applied::Now),
            Err(StoreError::Conflict) => Ok(Applied::Before),
            Err(error) => Err(error),
        }
    }

    fn opt_out_write(
        &self,
        key: &Key,
        word: Keyword,
        now: Timestamp,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        let write = TransactWriteItem::builder();
        Ok(match word {
            Keyword::Stop => {
                let put = self.put_always_request(opt_out_item(key, now))?;
                Some(write.put(put).build())
            }
            Keyword::Start => Some(write.delete(self.delete_always_request(key)?).build()),
            Keyword::Other => None,
        })
    }

    fn applied_write(
        &self,
        workspace: &WorkspaceId,
        inbound: &Inbound,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut item = item::key(&keys::inbound(&inbound.message, workspace));
        item.insert("expires_at".to_owned(), expiry(now + APPLIED_KEPT));
        let put = self.put_request(item, Expected::Absent)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}
