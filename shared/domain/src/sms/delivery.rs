//! An SMS delivery: one alert to one phone.
//!
//! ```text
//!            claim()             accepted
//!   Queued ──────────► Attempting ───────────────────────► Settled(Sent) ── receipts ──► Delivered, …
//!     ▲  ▲                │    │ refused, out of retries ─► Settled(Failed)
//!     │  └── try again ───┘    │
//!     │                        │ no answer, or its process died: perhaps accepted
//!     │                        ▼
//!     └─ nothing was sent ─ Resolving ── found, or receipt ──► Settled(Sent)
//!                              └─────── cannot be told ──────► Settled(Unknown)
//! ```
//! While it is `Sent` at Twilio and no receipt has brought the last word, Twilio is asked ([`inquiry`]).
//!
//! The claim is written before the provider is called. So a delivery that is found in `Attempting` after its lease was
//! perhaps sent, and is never sent again before that is cleared up.
//!
//! * [`state`] — the states and what a wake-up finds to do
//! * [`steps`] — the steps between them
//! * [`inquiry`] — asking for the last word
//! * [`timeline`] — what is told of them

pub mod inquiry;
pub mod state;
pub mod steps;
pub mod timeline;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::phone::PhoneNumber;
use super::provider::CarrierKind;
use super::provider_error::ProviderError;
use super::segments::{Encoding, Segments};
use crate::catalogue::AlertType;
use crate::ids::{DeliveryId, EventId, UserId, WorkspaceId};

pub use inquiry::{Answer, Inquiry};
pub use state::{
    Attempting, ClaimId, Doubt, Final, GatewayMark, Ground, Queued, State, Status, WakeUp,
};
pub use steps::{Checked, Found, Outcome, Retries};
pub use timeline::{Entry, Source, Stage, Timeline};

/// Where a delivery is found.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SmsKey {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The delivery's id.
    pub id: DeliveryId,
}

/// Why a delivery exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Something happened upstream.
    Alert,
    /// Somebody asked for a test message.
    Test,
}

/// One alert to one phone, with all that the history shows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmsDelivery {
    /// Where it is found.
    pub key: SmsKey,
    /// Alert or test.
    pub purpose: Purpose,
    /// The upstream's idempotency key; made up for a test.
    pub event_id: EventId,
    /// When the event occurred.
    pub event_time: Timestamp,
    /// What the alert is about.
    pub alert_type: AlertType,
    /// Who it goes to, as they stood when it was made.
    pub recipient: Recipient,
    /// What it is about, for people: `ENG-142: Fix login redirect`.
    pub entity: String,
    /// The text, the same on every attempt.
    pub text: String,
    /// How the text is coded.
    pub encoding: Encoding,
    /// How many segments the text takes.
    pub segments: Segments,
    /// Who carries it: at the latest attempt, or when it was made.
    pub carrier: CarrierKind,
    /// Who it comes from, likewise.
    pub sender: String,
    /// What is to become of it.
    pub state: State,
    /// The provider's id of the message, once it has one.
    pub provider_message_id: Option<String>,
    /// When the provider is asked what became of the message, while its last word is still to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inquiry: Option<Inquiry>,
    /// What went wrong last, if anything did.
    pub error: Option<ProviderError>,
    /// What happened to it.
    pub timeline: Timeline,
    /// When it was made. Its day is the one that it counts for.
    pub created_at: Timestamp,
    /// When it drops out of the history.
    pub expires_at: Timestamp,
}

/// Who a message goes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The member; none for a test to a number.
    pub user_id: Option<UserId>,
    /// The member's name.
    pub name: Option<String>,
    /// The phone.
    pub phone: PhoneNumber,
}

impl SmsDelivery {
    /// Where it stands, as the API tells it.
    #[must_use]
    pub fn status(&self) -> Status {
        self.state.status()
    }
}
