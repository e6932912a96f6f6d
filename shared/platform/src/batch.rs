//! What every function behind a queue does alike: taking batches from Lambda, answering with the records that stay, and
//! keeping a panic in one record from taking the others along.
//!
//! * [`wake_ups`] — batches whose messages wake something that stands in the table

pub mod wake_ups;

use std::future::Future;
use std::panic::AssertUnwindSafe;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use domain::trace::TraceContext;
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::queue::sending::{TRACE_HEADER, TRACEPARENT};

/// Hands Lambda's batches to the handler, each with the time at which Lambda cuts the invocation off. Returns when the
/// runtime ends.
///
/// The handler's future is boxed: the compiler's depth limit counts through the runtime's own layers.
///
/// # Errors
/// Those of the Lambda runtime.
pub async fn run<F>(handle: F) -> Result<(), Error>
where
    F: Fn(Vec<SqsMessage>, Timestamp) -> BoxFuture<'static, SqsBatchResponse>,
{
    let handle = &handle;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<SqsEvent>| {
        // A deadline that cannot be told is now: nothing is begun that might be cut short.
        let deadline =
            Timestamp::try_from(event.context.deadline()).unwrap_or_else(|_| Timestamp::now());
        let response = handle(event.payload.records, deadline);
        async move { Ok::<_, Error>(response.await) }
    }))
    .await
}

/// The code that handles a record panicked; the panic itself is on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the handler panicked")]
pub struct Panicked;

/// The future's output, or [`Panicked`]. The records of a batch share only what is safe to find half done: caches
/// and counters.
pub async fn isolated<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .map_err(|_| Panicked)
}

/// When the queue took the message.
/// Source: [SentTimestamp](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html),
/// Unix milliseconds.
pub fn sent_at(record: &SqsMessage) -> Option<Timestamp> {
    let millis = record.attributes.get("SentTimestamp")?.parse().ok()?;
    Timestamp::from_millisecond(millis).ok()
}

/// The trace that the message belongs to: its message attribute `traceparent`, else its system attribute
/// `AWSTraceHeader`, which X-Ray's SDKs set and SQS keeps
/// ([SQS and X-Ray](https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html)).
pub fn trace_of(record: &SqsMessage) -> Option<TraceContext> {
    let traceparent = record.message_attributes.get(TRACEPARENT);
    let traceparent = traceparent.and_then(|attribute| attribute.string_value.as_deref());
    let header = record.attributes.get(TRACE_HEADER);
    traceparent
        .and_then(TraceContext::from_traceparent)
        .or_else(|| TraceContext::from_xray(header?))
}

/// The answer that keeps these messages on the queue and deletes the others of the batch.
/// Source: [partial batch responses](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
pub fn keep(message_ids: impl IntoIterator<Item = String>) -> SqsBatchResponse {
    let failure = |id| {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        failure
    };
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = message_ids.into_iter().map(failure).collect();
    response
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const W3C: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    fn record(traceparent: Option<&str>, header: Option<&str>) -> SqsMessage {
        let mut record = json!({ "attributes": {}, "messageAttributes": {} });
        if let Some(text) = traceparent {
            record["messageAttributes"]["traceparent"] =
                json!({ "dataType": "String", "stringValue": text });
        }
        if let Some(text) = header {
            record["attributes"]["AWSTraceHeader"] = json!(text);
        }
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn a_messages_traceparent_goes_before_its_trace_header() {
        let trace = |traceparent, header| {
            trace_of(&record(traceparent, header)).map(|trace| trace.traceparent())
        };
        let of_header = Some("00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01".to_owned());
        assert_eq!(trace(Some(W3C), Some(XRAY)), Some(W3C.to_owned()));
        assert_eq!(trace(None, Some(XRAY)), of_header);
        assert_eq!(trace(Some("garbage"), Some(XRAY)), of_header);
        assert_eq!(trace(Some("garbage"), Some("garbage")), None);
        assert_eq!(trace(None, None), None);
    }
}
