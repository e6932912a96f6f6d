//! How a delivery is shown.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::delivery::{Attempt, Delivery, FailedBecause, Outcome, Purpose, State};
use domain::signing::logged_headers;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::event_types::Name;

/// Where a delivery stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// The endpoint took it.
    Success,
    /// Nothing more will be tried.
    Failed,
    /// Another attempt follows.
    PendingRetry,
}

/// A delivery as the log lists it.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliverySummary {
    /// Its id, the same on every attempt.
    #[schema(pattern = "^dlv_[0-9a-v]{30}$")]
    id: String,
    /// The webhook.
    #[schema(pattern = "^wh_[0-9a-v]{26}$")]
    webhook_id: String,
    /// The event's type.
    #[schema(value_type = Name)]
    event: &'static str,
    status: Status,
    /// Whether it is a test.
    test: bool,
    /// The HTTP status of the last attempt; null where there was no answer.
    #[schema(required, minimum = 100, maximum = 999)]
    response_code: Option<u16>,
    /// When the last attempt was made; before the first, when the delivery was recorded.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How long the last attempt took.
    #[schema(required)]
    duration_ms: Option<u64>,
    /// Not before this time the next attempt is made; null where none follows.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    next_attempt_at: Option<Timestamp>,
    /// What went wrong, in words; null where nothing did, or where the response code says it.
    #[schema(required)]
    error: Option<String>,
}

/// A delivery with all that is known of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryView {
    #[serde(flatten)]
    summary: DeliverySummary,
    /// The attempts, oldest first; of very many, the newest.
    attempts: Vec<AttemptView>,
    request: RequestView,
}

/// One HTTP request and what came back.
#[derive(Serialize, ToSchema)]
#[schema(as = Attempt)]
struct AttemptView {
    /// Counts from 1.
    #[schema(minimum = 1)]
    number: u32,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How long it took.
    duration_ms: u64,
    /// The HTTP status; null where there was no answer.
    #[schema(required, minimum = 100, maximum = 999)]
    response_code: Option<u16>,
    /// Why there was no answer; null where there was one.
    #[schema(required)]
    error: Option<String>,
    /// The first 16 KiB of the answer's body; null where there was none, or it is too old to be kept.
    #[schema(required)]
    response_body: Option<String>,
}

/// What was sent.
#[derive(Serialize, ToSchema)]
#[schema(as = SentRequest)]
struct RequestView {
    /// The headers of the last attempt, signatures as `***`; empty before the first.
    headers: BTreeMap<&'static str, String>,
    /// The body, byte for byte.
    body: String,
}

impl From<&Delivery> for DeliverySummary {
    fn from(delivery: &Delivery) -> DeliverySummary {
        let last = delivery.history.last();
        let (status, next_attempt_at) = match &delivery.state {
            State::Success => (Status::Success, None),
            State::Failed(_) => (Status::Failed, None),
            State::Pending(pending) => (Status::PendingRetry, Some(pending.next_attempt_at)),
        };
        DeliverySummary {
            id: delivery.key.id.to_string(),
            webhook_id: delivery.key.webhook.to_string(),
            event: delivery.event_type.as_str(),
            status,
            test: delivery.purpose == Purpose::Test,
            response_code: last.and_then(|attempt| attempt.outcome.code()),
            at: last.map_or(delivery.created_at, |attempt| attempt.at),
            duration_ms: last.map(|attempt| whole_millis(attempt.duration)),
            next_attempt_at,
            error: error(delivery),
        }
    }
}

impl From<&Delivery> for DeliveryView {
    fn from(delivery: &Delivery) -> DeliveryView {
        let headers = |last: &Attempt| {
            logged_headers(delivery.event_type, &delivery.key.id, last.at, last.signed)
        };
        DeliveryView {
            summary: delivery.into(),
            attempts: delivery
                .history
                .attempts()
                .iter()
                .map(AttemptView::from)
                .collect(),
            request: RequestView {
                headers: delivery
                    .history
                    .last()
                    .map(headers)
                    .into_iter()
                    .flatten()
                    .collect(),
                body: delivery.body.as_str().to_owned(),
            },
        }
    }
}

impl From<&Attempt> for AttemptView {
    fn from(attempt: &Attempt) -> AttemptView {
        let response_body = match &attempt.outcome {
            Outcome::Response { body, .. } => body.as_deref(),
            Outcome::NoResponse { .. } => None,
        };
        AttemptView {
            number: attempt.number,
            at: attempt.at,
            duration_ms: whole_millis(attempt.duration),
            response_code: attempt.outcome.code(),
            error: attempt.outcome.error().map(str::to_owned),
            response_body: response_body.map(|body| String::from_utf8_lossy(body).into_owned()),
        }
    }
}

/// The last attempt's error, or why there was no further attempt where that says more.
fn error(delivery: &Delivery) -> Option<String> {
    let of_attempt = || {
        delivery
            .history
            .last()
            .and_then(|last| last.outcome.error())
    };
    let words = match &delivery.state {
        State::Success => None,
        State::Pending(_) => of_attempt(),
        State::Failed(
            because @ (FailedBecause::WebhookDisabled | FailedBecause::WokenTooOften),
        ) => Some(because.words()),
        State::Failed(
            because @ (FailedBecause::Exhausted
            | FailedBecause::Gone
            | FailedBecause::SingleAttempt),
        ) => of_attempt().or(Some(because.words())),
    };
    words.map(str::to_owned)
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
