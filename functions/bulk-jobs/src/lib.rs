//! `bulk-jobs`: work on many deliveries of a webhook.
//!
//! Trigger: the bulk queue ([`BulkJobs::handle`]).
//!
//! A job is a message and nothing else: it keeps no progress, because what it has done it finds done. It works through
//! pages until little time is left, then puts its message back; killed at any point, the message comes back by
//! itself. What a death means is told at each job.
//!
//! The API sends the message *before* it changes the webhook, so that no death between the two loses the job. (Where the
//! product itself switches a webhook off, the job follows the change; were it lost, each delivery ends at its own
//! wake-up.) A job that comes too early therefore waits for the change ([`Progress::NotYet`]), and is dropped
//! when the change has not come after [`PATIENCE`].
//!
//! # Layout
//! * [`recover`] — failed deliveries get a fresh schedule
//! * [`end_pending`] — pending deliveries of a webhook that is off end
//! * [`delete_log`] — the log of a deleted webhook goes
//! * [`report`] — what is logged and counted

#![forbid(unsafe_code)]

pub mod delete_log;
pub mod end_pending;
mod pages;
pub mod recover;
pub mod report;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsMessage};
use domain::delivery::DeliveryKey;
use domain::trace::TraceContext;
use jiff::Timestamp;
use platform::batch::{self, Panicked};
use platform::clock::Clock;
use platform::metrics::{Count, Metrics};
use platform::queue::message::{BulkJob, BulkTask};
use platform::queue::sending::Outgoing;
use platform::queue::visibility::Sleeper;
use platform::queue::{Queue, QueueError};
use platform::store::{Store, StoreError, Stored};
use tracing::field::display;

/// How long a job waits for the change that it belongs to.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// Between two looks for it.
const NEXT_LOOK: Duration = Duration::from_secs(5);
/// No page is begun with less time than this left.
const TIME_FOR_A_PAGE: Duration = Duration::from_secs(15);
/// Items written at a time.
pub(crate) const WRITES: usize = 16;

/// The handler with what it needs.
pub struct BulkJobs {
    /// The table.
    pub store: Store,
    /// Where wake-ups go.
    pub slow: Queue,
    /// Where jobs come from.
    pub bulk: Queue,
    /// Messages that cannot be read.
    pub dead_letters: Queue,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Metrics,
}

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Everything is done, or nothing is to be done.
    Finished,
    /// Time is up; the rest follows at once.
    Unfinished,
    /// What it belongs to has not happened yet.
    NotYet,
}

/// Why a job got stuck. It comes back.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A mistake of ours.
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

/// A run of a job.
pub(crate) struct Run<'a> {
    pub(crate) job: &'a BulkJob,
    deadline: Timestamp,
    touched: AtomicU64,
}

impl BulkJobs {
    /// Handles messages of the bulk queue, to be done by `deadline`. The answer names those that stay on the queue.
    pub async fn handle(&self, records: Vec<SqsMessage>, deadline: Timestamp) -> SqsBatchResponse {
        let mut kept = Vec::new();
        for record in records {
            let message_id = record.message_id.clone().unwrap_or_default();
            if !self.handle_one(record, deadline).await {
                kept.push(message_id);
            }
        }
        self.metrics.emit();
        batch::keep(kept)
    }

    /// Whether the message is done with.
    async fn handle_one(&self, record: SqsMessage, deadline: Timestamp) -> bool {
        let trace = batch::trace_of(&record);
        let body = record.body.unwrap_or_default();
        let Ok(job) = serde_json::from_str::<BulkJob>(&body) else {
            let message_id = record.message_id.unwrap_or_default();
            return self.dead_letter(&message_id, body, trace).await;
        };
        let run = Run {
            job: &job,
            deadline,
            touched: AtomicU64::new(0),
        };
        let begun = (self.clock)();
        let outcome = batch::isolated(Box::pin(self.run(&run)))
            .await
            .unwrap_or_else(|panicked| Err(panicked.into()));
        let took = Duration::try_from((self.clock)().duration_since(begun)).unwrap_or_default();
        self.report(&run, &outcome, took, trace);
        let wait = match outcome {
            Ok(Progress::Finished) => return true,
            Ok(Progress::Unfinished) => Duration::ZERO,
            Ok(Progress::NotYet) => NEXT_LOOK,
            Err(_) => return false,
        };
        let receipt_handle = record.receipt_handle.unwrap_or_default();
        for hidden in self
            .bulk
            .hide_all(&[Sleeper {
                receipt_handle,
                wait,
            }])
            .await
        {
            if let Err(error) = hidden {
                tracing::warn!(workspace_id = %job.workspace, webhook_id = %job.webhook, %error, "job not put back; it comes back by itself");
            }
        }
        false
    }

    async fn run(&self, run: &Run<'_>) -> Result<Progress, JobError> {
        match &run.job.task {
            BulkTask::Recover { job, since } => self.recover(run, job, *since).await,
            BulkTask::EndPending => self.end_pending(run).await,
            BulkTask::DeleteLog => self.delete_log(run).await,
        }
    }

    /// Whether it could be sent.
    async fn dead_letter(
        &self,
        message_id: &str,
        body: String,
        trace: Option<TraceContext>,
    ) -> bool {
        let reason = "not a bulk job";
        let trace_id = trace.map(|trace| display(trace.trace_id()));
        let letter = Outgoing {
            body,
            attributes: vec![("reason", reason.to_owned())],
            ..Outgoing::default()
        };
        match self.dead_letters.send(letter.traced(trace)).await {
            Ok(()) => {
                self.metrics.add(Count::DeadLettered, 1);
                tracing::error!(message_id, reason, trace_id, "message dead-lettered");
                true
            }
            Err(error) => {
                tracing::warn!(message_id, reason, trace_id, %error, "dead letter not sent");
                false
            }
        }
    }

    /// The deliveries that can be read; one that is damaged is left to whoever can mend it.
    pub(crate) async fn read(&self, keys: &[DeliveryKey]) -> Result<Vec<Stored>, StoreError> {
        let mut readable = Vec::with_capacity(keys.len());
        for (key, stored) in self.store.deliveries(keys).await? {
            match stored {
                Ok(stored) => readable.push(stored),
                Err(error) => {
                    tracing::error!(workspace_id = %key.workspace, webhook_id = %key.webhook, delivery_id = %key.id, %error, "delivery left out");
                }
            }
        }
        Ok(readable)
    }

    /// What a job does whose change has not come: wait, or give up.
    pub(crate) fn wait_or_drop(&self, job: &BulkJob) -> Progress {
        if (self.clock)() < job.asked_at + PATIENCE {
            Progress::NotYet
        } else {
            Progress::Finished
        }
    }

    pub(crate) fn out_of_time(&self, run: &Run<'_>) -> bool {
        (self.clock)() + TIME_FOR_A_PAGE > run.deadline
    }
}
