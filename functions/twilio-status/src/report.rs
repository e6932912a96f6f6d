//! What is logged of a request: whose it is and what came of it, never a phone number, a text or a signature.

use std::time::Duration;

use domain::ids::{EventId, WorkspaceId};
use domain::sms::delivery::{SmsDelivery, SmsKey, Status};
use domain::twilio::receipt::ReceiptStatus;

use crate::Refusal;

/// What becomes known of a request on its way, for its log line. Until the signature is checked it is but what the
/// request says.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The workspace, where it is one.
    workspace: Option<WorkspaceId>,
    /// The delivery that the receipt tells of.
    delivery: Option<SmsKey>,
    /// What the receipt says.
    provider_status: Option<ReceiptStatus>,
    /// The provider's error code.
    error_code: Option<u32>,
    /// The event that the delivery is of.
    event: Option<EventId>,
    /// Where the delivery stands since.
    delivery_status: Option<Status>,
}

impl Known {
    /// A receipt was read.
    pub(crate) fn receipt(&mut self, status: ReceiptStatus, error_code: Option<u32>) {
        self.provider_status = Some(status);
        self.error_code = error_code;
    }

    /// It tells of this delivery.
    pub(crate) fn delivery(&mut self, key: &SmsKey) {
        self.delivery = Some(key.clone());
    }

    /// It was put to its delivery, which stands so now.
    pub(crate) fn became(&mut self, delivery: &SmsDelivery) {
        self.event = Some(delivery.event_id.clone());
        self.delivery_status = Some(delivery.status());
    }

    /// These workspaces' tokens signed it.
    pub(crate) fn signed_by(&mut self, workspaces: &[WorkspaceId]) {
        if let [workspace] = workspaces {
            self.workspace = Some(workspace.clone());
        }
    }

    /// The request was answered.
    pub(crate) fn report(
        &self,
        what: &'static str,
        outcome: &Result<&'static str, Refusal>,
        duration: Duration,
    ) {
        let workspace = self.delivery.as_ref().map(|key| &key.workspace);
        let workspace_id = workspace
            .or(self.workspace.as_ref())
            .map(WorkspaceId::as_str);
        let delivery_id = self.delivery.as_ref().map(|key| key.id.as_str());
        let provider_status = self.provider_status.map(words);
        let Known { error_code, .. } = *self;
        let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        match outcome {
            Ok(outcome) => tracing::info!(
                what,
                workspace_id,
                event_id = self.event.as_ref().map(EventId::as_str),
                delivery_id,
                provider_status,
                error_code,
                outcome,
                delivery_status = self.delivery_status.map(Status::as_str),
                duration_ms,
                "Twilio's request taken"
            ),
            Err(error) if error.status().is_server_error() => tracing::warn!(
                what,
                workspace_id,
                delivery_id,
                provider_status,
                %error,
                duration_ms,
                "Twilio's request not handled"
            ),
            Err(error) => tracing::info!(
                what,
                workspace_id,
                delivery_id,
                provider_status,
                %error,
                duration_ms,
                "request refused"
            ),
        }
    }
}

/// As Twilio writes it.
fn words(status: ReceiptStatus) -> &'static str {
    match status {
        ReceiptStatus::Accepted => "accepted",
        ReceiptStatus::Scheduled => "scheduled",
        ReceiptStatus::Queued => "queued",
        ReceiptStatus::Sending => "sending",
        ReceiptStatus::Sent => "sent",
        ReceiptStatus::Delivered => "delivered",
        ReceiptStatus::Read => "read",
        ReceiptStatus::Undelivered => "undelivered",
        ReceiptStatus::Failed => "failed",
        ReceiptStatus::Canceled => "canceled",
    }
}
