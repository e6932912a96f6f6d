//! What is logged and counted of an event: its ids and how many were told of it, never what it says.

use domain::event::EventError;
use platform::metrics::Count;
use tracing::field::display;

use crate::reject::Rejection;
use crate::{Arrival, FanOut, Progress};

impl FanOut {
    /// An event was handled.
    pub(crate) fn report(&self, arrival: &Arrival, progress: &Progress) {
        let event = &arrival.event;
        let trace_id = arrival.trace.map(|trace| display(trace.trace_id()));
        if let Some(error) = &progress.undone {
            self.metrics.add(Count::Undecided, 1);
            tracing::warn!(
                workspace_id = %event.workspace.id,
                event_id = %event.id,
                message_id = arrival.message_id,
                error,
                trace_id,
                "event not fanned out; it comes back"
            );
            return;
        }
        self.metrics.add(Count::EventsAccepted, 1);
        let event_type = event.webhook.as_ref().map(|told| told.event_type.as_str());
        let alert_type = event.alert.as_ref().map(|told| told.event_type.as_str());
        tracing::info!(
            workspace_id = %event.workspace.id,
            event_id = %event.id,
            event_type,
            alert_type,
            webhooks = progress.webhooks,
            sms = progress.sms,
            trace_id,
            "event fanned out"
        );
    }

    /// A message that is no event is in the dead-letter queue.
    pub(crate) fn report_rejection(&self, rejection: &Rejection) {
        self.metrics.add(Count::EventsRejected, 1);
        self.metrics.add(Count::DeadLettered, 1);
        tracing::warn!(
            message_id = rejection.message_id,
            reason = reason(&rejection.error),
            trace_id = rejection.trace.map(|trace| display(trace.trace_id())),
            "event rejected"
        );
    }
}

/// The rule that is broken. Names that are unknown stay out of the log: they may be anything.
fn reason(error: &EventError) -> String {
    match error {
        EventError::UnknownEvent(_) => "event: not an event type".to_owned(),
        EventError::UnknownAlert(_) => "alert.event_type: not an alert type".to_owned(),
        known => known.to_string(),
    }
}
