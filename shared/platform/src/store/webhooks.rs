//! A workspace's webhooks and the version of its configuration.
//!
//! Each change of a webhook raises the version in the same transaction, so that a reader who sees the old version has
//! seen all there is.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use domain::ids::{WebhookId, WorkspaceId};
use domain::webhook::Webhook;

use super::item::{self, Item, get_number};
use super::table::{Expected, Store, StoreError};
use super::{keys, webhook_item};

/// A value with the revision that it was read at.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// The revision of its item; a later write is conditional on it.
    pub rev: u64,
}

/// The version of a workspace's configuration; 0 for a workspace that never had any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct ConfigVersion(pub u64);

/// A workspace's webhooks, all of them, as they stood at or after a version.
#[derive(Debug, Clone, PartialEq)]
pub struct WebhookList {
    /// The version that was read before the webhooks were.
    pub version: ConfigVersion,
    /// The webhooks, oldest first.
    pub webhooks: Vec<Webhook>,
}

impl Store {
    /// The version of a workspace's configuration, read strongly.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn config_version(
        &self,
        workspace: &WorkspaceId,
    ) -> Result<ConfigVersion, StoreError> {
        let item = self.get(&keys::version(workspace)).await?;
        item.map_or(Ok(ConfigVersion::default()), |item| {
            Ok(ConfigVersion(get_number(&item, "rev")?))
        })
    }

    /// The versions of several workspaces' configurations, read strongly.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn config_versions(
        &self,
        workspaces: &[WorkspaceId],
    ) -> Result<Vec<ConfigVersion>, StoreError> {
        let wanted: Vec<_> = workspaces.iter().map(keys::version).collect();
        let items = self.get_many(&wanted).await?;
        let version = |key: &keys::Key| {
            let of_key =
                |item: &&Item| item.get("pk").and_then(|pk| pk.as_s().ok()) == Some(&key.pk);
            items
                .iter()
                .find(of_key)
                .map_or(Ok(0), |item| get_number(item, "rev"))
                .map(ConfigVersion)
        };
        wanted.iter().map(version).collect()
    }

    /// All webhooks of a workspace, read strongly.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhooks(&self, workspace: &WorkspaceId) -> Result<WebhookList, StoreError> {
        let version = self.config_version(workspace).await?;
        let mut webhooks = Vec::new();
        if version > ConfigVersion::default() {
            for item in self
                .query_prefix(&keys::workspace(workspace), keys::WEBHOOK_PREFIX)
                .await?
            {
                webhooks.push(webhook_item::decode(&item)?.value);
            }
        }
        webhooks.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(WebhookList { version, webhooks })
    }

    /// One webhook, read strongly.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn webhook(
        &self,
        workspace: &WorkspaceId,
        id: &WebhookId,
    ) -> Result<Option<Versioned<Webhook>>, StoreError> {
        let item = self.get(&keys::webhook(workspace, id)).await?;
        item.as_ref().map(webhook_item::decode).transpose()
    }

    /// Adds a webhook.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where there is one of that id.
    pub async fn add_webhook(&self, webhook: &Webhook) -> Result<(), StoreError> {
        let raise = self.raise_request(&keys::version(&webhook.workspace))?;
        self.add_raising(webhook, raise).await
    }

    /// Adds a webhook to a workspace whose configuration stands at `seen`: limits on the whole list, checked by the
    /// caller against that version, hold exactly.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where the configuration has changed meanwhile.
    pub async fn create_webhook(
        &self,
        webhook: &Webhook,
        seen: ConfigVersion,
    ) -> Result<(), StoreError> {
        let raise = self.raise_from(&keys::version(&webhook.workspace), seen)?;
        self.add_raising(webhook, raise).await
    }

    async fn add_raising(&self, webhook: &Webhook, raise: Update) -> Result<(), StoreError> {
        let item = webhook_item::encode(webhook, Expected::Absent)?;
        let put = self.put_request(item, Expected::Absent)?;
        self.transact(vec![
            TransactWriteItem::builder().put(put).build(),
            TransactWriteItem::builder().update(raise).build(),
        ])
        .await
    }

    /// Writes a changed webhook.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where it has changed or gone meanwhile.
    pub async fn save_webhook(&self, webhook: &Versioned<Webhook>) -> Result<(), StoreError> {
        self.transact(self.save_webhook_writes(webhook)?.into())
            .await
    }

    /// The writes of [`Store::save_webhook`], to be part of a larger transaction.
    pub(crate) fn save_webhook_writes(
        &self,
        webhook: &Versioned<Webhook>,
    ) -> Result<[TransactWriteItem; 2], StoreError> {
        let expected = Expected::Rev(webhook.rev);
        let put = self.put_request(webhook_item::encode(&webhook.value, expected)?, expected)?;
        let raise = self.raise_request(&keys::version(&webhook.value.workspace))?;
        Ok([
            TransactWriteItem::builder().put(put).build(),
            TransactWriteItem::builder().update(raise).build(),
        ])
    }

    /// Deletes a webhook; its log is another matter.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where it has changed or gone meanwhile.
    pub async fn delete_webhook(&self, webhook: &Versioned<Webhook>) -> Result<(), StoreError> {
        let key = keys::webhook(&webhook.value.workspace, &webhook.value.id);
        let delete = self.delete_request(&key, Expected::Rev(webhook.rev))?;
        let raise = self.raise_request(&keys::version(&webhook.value.workspace))?;
        self.transact(vec![
            TransactWriteItem::builder().delete(delete).build(),
            TransactWriteItem::builder().update(raise).build(),
        ])
        .await
    }

    fn raise_from(&self, key: &keys::Key, seen: ConfigVersion) -> Result<Update, StoreError> {
        let condition = match seen {
            ConfigVersion(0) => "attribute_not_exists(rev)",
            ConfigVersion(_) => "rev = :seen",
        };
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(item::key(key)))
            .update_expression("ADD rev :one")
            .condition_expression(condition)
            .expression_attribute_values(":one", item::number(1));
        if seen > ConfigVersion::default() {
            update = update.expression_attribute_values(":seen", item::number(seen.0));
        }
        update.build().map_err(|_| StoreError::Damaged("key"))
    }
}
