//! The clock, passed in so that tests and the simulation can turn it.

use std::sync::Arc;

use jiff::Timestamp;

/// Tells the time. Handlers never ask the system.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The system's clock, for `main.rs`.
pub fn system() -> Clock {
    Arc::new(Timestamp::now)
}
