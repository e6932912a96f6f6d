//! Event source mappings: queues polled, functions invoked and messages deleted as Lambda does it
//! (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
//!
//! `record` writes the event, `verdict` reads the answer, `batch` gathers, and here is the loop around them.
//! A message's visibility is never touched: what is not deleted comes back when its time-out, or the one that the
//! function set, is over.

mod batch;
pub mod record;
pub mod verdict;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use crate::aws::Aws;
use crate::lambda::{FunctionError, Lambda};
use crate::template::QueueTrigger;

use batch::{Batch, Gatherer};
use verdict::{Verdict, verdict};

/// How long to wait before polling again a queue that answers with an error.
const RETRY_AFTER_ERROR: Duration = Duration::from_secs(1);

/// What invokes a function: processes behind the Runtime API, or a test's handlers in the same process.
pub trait Invoke: Send + Sync {
    /// The function's answer to an event.
    ///
    /// # Errors
    /// [`FunctionError`] where there is none.
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        event: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, FunctionError>>;
}

impl Invoke for Lambda {
    fn invoke<'a>(
        &'a self,
        function: &'a str,
        event: Bytes,
    ) -> BoxFuture<'a, Result<Bytes, FunctionError>> {
        Box::pin(Lambda::invoke(self, function, event))
    }
}

/// A poller at work. Dropping it stops it, and the function's answers under way are no longer heard: their messages
/// become visible again.
#[derive(Debug)]
pub struct Poller {
    task: JoinHandle<()>,
}

impl Poller {
    /// Starts to feed `function` from the queue, at most `concurrency` batches at a time.
    #[must_use]
    pub fn start(
        aws: Aws,
        functions: Arc<dyn Invoke>,
        function: String,
        trigger: QueueTrigger,
        concurrency: u32,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(
            usize::try_from(concurrency.max(1)).unwrap_or(1),
        ));
        let mapping = Mapping {
            aws,
            functions,
            function,
            trigger,
        };
        Self {
            task: tokio::spawn(Arc::new(mapping).run(permits)),
        }
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Mapping {
    aws: Aws,
    functions: Arc<dyn Invoke>,
    function: String,
    trigger: QueueTrigger,
}

impl Mapping {
    async fn run(self: Arc<Self>, permits: Arc<Semaphore>) {
        let mut gatherer = Gatherer::new(self.aws.clone(), &self.trigger);
        let mut at_work = JoinSet::new();
        // Receive only what can be worked on: a message that waits here would use up its visibility time-out.
        while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
            while at_work.try_join_next().is_some() {}
            match gatherer.next().await {
                Ok(batch) => {
                    let mapping = Arc::clone(&self);
                    at_work.spawn(async move {
                        mapping.process(&batch).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::error!(queue = %self.trigger.queue, %error, "the queue cannot be polled");
                    tokio::time::sleep(RETRY_AFTER_ERROR).await;
                }
            }
        }
    }

    async fn process(&self, batch: &Batch) {
        let answer = self.functions.invoke(&self.function, batch.event()).await;
        let verdict = match &answer {
            Ok(answer) => verdict(
                self.trigger.report_item_failures,
                answer,
                &batch.message_ids(),
            ),
            Err(_) => Verdict::DeleteNothing,
        };
        if let Err(error) = &answer
            && *error != FunctionError::Stopped
        {
            let records = batch.len();
            tracing::warn!(function = %self.function, %error, records, "a batch goes back to its queue");
        }
        for receipt_handle in batch.to_delete(&verdict) {
            // A receipt handle that no longer holds is no error: the message is another receiver's by now.
            self.aws.sqs().delete(&self.trigger.queue, receipt_handle);
        }
    }
}
