//! `POST /sms/preview`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::catalogue::AlertType;
use domain::event::AlertItem;
use domain::sms::segments::{Encoding, MaxSegments};
use domain::sms::text::{self, Message};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::max_segments;
use crate::App;
use crate::auth::{Access, TakePart};
use crate::body::{Fields, JsonBody};
use crate::event_types::AlertName;
use crate::object::{self, Object};
use crate::path::{At, WorkspacePath};
use crate::problem::{Guarded, Problem, WithBody};

/// An alert as an event would carry it.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewRequest {
    /// What it is about; does not show in the text.
    #[schema(value_type = AlertName)]
    #[expect(dead_code, reason = "checked, and told apart by preferences alone")]
    event_type: AlertType,
    /// What happened, in words.
    #[schema(min_length = 1)]
    summary: String,
    /// What it happened to.
    #[schema(value_type = PreviewItem)]
    item: AlertItem,
    /// The most segments that the message may have; absent = what the provider is configured with, or else 2.
    #[schema(value_type = Option<u8>, nullable = false, minimum = 1, maximum = 10)]
    max_segments: Option<MaxSegments>,
}

/// The work item of an alert.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a body")]
struct PreviewItem {
    /// How people call it, such as `ENG-42`.
    #[schema(min_length = 1)]
    identifier: String,
    /// Its title.
    title: String,
    /// Its page.
    #[schema(format = "uri", max_length = 2048)]
    url: String,
}

/// A message, and what it costs.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preview {
    /// What would be sent.
    text: String,
    /// How it is coded.
    encoding: Coding,
    /// The segments that it takes: what carriers bill.
    #[schema(minimum = 1)]
    segments: u32,
    /// The first character that GSM-7 lacks; null where there is none.
    #[schema(required)]
    forced_by: Option<char>,
}

impl Fields for PreviewRequest {
    fn read(object: &mut Object, _: &App) -> Option<Self> {
        let event_type = object.required("event_type", object::parsed);
        let summary = object.required("summary", non_empty);
        let item = object.nested("item", item);
        let max_segments = object.optional("max_segments", max_segments);
        Some(PreviewRequest {
            event_type: event_type?,
            summary: summary?,
            item: item?,
            max_segments: max_segments.ok()?,
        })
    }
}

fn item(object: &mut Object) -> Option<AlertItem> {
    let identifier = object.required("identifier", non_empty);
    let title = object.required("title", object::text);
    let url = object.required("url", link);
    Some(AlertItem {
        identifier: identifier?,
        title: title?,
        url: url?,
    })
}

fn non_empty(value: Value) -> Result<String, String> {
    let text = object::text(value)?;
    if text.trim().is_empty() {
        Err("must not be empty".to_owned())
    } else {
        Ok(text)
    }
}

fn link(value: Value) -> Result<String, String> {
    let text = object::text(value)?;
    if AlertItem::is_link(&text) {
        Ok(text)
    } else {
        Err("must be an http or https URL of at most 2048 characters".to_owned())
    }
}

/// Shows the text that an alert would have, and what it costs. Nothing is sent.
#[utoipa::path(
    post, path = "/sms/preview", tag = "sms", params(WorkspacePath), request_body = PreviewRequest,
    responses((status = 200, description = "The message.", body = Preview), Guarded, WithBody),
    security(("api_key" = []))
)]
pub(crate) async fn preview_alert(
    State(app): State<Arc<App>>,
    _: Access<TakePart>,
    At(WorkspacePath { workspace_id }): At<WorkspacePath>,
    JsonBody(alert): JsonBody<PreviewRequest>,
) -> Result<Json<Preview>, Problem> {
    let most = match alert.max_segments {
        Some(most) => most,
        None => {
            let provider = app.store.provider(&workspace_id).await?.value.current;
            provider.map_or_else(MaxSegments::default, |provider| provider.max_segments)
        }
    };
    let message = text::alert(&app.brand, &alert.summary, &alert.item, most);
    Ok(Json(Preview::from(message)))
}

/// How a message is coded.
#[derive(Serialize, ToSchema)]
#[schema(as = Encoding)]
enum Coding {
    /// 160 septets in one segment, 153 in each of several.
    #[serde(rename = "GSM-7")]
    Gsm7,
    /// 70 UTF-16 code units in one segment, 67 in each of several.
    #[serde(rename = "UCS-2")]
    Ucs2,
}

impl From<Message> for Preview {
    fn from(message: Message) -> Preview {
        let Message { text, count } = message;
        Preview {
            text,
            encoding: match count.encoding {
                Encoding::Gsm7 => Coding::Gsm7,
                Encoding::Ucs2 => Coding::Ucs2,
            },
            segments: count.segments.get(),
            forced_by: count.forced_by,
        }
    }
}
