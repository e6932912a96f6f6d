//! The items' keys.

use domain::delivery::DeliveryKey;
use domain::ids::{DeliveryId, KeyId, LogShard, WebhookId, WorkspaceId};

/// `pk` and `sk` of an item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

/// The partition of a workspace's configuration.
pub(crate) fn workspace(workspace: &WorkspaceId) -> String {
    format!("WORKSPACE#{workspace}")
}

/// What the sort keys of a workspace's webhooks start with.
pub(crate) const WEBHOOK_PREFIX: &str = "WEBHOOK#";

/// What the sort keys of a workspace's API keys start with.
pub(crate) const API_KEY_PREFIX: &str = "KEY#";

pub(crate) fn webhook(workspace_id: &WorkspaceId, id: &WebhookId) -> Key {
    Key {
        pk: workspace(workspace_id),
        sk: format!("{WEBHOOK_PREFIX}{id}"),
    }
}

/// The item whose revision is the version of the workspace's configuration.
pub(crate) fn version(workspace_id: &WorkspaceId) -> Key {
    Key {
        pk: workspace(workspace_id),
        sk: "VERSION".to_owned(),
    }
}

/// An API key as its workspace lists it.
pub(crate) fn api_key(workspace_id: &WorkspaceId, id: &KeyId) -> Key {
    Key {
        pk: workspace(workspace_id),
        sk: format!("{API_KEY_PREFIX}{id}"),
    }
}

/// An API key as a request finds it.
pub(crate) fn api_key_hash(hash: &str) -> Key {
    Key {
        pk: format!("KEYHASH#{hash}"),
        sk: "KEY".to_owned(),
    }
}

/// One of the partitions of a webhook's log: a partition takes 1,000 write units a second, a webhook may need more.
pub(crate) fn log(webhook: &WebhookId, shard: LogShard) -> String {
    format!("LOG#{webhook}#{}", shard.number())
}

pub(crate) fn delivery(webhook: &WebhookId, id: &DeliveryId) -> Key {
    Key {
        pk: log(webhook, id.shard()),
        sk: id.to_string(),
    }
}

pub(crate) fn delivery_key(key: &DeliveryKey) -> Key {
    delivery(&key.webhook, &key.id)
}

/// Which of the deliveries of a webhook that have not succeeded; the key of the `unsettled` index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsettled {
    /// Another attempt is to be made.
    Pending,
    /// Nothing more will be tried unless somebody asks.
    Failed,
}

pub(crate) fn unsettled(webhook: &WebhookId, which: Unsettled, shard: LogShard) -> String {
    let which = match which {
        Unsettled::Pending => "pending",
        Unsettled::Failed => "failed",
    };
    format!("{webhook}#{which}#{}", shard.number())
}

/// The partition of the `due` index: 32 of them, by the last character of the id's hash.
pub(crate) fn due_shard(id: &DeliveryId) -> String {
    let id = id.as_str();
    format!("WEBHOOK#{}", &id[id.len() - 1..])
}
