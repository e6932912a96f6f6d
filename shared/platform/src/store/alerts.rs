//! What was decided for each recipient of an alert.
//!
//! One item for an event holds the decisions for all its recipients; each is made once and then obeyed, whatever
//! changes meanwhile. The deliveries that were decided on, and the counts of those who get none, are written in the same
//! transaction as the decisions.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::catalogue::AlertType;
use domain::compression::{compress, decompress};
use domain::ids::{DeliveryId, EventId, LogShard, UserId, WorkspaceId};
use domain::sms::delivery::SmsDelivery;
use domain::sms::member::{Decision, NotSent};
use jiff::Timestamp;

use super::item::{self, get_binary, get_number};
use super::keys;
use super::sms_counters::Changes;
use super::sms_item::expiry;
use super::table::{Expected, Store, StoreError};

/// Deliveries that one call of [`Store::decide`] may make: DynamoDB takes 100 writes in a transaction.
/// Source: [TransactWriteItems](https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
pub const MOST_DELIVERIES: usize = 90;

/// More than the decisions of the most recipients.
const EXPANDED: usize = 1024 * 1024;

/// The decisions of an alert so far, with the revision of their item.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decisions {
    /// What was decided for whom.
    pub by_user: BTreeMap<UserId, Decision>,
    rev: Option<u64>,
}

/// What is decided in one go.
#[derive(Debug, Clone)]
pub struct NewDecisions<'a> {
    /// The workspace.
    pub workspace: &'a WorkspaceId,
    /// The event.
    pub event: &'a EventId,
    /// What its alert is about.
    pub alert_type: AlertType,
    /// Deliveries to be made, at most [`MOST_DELIVERIES`], each with the recipient's user id.
    pub deliveries: Vec<SmsDelivery>,
    /// Who gets none, and why.
    pub not_sent: Vec<(UserId, NotSent)>,
    /// The time.
    pub now: Timestamp,
    /// When the decisions may be forgotten.
    pub expires_at: Timestamp,
}

impl Store {
    /// What was decided so far for an event's recipients, read strongly.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn decisions(
        &self,
        workspace: &WorkspaceId,
        event: &EventId,
    ) -> Result<Decisions, StoreError> {
        let Some(item) = self.get(&keys::decisions(workspace, event)).await? else {
            return Ok(Decisions::default());
        };
        let document = decompress(get_binary(&item, "doc")?, EXPANDED)
            .map_err(|_| StoreError::Damaged("doc"))?;
        Ok(Decisions {
            by_user: serde_json::from_slice(&document).map_err(|_| StoreError::Damaged("doc"))?,
            rev: Some(get_number(&item, "rev")?),
        })
    }

    /// Adds decisions to those that were read.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where somebody else has decided something meanwhile; read again.
    pub async fn decide(
        &self,
        before: &Decisions,
        new: &NewDecisions<'_>,
    ) -> Result<(), StoreError> {
        let mut writes = vec![self.decisions_write(before, new)?];
        let mut changes = Changes::new(new.workspace, new.now, shard_of(new));
        for delivery in &new.deliveries {
            writes.push(self.new_sms_write(delivery)?);
            changes.add(delivery);
        }
        for (_, because) in &new.not_sent {
            changes.add_not_sent(*because, new.alert_type);
        }
        writes.extend(changes.write(&self.table)?);
        self.transact(writes).await
    }

    fn decisions_write(
        &self,
        before: &Decisions,
        new: &NewDecisions<'_>,
    ) -> Result<TransactWriteItem, StoreError> {
        let expected = before.rev.map_or(Expected::Absent, Expected::Rev);
        let mut by_user = before.by_user.clone();
        for delivery in &new.deliveries {
            if let Some(user) = &delivery.recipient.user_id {
                by_user.insert(user.clone(), Decision::Send(delivery.key.id.clone()));
            }
        }
        for (user, because) in &new.not_sent {
            by_user.insert(user.clone(), Decision::NotSent(*because));
        }
        let document = serde_json::to_vec(&by_user).map_err(|_| StoreError::Damaged("doc"))?;
        let mut item = item::key(&keys::decisions(new.workspace, new.event));
        item.insert("rev".to_owned(), item::number(expected.next()));
        item.insert("doc".to_owned(), item::binary(compress(&document)));
        item.insert("expires_at".to_owned(), expiry(new.expires_at));
        let put = self.put_request(item, expected)?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// Any shard will do; this one spreads events evenly.
fn shard_of(new: &NewDecisions<'_>) -> LogShard {
    DeliveryId::for_sms(new.workspace, new.event, new.now, "").shard()
}
