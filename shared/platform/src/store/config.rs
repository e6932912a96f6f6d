//! Workspaces' webhooks, cached in memory under the version of the configuration.
//!
//! A batch asks for the versions of its workspaces, one small strong read each, and loads what has changed: an edit
//! takes effect with the next batch, and reads stay near zero.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ids::{WebhookId, WorkspaceId};
use domain::webhook::Webhook;

use super::table::{Store, StoreError};
use super::webhooks::{ConfigVersion, WebhookList};

/// Workspaces kept at most; beyond it the cache starts over.
const CACHED: usize = 1_000;

/// The cache. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct ConfigCache {
    store: Store,
    lists: Arc<Mutex<HashMap<WorkspaceId, Arc<WebhookList>>>>,
}

/// The configuration of the workspaces that a batch is about, as it stood when the batch began.
#[derive(Debug, Clone, Default)]
pub struct Config(HashMap<WorkspaceId, Arc<WebhookList>>);

impl ConfigCache {
    /// An empty cache before this store.
    pub fn new(store: Store) -> ConfigCache {
        ConfigCache {
            store,
            lists: Arc::default(),
        }
    }

    /// The configuration of these workspaces as it stands now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn current(
        &self,
        workspaces: impl IntoIterator<Item = &WorkspaceId>,
    ) -> Result<Config, StoreError> {
        let mut wanted: Vec<WorkspaceId> = workspaces.into_iter().cloned().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let versions = self.store.config_versions(&wanted).await?;
        let mut config = Config::default();
        for (workspace, version) in wanted.into_iter().zip(versions) {
            let list = match self.cached(&workspace, version) {
                Some(list) => list,
                None => self.load(&workspace).await?,
            };
            config.0.insert(workspace, list);
        }
        Ok(config)
    }

    fn cached(&self, workspace: &WorkspaceId, version: ConfigVersion) -> Option<Arc<WebhookList>> {
        self.lists()
            .get(workspace)
            .filter(|list| list.version == version)
            .cloned()
    }

    async fn load(&self, workspace: &WorkspaceId) -> Result<Arc<WebhookList>, StoreError> {
        let list = Arc::new(self.store.webhooks(workspace).await?);
        let mut lists = self.lists();
        if lists.len() >= CACHED {
            lists.clear();
        }
        lists.insert(workspace.clone(), Arc::clone(&list));
        Ok(list)
    }

    fn lists(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Arc<WebhookList>>> {
        // A panic elsewhere cannot leave the map half changed.
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Config {
    /// A workspace's webhooks; none for one that was not asked for.
    pub fn webhooks(&self, workspace: &WorkspaceId) -> &[Webhook] {
        self.0.get(workspace).map_or(&[], |list| &list.webhooks)
    }

    /// One webhook, `None` where it was deleted.
    pub fn webhook(&self, workspace: &WorkspaceId, id: &WebhookId) -> Option<&Webhook> {
        self.webhooks(workspace)
            .iter()
            .find(|webhook| webhook.id == *id)
    }
}
