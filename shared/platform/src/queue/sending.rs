//! Sending, in batches.

use std::borrow::Cow;
use std::time::Duration;

use aws_sdk_sqs::types::{
    MessageAttributeValue, MessageSystemAttributeNameForSends, MessageSystemAttributeValue,
    SendMessageBatchRequestEntry,
};
use domain::event::escape_noncharacters;
use domain::trace::TraceContext;
use serde::Serialize;

use super::{Queue, QueueError, batch_results};
use crate::aws_error;

/// A message to be sent.
#[derive(Debug, Clone, Default)]
pub struct Outgoing {
    /// The body.
    pub body: String,
    /// The tenant of a fair queue: a busy group does not hold up the others.
    pub group: Option<String>,
    /// Hidden for so long, up to 15 minutes, in whole seconds, rounded up.
    pub delay: Duration,
    /// String attributes, name and value.
    pub attributes: Vec<(&'static str, String)>,
    /// The trace that it belongs to: travels as the message attribute [`TRACEPARENT`] for whoever reads that, and as the
    /// system attribute [`TRACE_HEADER`], by which X-Ray links sender and consumer.
    pub trace: Option<TraceContext>,
}

/// The message attribute that holds the trace as W3C writes it.
pub const TRACEPARENT: &str = "traceparent";

/// The system attribute that holds the trace as X-Ray writes it. It does not count towards a message's size.
/// Source: [SendMessageBatchRequestEntry](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatchRequestEntry.html).
pub const TRACE_HEADER: &str = "AWSTraceHeader";

/// The longest delay of a message.
/// Source: [SendMessage](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html).
pub const MAX_DELAY: Duration = Duration::from_secs(900);

/// A batch holds so many messages, and so many bytes in all (1 MiB, less slack for attributes' bookkeeping).
/// Source: [SQS message quotas](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).
const BATCH: usize = 10;
const BATCH_BYTES: usize = 1024 * 1024 - 4096;

impl Outgoing {
    /// A message of this content, at once, in a webhook's group. Content that is no JSON makes an empty message, which
    /// SQS refuses, so that the caller hears of it.
    pub fn json(content: &impl Serialize, group: impl Into<String>) -> Outgoing {
        let body = serde_json::to_string(content).unwrap_or_default();
        // An id may hold characters that SQS refuses in their raw form.
        let body = escape_noncharacters(body);
        Outgoing {
            body,
            group: Some(group.into()),
            ..Outgoing::default()
        }
    }

    /// The same, hidden for at least this long, or for [`MAX_DELAY`] if that is shorter.
    #[must_use]
    pub fn delayed(self, delay: Duration) -> Outgoing {
        Outgoing {
            delay: delay.min(MAX_DELAY),
            ..self
        }
    }

    /// The same, of this trace.
    #[must_use]
    pub fn traced(self, trace: Option<TraceContext>) -> Outgoing {
        Outgoing { trace, ..self }
    }

    /// The attributes, the trace's included.
    fn text_attributes(&self) -> impl Iterator<Item = (&'static str, Cow<'_, str>)> {
        let own = self.attributes.iter();
        let trace = self
            .trace
            .map(|trace| (TRACEPARENT, trace.traceparent().into()));
        own.map(|(name, value)| (*name, value.into())).chain(trace)
    }

    fn bytes(&self) -> usize {
        let attributes = self
            .text_attributes()
            .map(|(name, value)| name.len() + value.len() + "String".len());
        self.body.len() + attributes.sum::<usize>()
    }

    fn delay_seconds(&self) -> i32 {
        i32::try_from(whole_seconds(self.delay)).unwrap_or(i32::MAX)
    }

    fn entry(&self, id: usize) -> Result<SendMessageBatchRequestEntry, QueueError> {
        let mut entry = SendMessageBatchRequestEntry::builder()
            .id(id.to_string())
            .message_body(&self.body)
            .delay_seconds(self.delay_seconds())
            .set_message_group_id(self.group.clone());
        for (name, value) in self.text_attributes() {
            let value = MessageAttributeValue::builder()
                .data_type("String")
                .string_value(value)
                .build();
            entry = entry.message_attributes(name, value.map_err(|_| unbuilt("attribute"))?);
        }
        if let Some(trace) = self.trace {
            let header = MessageSystemAttributeValue::builder()
                .data_type("String")
                .string_value(trace.xray())
                .build();
            let name = MessageSystemAttributeNameForSends::AwsTraceHeader;
            let header = header.map_err(|_| unbuilt(TRACE_HEADER))?;
            entry = entry.message_system_attributes(name, header);
        }
        entry.build().map_err(|_| unbuilt("message"))
    }
}

impl Queue {
    /// Sends one message.
    ///
    /// # Errors
    /// [`QueueError`]: whether it was sent is unknown.
    pub async fn send(&self, message: Outgoing) -> Result<(), QueueError> {
        self.send_all(&[message]).await.pop().unwrap_or(Ok(()))
    }

    /// Sends messages, each with its own result, in order.
    pub async fn send_all(&self, messages: &[Outgoing]) -> Vec<Result<(), QueueError>> {
        let mut results = Vec::with_capacity(messages.len());
        let mut rest = messages;
        while !rest.is_empty() {
            let (batch, behind) = rest.split_at(batch_length(rest));
            results.extend(self.send_batch(batch).await);
            rest = behind;
        }
        results
    }

    async fn send_batch(&self, messages: &[Outgoing]) -> Vec<Result<(), QueueError>> {
        let entries: Result<Vec<_>, _> = messages
            .iter()
            .enumerate()
            .map(|(id, message)| message.entry(id))
            .collect();
        let entries = match entries {
            Ok(entries) => entries,
            Err(error) => return vec![Err(error); messages.len()],
        };
        let sent = self
            .client
            .send_message_batch()
            .queue_url(&self.url)
            .set_entries(Some(entries))
            .send()
            .await;
        match sent {
            Err(error) => vec![Err(QueueError(aws_error::words(&error))); messages.len()],
            Ok(answer) => batch_results(messages.len(), answer.failed()),
        }
    }
}

fn unbuilt(what: &str) -> QueueError {
    QueueError(what.to_owned())
}

/// How many of the messages fit one batch; at least one.
fn batch_length(messages: &[Outgoing]) -> usize {
    let mut bytes = 0;
    let fits = |message: &&Outgoing| {
        bytes += message.bytes();
        bytes <= BATCH_BYTES
    };
    messages.iter().take(BATCH).take_while(fits).count().max(1)
}

/// Whole seconds, rounded up: a wait is never cut short.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(bytes: usize) -> Outgoing {
        Outgoing {
            body: "x".repeat(bytes),
            ..Outgoing::default()
        }
    }

    #[test]
    fn a_message_that_alone_exceeds_a_batch_is_tried_alone() {
        assert_eq!(batch_length(&[message(2 * 1024 * 1024), message(1)]), 1);
    }

    proptest! {
        #[test]
        fn a_batch_keeps_both_limits(sizes in prop::collection::vec(1usize..300_000, 1..30)) {
            let messages: Vec<_> = sizes.iter().map(|size| message(*size)).collect();
            let length = batch_length(&messages);
            prop_assert!((1..=BATCH).contains(&length));
            prop_assert!(sizes[..length].iter().sum::<usize>() <= BATCH_BYTES);
        }

        #[test]
        fn seconds_are_rounded_up(millis in 0u64..100_000_000) {
            let seconds = whole_seconds(Duration::from_millis(millis));
            prop_assert!(seconds * 1000 >= millis && seconds * 1000 < millis + 1000);
        }
    }
}
