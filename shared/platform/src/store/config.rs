//! Workspaces' webhooks and SMS providers, cached in memory under the version of the configuration.
//!
//! A batch asks for the versions of its workspaces, one small strong read each, and loads what has changed: an edit
//! takes effect with the next batch, and reads stay near zero.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::ids::{WebhookId, WorkspaceId};
use domain::sms::provider::ProviderConfig;
use domain::webhook::Webhook;

use super::table::{Store, StoreError};
use super::webhooks::{ConfigVersion, WebhookList};

/// Webhooks kept at most, in all workspaces; beyond it the cache starts over.
const CACHED: usize = 20_000;

/// The cache. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct ConfigCache {
    store: Store,
    workspaces: Arc<Mutex<HashMap<WorkspaceId, Arc<WorkspaceConfig>>>>,
}

/// The configuration of the workspaces that a batch is about, as it stood when the batch began. A workspace whose
/// configuration could not be read does not hold up the others.
#[derive(Debug, Clone, Default)]
pub struct Config(HashMap<WorkspaceId, Result<Arc<WorkspaceConfig>, StoreError>>);

/// What a workspace has configured.
#[derive(Debug)]
struct WorkspaceConfig {
    list: WebhookList,
    provider: ProviderConfig,
}

impl ConfigCache {
    /// An empty cache before this store.
    pub fn new(store: Store) -> ConfigCache {
        ConfigCache {
            store,
            workspaces: Arc::default(),
        }
    }

    /// The configuration of these workspaces as it stands now.
    ///
    /// # Errors
    /// [`StoreError`] where not even the versions could be read.
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
            let found = match self.cached(&workspace, version) {
                Some(cached) => Ok(cached),
                None => self.load(&workspace).await,
            };
            config.0.insert(workspace, found);
        }
        Ok(config)
    }

    fn cached(
        &self,
        workspace: &WorkspaceId,
        version: ConfigVersion,
    ) -> Option<Arc<WorkspaceConfig>> {
        self.workspaces()
            .get(workspace)
            .filter(|config| config.list.version == version)
            .cloned()
    }

    async fn load(&self, workspace: &WorkspaceId) -> Result<Arc<WorkspaceConfig>, StoreError> {
        // The webhooks come with a version that was read before them, and so before the provider.
        let list = self.store.webhooks(workspace).await?;
        let provider = if list.version > ConfigVersion::default() {
            self.store.provider(workspace).await?.value
        } else {
            ProviderConfig::default()
        };
        let config = Arc::new(WorkspaceConfig { list, provider });
        let mut workspaces = self.workspaces();
        let cached: usize = workspaces
            .values()
            .map(|config| 1 + config.list.webhooks.len())
            .sum();
        if cached >= CACHED {
            workspaces.clear();
        }
        workspaces.insert(workspace.clone(), Arc::clone(&config));
        Ok(config)
    }

    fn workspaces(&self) -> MutexGuard<'_, HashMap<WorkspaceId, Arc<WorkspaceConfig>>> {
        // A panic elsewhere cannot leave the map half changed.
        self.workspaces
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Config {
    /// A workspace's webhooks; none for one that was not asked for.
    ///
    /// # Errors
    /// [`StoreError`] where this workspace's configuration could not be read.
    pub fn webhooks(&self, workspace: &WorkspaceId) -> Result<&[Webhook], StoreError> {
        match self.0.get(workspace) {
            None => Ok(&[]),
            Some(Ok(config)) => Ok(&config.list.webhooks),
            Some(Err(error)) => Err(error.clone()),
        }
    }

    /// A workspace's SMS provider; `None` where it was never configured, and for a workspace that was not asked for.
    ///
    /// # Errors
    /// [`StoreError`] where this workspace's configuration could not be read.
    pub fn provider(&self, workspace: &WorkspaceId) -> Result<Option<&ProviderConfig>, StoreError> {
        match self.0.get(workspace) {
            None => Ok(None),
            Some(Ok(config)) => Ok(Some(&config.provider)),
            Some(Err(error)) => Err(error.clone()),
        }
    }

    /// One webhook, `None` where it was deleted.
    ///
    /// # Errors
    /// [`StoreError`] where this workspace's configuration could not be read.
    pub fn webhook(
        &self,
        workspace: &WorkspaceId,
        id: &WebhookId,
    ) -> Result<Option<&Webhook>, StoreError> {
        let mut webhooks = self.webhooks(workspace)?.iter();
        Ok(webhooks.find(|webhook| webhook.id == *id))
    }
}
