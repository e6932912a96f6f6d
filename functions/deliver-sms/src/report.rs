//! What is logged and counted of SMS deliveries: ids, numbers and the provider's error codes, never a phone number, a text
//! or what a provider says in words, which may repeat either.

use std::fmt::Display;
use std::time::Duration;

use domain::channel::Channel;
use domain::sms::delivery::{Answer, Checked, Doubt, Inquiry, Outcome, SmsDelivery, State, Status};
use jiff::Timestamp;
use platform::batch::wake_ups::{Arrival, WakeUp as _};
use platform::metrics::{Count, Inquired, Timing};
use platform::queue::message::SmsWakeUp;
use tracing::field::{DisplayValue, display};

use crate::attempt::Made;
use crate::inquiry::Asked;
use crate::step::{StepError, Stepped};
use crate::{DeliverSms, elapsed};

impl DeliverSms {
    /// An attempt was made, and its outcome is recorded or not.
    pub(crate) fn report_attempt(
        &self,
        arrival: &Arrival<SmsWakeUp>,
        claimed: &SmsDelivery,
        made: &Made,
        recorded: &Result<Stepped, StepError>,
    ) {
        let after = recorded.as_ref().ok().and_then(Stepped::delivery);
        let lag = lag(&arrival.wake_up, claimed, made.at);
        if recorded.as_ref().is_ok_and(|stepped| stepped.written) {
            self.count_retry(after);
            self.metrics
                .record(Timing::AttemptDuration(Channel::Sms), made.took);
            if let Some(lag) = lag {
                self.metrics
                    .record(Timing::FirstAttemptLag(Channel::Sms), lag);
            }
        }
        tracing::info!(
            workspace_id = %claimed.key.workspace,
            event_id = %claimed.event_id,
            delivery_id = %claimed.key.id,
            attempt = number(&claimed.state),
            outcome = after.map_or("unrecorded", |after| outcome(&after.state)),
            error_code = code(&made.sent.outcome),
            error = made.sent.fault,
            segments = claimed.segments.get(),
            duration_ms = millis(made.took),
            lag_ms = lag.map(millis),
            next_attempt_at = after.and_then(next_attempt_at),
            next_check_at = after.and_then(next_check_at),
            trace_id = arrival.message.trace.map(|trace| display(trace.trace_id())),
            "SMS attempt made"
        );
    }

    /// It was looked whether a doubtful attempt was accepted, and what follows is recorded.
    pub(crate) fn report_look(
        &self,
        arrival: &Arrival<SmsWakeUp>,
        doubt: &Doubt,
        (checked, took): (&Checked, Duration),
        after: &SmsDelivery,
    ) {
        self.count_retry(Some(after));
        tracing::info!(
            workspace_id = %after.key.workspace,
            event_id = %after.event_id,
            delivery_id = %after.key.id,
            attempt = doubt.failures,
            found = words(checked),
            outcome = outcome(&after.state),
            error_code = after.error.as_ref().and_then(|error| error.code),
            segments = after.segments.get(),
            duration_ms = millis(took),
            next_attempt_at = next_attempt_at(after),
            next_check_at = next_check_at(after),
            trace_id = arrival.message.trace.map(|trace| display(trace.trace_id())),
            "doubtful SMS attempt looked into"
        );
    }

    /// The provider was asked for its last word on a message, and what follows is recorded.
    pub(crate) fn report_inquiry(
        &self,
        arrival: &Arrival<SmsWakeUp>,
        asked: &Asked,
        after: &SmsDelivery,
    ) {
        let Asked {
            answer,
            fault,
            took,
        } = asked;
        self.metrics
            .add(Count::Inquiries(inquired(answer, after)), 1);
        tracing::info!(
            workspace_id = %after.key.workspace,
            event_id = %after.event_id,
            delivery_id = %after.key.id,
            found = answered(answer),
            outcome = outcome(&after.state),
            error_code = after.error.as_ref().and_then(|error| error.code),
            error = fault,
            duration_ms = millis(*took),
            next_inquiry_at = after.inquiry.as_ref().map(|next| display(Inquiry::due_at(next))),
            trace_id = arrival.message.trace.map(|trace| display(trace.trace_id())),
            "message without a last word asked about"
        );
    }

    /// An attempt was found that nobody has recorded the outcome of, and what follows is recorded.
    pub(crate) fn report_interrupted(
        &self,
        arrival: &Arrival<SmsWakeUp>,
        before: &State,
        after: &SmsDelivery,
    ) {
        self.count_retry(Some(after));
        tracing::warn!(
            workspace_id = %after.key.workspace,
            event_id = %after.event_id,
            delivery_id = %after.key.id,
            attempt = number(before),
            outcome = outcome(&after.state),
            next_attempt_at = next_attempt_at(after),
            next_check_at = next_check_at(after),
            trace_id = arrival.message.trace.map(|trace| display(trace.trace_id())),
            "SMS attempt was interrupted"
        );
    }

