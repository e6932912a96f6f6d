//! A queue's settings and their ranges.
//!
//! Source: [SetQueueAttributes](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use crate::error::Error;

/// A queue's settings: what they were set to, as text, and what the engine needs of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) set: BTreeMap<String, String>,
    pub(crate) visibility_timeout: Duration,
    pub(crate) delay: Duration,
    pub(crate) retention: Duration,
    pub(crate) maximum_message_bytes: usize,
    pub(crate) redrive: Option<Redrive>,
}

/// When a message goes to which dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redrive {
    pub(crate) target: String,
    pub(crate) max_receive_count: u32,
}

/// Settings that change nothing here: access and encryption.
const WITHOUT_EFFECT: [&str; 5] = [
    "Policy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
    "RedriveAllowPolicy",
];

impl Default for Attributes {
    fn default() -> Self {
        let set = [
            ("VisibilityTimeout", "30"),
            ("DelaySeconds", "0"),
            ("ReceiveMessageWaitTimeSeconds", "0"),
            ("MessageRetentionPeriod", "345600"),
            ("MaximumMessageSize", "1048576"),
            ("SqsManagedSseEnabled", "true"),
        ];
        Attributes {
            set: set
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            visibility_timeout: Duration::from_secs(30),
            delay: Duration::ZERO,
            retention: Duration::from_secs(345_600),
            maximum_message_bytes: 1_048_576,
            redrive: None,
        }
    }
}

impl Attributes {
    /// The settings with these changes; `exists` tells whether there is a queue of that name.
    pub(crate) fn with(
        &self,
        changes: &BTreeMap<String, String>,
        exists: impl Fn(&str) -> bool,
    ) -> Result<Attributes, Error> {
        let mut changed = self.clone();
        for (name, value) in changes {
            changed.set_one(name, value, &exists)?;
            changed.set.insert(name.clone(), value.clone());
        }
        changed.set.retain(|_, value| !value.is_empty());
        Ok(changed)
    }

    fn set_one(
        &mut self,
        name: &str,
        value: &str,
        exists: impl Fn(&str) -> bool,
    ) -> Result<(), Error> {
        match name {
            "VisibilityTimeout" => {
                self.visibility_timeout = seconds("VisibilityTimeout", value, 0, 43_200)?;
            }
            "DelaySeconds" => self.delay = seconds("DelaySeconds", value, 0, 900)?,
            "MessageRetentionPeriod" => {
                self.retention = seconds("MessageRetentionPeriod", value, 60, 1_209_600)?;
            }
            "ReceiveMessageWaitTimeSeconds" => {
                drop(number("ReceiveMessageWaitTimeSeconds", value, 0, 20)?);
            }
            "MaximumMessageSize" => {
                let bytes = number("MaximumMessageSize", value, 1_024, 1_048_576)?;
                self.maximum_message_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            }
            "RedrivePolicy" => self.redrive = redrive(value, exists)?,
            "FifoQueue" | "ContentBasedDeduplication" => {
                let rule = "FIFO queues are not supported here; the product uses standard queues"
                    .to_owned();
                return Err(Error::InvalidAttributeValue("FifoQueue", rule));
            }
            other if WITHOUT_EFFECT.contains(&other) => {}
            other => return Err(Error::InvalidAttributeName(other.to_owned())),
        }
        Ok(())
    }
}

fn seconds(name: &'static str, value: &str, least: u64, most: u64) -> Result<Duration, Error> {
    number(name, value, least, most).map(Duration::from_secs)
}

fn number(name: &'static str, value: &str, least: u64, most: u64) -> Result<u64, Error> {
    let rule = || {
        Error::InvalidAttributeValue(name, format!("must be an integer from {least} to {most}."))
    };
    value
        .parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(rule)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
    max_receive_count: CountOrText,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CountOrText {
    Count(u32),
    Text(String),
}

/// Source: [dead-letter queues](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html).
fn redrive(value: &str, exists: impl Fn(&str) -> bool) -> Result<Option<Redrive>, Error> {
    let invalid = |rule: &str| Error::InvalidAttributeValue("RedrivePolicy", rule.to_owned());
    if value.is_empty() {
        return Ok(None);
    }
    let policy: RedrivePolicy =
        serde_json::from_str(value).map_err(|_| invalid("not a redrive policy."))?;
    let count = match policy.max_receive_count {
        CountOrText::Count(count) => Some(count),
        CountOrText::Text(text) => text.parse().ok(),
    };
    let max_receive_count = count
        .filter(|count| (1..=1_000).contains(count))
        .ok_or_else(|| invalid("maxReceiveCount must be an integer from 1 to 1000."))?;
    let target = policy
        .dead_letter_target_arn
        .rsplit(':')
        .next()
        .unwrap_or_default()
        .to_owned();
    if !exists(&target) {
        return Err(invalid("Dead letter target does not exist."));
    }
    Ok(Some(Redrive {
        target,
        max_receive_count,
    }))
}
