//! What the functions write, looked at as it happens: each step of each delivery, SMS and webhook, in the order in which the
//! table took them.

use std::collections::BTreeSet;

use domain::delivery::{Delivery, DeliveryKey};
use domain::ids::WebhookId;
use domain::sms::delivery::{SmsDelivery, SmsKey};
use domain::webhook::Webhook;
use jiff::Timestamp;
use platform::store::Store;
use serde_json::Value;

use crate::call::contains;
use crate::clients::Clients;
use crate::context;
use crate::run::Run;
use crate::world::workspace;

/// What one write left behind.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// When.
    pub at: Timestamp,
    /// The function that wrote it.
    pub by: Option<&'static str>,
    /// Deliveries as they stand now; none where the item is gone.
    pub deliveries: Vec<(DeliveryKey, Option<Delivery>)>,
    /// SMS as they stand now.
    pub sms: Vec<SmsDelivery>,
    /// Webhooks as they stand now.
    pub webhooks: Vec<(WebhookId, Option<Webhook>)>,
}

/// Takes note of a write that the table took.
pub async fn written(run: &Run, body: &[u8]) {
    let interesting = ["\"LOG#", "\"WEBHOOK#", "\"SMS#"];
    if !interesting.iter().any(|text| contains(body, text)) {
        return;
    }
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut keys = BTreeSet::new();
    item_keys(&request, &mut keys);
    let store = Clients::certain().store();
    let mut commit = Commit {
        at: run.now(),
        by: context::invocation().map(|invocation| invocation.function.id()),
        deliveries: Vec::new(),
        sms: Vec::new(),
        webhooks: Vec::new(),
    };
    for (pk, sk) in keys {
        if pk.starts_with("SMS#") {
            run.sms_written(&pk, &sk);
        }
        commit.look_at(&store, &pk, &sk).await;
    }
    if !commit.is_empty() {
        run.committed(commit);
    }
}

impl Commit {
    fn is_empty(&self) -> bool {
        self.deliveries.is_empty() && self.sms.is_empty() && self.webhooks.is_empty()
    }

    /// Takes down how the item stands, if it is a delivery, an SMS or a webhook.
    async fn look_at(&mut self, store: &Store, pk: &str, sk: &str) {
        if let (Some(webhook), Ok(id)) = (log_of(pk), sk.parse()) {
            let key = DeliveryKey {
                workspace: workspace(),
                webhook,
                id,
            };
            let stored = store.delivery(&key).await.ok().flatten();
            let stands = stored.map(|stored| stored.value);
            self.deliveries.push((key, stands));
        }
        if let (true, Ok(id)) = (pk.starts_with("SMS#"), sk.parse()) {
            let workspace = workspace();
            let stored = store.sms(&SmsKey { workspace, id }).await.ok().flatten();
            self.sms.extend(stored.map(|stored| stored.value));
        }
        if let Some(Ok(id)) = sk.strip_prefix("WEBHOOK#").map(str::parse::<WebhookId>) {
            let stored = store.webhook(&workspace(), &id).await.ok().flatten();
            self.webhooks.push((id, stored.map(|stored| stored.value)));
        }
    }
}

/// The webhook whose log a partition is part of.
fn log_of(pk: &str) -> Option<WebhookId> {
    let (webhook, _shard) = pk.strip_prefix("LOG#")?.rsplit_once('#')?;
    webhook.parse().ok()
}

/// The keys of all items that a request names.
fn item_keys(value: &Value, keys: &mut BTreeSet<(String, String)>) {
    match value {
        Value::Object(fields) => {
            let text = |name| fields.get(name)?.get("S")?.as_str().map(str::to_owned);
            if let (Some(pk), Some(sk)) = (text("pk"), text("sk")) {
                keys.insert((pk, sk));
                return;
            }
            for field in fields.values() {
                item_keys(field, keys);
            }
        }
        Value::Array(values) => {
            for value in values {
                item_keys(value, keys);
            }
        }
        _ => {}
    }
}

/// What a call to AWS is about, for the trace: the operation, the items or the queue, nothing that is random by nature.
#[must_use]
pub fn about(target: &str, body: &[u8]) -> String {
    let operation = target.rsplit('.').next().unwrap_or_default();
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    if let Some(url) = request["QueueUrl"].as_str() {
        let queue = url.rsplit('/').next().unwrap_or_default();
        let entries = request["Entries"].as_array().map_or(1, Vec::len);
        let waits: Vec<_> = request["Entries"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                entry["VisibilityTimeout"]
                    .as_i64()
                    .or(entry["DelaySeconds"].as_i64())
            })
            .collect();
        return format!("{operation} {queue} {entries} {waits:?}");
    }
    let mut keys = BTreeSet::new();
    item_keys(&request, &mut keys);
    let keys: Vec<_> = keys.iter().map(|(pk, sk)| format!("{pk}/{sk}")).collect();
    let index = request["IndexName"].as_str().unwrap_or_default();
    let values = &request["ExpressionAttributeValues"];
    let values = if index.is_empty() && keys.is_empty() && !values.is_null() {
        values.to_string()
    } else {
        String::new()
    };
    format!("{operation} {index}{} {values}", keys.join(" "))
}
