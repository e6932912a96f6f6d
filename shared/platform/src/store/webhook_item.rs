//! A webhook as an item: its key, its revision, and a JSON document.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::catalogue::EventFilter;
use domain::endpoint_url::{EndpointUrl, UrlRules};
use domain::ids::{ProjectId, WebhookId, WorkspaceId};
use domain::webhook::{
    Activity, DisabledReason, FailureStreak, Lane, RetiringSecret, SealedSecret, Webhook,
};
use serde::{Deserialize, Serialize};

use super::item::{self, Item, from_millis, get_number, get_text, millis};
use super::table::{Expected, StoreError};
use super::{Versioned, keys};

#[derive(Serialize, Deserialize)]
struct Document {
    id: WebhookId,
    workspace: WorkspaceId,
    url: String,
    events: Vec<String>,
    project_id: Option<ProjectId>,
    description: Option<String>,
    activity: ActivityDocument,
    secret: Option<SecretDocument>,
    retiring_secrets: Vec<RetiringDocument>,
    streak: FailureStreak,
    lane: Lane,
    lane_since: i64,
    created_at: i64,
    updated_at: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActivityDocument {
    Active,
    SwitchedOff,
    Disabled { reason: DisabledReason, at: i64 },
}

#[derive(Serialize, Deserialize)]
struct SecretDocument {
    ciphertext: String,
    hint: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct RetiringDocument {
    secret: SecretDocument,
    until: i64,
}

/// The item to write when it is expected to stand as told.
pub(crate) fn encode(webhook: &Webhook, expected: Expected) -> Result<Item, StoreError> {
    let document =
        serde_json::to_string(&to_document(webhook)).map_err(|_| StoreError::Damaged("webhook"))?;
    let mut item = item::key(&keys::webhook(&webhook.workspace, &webhook.id));
    item.insert("rev".to_owned(), item::number(expected.next()));
    item.insert("doc".to_owned(), item::text(document));
    Ok(item)
}

pub(crate) fn decode(item: &Item) -> Result<Versioned<Webhook>, StoreError> {
    let document =
        serde_json::from_str(get_text(item, "doc")?).map_err(|_| StoreError::Damaged("webhook"))?;
    Ok(Versioned {
        value: from_document(document)?,
        rev: get_number(item, "rev")?,
    })
}

fn to_document(webhook: &Webhook) -> Document {
    let retiring = webhook.retiring_secrets.iter();
    Document {
        id: webhook.id.clone(),
        workspace: webhook.workspace.clone(),
        url: webhook.url.as_str().to_owned(),
        events: webhook.events.to_names(),
        project_id: webhook.project_id.clone(),
        description: webhook.description.clone(),
        activity: match webhook.activity {
            Activity::Active => ActivityDocument::Active,
            Activity::SwitchedOff => ActivityDocument::SwitchedOff,
            Activity::Disabled { reason, at } => ActivityDocument::Disabled {
                reason,
                at: millis(at),
            },
        },
        secret: webhook.secret.as_ref().map(seal_document),
        retiring_secrets: retiring.map(retiring_document).collect(),
        streak: webhook.streak.clone(),
        lane: webhook.lane,
        lane_since: millis(webhook.lane_since),
        created_at: millis(webhook.created_at),
        updated_at: millis(webhook.updated_at),
    }
}

fn retiring_document(retiring: &RetiringSecret) -> RetiringDocument {
    RetiringDocument {
        secret: seal_document(&retiring.secret),
        until: millis(retiring.until),
    }
}

fn open_retiring(document: RetiringDocument) -> Result<RetiringSecret, StoreError> {
    Ok(RetiringSecret {
        secret: open_document(document.secret)?,
        until: from_millis(document.until)?,
    })
}

fn from_document(document: Document) -> Result<Webhook, StoreError> {
    // The rules of the day on which it was saved held then; the guarded client applies today's to each request.
    let saved_under = UrlRules {
        allow_plain_http: true,
        allow_private_networks: true,
    };
    let retiring = document.retiring_secrets.into_iter();
    Ok(Webhook {
        url: EndpointUrl::parse(&document.url, saved_under)
            .map_err(|_| StoreError::Damaged("url"))?,
        events: EventFilter::parse(&document.events).map_err(|_| StoreError::Damaged("events"))?,
        id: document.id,
        workspace: document.workspace,
        project_id: document.project_id,
        description: document.description,
        activity: match document.activity {
            ActivityDocument::Active => Activity::Active,
            ActivityDocument::SwitchedOff => Activity::SwitchedOff,
            ActivityDocument::Disabled { reason, at } => Activity::Disabled {
                reason,
                at: from_millis(at)?,
            },
        },
        secret: document.secret.map(open_document).transpose()?,
        retiring_secrets: retiring.map(open_retiring).collect::<Result<_, _>>()?,
        streak: document.streak,
        lane: document.lane,
        lane_since: from_millis(document.lane_since)?,
        created_at: from_millis(document.created_at)?,
        updated_at: from_millis(document.updated_at)?,
    })
}

fn seal_document(secret: &SealedSecret) -> SecretDocument {
    SecretDocument {
        ciphertext: BASE64.encode(&secret.ciphertext),
        hint: secret.hint.clone(),
    }
}

fn open_document(document: SecretDocument) -> Result<SealedSecret, StoreError> {
    let ciphertext = BASE64
        .decode(document.ciphertext)
        .map_err(|_| StoreError::Damaged("secret"))?;
    Ok(SealedSecret {
        ciphertext,
        hint: document.hint,
    })
}
