//! What a message holds, its limits and its checksums.
//!
//! Sources: [SendMessage](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html),
//! [message metadata](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html),
//! [quotas](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The largest message, and the largest sum of a batch.
pub(crate) const MAX_BYTES: usize = 1_048_576;

/// A message as it is sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Content {
    pub(crate) message_body: Option<String>,
    pub(crate) delay_seconds: Option<i64>,
    #[serde(default)]
    pub(crate) message_attributes: BTreeMap<String, MessageAttribute>,
    #[serde(default)]
    pub(crate) message_system_attributes: BTreeMap<String, MessageAttribute>,
    pub(crate) message_group_id: Option<String>,
    pub(crate) message_deduplication_id: Option<String>,
}

/// A message attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MessageAttribute {
    pub(crate) data_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    /// Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) binary_value: Option<String>,
}

impl Content {
    pub(crate) fn body(&self) -> &str {
        self.message_body.as_deref().unwrap_or_default()
    }

    /// Body and attributes: names, types and values count.
    pub(crate) fn bytes(&self) -> usize {
        let attributes = self
            .message_attributes
            .iter()
            .map(|(name, value)| name.len() + value.bytes());
        self.body().len() + attributes.sum::<usize>()
    }

    /// The delay, if the message names one.
    pub(crate) fn delay(&self) -> Result<Option<Duration>, Error> {
        let Some(seconds) = self.delay_seconds else {
            return Ok(None);
        };
        let valid = u64::try_from(seconds)
            .ok()
            .filter(|seconds| *seconds <= 900);
        let words = || {
            Error::InvalidParameter(format!(
                "Value {seconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
            ))
        };
        valid
            .map(|seconds| Some(Duration::from_secs(seconds)))
            .ok_or_else(words)
    }

    /// Everything that does not depend on the queue but on the message alone.
    pub(crate) fn check(&self, maximum_bytes: usize) -> Result<(), Error> {
        if self.message_body.is_none() {
            return Err(Error::MissingParameter("MessageBody"));
        }
        if self.body().is_empty() {
            let words = "The request must contain the parameter MessageBody: message must be at least one character.";
            return Err(Error::InvalidParameter(words.to_owned()));
        }
        if self.message_deduplication_id.is_some() {
            return Err(invalid(
                "MessageDeduplicationId",
                "The request include parameter that is not valid for this queue type.",
            ));
        }
        if self.bytes() > maximum_bytes {
            return Err(Error::InvalidParameter(format!(
                "One or more parameters are invalid. Reason: Message must be shorter than {maximum_bytes} bytes."
            )));
        }
        check_characters(self.body())?;
        self.check_group()?;
        self.check_attributes()?;
        self.delay().map(drop)
    }

    /// `MessageGroupId` on a standard queue makes it a fair queue.
    /// Source: [fair queues](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html).
    fn check_group(&self) -> Result<(), Error> {
        let Some(group) = &self.message_group_id else {
            return Ok(());
        };
        let valid = (1..=128).contains(&group.len()) && group.bytes().all(|c| c.is_ascii_graphic());
        let rule = "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.";
        if valid {
            Ok(())
        } else {
            Err(invalid("MessageGroupId", rule))
        }
    }

    fn check_attributes(&self) -> Result<(), Error> {
        if self.message_attributes.len() > 10 {
            let rule = "Number of message attributes exceeds the allowed maximum [10].";
            return Err(invalid("MessageAttributes", rule));
        }
        self.message_attributes
            .iter()
            .try_for_each(|(name, value)| value.check(name))
    }
}

impl MessageAttribute {
    fn bytes(&self) -> usize {
        let value = self.string_value.as_ref().map_or(0, String::len)
            + self.binary().map_or(0, |bytes| bytes.len());
        self.data_type.len() + value
    }

    fn binary(&self) -> Option<Vec<u8>> {
        BASE64.decode(self.binary_value.as_ref()?).ok()
    }

    fn check(&self, name: &str) -> Result<(), Error> {
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-' | b'.');
        let reserved = ["aws.", "amazon."]
            .iter()
            .any(|prefix| name.to_ascii_lowercase().starts_with(prefix));
        let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
        if name.is_empty() || name.len() > 256 || !name.bytes().all(allowed) || reserved || dots {
            let rule = "names have 1 to 256 of A-Z, a-z, 0-9, _, - and ., do not start with AWS. or Amazon., and do \
                        not start or end with a period or have periods in succession.";
            return Err(invalid("MessageAttributes", rule));
        }
        let kind = self.data_type.split('.').next().unwrap_or_default();
        match kind {
            "String" | "Number" => {
                let value = self.string_value.as_deref().unwrap_or_default();
                let number = kind != "Number" || value.parse::<f64>().is_ok();
                if value.is_empty() || !number {
                    return Err(invalid(
                        "MessageAttributes",
                        "an attribute has no value of its type.",
                    ));
                }
                check_characters(value)
            }
            "Binary" if self.binary().is_some_and(|bytes| !bytes.is_empty()) => Ok(()),
            "Binary" => Err(invalid(
                "MessageAttributes",
                "an attribute has no value of its type.",
            )),
            _ => Err(invalid(
                "MessageAttributes",
                "the type prefix must be Binary, Number or String.",
            )),
        }
    }
}

fn invalid(parameter: &str, rule: &str) -> Error {
    Error::InvalidParameter(format!(
        "Value for parameter {parameter} is invalid. Reason: {rule}"
    ))
}

fn check_characters(text: &str) -> Result<(), Error> {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    if text.chars().all(allowed) {
        Ok(())
    } else {
        Err(Error::InvalidMessageContents)
    }
}

/// MD5 in lower-case hex; SDK clients check it against what they sent.
pub(crate) fn md5_of(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(32);
    for byte in Md5::digest(bytes) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The checksum of message attributes; `None` where there are none.
///
/// By name: length and name, length and type, 1 for text or 2 for bytes, length and value; lengths in 4 bytes, big end
/// first ([source](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation)).
pub(crate) fn md5_of_attributes<'a>(
    attributes: impl Iterator<Item = (&'a String, &'a MessageAttribute)>,
) -> Option<String> {
    let mut encoded = Vec::new();
    let put = |encoded: &mut Vec<u8>, bytes: &[u8]| {
        encoded.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        encoded.extend(bytes);
    };
    for (name, value) in attributes {
        put(&mut encoded, name.as_bytes());
        put(&mut encoded, value.data_type.as_bytes());
        match (&value.string_value, value.binary()) {
            (Some(text), _) => {
                encoded.push(1);
                put(&mut encoded, text.as_bytes());
            }
            (None, bytes) => {
                encoded.push(2);
                put(&mut encoded, &bytes.unwrap_or_default());
            }
        }
    }
    (!encoded.is_empty()).then(|| md5_of(&encoded))
}
