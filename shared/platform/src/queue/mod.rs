//! The SQS queues.
//!
//! * [`message`] — what the messages say
//! * [`sending`] — sending, in batches
//! * [`visibility`] — waiting by visibility time-outs
//! * [`waits`] — which way to wait; [`room`] — whether there is room to sleep

pub mod message;
pub mod room;
pub mod sending;
pub mod visibility;
pub mod waits;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::BatchResultErrorEntry;

/// A call to a queue that did not do what it was asked, whole or for one message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("SQS refused or did not answer: {0}")]
pub struct QueueError(pub(crate) String);

/// A queue. Cheap to clone.
#[derive(Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue at this URL.
    pub fn new(client: Client, url: impl Into<String>) -> Queue {
        Queue {
            client,
            url: url.into(),
        }
    }

    /// The queue's name, the last part of its URL and of its ARN.
    pub fn name(&self) -> &str {
        self.url.rsplit('/').next().unwrap_or(&self.url)
    }
}

/// The results of a batch call, in the order of its entries, whose ids are their places.
fn batch_results(entries: usize, failed: &[BatchResultErrorEntry]) -> Vec<Result<(), QueueError>> {
    let mut results = vec![Ok(()); entries];
    for failed in failed {
        let place = failed.id().parse::<usize>().ok();
        if let Some(result) = place.and_then(|place| results.get_mut(place)) {
            *result = Err(QueueError(failed.code().to_owned()));
        }
    }
    results
}
