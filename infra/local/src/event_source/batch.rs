//! Gathering a batch: several receives within the window, until it is full.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::record::{Message, Record};
use super::verdict::Verdict;
use crate::aws::Aws;
use crate::lambda::MAX_PAYLOAD_BYTES;
use crate::template::QueueTrigger;

/// The most messages that one `ReceiveMessage` gives.
const RECEIVE_LIMIT: usize = 10;
/// The longest wait of one `ReceiveMessage`.
const LONGEST_POLL: Duration = Duration::from_secs(20);
/// `{"Records":[]}` and a little.
const ENVELOPE_BYTES: usize = 64;

/// The records of one invocation, at least one.
pub(super) struct Batch(Vec<Encoded>);

/// A record and its JSON, made once: its length counts towards the payload limit.
struct Encoded {
    message_id: String,
    receipt_handle: String,
    json: Vec<u8>,
}

impl Batch {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn message_ids(&self) -> Vec<&str> {
        self.0
            .iter()
            .map(|record| record.message_id.as_str())
            .collect()
    }

    /// The event's JSON.
    pub(super) fn event(&self) -> Bytes {
        let records: Vec<_> = self.0.iter().map(|record| record.json.as_slice()).collect();
        [
            br#"{"Records":["#.as_slice(),
            &records.join(b",".as_slice()),
            b"]}",
        ]
        .concat()
        .into()
    }

    /// The receipt handles of the messages to delete.
    pub(super) fn to_delete<'a>(&'a self, verdict: &'a Verdict) -> impl Iterator<Item = &'a str> {
        let kept = |id: &String| match verdict {
            Verdict::DeleteNothing => true,
            Verdict::DeleteAllBut(failed) => failed.contains(id),
        };
        self.0
            .iter()
            .filter(move |record| !kept(&record.message_id))
            .map(|record| record.receipt_handle.as_str())
    }
}

/// Takes messages off a queue and makes batches of them.
pub(super) struct Gatherer {
    aws: Aws,
    queue: String,
    batch_size: usize,
    window: Duration,
    /// Received, but over the payload limit of the batch before.
    left_over: VecDeque<Encoded>,
}

impl Gatherer {
    pub(super) fn new(aws: Aws, trigger: &QueueTrigger) -> Self {
        let (queue, batch_size, window) = (
            trigger.queue.clone(),
            trigger.batch_size,
            trigger.batching_window,
        );
        Self {
            aws,
            queue,
            batch_size,
            window,
            left_over: VecDeque::new(),
        }
    }

    /// The next batch: waits for a first message, then until the batch is full or the window is over
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>, "Batching behavior").
    pub(super) async fn next(&mut self) -> Result<Batch, String> {
        while self.left_over.is_empty() {
            self.receive(self.batch_size, LONGEST_POLL).await?;
        }
        let closes = Instant::now() + self.window;
        while self.left_over.len() < self.batch_size && self.gathered_bytes() < MAX_PAYLOAD_BYTES {
            let remaining = closes.saturating_duration_since(Instant::now());
            if remaining.is_zero() {
                break;
            }
            self.receive(self.batch_size - self.left_over.len(), remaining)
                .await?;
        }
        Ok(self.cut())
    }

    /// Receives once, waiting at most `wait`.
    async fn receive(&mut self, wanted: usize, wait: Duration) -> Result<(), String> {
        let request = json!({
            "QueueUrl": self.aws.queue_url(&self.queue),
            "MaxNumberOfMessages": wanted.min(RECEIVE_LIMIT),
            "MessageSystemAttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
            "WaitTimeSeconds": LONGEST_POLL.as_secs(),
        });
        let call = self
            .aws
            .call("AmazonSQS.ReceiveMessage", request.to_string().into());
        // A poll that is given up takes no message.
        let Ok(response) = tokio::time::timeout(wait.min(LONGEST_POLL), call).await else {
            return Ok(());
        };
        if !response.status().is_success() {
            return Err(String::from_utf8_lossy(response.body()).into_owned());
        }
        let received: Received =
            serde_json::from_slice(response.body()).map_err(|error| error.to_string())?;
        for message in received.messages {
            self.left_over
                .push_back(Encoded::of(Record::of(message, &self.queue))?);
        }
        Ok(())
    }

    fn gathered_bytes(&self) -> usize {
        self.left_over
            .iter()
            .map(|record| record.json.len() + 1)
            .sum()
    }

    /// As many records as fit one invocation: a single one always does.
    fn cut(&mut self) -> Batch {
        let mut bytes = ENVELOPE_BYTES;
        let fits = self
            .left_over
            .iter()
            .take(self.batch_size)
            .take_while(|record| {
                bytes += record.json.len() + 1;
                bytes <= MAX_PAYLOAD_BYTES
            });
        let fits = fits.count().max(1);
        Batch(self.left_over.drain(..fits).collect())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Received {
    #[serde(default)]
    messages: Vec<Message>,
}

impl Encoded {
    fn of(record: Record) -> Result<Self, String> {
        let json = serde_json::to_vec(&record).map_err(|error| error.to_string())?;
        Ok(Self {
            message_id: record.message_id,
            receipt_handle: record.receipt_handle,
            json,
        })
    }
}
