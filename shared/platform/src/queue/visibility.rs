//! Waiting by visibility time-outs.
//!
//! A message that is received and neither deleted nor released comes back when its visibility time-out ends. That is
//! how a delivery waits for its next attempt: the consumer hides the message for as long as the wait lasts.

use std::time::Duration;

use aws_sdk_sqs::types::ChangeMessageVisibilityBatchRequestEntry;

use super::sending::whole_seconds;
use super::{Queue, QueueError, batch_results};
use crate::aws_error;

/// The longest time-out to ask for. SQS counts 12 hours from the *receive* of the message and refuses what would go
/// beyond ("Total VisibilityTimeout for the message is beyond the limit"), so that asking for 43,200 s is always
/// refused; the batch window, the function's time-out and skewed clocks have to fit in what is left off here. A
/// message that comes back before its time is hidden again for the rest.
/// Source: [visibility timeout](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html).
pub const MAX_VISIBILITY: Duration = Duration::from_secs(43_200 - 120);

/// A batch holds so many entries.
const BATCH: usize = 10;

/// A received message to be hidden.
#[derive(Debug, Clone)]
pub struct Sleeper {
    /// The handle of its receive.
    pub receipt_handle: String,
    /// Hidden from now for this long in whole seconds, rounded up, or for [`MAX_VISIBILITY`] if that is shorter.
    pub wait: Duration,
}

impl Sleeper {
    fn seconds(&self) -> i32 {
        i32::try_from(whole_seconds(self.wait.min(MAX_VISIBILITY))).unwrap_or(i32::MAX)
    }
}

impl Queue {
    /// Hides messages, each with its own result, in order. A message that could not be hidden comes back when the
    /// queue's own time-out ends, early; that is for the consumer to see.
    pub async fn hide_all(&self, sleepers: &[Sleeper]) -> Vec<Result<(), QueueError>> {
        let mut results = Vec::with_capacity(sleepers.len());
        for batch in sleepers.chunks(BATCH) {
            results.extend(self.hide_batch(batch).await);
        }
        results
    }

    async fn hide_batch(&self, sleepers: &[Sleeper]) -> Vec<Result<(), QueueError>> {
        let entry = |(id, sleeper): (usize, &Sleeper)| {
            ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(id.to_string())
                .receipt_handle(&sleeper.receipt_handle)
                .visibility_timeout(sleeper.seconds())
                .build()
        };
        let Ok(entries) = sleepers
            .iter()
            .enumerate()
            .map(entry)
            .collect::<Result<Vec<_>, _>>()
        else {
            return vec![Err(QueueError("entry".to_owned())); sleepers.len()];
        };
        let asked = self
            .client
            .change_message_visibility_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries));
        match asked.send().await {
            Err(error) => vec![Err(QueueError(aws_error::words(&error))); sleepers.len()],
            Ok(answer) => batch_results(sleepers.len(), answer.failed()),
        }
    }
}
