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

pub mod api_keys;
pub mod config;
pub mod deliveries;
mod delivery_item;
mod item;
mod keys;
pub mod log;
mod ping;
mod table;
mod webhook_item;
pub mod webhooks;

pub use deliveries::{ReadDeliveries, Recorded, Stored};
pub use table::{Store, StoreError};
pub use webhooks::Versioned;