    fn count_retry(&self, after: Option<&SmsDelivery>) {
        if after.is_some_and(|after| matches!(after.state, State::Queued(_))) {
            self.metrics.add(Count::RetriesScheduled(Channel::Sms), 1);
        }
    }

    /// Nothing could be decided.
    pub(crate) fn report_undecided(&self, arrival: &Arrival<SmsWakeUp>, error: &impl Display) {
        self.metrics.add(Count::Undecided, 1);
        let key = arrival.wake_up.key();
        tracing::warn!(
            workspace_id = %key.workspace,
            delivery_id = %key.id,
            %error,
            trace_id = arrival.message.trace.map(|trace| display(trace.trace_id())),
            "not decided; it comes back"
        );
    }
}

/// A delivery was ended, and that is recorded. The reason is the product's own: no provider was asked.
pub(crate) fn unattempted(arrival: &Arrival<SmsWakeUp>, ended: &SmsDelivery) {
    tracing::info!(
        workspace_id = %ended.key.workspace,
        event_id = %ended.event_id,
        delivery_id = %ended.key.id,
        outcome = outcome(&ended.state),
        reason = ended.error.as_ref().map(|error| error.message.as_str()),
        trace_id = arrival.message.trace.map(|trace| display(trace.trace_id())),
        "delivery ended without an attempt"
    );
}

/// Receipts that came before their message was known were put to their delivery.
pub(crate) fn early_receipts(delivery: &SmsDelivery, receipts: usize) {
    tracing::info!(
        workspace_id = %delivery.key.workspace,
        event_id = %delivery.event_id,
        delivery_id = %delivery.key.id,
        receipts,
        "early receipts joined their delivery"
    );
}

/// What became of the delivery: its status, or what is to be done next.
fn outcome(state: &State) -> &'static str {
    match state {
        State::Queued(_) => "pending_retry",
        State::Resolving(_) => "unclear",
        State::Attempting(_) | State::Settled(_) => state.status().as_str(),
    }
}

fn words(checked: &Checked) -> &'static str {
    match checked {
        Checked::Found(_) => "the message",
        Checked::Missing => "nothing",
        Checked::Several => "several messages",
        Checked::Unavailable => "no list",
        Checked::NoCredentials => "no credentials",
    }
}

fn answered(answer: &Answer) -> &'static str {
    match answer {
        Answer::Told(_) => "the message",
        Answer::Gone => "no such message",
        Answer::NoCredentials => "no credentials",
        Answer::Unavailable => "no answer",
    }
}

fn inquired(answer: &Answer, after: &SmsDelivery) -> Inquired {
    match answer {
        Answer::Told(_) if after.status() == Status::Sent => Inquired::Open,
        Answer::Told(_) => Inquired::Settled,
        Answer::Gone | Answer::NoCredentials => Inquired::Stopped,
        Answer::Unavailable => Inquired::Unanswered,
    }
}

/// The number of the latest attempt, from 1.
fn number(state: &State) -> Option<u32> {
    match state {
        State::Attempting(attempting) => Some(attempting.failures + 1),
        State::Resolving(doubt) => Some(doubt.failures),
        State::Queued(_) | State::Settled(_) => None,
    }
}

fn code(outcome: &Outcome) -> Option<u32> {
    match outcome {
        Outcome::Accepted { .. } => None,
        Outcome::TryAgain { error, .. }
        | Outcome::Refused { error }
        | Outcome::NoAnswer { error } => error.code,
    }
}

/// From when the event was taken to the begin of the first attempt; none where that is not known, or on a later one.
fn lag(wake_up: &SmsWakeUp, claimed: &SmsDelivery, at: Timestamp) -> Option<Duration> {
    let accepted_at = wake_up.accepted_at?;
    (number(&claimed.state) == Some(1)).then(|| elapsed(accepted_at, at))
}

fn next_attempt_at(delivery: &SmsDelivery) -> Option<DisplayValue<Timestamp>> {
    match &delivery.state {
        State::Queued(queued) => Some(display(queued.not_before)),
        State::Attempting(_) | State::Resolving(_) | State::Settled(_) => None,
    }
}

fn next_check_at(delivery: &SmsDelivery) -> Option<DisplayValue<Timestamp>> {
    match &delivery.state {
        State::Resolving(doubt) => Some(display(doubt.next_check_at)),
        State::Queued(_) | State::Attempting(_) | State::Settled(_) => None,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
