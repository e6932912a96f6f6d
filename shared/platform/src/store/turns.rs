//! Turns: how many batches of deliveries to one endpoint, or of one workspace, may be under way at a time.
//!
//! A turn is an item that stands until its holder ends it, or until the holder's time is over: whoever died with a turn
//! keeps it no longer than a lease.

use std::time::Duration;

use domain::ids::{WebhookId, WorkspaceId};
use jiff::Timestamp;

use super::item::{self, Item, from_millis, get_number, get_text, millis};
use super::keys::{self, Key};
use super::query::SortKeys;
use super::sms_item::expiry;
use super::table::{Expected, Store, StoreError};

/// The item of a turn that nobody takes any more goes after so long.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Whose turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TurnOf<'a> {
    /// Deliveries to one webhook's endpoint.
    Endpoint(&'a WebhookId),
    /// Deliveries to all endpoints of a workspace.
    Workspace(&'a WorkspaceId),
}

/// A turn that was taken. [`Store::end_turn`] gives it back.
#[derive(Debug)]
pub struct Turn {
    key: Key,
    /// The revision that it was taken at.
    rev: u64,
}

impl Store {
    /// Takes one of so many turns, to be ended by `until`; `None` where all are taken. Costs a
    /// small read, and a write unit where there is one to take.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_turn(
        &self,
        whose: TurnOf<'_>,
        turns: usize,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Turn>, StoreError> {
        let items = self.query_all(&keys::turns(whose), SortKeys::All).await?;
        for number in 0..turns {
            let key = keys::turn(whose, number);
            let Some(expected) = free(&items, &key, now)? else {
                continue;
            };
            match self.put(encode(&key, expected, until), expected).await {
                Err(StoreError::Conflict) => {} // Somebody was quicker: the next one.
                Err(error) => return Err(error),
                Ok(()) => {
                    let rev = expected.next();
                    return Ok(Some(Turn { key, rev }));
                }
            }
        }
        Ok(None)
    }

    /// Ends a turn at `now`. One that is over, and perhaps somebody else's by now, is left alone.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`]: it is over when its time is.
    pub async fn end_turn(&self, turn: Turn, now: Timestamp) -> Result<(), StoreError> {
        let expected = Expected::Rev(turn.rev);
        match self.put(encode(&turn.key, expected, now), expected).await {
            Err(StoreError::Conflict) => Ok(()),
            other => other,
        }
    }
}

/// How the item of a turn stands that can be taken; `None` where somebody has it.
fn free(items: &[Item], key: &Key, now: Timestamp) -> Result<Option<Expected>, StoreError> {
    let is_it = |item: &&Item| get_text(item, "sk").is_ok_and(|sk| sk == key.sk);
    let Some(item) = items.iter().find(is_it) else {
        return Ok(Some(Expected::Absent));
    };
    let until = from_millis(get_number(item, "taken_until")?)?;
    let rev = get_number(item, "rev")?;
    Ok((until <= now).then_some(Expected::Rev(rev)))
}

fn encode(key: &Key, expected: Expected, until: Timestamp) -> Item {
    let mut item = item::key(key);
    item.insert("rev".to_owned(), item::number(expected.next()));
    item.insert("taken_until".to_owned(), item::number(millis(until)));
    item.insert("expires_at".to_owned(), expiry(until + KEPT));
    item
}
