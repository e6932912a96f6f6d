//! `twilio-status`: what Twilio posts to us: receipts of messages, and what recipients text back.
//!
//! Triggers: API Gateway, `POST /webhooks/twilio/status` ([`status`]) and `POST /webhooks/twilio/inbound`
//! ([`inbound`]). There is no login: a request counts if its signature was made with the auth token of a workspace that
//! uses the account it names ([`verified`]).
//!
//! # Steps of a receipt, and what a death between them means
//! 1. Read the form, find the workspaces whose token may have signed it, check. Nothing is changed yet.
//! 2. The delivery is known (the callback's query names it, or it owns the message): put the receipt to it, on the
//!    condition that it stands as it was read, with its counters in the same transaction.
//! 3. It is not known: keep the receipt, *then* look once more whose the message is. The send writes whose the message
//!    is and *then* looks for kept receipts: whoever comes second sees the first.
//! 4. Answer 200. *Killed before it, or the table failed:* Twilio posts the receipt again, as our callback URL asks it
//!    to; a receipt that comes twice changes nothing but the timeline.
//!
//! Where several workspaces share an account and one of them cannot be checked for the moment, the others get what is
//! theirs, and the answer is 503 ([`verified`]): Twilio posts again, if the URL that its owner has set asks for it.
//!
//! # Layout
//! * [`status`], [`inbound`] — the two routes
//! * [`verified`] — whose request it is
//! * [`report`] — what is logged of it

#![forbid(unsafe_code)]

pub mod inbound;
pub mod report;
pub mod status;
pub mod verified;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use domain::twilio::sids::AccountSid;
use domain::twilio::signature::Params;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use jiff::Timestamp;
use platform::batch::isolated;
use platform::clock::Clock;
use platform::entropy::Entropy;
use platform::metrics::Metrics;
use platform::secrets::{Secrets, SecretsError};
use platform::store::{Store, StoreError};

use report::Known;

/// The most bytes that Twilio's form may take.
const MOST_BYTES: usize = 64 * 1024;

/// What the handlers need.
pub struct App {
    /// The table.
    pub store: Store,
    /// Opens auth tokens.
    pub secrets: Secrets,
    /// The deployment's public base URL, which Twilio signs; without one no signature can be good.
    pub public_base_url: Option<String>,
    /// The time.
    pub clock: Clock,
    /// Tells receipts of the same moment apart.
    pub entropy: Entropy,
    /// What is counted.
    pub metrics: Metrics,
}

/// What Twilio posted.
pub(crate) struct Posted {
    /// The path of the route, and the query as it came, `?` included.
    path_and_query: String,
    /// The query as it came.
    query: String,
    signature: String,
    params: Params,
}

/// Why a request is refused, or could not be handled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the body is larger than {MOST_BYTES} bytes")]
    TooLarge,
    #[error("{0}")]
    BadRequest(String),
    #[error("the signature is not that of the account's auth token")]
    Forbidden,
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error("the delivery keeps changing")]
    KeepsChanging,
    #[error("the handler panicked")]
    Panicked,
}

/// Both routes.
pub fn router(app: App) -> Router {
    Router::new()
        .route(status::PATH, post(take_status))
        .route(inbound::PATH, post(take_inbound))
        .with_state(Arc::new(app))
}

async fn take_status(State(app): State<Arc<App>>, request: Request) -> Response {
    let (begun, mut known) = ((app.clock)(), Known::default());
    let work = async {
        let posted = Posted::read(status::PATH, request).await?;
        app.status(&posted, &mut known).await
    };
    let outcome = isolated(work).await.unwrap_or(Err(Refusal::Panicked));
    app.report("receipt", begun, &known, &outcome);
    answer(outcome)
}

async fn take_inbound(State(app): State<Arc<App>>, request: Request) -> Response {
    let (begun, mut known) = ((app.clock)(), Known::default());
    let work = async {
        let posted = Posted::read(inbound::PATH, request).await?;
        app.inbound(&posted, &mut known).await
    };
    let outcome = isolated(work).await.unwrap_or(Err(Refusal::Panicked));
    app.report("inbound message", begun, &known, &outcome);
    answer(outcome)
}

impl App {
    fn report(
        &self,
        what: &'static str,
        begun: Timestamp,
        known: &Known,
        outcome: &Result<&'static str, Refusal>,
    ) {
        let took = (self.clock)().duration_since(begun);
        known.report(what, outcome, Duration::try_from(took).unwrap_or_default());
        self.metrics.emit();
    }
}

/// Twilio reads the answer to an inbound message as instructions: none. Receipts' answers it does not read.
/// Source: [TwiML](https://www.twilio.com/docs/messaging/twiml).
const NO_INSTRUCTIONS: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#;

fn answer(outcome: Result<&'static str, Refusal>) -> Response {
    match outcome {
        Ok(_) => ([(CONTENT_TYPE, "text/xml")], NO_INSTRUCTIONS).into_response(),
        Err(refusal) => (refusal.status(), Body::empty()).into_response(),
    }
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::BadRequest(_) => StatusCode::BAD_REQUEST,
            Refusal::Forbidden => StatusCode::FORBIDDEN,
            Refusal::Store(_) | Refusal::Secrets(_) | Refusal::KeepsChanging => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Refusal::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl Posted {
    /// The account that it says it is of.
    fn account(&self) -> Result<AccountSid, Refusal> {
        let account = self.params.get("AccountSid").map(str::parse);
        match account {
            Some(Ok(account)) => Ok(account),
            Some(Err(_)) => Err(Refusal::BadRequest("AccountSid is malformed".to_owned())),
            None => Err(Refusal::BadRequest("AccountSid is missing".to_owned())),
        }
    }

    async fn read(path: &str, request: Request) -> Result<Posted, Refusal> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let path_and_query = match request.uri().query() {
            None => path.to_owned(),
            Some(query) => format!("{path}?{query}"),
        };
        let signature = request
            .headers()
            .get("X-Twilio-Signature")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let body = Limited::new(request.into_body(), MOST_BYTES);
        let body = body.collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Refusal::TooLarge
            } else {
                Refusal::BadRequest("the body could not be read".to_owned())
            }
        })?;
        let params = Params::parse(&body.to_bytes())
            .map_err(|error| Refusal::BadRequest(error.to_string()))?;
        Ok(Posted {
            path_and_query,
            query,
            signature,
            params,
        })
    }
}
