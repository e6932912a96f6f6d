//! The schema of an event.

use domain::catalogue::{AlertType, EventType};
use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The schema of an event: what is told to webhooks (`event`, `data`), to people (`alert`), or both.
pub(super) struct Event;

impl ToSchema for Event {}

impl PartialSchema for Event {
    fn schema() -> RefOr<Schema> {
        let told = json!({ "anyOf": [to_webhooks(), to_people_alone()] });
        let schema = json!({ "allOf": [fields(), told] });
        serde_json::from_value(schema).expect("the literal is a schema")
    }
}

fn to_webhooks() -> Value {
    json!({
        "type": "object", "required": ["event", "data"],
        "properties": {
            "event": { "type": "string" },
            "data": { "type": "object", "description": "The whole entity; goes out as it came." },
            "actor": {
                "type": ["object", "null"], "required": ["id", "email", "display_name"],
                "description": "Null for what the system did.",
                "properties": { "id": user(), "email": text(), "display_name": text() }
            }
        }
    })
}

/// `data` and `actor` are a webhook's: where there is no `event`, nobody reads them.
fn to_people_alone() -> Value {
    json!({
        "type": "object", "required": ["alert"],
        "properties": { "event": { "type": "null" }, "alert": { "type": "object" } }
    })
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn user() -> Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9_.@+-]{1,64}$" })
}

fn fields() -> Value {
    let said = json!({ "type": "string", "pattern": "\\S" });
    json!({
        "type": "object",
        "required": ["id", "timestamp", "workspace"],
        "properties": {
            "id": {
                "type": "string", "description": "The idempotency key: no control characters.",
                "pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f]{1,256}$"
            },
            "event": {
                "type": ["string", "null"], "description": "What happened: a type of /v1/event-types.",
                "enum": with_null(EventType::ALL)
            },
            "timestamp": {
                "type": "string", "format": "date-time",
                "description": "When it happened: from 1970 to 24 hours ahead."
            },
            "workspace": {
                "type": "object", "required": ["id", "slug"], "description": "The workspace of the path.",
                "properties": { "id": { "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$" }, "slug": text() }
            },
            "project": {
                "type": ["object", "null"], "required": ["id", "name", "identifier"],
                "description": "Null for what concerns the whole workspace.",
                "properties": {
                    "id": { "type": "string", "pattern": "^[!-~]{1,128}$" }, "name": text(), "identifier": text()
                }
            },
            "alert": {
                "type": ["object", "null"], "required": ["event_type", "summary", "item", "recipients"],
                "description": "What people are told.",
                "properties": {
                    "event_type": { "type": "string", "enum": AlertType::ALL },
                    "summary": said,
                    "item": {
                        "type": "object", "required": ["identifier", "title", "url"],
                        "properties": {
                            "identifier": said,
                            "title": text(),
                            "url": { "type": "string", "format": "uri", "pattern": "^https?://", "maxLength": 2048 }
                        }
                    },
                    "recipients": { "type": "array", "items": user(), "maxItems": 500 }
                }
            }
        }
    })
}

fn with_null(types: &[EventType]) -> Vec<Option<EventType>> {
    types.iter().copied().map(Some).chain([None]).collect()
}
