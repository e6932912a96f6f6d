//! The attributes of a queue that can be set
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>).
//!
//! SQS lets a change take up to 60 seconds (15 minutes for the retention period); here it takes effect at once.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::Deserialize;

use crate::time::Seconds;

/// The settings of a queue, all rules checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueAttributes {
    pub(crate) visibility_timeout: Seconds,
    pub(crate) delay: Seconds,
    pub(crate) retention: Seconds,
    pub(crate) receive_wait: Seconds,
    /// Bytes.
    pub(crate) maximum_message_size: u32,
    pub(crate) redrive_policy: Option<RedrivePolicy>,
    /// Those that are kept and given back, and change nothing here: encryption and access policies.
    inert: BTreeMap<&'static str, String>,
}

/// When and where messages go that are received again and again
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RedrivePolicy {
    pub(crate) target_arn: String,
    pub(crate) max_receive_count: u32,
    /// As it was given.
    text: String,
}

/// What is wrong with a queue attribute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum QueueAttributeError {
    #[error("Unknown Attribute {0}.")]
    Unknown(String),
    #[error("Invalid value for the parameter {0}.")]
    Value(&'static str),
    #[error(
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
    )]
    TwoEncryptions,
    #[error("Value {value} for parameter RedrivePolicy is invalid. Reason: {reason}")]
    Redrive { value: String, reason: &'static str },
}

const VISIBILITY_TIMEOUT: &str = "VisibilityTimeout";
const DELAY: &str = "DelaySeconds";
const RETENTION: &str = "MessageRetentionPeriod";
const RECEIVE_WAIT: &str = "ReceiveMessageWaitTimeSeconds";
const MAXIMUM_MESSAGE_SIZE: &str = "MaximumMessageSize";
const REDRIVE_POLICY: &str = "RedrivePolicy";
const SQS_ENCRYPTION: &str = "SqsManagedSseEnabled";
const KMS_KEY: &str = "KmsMasterKeyId";
const INERT: [&str; 5] = [
    SQS_ENCRYPTION,
    KMS_KEY,
    "KmsDataKeyReusePeriodSeconds",
    "Policy",
    "RedriveAllowPolicy",
];

/// Every attribute that can be set.
pub(crate) const SETTABLE: [&str; 11] = [
    VISIBILITY_TIMEOUT,
    DELAY,
    RETENTION,
    RECEIVE_WAIT,
    MAXIMUM_MESSAGE_SIZE,
    REDRIVE_POLICY,
    INERT[0],
    INERT[1],
    INERT[2],
    INERT[3],
    INERT[4],
];

impl Default for QueueAttributes {
    fn default() -> Self {
        Self {
            visibility_timeout: Seconds::new(30),
            delay: Seconds::new(0),
            retention: Seconds::new(345_600),
            receive_wait: Seconds::new(0),
            maximum_message_size: 1_048_576,
            redrive_policy: None,
            inert: BTreeMap::from([(SQS_ENCRYPTION, "true".to_owned())]),
        }
    }
}

impl QueueAttributes {
    /// These attributes with `changes` made to them.
    pub(crate) fn with(
        &self,
        changes: &BTreeMap<String, String>,
    ) -> Result<Self, QueueAttributeError> {
        let mut changed = self.clone();
        for (name, value) in changes {
            changed.set(name, value)?;
        }
        if changes.contains_key(KMS_KEY)
            && changes
                .get(SQS_ENCRYPTION)
                .is_some_and(|value| value == "true")
        {
            return Err(QueueAttributeError::TwoEncryptions);
        }
        Ok(changed)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), QueueAttributeError> {
        match name {
            VISIBILITY_TIMEOUT => {
                self.visibility_timeout = seconds(VISIBILITY_TIMEOUT, value, 0..=43_200)?;
            }
            DELAY => self.delay = seconds(DELAY, value, 0..=900)?,
            RETENTION => self.retention = seconds(RETENTION, value, 60..=1_209_600)?,
            RECEIVE_WAIT => self.receive_wait = seconds(RECEIVE_WAIT, value, 0..=20)?,
            MAXIMUM_MESSAGE_SIZE => {
                self.maximum_message_size = number(MAXIMUM_MESSAGE_SIZE, value, 1_024..=1_048_576)?;
            }
            REDRIVE_POLICY => self.redrive_policy = RedrivePolicy::parse(value)?,
            _ => self.set_inert(name, value)?,
        }
        Ok(())
    }

