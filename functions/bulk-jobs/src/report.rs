//! What is logged and counted of jobs.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::channel::Channel;
use domain::trace::TraceContext;
use platform::metrics::{Count, Ended};
use platform::queue::message::BulkTask;

use crate::{BulkJobs, JobError, Progress, Run};

impl BulkJobs {
    /// A job was worked on. One that only waits for the change that it belongs to is not worth a line.
    pub(crate) fn report(
        &self,
        run: &Run<'_>,
        outcome: &Result<Progress, JobError>,
        duration: Duration,
        trace: Option<TraceContext>,
    ) {
        let outcome = match outcome {
            Ok(Progress::Finished) => "finished",
            Ok(Progress::Unfinished) => "unfinished",
            Ok(Progress::NotYet) => return,
            Err(error) => {
                self.metrics.add(Count::Undecided, 1);
                tracing::warn!(
                    workspace_id = %run.job.workspace,
                    webhook_id = %run.job.webhook,
                    task = name(&run.job.task),
                    touched = run.touched(),
                    %error,
                    trace_id = trace.map(|trace| display(trace.trace_id())),
                    "bulk job interrupted; it comes back"
                );
                return;
            }
        };
        tracing::info!(
            workspace_id = %run.job.workspace,
            webhook_id = %run.job.webhook,
            task = name(&run.job.task),
            outcome,
            touched = run.touched(),
            duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            trace_id = trace.map(|trace| display(trace.trace_id())),
            "bulk job handled"
        );
    }

    /// A pending delivery was ended, and that is recorded.
    pub(crate) fn count_ended(&self, run: &Run<'_>) {
        run.touch(1);
        self.metrics
            .add(Count::Deliveries(Channel::Webhook, Ended::Failed), 1);
    }
}

impl Run<'_> {
    /// So many more deliveries were changed, woken or deleted.
    pub(crate) fn touch(&self, deliveries: u64) {
        self.touched.fetch_add(deliveries, Ordering::Relaxed);
    }

    fn touched(&self) -> u64 {
        self.touched.load(Ordering::Relaxed)
    }
}

fn name(task: &BulkTask) -> &'static str {
    match task {
        BulkTask::Recover { .. } => "recover",
        BulkTask::EndPending => "end_pending",
        BulkTask::DeleteLog => "delete_log",
    }
}
