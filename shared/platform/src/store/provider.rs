//! A workspace's SMS provider, and which workspaces use a Twilio account.

use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use domain::ids::WorkspaceId;
use domain::sms::provider::ProviderConfig;
use domain::twilio::sids::AccountSid;

use super::item::{self, get_text};
use super::query::SortKeys;
use super::table::{Expected, Store, StoreError};
use super::{Versioned, document, keys};

/// The revision of a provider that was never configured.
const NEVER: u64 = 0;

impl Store {
    /// The provider, read strongly. A workspace that never had one has the empty configuration, at revision 0.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn provider(
        &self,
        workspace: &WorkspaceId,
    ) -> Result<Versioned<ProviderConfig>, StoreError> {
        let item = self.get(&keys::provider(workspace)).await?;
        item.as_ref().map_or_else(
            || {
                Ok(Versioned {
                    value: ProviderConfig::default(),
                    rev: NEVER,
                })
            },
            document::decode,
        )
    }

    /// Writes a changed provider and raises the version of the workspace's configuration with it. The account is then
    /// known to be used by the workspace, and stays known: whether a receipt is good is decided by the tokens.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] where it has changed meanwhile.
    pub async fn save_provider(
        &self,
        workspace: &WorkspaceId,
        provider: &Versioned<ProviderConfig>,
    ) -> Result<(), StoreError> {
        let expected = match provider.rev {
            NEVER => Expected::Absent,
            rev => Expected::Rev(rev),
        };
        let key = keys::provider(workspace);
        let put = self.put_request(document::encode(&key, &provider.value, expected)?, expected)?;
        let raise = self.raise_request(&keys::version(workspace))?;
        let mut writes = vec![
            TransactWriteItem::builder().put(put).build(),
            TransactWriteItem::builder().update(raise).build(),
        ];
        if let Some(account) = provider.value.current_account() {
            let put = Put::builder()
                .table_name(&self.table)
                .set_item(Some(item::key(&keys::account_workspace(
                    account, workspace,
                ))))
                .build()
                .map_err(|_| StoreError::Damaged("account"))?;
            writes.push(TransactWriteItem::builder().put(put).build());
        }
        self.transact(writes).await
    }

    /// The workspaces that use an account, or once did, read strongly.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn workspaces_of_account(
        &self,
        account: &AccountSid,
    ) -> Result<Vec<WorkspaceId>, StoreError> {
        let items = self
            .query_all(&keys::account(account), SortKeys::All)
            .await?;
        let workspace = |item| {
            get_text(item, "sk")?
                .parse()
                .map_err(|_| StoreError::Damaged("sk"))
        };
        items.iter().map(workspace).collect()
    }
}
