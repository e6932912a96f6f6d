//! What every function behind a queue does alike: taking batches from Lambda, answering with the records that stay, and
//! keeping a panic in one record from taking the others along.
//!
//! * [`wake_ups`] — batches whose messages wake something that stands in the table

pub mod wake_ups;

use std::future::Future;
use std::panic::AssertUnwindSafe;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};

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
