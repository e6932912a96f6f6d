//! Logs: JSON lines on standard output, where Lambda collects them.
//!
//! One line at the boundary per unit of work, with ids and numbers as fields; never a body, a secret, a phone number
//! or an endpoint's query.

use tracing_subscriber::EnvFilter;

/// Starts the log. `RUST_LOG` chooses the level, `info` by default.
pub fn init() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_target(false)
        .with_env_filter(filter)
        .init();
}
