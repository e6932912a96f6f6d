//! `ReceiveMessage`
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>).

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{in_range, required};
use crate::engine::{Engine, Polling, Receive};
use crate::error::Error;
use crate::limits;
use crate::message::{AttributeValue, MessageAttribute, MessageAttributes, ReceivedMessage};
use crate::time::Seconds;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiveMessage {
    queue_url: Option<String>,
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    /// The older name of the next.
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Messages {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    message_id: String,
    receipt_handle: String,
    body: String,
    #[serde(rename = "MD5OfBody")]
    md5_of_body: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<String, Attribute>,
    #[serde(
        rename = "MD5OfMessageAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    md5_of_message_attributes: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
}

pub(super) fn receive(
    engine: &mut Engine,
    now: Timestamp,
    request: ReceiveMessage,
) -> Result<Messages, Error> {
    let url = required(request.queue_url.clone(), "QueueUrl")?;
    let receive = request.checked(engine.queue(&url)?.attributes.receive_wait)?;
    let system_attributes = SystemAttributes::of(&request)?;
    let received = engine.receive(&url, receive, now)?;
    let wanted = request.message_attribute_names;
    let messages = received
        .into_iter()
        .map(|message| Message::of(message, &system_attributes, &wanted));
    Ok(Messages {
        messages: messages.collect(),
    })
}

impl ReceiveMessage {
    fn checked(&self, queues_wait: Seconds) -> Result<Receive, Error> {
        let wanted = self.max_number_of_messages.unwrap_or(1);
        let reason = "Must be between 1 and 10, if provided.";
        let wanted = in_range(
            "MaxNumberOfMessages",
            wanted,
            &limits::RECEIVED_MESSAGES,
            reason,
        )?;
        let visibility = self
            .visibility_timeout
            .map(visibility_timeout)
            .transpose()?;
        let reason = "Must be >= 0 and <= 20, if provided.";
        let wait = self
            .wait_time_seconds
            .map(|wait| in_range("WaitTimeSeconds", wait, &limits::WAIT_SECONDS, reason));
        let waits = wait
            .transpose()?
            .map_or(queues_wait > Seconds::new(0), |wait| wait > 0);
        Ok(Receive {
            wanted: usize::try_from(wanted).unwrap_or(limits::BATCH_ENTRIES),
            visibility_timeout: visibility
                .map(|seconds| Duration::from_secs(seconds.unsigned_abs())),
            polling: if waits { Polling::Long } else { Polling::Short },
        })
    }
}

/// The value of a parameter `VisibilityTimeout`, within its bounds.
pub(super) fn visibility_timeout(seconds: i64) -> Result<i64, Error> {
    const REASON: &str = "Must be between 0 and 43200, if provided.";
    in_range(
        "VisibilityTimeout",
        seconds,
        &limits::VISIBILITY_SECONDS,
        REASON,
    )
}

/// Which system attributes a receiver wants.
struct SystemAttributes(Vec<String>);

impl SystemAttributes {
    const NAMES: [&str; 11] = [
        "All",
        "SenderId",
        "SentTimestamp",
        "ApproximateReceiveCount",
        "ApproximateFirstReceiveTimestamp",
        "MessageGroupId",
        "AWSTraceHeader",
        "DeadLetterQueueSourceArn",
        // Known to SQS, and nothing that a message of a standard queue has.
        "SequenceNumber",
        "MessageDeduplicationId",
        "SqsManagedSseEnabled",
    ];

    fn of(request: &ReceiveMessage) -> Result<Self, Error> {
        let names: Vec<String> = request
            .attribute_names
            .iter()
            .chain(&request.message_system_attribute_names)
            .cloned()
            .collect();
        match names
            .iter()
            .find(|name| !Self::NAMES.contains(&name.as_str()))
        {
            Some(unknown) => Err(Error::UnknownMessageSystemAttribute(unknown.clone())),
            None => Ok(Self(names)),
        }
    }

    fn wants(&self, name: &str) -> bool {
        self.0
            .iter()
            .any(|wanted| wanted == "All" || wanted == name)
    }
}

/// Whether one of the names, `All`, `.*` or prefixes such as `bar.*` means this attribute.
fn means(wanted: &[String], name: &str) -> bool {
    wanted.iter().any(|wanted| match wanted.strip_suffix(".*") {
        Some(prefix) => name.starts_with(prefix),
        None => wanted == "All" || wanted == name,
    })
}

impl Message {
    fn of(
        message: ReceivedMessage,
        system_attributes: &SystemAttributes,
        wanted: &[String],
    ) -> Self {
        let (selected, md5) =
            MessageAttributes::select(&message.message_attributes, |name| means(wanted, name));
        let mut attributes = message.attributes;
        attributes.retain(|name, _| system_attributes.wants(name));
        Self {
            message_id: message.message_id,
            receipt_handle: message.receipt_handle,
            body: message.body,
            md5_of_body: message.md5_of_body,
            attributes,
            message_attributes: selected
                .into_iter()
                .map(|(name, value)| (name, Attribute::of(value)))
                .collect(),
            md5_of_message_attributes: md5,
        }
    }
}

impl Attribute {
    fn of(attribute: MessageAttribute) -> Self {
        let (string_value, binary_value) = match attribute.value {
            AttributeValue::Text(text) => (Some(text), None),
            AttributeValue::Binary(bytes) => (None, Some(STANDARD.encode(bytes))),
        };
        Self {
            data_type: attribute.data_type,
            string_value,
            binary_value,
        }
    }
}
