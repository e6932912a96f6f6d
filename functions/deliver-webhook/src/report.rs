//! What is logged and counted of deliveries: ids, numbers and kinds of errors, never a URL, a body or a signature.

use std::fmt::Display;
use std::time::Duration;

use domain::channel::Channel;
use domain::delivery::{Attempt, Delivery, FailedBecause, State};
use platform::metrics::{Count, Ended, Metrics, Timing};
use platform::queue::message::FirstAttempt;
use platform::store::Recorded;

use crate::arrivals::Arrival;
use crate::attempt::elapsed;
use crate::{DeliverWebhook, step::StepError};

impl DeliverWebhook {
    /// An attempt was made, and its outcome is recorded or not.
    pub(crate) fn report_attempt(
        &self,
        arrival: &Arrival,
        delivery: &Delivery,
        recorded: &Result<Recorded, StepError>,
    ) {
        let Some(attempt) = delivery.history.last() else {
            return;
        };
        let lag = lag(arrival.wake_up.first.as_ref(), attempt);
        let written = matches!(recorded, Ok(Recorded::Written { .. }));
        if written {
            count(&self.metrics, &delivery.state, attempt, lag);
        }
        let (reason, next_attempt_at) = match &delivery.state {
            State::Failed(because) if written => (Some(because.words()), None),
            State::Pending(pending) if written => (None, Some(pending.next_attempt_at)),
            _ => (None, None),
        };
        let disables = Recorded::Written {
            webhook_disabled: true,
        };
        tracing::info!(
            workspace_id = %delivery.key.workspace,
            event_id = %delivery.event_id,
            webhook_id = %delivery.key.webhook,
            delivery_id = %delivery.key.id,
            attempt = attempt.number,
            outcome = outcome(recorded, &delivery.state),
            reason,
            response_code = attempt.outcome.code(),
            error = attempt.outcome.error(),
            duration_ms = millis(attempt.duration),
            lag_ms = lag.map(millis),
            next_attempt_at = next_attempt_at.map(display),
            webhook_disabled = recorded.as_ref().is_ok_and(|recorded| *recorded == disables).then_some(true),
            trace_id = arrival.message.trace.map(|trace| display(trace.trace_id())),
            "attempt made"
        );
    }

    /// A delivery was ended, and that is recorded.
    pub(crate) fn report_unattempted(
        &self,
        arrival: &Arrival,
        delivery: &Delivery,
        because: FailedBecause,
    ) {
        self.metrics
            .add(Count::Deliveries(Channel::Webhook, Ended::Failed), 1);
        tracing::info!(
            workspace_id = %delivery.key.workspace,
            event_id = %delivery.event_id,
            webhook_id = %delivery.key.webhook,
            delivery_id = %delivery.key.id,
            outcome = "failed",
            reason = because.words(),
            trace_id = arrival.message.trace.map(|trace| display(trace.trace_id())),
            "delivery ended without an attempt"
        );
    }

    /// Nothing could be decided.
    pub(crate) fn report_undecided(&self, arrival: &Arrival, error: &impl Display) {
        self.metrics.add(Count::Undecided, 1);
        let key = arrival.wake_up.key();
        tracing::warn!(
            workspace_id = %key.workspace,
            webhook_id = %key.webhook,
            delivery_id = %key.id,
            %error,
            trace_id = arrival.message.trace.map(|trace| display(trace.trace_id())),
            "not decided; it comes back"
        );
    }
}

fn count(metrics: &Metrics, state: &State, attempt: &Attempt, lag: Option<Duration>) {
    let count = match state {
        State::Success => Count::Deliveries(Channel::Webhook, Ended::Succeeded),
        State::Failed(_) => Count::Deliveries(Channel::Webhook, Ended::Failed),
        State::Pending(_) => Count::RetriesScheduled(Channel::Webhook),
    };
    metrics.add(count, 1);
    metrics.record(Timing::AttemptDuration(Channel::Webhook), attempt.duration);
    if let Some(lag) = lag {
        metrics.record(Timing::FirstAttemptLag(Channel::Webhook), lag);
    }
}

/// What became of the delivery, in the words of its log; or why that is not for this attempt to say.
fn outcome(recorded: &Result<Recorded, StepError>, state: &State) -> &'static str {
    match (recorded, state) {
        (Err(_), _) => "unrecorded",
        (Ok(Recorded::Overtaken), _) => "overtaken",
        (Ok(Recorded::Written { .. }), State::Success) => "success",
        (Ok(Recorded::Written { .. }), State::Failed(_)) => "failed",
        (Ok(Recorded::Written { .. }), State::Pending(_)) => "pending_retry",
    }
}

/// From when the event was taken to the begin of the first attempt; none where that is not known, or on a later one.
fn lag(first: Option<&FirstAttempt>, attempt: &Attempt) -> Option<Duration> {
    let accepted_at = first?.accepted_at.filter(|_| attempt.number == 1)?;
    Some(elapsed(accepted_at, attempt.at))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
