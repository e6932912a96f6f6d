//! The SQS queues.
//!
//! * [`message`] — what the messages say
//! * [`sending`] — sending, in batches
//! * [`visibility`] — waiting by visibility time-outs

pub mod message;
pub mod sending;
pub mod visibility;

use aws_sdk_sqs::Client;

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
