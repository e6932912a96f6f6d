//! API keys: found by the hash of the key, listed by workspace. The key itself is nowhere.

use aws_sdk_dynamodb::types::TransactWriteItem;
use domain::access::{ApiKey, KeyHash};
use domain::ids::{KeyId, WorkspaceId};

use super::item::{self, Item, get_text};
use super::keys;
use super::table::{Expected, Store, StoreError};

impl Store {
    /// The key of this hash, read strongly: a revoked key stops working at once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key(&self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let item = self.get(&keys::api_key_hash(hash.as_str())).await?;
        item.as_ref().map(decode).transpose()
    }

    /// A workspace's keys, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_keys(&self, workspace: &WorkspaceId) -> Result<Vec<ApiKey>, StoreError> {
        let items = self
            .query_prefix(&keys::workspace(workspace), keys::API_KEY_PREFIX)
            .await?;
        let mut found: Vec<ApiKey> = items.iter().map(decode).collect::<Result<_, _>>()?;
        found.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(found)
    }

    /// Adds a key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where there is one of that id or hash.
    pub async fn create_api_key(&self, key: &ApiKey, hash: &KeyHash) -> Result<(), StoreError> {
        let by_hash = encode(&keys::api_key_hash(hash.as_str()), key, hash)?;
        let by_id = encode(&keys::api_key(&key.workspace, &key.id), key, hash)?;
        let mut writes = Vec::new();
        for item in [by_hash, by_id] {
            writes.push(
                TransactWriteItem::builder()
                    .put(self.put_request(item, Expected::Absent)?)
                    .build(),
            );
        }
        self.transact(writes).await
    }

    /// Revokes a key; `false` where there is none of that id in the workspace.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_api_key(
        &self,
        workspace: &WorkspaceId,
        id: &KeyId,
    ) -> Result<bool, StoreError> {
        let by_id = keys::api_key(workspace, id);
        let Some(item) = self.get(&by_id).await? else {
            return Ok(false);
        };
        let by_hash = keys::api_key_hash(get_text(&item, "hash")?);
        let mut writes = Vec::new();
        for key in [by_hash, by_id] {
            writes.push(
                TransactWriteItem::builder()
                    .delete(self.delete_request(&key, Expected::Rev(1))?)
                    .build(),
            );
        }
        match self.transact(writes).await {
            Ok(()) => Ok(true),
            // Somebody else revoked it at the same moment.
            Err(StoreError::Conflict) => Ok(false),
            Err(other) => Err(other),
        }
    }
}

fn encode(key: &keys::Key, api_key: &ApiKey, hash: &KeyHash) -> Result<Item, StoreError> {
    let document = serde_json::to_string(api_key).map_err(|_| StoreError::Damaged("API key"))?;
    let mut item = item::key(key);
    item.insert("rev".to_owned(), item::number(1));
    item.insert("hash".to_owned(), item::text(hash.as_str()));
    item.insert("doc".to_owned(), item::text(document));
    Ok(item)
}

fn decode(item: &Item) -> Result<ApiKey, StoreError> {
    serde_json::from_str(get_text(item, "doc")?).map_err(|_| StoreError::Damaged("API key"))
}
