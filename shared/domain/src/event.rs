//! Events as upstreams send them, and the body that goes out to webhooks.

mod alert;
mod body;
mod depth;
mod error;
mod fields;
mod parse;
mod sqs_text;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    catalogue::EventType,
    ids::{EventId, ProjectId, WorkspaceId},
};
pub use alert::{Alert, AlertItem, MAX_RECIPIENTS};
pub use body::{Body, BodyNotUtf8};
pub use error::EventError;
pub(crate) use parse::{ActorRef, Payload, ProjectRef};
pub use sqs_text::{escape_noncharacters, first_forbidden_sqs_char};

/// The largest event: 256 KiB of JSON text.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;

/// The largest [`Body`]: an event's, and room for the `project` and `actor` that the event may leave out.
pub const MAX_BODY_BYTES: usize = MAX_EVENT_BYTES + 256;

/// A workspace as payloads name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkspaceRef {
    /// The workspace's id.
    pub id: WorkspaceId,
    /// Its name in URLs.
    pub slug: String,
}

/// One message of the events queue: something happened that webhooks, people or both are told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestEvent {
    /// The upstream's idempotency key.
    pub id: EventId,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Where.
    pub workspace: WorkspaceRef,
    /// In which project; `None` for what concerns the whole workspace.
    pub project_id: Option<ProjectId>,
    /// What webhooks are told; `None` for an event that is an alert only.
    pub webhook: Option<WebhookEvent>,
    /// What people are told by SMS.
    pub alert: Option<Alert>,
}

/// The part of an event that webhooks are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookEvent {
    /// What happened.
    pub event_type: EventType,
    /// What is sent.
    pub body: Body,
}
