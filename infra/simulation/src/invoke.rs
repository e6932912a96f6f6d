//! Invocations as Lambda makes them: one at a time in a process, with a deadline, and cut off when the process dies.

use std::sync::Arc;

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsMessage};
use axum::body::Body;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, Either, select};
use tower::ServiceExt;

use crate::context::{HandedOut, Invocation};
use crate::functions::{Function, Process};
use crate::run::Run;

/// The most bytes of an answer that are read.
const MOST_BYTES: usize = 1024 * 1024;

/// Hands a batch to the function; none where it died or ran out of time.
pub async fn batch(
    run: &Arc<Run>,
    function: Function,
    queue: &'static str,
    records: Vec<SqsMessage>,
) -> Option<SqsBatchResponse> {
    let handles = records
        .iter()
        .filter_map(|record| record.receipt_handle.clone());
    let batch = HandedOut {
        queue,
        handles: handles.collect(),
    };
    let deadline = run.now() + function.of_template().timeout;
    let work = move |process: Arc<Process>| {
        async move {
            match &*process {
                Process::FanOut(fan_out) => fan_out.handle(records, deadline).await,
                Process::DeliverWebhook(deliver) => deliver.handle(records, deadline).await,
                Process::DeliverSms(deliver) => deliver.handle(records, deadline).await,
                Process::BulkJobs(bulk_jobs) => bulk_jobs.handle(records, deadline).await,
                Process::AdminApi(_) | Process::Sweep(_) | Process::TwilioStatus(_) => {
                    unreachable!("no queue triggers it")
                }
            }
        }
        .boxed()
    };
    invoke(run, function, Some(batch), work).await
}

/// Hands a request to a function behind the HTTP API; none where it died or ran out of time.
pub async fn http(
    run: &Arc<Run>,
    function: Function,
    request: http::Request<Body>,
) -> Option<(u16, Bytes)> {
    let work = move |process: Arc<Process>| {
        async move {
            let (Process::AdminApi(router) | Process::TwilioStatus(router)) = &*process else {
                unreachable!("no route leads to it")
            };
            let Ok(response) = router.clone().oneshot(request).await;
            let status = response.status().as_u16();
            let body = axum::body::to_bytes(response.into_body(), MOST_BYTES).await;
            (status, body.unwrap_or_default())
        }
        .boxed()
    };
    invoke(run, function, None, work).await
}

/// Runs the sweep once.
pub async fn sweep(run: &Arc<Run>) {
    let deadline = run.now() + Function::Sweep.of_template().timeout;
    let work = move |process: Arc<Process>| {
        async move {
            let Process::Sweep(sweep) = &*process else {
                unreachable!("a sweep")
            };
            // What it says of itself is in the logs; the next one tries again.
            _ = sweep.handle(deadline).await;
        }
        .boxed()
    };
    invoke(run, Function::Sweep, None, work).await;
}

async fn invoke<T>(
    run: &Arc<Run>,
    function: Function,
    batch: Option<HandedOut>,
    work: impl FnOnce(Arc<Process>) -> BoxFuture<'static, T>,
) -> Option<T> {
    let invocation = Arc::new(Invocation::new(function, run.next_invocation(), batch));
    let name = || format!("{}#{}", function.id(), invocation.number);
    let process = run.take_process(function);
    run.note(|| format!("{} begins", name()));
    run.started();
    let work = Arc::clone(&invocation).scope(work(Arc::clone(&process)));
    let death = invocation.death();
    let (work, death) = (std::pin::pin!(work), std::pin::pin!(death));
    let limit = function.of_template().timeout;
    let done = match tokio::time::timeout(limit, select(work, death)).await {
        Ok(Either::Left((answer, _))) => Some(answer),
        Ok(Either::Right(_)) | Err(_) => None,
    };
    if done.is_some() {
        run.freeze(function, process);
    } else {
        // Whatever it still had under way dies with it.
        invocation.kill();
    }
    run.note(|| {
        format!(
            "{} {}",
            name(),
            if done.is_some() { "ends" } else { "is dead" }
        )
    });
    run.finished();
    done
}
