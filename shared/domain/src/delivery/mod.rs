//! A webhook delivery: one event to one webhook.
//!
//! The state machine has three states, and every step of it is a pure function:
//!
//! ```text
//!              first attempt                    conclude()
//!   (nothing) ───────────────► attempt made ──┬──────────► Success
//!                                             ├──────────► Failed(why)
//!   Pending ── claim() ──► Pending + lease ───┴──────────► Pending (next wait)
//!      ▲                                                      │
//!      └── resend(), recover() from Success and Failed ◄──────┘
//! ```
//!
//! * [`attempt`] — one HTTP request and what became of it
//! * [`state`] — the states, the plans and the steps between them
//! * [`history`] — the bounded list of attempts that a delivery keeps

pub mod attempt;
pub mod history;
pub mod state;

use jiff::Timestamp;

use crate::catalogue::EventType;
use crate::event::Body;
use crate::ids::{DeliveryId, EventId, WebhookId, WorkspaceId};

pub use attempt::{Attempt, Outcome, Refusal};
pub use history::History;
pub use state::{
    AttemptUnderWay, FailedBecause, Lease, Pending, Plan, RecoverJob, Resume, State, Verdict,
    WakeUp, WebhookEffect, WokenBy,
};

/// Where a delivery is found: its webhook's log and its id there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryKey {
    /// The workspace that the webhook belongs to.
    pub workspace: WorkspaceId,
    /// The webhook that is delivered to.
    pub webhook: WebhookId,
    /// The delivery's id, the same on every attempt.
    pub id: DeliveryId,
}

/// Why a delivery exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// An event that happened upstream.
    Event,
    /// A sample that an administrator asked for: one attempt, allowed while the webhook is off, never counted.
    Test,
}

/// One event to one webhook, with all that the delivery log shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Where it is found.
    pub key: DeliveryKey,
    /// The upstream's idempotency key.
    pub event_id: EventId,
    /// The type of the event.
    pub event_type: EventType,
    /// Event or test.
    pub purpose: Purpose,
    /// The exact bytes that are sent on every attempt.
    pub body: Body,
    /// The attempts made so far, oldest first.
    pub history: History,
    /// What is to become of it.
    pub state: State,
    /// The bulk recovery that revived it last, if any: the same job never revives it twice.
    pub recovered_by: Option<RecoverJob>,
    /// When it was first recorded.
    pub created_at: Timestamp,
    /// When it drops out of the log.
    pub expires_at: Timestamp,
}
