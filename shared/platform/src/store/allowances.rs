//! What has been used of an allowance.

use domain::allowance::{Allowance, UsedUp};
use domain::ids::{UserId, WorkspaceId};
use jiff::Timestamp;

use super::item::{self, from_millis, get_number, millis};
use super::keys;
use super::sms_item::expiry;
use super::table::{Expected, Store, StoreError};

/// Whose tests of SMS they are: nobody uses up another one's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tester<'a> {
    /// All who administer the workspace.
    Administrators,
    /// One member.
    Member(&'a UserId),
}

impl Store {
    /// Takes one of the tester's SMS tests in the workspace. The answer within says whether there is one. Costs a small
    /// read and a write unit.
    ///
    /// # Errors
    /// [`StoreError`]; where it is unavailable, one may have been taken all the same.
    pub async fn take_sms_test(
        &self,
        workspace: &WorkspaceId,
        tester: Tester<'_>,
        allowance: Allowance,
        now: Timestamp,
    ) -> Result<Result<(), UsedUp>, StoreError> {
        let key = keys::sms_tests(workspace, tester);
        let (expected, whole_at) = match self.get(&key).await? {
            None => (Expected::Absent, None),
            Some(item) => (
                Expected::Rev(get_number(&item, "rev")?),
                Some(from_millis(get_number(&item, "whole_at")?)?),
            ),
        };
        let whole_at = match allowance.take(whole_at, now) {
            Ok(whole_at) => whole_at,
            Err(used_up) => return Ok(Err(used_up)),
        };
        let mut item = item::key(&key);
        item.insert("rev".to_owned(), item::number(expected.next()));
        item.insert("whole_at".to_owned(), item::number(millis(whole_at)));
        item.insert("expires_at".to_owned(), expiry(whole_at));
        self.put(item, expected).await.map(Ok)
    }
}
