//! A workspace's members: phones and preferences.

use domain::ids::{UserId, WorkspaceId};
use domain::sms::member::Member;

use super::table::{Expected, Store, StoreError};
use super::{Versioned, document, keys};

impl Store {
    /// The member, read strongly.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn member(
        &self,
        workspace: &WorkspaceId,
        user: &UserId,
    ) -> Result<Option<Versioned<Member>>, StoreError> {
        let item = self.get(&keys::member(workspace, user)).await?;
        item.as_ref().map(document::decode).transpose()
    }

    /// Those of the users who are members, read strongly, in no order. The users must differ from each other.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn members(
        &self,
        workspace: &WorkspaceId,
        users: &[UserId],
    ) -> Result<Vec<Member>, StoreError> {
        let wanted: Vec<_> = users
            .iter()
            .map(|user| keys::member(workspace, user))
            .collect();
        let items = self.get_many(&wanted).await?;
        let member = |item| Ok(document::decode::<Member>(item)?.value);
        items.iter().map(member).collect()
    }

    /// A page of a workspace's members by id, and the id to go on after; `None` at the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn member_page(
        &self,
        workspace: &WorkspaceId,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<(Vec<Member>, Option<UserId>), StoreError> {
        let after = after.map(|user| keys::member(workspace, user));
        let page = self
            .prefix_page(
                &keys::workspace(workspace),
                keys::MEMBER_PREFIX,
                after.as_ref(),
                limit,
            )
            .await?;
        let member = |item| Ok(document::decode::<Member>(item)?.value);
        let members: Vec<Member> = page
            .items
            .iter()
            .map(member)
            .collect::<Result<_, StoreError>>()?;
        let next = page
            .more
            .then(|| members.last().map(|member| member.id.clone()));
        Ok((members, next.flatten()))
    }

    /// Adds a member.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where there is one of that id.
    pub async fn create_member(&self, member: &Member) -> Result<(), StoreError> {
        self.write_member(member, Expected::Absent).await
    }

    /// Writes a changed member.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where it has changed or gone meanwhile.
    pub async fn save_member(&self, member: &Versioned<Member>) -> Result<(), StoreError> {
        self.write_member(&member.value, Expected::Rev(member.rev))
            .await
    }

    async fn write_member(&self, member: &Member, expected: Expected) -> Result<(), StoreError> {
        let key = keys::member(&member.workspace, &member.id);
        self.put(document::encode(&key, member, expected)?, expected)
            .await
    }

    /// Deletes a member, whether there is one or not.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn delete_member(
        &self,
        workspace: &WorkspaceId,
        user: &UserId,
    ) -> Result<(), StoreError> {
        self.delete_many(&[keys::member(workspace, user)]).await
    }
}
