//! Logs: JSON lines on standard output, where Lambda collects them.
//!
//! One line at the boundary per unit of work (a request, an event fanned out, an attempt), with a message for people and
//! ids and numbers as fields; never a body, a secret, a phone number or a URL. The fields have the same names in all
//! functions, with units in them: `workspace_id`, `event_id`, `webhook_id`, `delivery_id`, `attempt`, `duration_ms`. What
//! belongs to a trace has its `trace_id`. Each function makes its lines in its `report`.

use std::fmt::Display;
use std::future::Future;
use std::process::ExitCode;

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

/// Runs what a function's `main.rs` does, with the log on standard output, which also says why it could not be started.
pub async fn run<E: Display>(function: impl Future<Output = Result<(), E>>) -> ExitCode {
    subscriber(std::io::stdout).init();
    match function.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the function does not start");
            ExitCode::FAILURE
        }
    }
}

/// Writes the log to `writer`, a line at a time. `RUST_LOG` chooses the level, `info` by default.
pub fn subscriber<W>(writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(filter)
        .with_writer(writer)
        .finish()
}
