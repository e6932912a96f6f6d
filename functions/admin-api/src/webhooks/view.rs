//! How a webhook is shown.

use domain::secret::WebhookSecret;
use domain::webhook::{Activity, SealedSecret, Webhook};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::event_types::Choice;

/// What stands for the characters of a secret that are not shown.
const HIDDEN: &str = "••••";

/// A webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct WebhookView {
    /// Its id.
    #[schema(pattern = "^wh_[0-9a-v]{26}$")]
    id: String,
    /// Where deliveries go, normalised.
    #[schema(format = "uri")]
    url: String,
    /// The event types that it wants, or `*` for all.
    #[schema(value_type = Vec<Choice>, min_items = 1)]
    events: Vec<String>,
    /// Only this project's events; null = the whole workspace.
    #[schema(required)]
    project_id: Option<String>,
    /// For people.
    #[schema(required)]
    description: Option<String>,
    /// Whether deliveries are made.
    active: bool,
    /// Whether a secret is set, and the last 4 characters of one of 12 or more; null = no secret.
    #[schema(required)]
    secret_hint: Option<String>,
    /// Why the product switched it off; null where it did not.
    #[schema(required)]
    disabled_reason: Option<&'static str>,
    /// When the product switched it off; null where it did not.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    disabled_at: Option<Timestamp>,
    /// Events in a row that failed all their attempts.
    consecutive_failures: usize,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// A webhook, with the secret that was generated in this request.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookWithSecret {
    #[serde(flatten)]
    webhook: WebhookView,
    /// The generated secret, shown this once; absent where none was generated.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^whsec_[A-Za-z0-9+/]{43}=$", nullable = false)]
    secret: Option<String>,
}

impl From<&Webhook> for WebhookView {
    fn from(webhook: &Webhook) -> WebhookView {
        let disabled = match webhook.activity {
            Activity::Disabled { reason, at } => Some((reason.words(), at)),
            Activity::Active | Activity::SwitchedOff => None,
        };
        WebhookView {
            id: webhook.id.to_string(),
            url: webhook.url.as_str().to_owned(),
            events: webhook.events.to_names(),
            project_id: webhook.project_id.as_ref().map(ToString::to_string),
            description: webhook.description.clone(),
            active: webhook.is_active(),
            secret_hint: webhook.secret.as_ref().map(hint),
            disabled_reason: disabled.map(|(words, _)| words),
            disabled_at: disabled.map(|(_, at)| at),
            consecutive_failures: webhook.streak.len(),
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }
    }
}

impl WebhookWithSecret {
    /// `generated` is what nobody has seen yet; a secret that the caller chose is not repeated.
    pub(crate) fn new(webhook: &Webhook, generated: Option<&WebhookSecret>) -> WebhookWithSecret {
        WebhookWithSecret {
            webhook: webhook.into(),
            secret: generated.map(|secret| secret.expose().to_owned()),
        }
    }
}

fn hint(secret: &SealedSecret) -> String {
    format!("{HIDDEN}{}", secret.hint.as_deref().unwrap_or_default())
}
