//! `admin-api`: the HTTP API that configures the product and takes events.
//!
//! Trigger: API Gateway, all of `/v1/…` ([`router`]). `docs/api.md` is the guide for its users, `/v1/openapi.json` the
//! description that is generated from this code.
//!
//! # The way of a request
//! `boundary` (panics, one log line) → route → `auth` (who calls, may they) → `path`, `params`, `body` (strict
//! reading; every broken rule is named) → the handler → `problem` where something is wrong.
//!
//! # Layout
//! * `webhooks` — `/webhooks` and what can be done to one, a file for each
//! * `deliveries` — `/webhooks/{id}/deliveries`: the delivery log, resending
//! * `sms` — `/sms`: the provider, what messages look like
//! * `members` — `/members`: phones, preferences, opt-outs
//! * `events` — `/events`
//! * `api_keys` — `/api-keys`
//! * `history`, `stats` — `/history`, `/stats`: what became of messages and deliveries
//! * `event_types`, `health`, `openapi` — what needs no key
//! * `auth`, `path`, `params`, `body`, `object`, `strict`, `pagination`, `dates`, `endpoint`, `number_plan`,
//!   `problem`, `boundary` — what they share

#![forbid(unsafe_code)]

mod api_keys;
mod auth;
mod body;
mod boundary;
mod dates;
mod deliveries;
mod endpoint;
mod event_types;
mod events;
mod health;
mod history;
mod members;
mod number_plan;
mod object;
mod openapi;
mod pagination;
mod params;
mod path;
mod problem;
mod sms;
mod stats;
mod strict;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use domain::endpoint_url::UrlRules;
use domain::sms::text::Brand;
use jiff::Timestamp;
use platform::clock::Clock;
use platform::entropy::Entropy;
use platform::http::GuardedClient;
use platform::metrics::Metrics;
use platform::queue::Queue;
use platform::secrets::Secrets;
use platform::store::Store;
use platform::twilio::TwilioApi;

pub use auth::{InvalidOperatorKeyHash, OperatorKeyHash};
pub use openapi::description;

/// What the handlers need.
pub struct App {
    /// The table.
    pub store: Store,
    /// Seals webhooks' and providers' secrets.
    pub secrets: Secrets,
    /// The queues that are sent to.
    pub queues: Queues,
    /// Resolves and vets an endpoint's host when it is configured.
    pub endpoints: GuardedClient,
    /// Resolves and vets the deployment's own address as the public internet sees it, whatever endpoints may be.
    pub public_internet: GuardedClient,
    /// Which endpoints the deployment allows.
    pub url_rules: UrlRules,
    /// Opens every SMS.
    pub brand: Brand,
    /// Is asked about an account before a provider is saved.
    pub twilio: TwilioApi,
    /// Where Twilio posts receipts, without a trailing slash; `None` where the deployment takes none.
    pub public_base_url: Option<String>,
    /// How long the delivery log keeps an entry.
    pub log_retention: Duration,
    /// The first operator's key.
    pub operator: OperatorKeyHash,
    /// The time.
    pub clock: Clock,
    /// Ids, keys and secrets come from it.
    pub entropy: Entropy,
    /// What is counted.
    pub metrics: Metrics,
}

/// The queues that are sent to.
pub struct Queues {
    /// Events on their way in.
    pub events: Queue,
    /// Wake-ups of webhook deliveries.
    pub slow: Queue,
    /// Wake-ups of SMS deliveries.
    pub sms: Queue,
    /// Work on many deliveries.
    pub bulk: Queue,
}

/// Tries at a write that others keep getting ahead of.
pub(crate) const WRITE_TRIES: u32 = 20;

impl App {
    /// The time in whole milliseconds, as the table keeps it.
    pub(crate) fn now(&self) -> Timestamp {
        let now = (self.clock)();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Waits a moment of random length, so that those who collided do not collide again.
    pub(crate) async fn pause(&self) {
        tokio::time::sleep(Duration::from_millis(50).mul_f64(self.entropy.unit())).await;
    }
}

/// The whole API.
pub fn router(app: App) -> Router {
    let app = Arc::new(app);
    let (routes, _) = openapi::routes().split_for_parts();
    routes
        .fallback(problem::no_such_route)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(from_fn_with_state(Arc::clone(&app), boundary::around))
        .with_state(app)
}