    fn set_inert(&mut self, name: &str, value: &str) -> Result<(), QueueAttributeError> {
        let Some(inert) = INERT.into_iter().find(|inert| *inert == name) else {
            return Err(QueueAttributeError::Unknown(name.to_owned()));
        };
        if value.is_empty() {
            self.inert.remove(inert);
        } else {
            self.inert.insert(inert, value.to_owned());
            match inert {
                KMS_KEY => self.inert.insert(SQS_ENCRYPTION, "false".to_owned()),
                SQS_ENCRYPTION if value == "true" => self.inert.remove(KMS_KEY),
                _ => None,
            };
        }
        Ok(())
    }

    /// The value of an attribute in SQS's spelling; none if there is no such attribute or it is not set.
    pub(crate) fn value(&self, name: &str) -> Option<String> {
        match name {
            VISIBILITY_TIMEOUT => Some(self.visibility_timeout.to_string()),
            DELAY => Some(self.delay.to_string()),
            RETENTION => Some(self.retention.to_string()),
            RECEIVE_WAIT => Some(self.receive_wait.to_string()),
            MAXIMUM_MESSAGE_SIZE => Some(self.maximum_message_size.to_string()),
            REDRIVE_POLICY => self
                .redrive_policy
                .as_ref()
                .map(|policy| policy.text.clone()),
            _ => self.inert.get(name).cloned(),
        }
    }
}

fn seconds(
    name: &'static str,
    value: &str,
    allowed: RangeInclusive<u32>,
) -> Result<Seconds, QueueAttributeError> {
    number(name, value, allowed).map(Seconds::new)
}

fn number(
    name: &'static str,
    value: &str,
    allowed: RangeInclusive<u32>,
) -> Result<u32, QueueAttributeError> {
    let number = value.parse().ok().filter(|number| allowed.contains(number));
    number.ok_or(QueueAttributeError::Value(name))
}

impl RedrivePolicy {
    const MAX_RECEIVE_COUNT: RangeInclusive<u32> = 1..=1_000;

    /// None for the empty text, which takes a policy away.
    fn parse(text: &str) -> Result<Option<Self>, QueueAttributeError> {
        if text.is_empty() {
            return Ok(None);
        }
        let refused = |reason| QueueAttributeError::Redrive {
            value: text.to_owned(),
            reason,
        };
        let fields: RedrivePolicyFields = serde_json::from_str(text)
            .map_err(|_| refused("Redrive policy is not a valid JSON map."))?;
        let target_arn = fields
            .dead_letter_target_arn
            .ok_or(refused("Missing deadLetterTargetArn."))?;
        let count = fields
            .max_receive_count
            .ok_or(refused("Missing maxReceiveCount."))?;
        let max_receive_count = count
            .number()
            .filter(|count| Self::MAX_RECEIVE_COUNT.contains(count));
        let max_receive_count = max_receive_count.ok_or(refused(
            "Invalid value for maxReceiveCount, valid values are from 1 to 1000 both inclusive.",
        ))?;
        Ok(Some(Self {
            target_arn,
            max_receive_count,
            text: text.to_owned(),
        }))
    }

    /// The refusal of a policy whose target is no queue.
    pub(crate) fn unknown_target(&self) -> QueueAttributeError {
        QueueAttributeError::Redrive {
            value: self.text.clone(),
            reason: "Dead letter target does not exist.",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicyFields {
    dead_letter_target_arn: Option<String>,
    max_receive_count: Option<Count>,
}

/// A count in either of the two spellings that SQS takes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Count {
    Number(u32),
    Text(String),
}

impl Count {
    fn number(&self) -> Option<u32> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
        }
    }
}
