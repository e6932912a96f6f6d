//! The index of what waits, and who wakes what waits for receipts there: `sweep`, whose part in it is played here.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::ids::DeliveryId;
use domain::sms::delivery::{SmsDelivery, SmsKey};
use jiff::Timestamp;
use platform::queue::message::SmsWakeUp;

use crate::sending::MINUTE;
use crate::world::{World, item_key};

/// How far ahead of time wake-ups are sent.
const AHEAD: Duration = Duration::from_secs(14 * 60);

/// A delivery in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub key: SmsKey,
    /// Its partition.
    pub shard: String,
    pub due_at: Timestamp,
}

impl Entry {
    pub fn is_for_receipt(&self) -> bool {
        self.shard.starts_with("RECEIPT#SMS#")
    }
}

impl World {
    /// The deliveries of the workspace that wait, as the index has them.
    pub async fn index(&self) -> Vec<Entry> {
        let scan = self.dynamodb().scan().table_name(self.table());
        let found = scan.index_name("due").send().await.unwrap();
        assert!(found.last_evaluated_key.is_none(), "more than a page");
        let entries = found.items().iter().map(|item| {
            let text = |name: &str| item[name].as_s().unwrap().clone();
            let due_at = item["due_at"].as_n().unwrap().parse().unwrap();
            Entry {
                key: self.key(&text("sk")),
                shard: text("due_shard"),
                due_at: Timestamp::from_millisecond(due_at).unwrap(),
            }
        });
        entries.collect()
    }

    /// Sends wake-ups to what is about to be asked about, as `sweep` does each minute.
    pub async fn sweep(&self) {
        for entry in self.index().await {
            if entry.is_for_receipt() && entry.due_at <= self.now() + AHEAD {
                self.wake(&entry).await;
            }
        }
    }

    /// Lets time pass, with a sweep each minute, until nothing waits for a receipt any more.
    pub async fn until_asked(&self, most: Duration) {
        let deadline = self.now() + most;
        while !self.index().await.is_empty() || self.held("SmsQueue") > 0 {
            assert!(
                self.now() < deadline,
                "not within {most:?}: nothing waits for a receipt"
            );
            self.sweep().await;
            self.pass(self.until_next_sweep().await).await;
        }
    }

    /// A minute; more where the sweeps in between would find nothing.
    async fn until_next_sweep(&self) -> Duration {
        let index = self.index().await;
        let waits = index
            .iter()
            .map(|entry| entry.due_at.duration_since(self.now()));
        let first = waits.min().and_then(|wait| Duration::try_from(wait).ok());
        let idle = first.unwrap_or_default().saturating_sub(AHEAD);
        idle.max(MINUTE)
    }

    /// First the message, then its new place in the index, if it waits as before.
    async fn wake(&self, entry: &Entry) {
        let wait = entry.due_at.duration_since(self.now()).as_secs_f64();
        let wake_up = serde_json::to_string(&SmsWakeUp::of(&entry.key)).unwrap();
        let send = self
            .sqs
            .send_message()
            .queue_url(self.queue_url("SmsQueue"));
        let send = send
            .message_body(wake_up)
            .delay_seconds(wait.ceil().max(0.0) as i32);
        send.send().await.unwrap();
        let (pk, sk) = item_key(&entry.key);
        let with_message = entry.shard.strip_prefix("RECEIPT#").unwrap();
        let moved = self
            .dynamodb()
            .update_item()
            .table_name(self.table())
            .key("pk", pk)
            .key("sk", sk)
            .update_expression("SET due_shard = :moved")
            .condition_expression("due_shard = :found AND due_at = :due_at")
            .expression_attribute_values(":moved", AttributeValue::S(with_message.to_owned()))
            .expression_attribute_values(":found", AttributeValue::S(entry.shard.clone()))
            .expression_attribute_values(
                ":due_at",
                AttributeValue::N(entry.due_at.as_millisecond().to_string()),
            );
        moved.send().await.unwrap();
    }

    /// The index has each delivery that waits, at its time, and no other. These are settled: what waits does so for a
    /// receipt.
    pub async fn check_index(&self, history: &[SmsDelivery], context: &str) {
        let mut indexed = HashMap::new();
        for entry in self.index().await {
            assert!(entry.is_for_receipt(), "{context}: {entry:?}");
            indexed.insert(entry.key.clone(), entry.due_at.as_millisecond());
        }
        let waiting = history.iter().filter_map(|delivery| {
            let (_, due_at) = delivery.waits()?;
            Some((delivery.key.clone(), due_at.as_millisecond()))
        });
        let waiting: HashMap<_, _> = waiting.collect();
        assert_eq!(indexed, waiting, "{context}: the index");
    }

    fn key(&self, id: &str) -> SmsKey {
        SmsKey {
            workspace: self.workspace(),
            id: id.parse::<DeliveryId>().unwrap(),
        }
    }
}
