//! When the sweep would find something to do: a look at the index of what waits, past the functions.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::run::Run;
use crate::world;

/// What has no message is sent one so long ahead.
const AHEAD: Duration = Duration::from_secs(14 * 60);
/// What has a message is looked after so long after it was due.
const WEBHOOK_GRACE: Duration = Duration::from_secs(5 * 60);
const SMS_GRACE: Duration = Duration::from_secs(3 * 60);

/// An entry of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The item.
    pub key: (String, String),
    /// The partition of the index.
    pub shard: String,
    /// When something is due.
    pub at: Timestamp,
}

/// When the sweep finds something to do next; none where nothing waits.
pub async fn first(run: &Arc<Run>) -> Option<Timestamp> {
    let entries = entries(run).await;
    entries.iter().map(sweepable).min()
}

fn sweepable(due: &Due) -> Timestamp {
    let without_message = due.shard.starts_with("PARKED#") || due.shard.starts_with("RECEIPT#");
    let moved = if without_message {
        due.at
            .checked_sub(SignedDuration::try_from(AHEAD).unwrap_or_default())
    } else {
        let grace = if due.shard.starts_with("SMS#") {
            SMS_GRACE
        } else {
            WEBHOOK_GRACE
        };
        due.at
            .checked_add(SignedDuration::try_from(grace).unwrap_or_default())
    };
    moved.unwrap_or(due.at)
}

/// All that waits.
pub async fn entries(run: &Arc<Run>) -> Vec<Due> {
    let request = json!({
        "TableName": world::template().tables[0].name,
        "FilterExpression": "attribute_exists(due_shard)",
        "ProjectionExpression": "pk, sk, due_shard, due_at",
    });
    let request = Bytes::from(request.to_string());
    let answer = run.aws.call("DynamoDB_20120810.Scan", request).await;
    let answer: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let items = answer["Items"].as_array();
    items
        .into_iter()
        .flatten()
        .filter_map(|item| {
            let text = |name: &str| item[name]["S"].as_str().map(str::to_owned);
            let millis = item["due_at"]["N"].as_str()?.parse().ok()?;
            Some(Due {
                key: (text("pk")?, text("sk")?),
                shard: text("due_shard")?,
                at: Timestamp::from_millisecond(millis).ok()?,
            })
        })
        .collect()
}
