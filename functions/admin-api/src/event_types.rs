//! `GET /v1/event-types`, and how event types and alert types are described.

use std::sync::Arc;

use axum::Json;
use domain::catalogue::{AlertType, EventType};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::pagination::Page;

/// The routes, of no workspace.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default().routes(routes!(list_event_types))
}

/// The schema of an event type's name.
pub(crate) struct Name;
/// The schema of what a webhook may choose: an event type's name, or `*`.
pub(crate) struct Choice;

impl PartialSchema for Name {
    fn schema() -> RefOr<Schema> {
        one_of(EventType::ALL.iter().map(|event_type| event_type.as_str()))
    }
}

impl ToSchema for Name {
    fn name() -> std::borrow::Cow<'static, str> {
        "EventType".into()
    }
}

impl PartialSchema for Choice {
    fn schema() -> RefOr<Schema> {
        one_of(
            std::iter::once("*").chain(EventType::ALL.iter().map(|event_type| event_type.as_str())),
        )
    }
}

impl ToSchema for Choice {
    fn name() -> std::borrow::Cow<'static, str> {
        "EventTypeOrAll".into()
    }
}

/// The schema of an alert type's name.
pub(crate) struct AlertName;

impl PartialSchema for AlertName {
    fn schema() -> RefOr<Schema> {
        one_of(AlertType::ALL.iter().map(|alert_type| alert_type.as_str()))
    }
}

impl ToSchema for AlertName {
    fn name() -> std::borrow::Cow<'static, str> {
        "AlertType".into()
    }
}

/// The schema of a closed list of names.
pub(crate) fn one_of(names: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    let schema = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .enum_values(Some(names));
    RefOr::T(schema.build().into())
}

/// Lists the event types that a webhook can ask for.
#[utoipa::path(
    get, path = "/v1/event-types", tag = "service",
    responses((status = 200, description = "All of them, on one page.", body = Page<Name>))
)]
pub(crate) async fn list_event_types() -> Json<Page<EventType>> {
    Json(Page {
        items: EventType::ALL.to_vec(),
        next_cursor: None,
    })
}
