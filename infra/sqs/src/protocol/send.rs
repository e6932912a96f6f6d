//! `SendMessage` and `SendMessageBatch`
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>,
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::batch::{self, Entry, Outcome};
use super::{in_range, required};
use crate::engine::{Engine, Sent};
use crate::error::Error;
use crate::limits;
use crate::message::{
    AttributeValue, Draft, GroupId, MessageAttribute, MessageAttributeError, MessageAttributes,
    md5_of_text_attribute,
};
use crate::time::Seconds;

const TRACE_HEADER: &str = "AWSTraceHeader";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendMessage {
    queue_url: Option<String>,
    #[serde(flatten)]
    message: Message,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendMessageBatch {
    queue_url: Option<String>,
    entries: Option<Vec<SendEntry>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendEntry {
    id: Option<String>,
    #[serde(flatten)]
    message: Message,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    message_body: Option<String>,
    delay_seconds: Option<i64>,
    message_attributes: Option<BTreeMap<String, Attribute>>,
    message_system_attributes: Option<BTreeMap<String, Attribute>>,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    data_type: Option<String>,
    string_value: Option<String>,
    #[serde(default, deserialize_with = "from_base64")]
    binary_value: Option<Vec<u8>>,
}

#[derive(Serialize)]
pub(super) struct Accepted {
    #[serde(rename = "MessageId")]
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    md5_of_body: String,
    #[serde(
        rename = "MD5OfMessageAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    md5_of_attributes: Option<String>,
    #[serde(
        rename = "MD5OfMessageSystemAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    md5_of_system_attributes: Option<String>,
}

#[derive(Serialize)]
pub(super) struct AcceptedEntry {
    #[serde(rename = "Id")]
    id: String,
    #[serde(flatten)]
    accepted: Accepted,
}

impl Entry for SendEntry {
    const NAME: &'static str = "SendMessageBatchRequestEntry";

    fn id(&mut self) -> Option<String> {
        self.id.take()
    }
}

pub(super) fn one(
    engine: &mut Engine,
    now: Timestamp,
    request: SendMessage,
) -> Result<Accepted, Error> {
    let url = required(request.queue_url, "QueueUrl")?;
    engine.queue(&url)?;
    send(engine, now, &url, request.message)
}

pub(super) fn batch(
    engine: &mut Engine,
    now: Timestamp,
    request: SendMessageBatch,
) -> Result<Outcome<AcceptedEntry>, Error> {
    let url = required(request.queue_url, "QueueUrl")?;
    engine.queue(&url)?;
    let entries = batch::entries(request.entries)?;
    let bytes = entries.iter().map(|(_, entry)| entry.message.size()).sum();
    if bytes > limits::BATCH_BYTES {
        return Err(Error::BatchRequestTooLong(bytes));
    }
    Ok(batch::run(entries, |id, entry| {
        let accepted = send(engine, now, &url, entry.message)?;
        Ok(AcceptedEntry { id, accepted })
    }))
}

fn send(
    engine: &mut Engine,
    now: Timestamp,
    url: &str,
    message: Message,
) -> Result<Accepted, Error> {
    const REASON: &str = "DelaySeconds must be >= 0 and <= 900.";
    let delay = message
        .delay_seconds
        .map(|delay| in_range("DelaySeconds", delay, &limits::DELAY_SECONDS, REASON));
    let delay = delay
        .transpose()?
        .and_then(|delay| u32::try_from(delay).ok())
        .map(Seconds::new);
    let draft = message.into_draft()?;
    let trace_header = draft.trace_header.as_deref();
    let md5_of_system_attributes =
        trace_header.map(|header| md5_of_text_attribute(TRACE_HEADER, header));
    let Sent {
        message_id,
        md5_of_body,
        md5_of_attributes,
    } = engine.send(url, draft, delay, now)?;
    Ok(Accepted {
        message_id,
        md5_of_body,
        md5_of_attributes,
        md5_of_system_attributes,
    })
}

impl Message {
    fn into_draft(self) -> Result<Draft, Error> {
        if let Some(id) = self.message_deduplication_id {
            return Err(Error::DeduplicationId(id));
        }
        let attributes = self.message_attributes.unwrap_or_default().into_iter();
        let attributes =
            attributes.map(|(name, attribute)| Ok((name.clone(), attribute.into_attribute(name)?)));
        Ok(Draft {
            body: required(self.message_body, "MessageBody")?,
            attributes: MessageAttributes::new(
                attributes.collect::<Result<_, MessageAttributeError>>()?,
            )?,
            group: self
                .message_group_id
                .as_deref()
                .map(GroupId::new)
                .transpose()?,
            trace_header: trace_header(self.message_system_attributes.unwrap_or_default())?,
        })
    }

    /// Bytes that count towards the batch's size, whether or not the message is any good.
    fn size(&self) -> usize {
        let attributes = self.message_attributes.iter().flatten();
        let attributes = attributes
            .map(|(name, attribute)| name.len() + attribute.size())
            .sum::<usize>();
        self.message_body.as_ref().map_or(0, String::len) + attributes
    }
}

impl Attribute {
    fn into_attribute(self, name: String) -> Result<MessageAttribute, MessageAttributeError> {
        let data_type = self.data_type.filter(|data_type| !data_type.is_empty());
        let data_type = data_type.ok_or_else(|| MessageAttributeError::Type(name.clone()))?;
        let value = match (self.string_value, self.binary_value) {
            (Some(text), None) => AttributeValue::Text(text),
            (None, Some(bytes)) => AttributeValue::Binary(bytes),
            _ => return Err(MessageAttributeError::Empty { name, data_type }),
        };
        Ok(MessageAttribute { data_type, value })
    }

    fn size(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        text(&self.data_type)
            + text(&self.string_value)
            + self.binary_value.as_ref().map_or(0, Vec::len)
    }
}

/// The one system attribute that can be sent
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
fn trace_header(attributes: BTreeMap<String, Attribute>) -> Result<Option<String>, Error> {
    let mut header = None;
    for (name, attribute) in attributes {
        if name != TRACE_HEADER {
            return Err(Error::UnknownMessageSystemAttribute(name));
        }
        match attribute.into_attribute(name)? {
            MessageAttribute {
                data_type,
                value: AttributeValue::Text(text),
            } if data_type == "String" => {
                header = Some(text);
            }
            _ => return Err(MessageAttributeError::Type(TRACE_HEADER.to_owned()).into()),
        }
    }
    Ok(header)
}

fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| {
        STANDARD
            .decode(text)
            .map_err(|_| serde::de::Error::custom("not base64"))
    })
    .transpose()
}
