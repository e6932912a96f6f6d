//! The DynamoDB table.
//!
//! One table, `pk`/`sk`; `docs/architecture.md` lists the items. Every item carries `rev`, a revision that each write
//! raises, and every write is conditional on the revision that it was computed from: a write that lost a race changes
//! nothing and says [`StoreError::Conflict`].
//!
//! * `keys` — the items' keys
//! * `item` — attributes in and out
//! * `table` — the calls, with their errors told apart
//! * [`webhooks`] — a workspace's webhooks and its configuration version
//! * [`config`] — the same, cached in memory under that version
//! * [`deliveries`] — deliveries by key; recording what became of an attempt
//! * [`log`] — a webhook's deliveries, newest first
//! * [`api_keys`] — API keys by hash and by workspace
//! * [`provider`], [`members`], [`opt_outs`] — what SMS is configured by
//! * [`inbound`] — what recipients texted, each message once
//! * [`alerts`] — what was decided for each recipient of an alert
//! * [`sms_deliveries`], [`receipts`] — SMS deliveries by key; whose a provider's message is
//! * [`due`] — what waits, and since when it is due
//! * [`turns`] — how many batches may be at work on an endpoint at a time
//! * [`allowances`] — how often something was done of late
//! * [`history`], [`sms_counters`], [`webhook_stats`] — deliveries newest first; how many there are

pub mod alerts;
pub mod allowances;
pub mod api_keys;
pub mod config;
pub mod deliveries;
mod delivery_item;
mod document;
pub mod due;
pub mod history;
pub mod inbound;
mod item;
mod keys;
pub mod log;
pub mod members;
mod newest_first;
pub mod opt_outs;
mod ping;
pub mod provider;
mod query;
pub mod receipts;
pub mod sms_counters;
pub mod sms_deliveries;
mod sms_item;
mod table;
mod touches;
pub mod turns;
mod webhook_item;
pub mod webhook_stats;
pub mod webhooks;

pub use deliveries::{ReadDeliveries, Recorded, Stored};
pub use sms_deliveries::{Saved, StoredSms};
pub use table::{Store, StoreError};
pub use webhooks::Versioned;
