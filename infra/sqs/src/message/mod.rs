//! Messages: what may be in one, and what a receiver is given.

mod attribute;
mod content;
mod digest;
mod group;

use std::collections::BTreeMap;

pub use attribute::{AttributeValue, MessageAttribute};
pub(crate) use attribute::{MessageAttributeError, MessageAttributes};
pub(crate) use content::{Content, ContentError, Draft};
pub(crate) use digest::{md5_of_body, md5_of_text_attribute};
pub(crate) use group::GroupId;

/// A message as a receiver gets it, with everything that an event of Lambda's SQS trigger holds
/// (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// The message's id, the same on every receive and in the dead-letter queue.
    pub message_id: String,
    /// The handle of this receive, for deleting the message and for changing its visibility.
    pub receipt_handle: String,
    /// The text that was sent.
    pub body: String,
    /// MD5 of the body, lower-case hex.
    pub md5_of_body: String,
    /// The system attributes by name: `ApproximateReceiveCount`, `SentTimestamp` and `ApproximateFirstReceiveTimestamp`
    /// (Unix milliseconds), `SenderId`, and where they apply `MessageGroupId`, `AWSTraceHeader` and
    /// `DeadLetterQueueSourceArn`.
    pub attributes: BTreeMap<String, String>,
    /// The sender's attributes by name.
    pub message_attributes: BTreeMap<String, MessageAttribute>,
    /// MD5 of the sender's attributes, lower-case hex; none where there are no attributes.
    pub md5_of_message_attributes: Option<String>,
}
