//! The event types, a webhook's choice among them, and a sample of each.

mod filter;
mod near;
mod sample;
mod types;

pub use filter::{EventFilter, InvalidFilter};
pub use sample::{SampleIds, sample_body};
pub use types::{AlertType, EventType, UnknownAlertType, UnknownEventType};
