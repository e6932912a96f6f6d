//! The routes with their description, and `GET /v1/openapi.json`.

use std::sync::{Arc, LazyLock};

use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use utoipa::ToSchema;
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, Content, InfoBuilder, OpenApi, OpenApiBuilder, RefOr, Schema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::sms::ProviderBody;
use crate::{
    App, api_keys, deliveries, event_types, events, health, history, members, problem, sms, stats,
    webhooks,
};

/// What is below a workspace.
const WORKSPACE: &str = "/v1/workspaces/{workspace_id}";

/// Every route, with its description.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    let of_workspace = OpenApiRouter::default()
        .merge(webhooks::routes())
        .merge(deliveries::routes())
        .merge(sms::routes())
        .merge(members::routes())
        .merge(history::routes())
        .merge(stats::routes())
        .merge(events::routes())
        .merge(api_keys::routes());
    OpenApiRouter::with_openapi(preamble())
        .nest(WORKSPACE, of_workspace)
        .merge(event_types::routes())
        .merge(health::routes())
        .routes(routes!(read_description))
}

/// The OpenAPI description of the API.
pub fn description() -> OpenApi {
    let mut description = routes().into_openapi();
    for item in description.paths.paths.values_mut() {
        let body = item
            .post
            .as_mut()
            .and_then(|operation| operation.request_body.as_mut());
        if let Some(RefOr::T(body)) = body {
            for content in body.content.values_mut() {
                if let RefOr::T(content) = content {
                    absent_is_not_null(content);
                }
            }
        }
    }
    let schemas = description.components.as_mut();
    if let Some(provider) = schemas.and_then(|all| all.schemas.get_mut(&*ProviderBody::name())) {
        variants_know_all_fields(provider);
    }
    description
}

/// An enum's variants are read as strictly as structs are, which `deny_unknown_fields` on an enum leaves undescribed.
fn variants_know_all_fields(schema: &mut RefOr<Schema>) {
    let RefOr::T(Schema::OneOf(either)) = schema else {
        return;
    };
    for variant in &mut either.items {
        if let RefOr::T(Schema::Object(object)) = variant {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
    }
}

/// A body that may be left out is described as one that may be `null`, which it may not.
fn absent_is_not_null(content: &mut Content) {
    let Some(RefOr::T(Schema::OneOf(either))) = &content.schema else {
        return;
    };
    let named = either
        .items
        .iter()
        .find(|schema| matches!(schema, RefOr::Ref(_)));
    content.schema = named.cloned().or(content.schema.take());
}

/// Shows this description of the API.
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "service",
    responses((status = 200, description = "An OpenAPI document.", body = serde_json::Map<String, serde_json::Value>))
)]
async fn read_description() -> impl IntoResponse {
    static JSON: LazyLock<String> =
        LazyLock::new(|| serde_json::to_string(&description()).expect("a description is JSON"));
    ([(CONTENT_TYPE, "application/json")], JSON.as_str())
}

fn preamble() -> OpenApi {
    let info = InfoBuilder::new()
        .title("SetGet Delivery")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Configures signed webhooks and SMS alerts, takes events, and shows what became of them. Errors are RFC 9457 \
             problem documents.",
        ));
    let mut components = Components::new();
    components.schemas.extend(problem::schemas());
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key."));
    components.add_security_scheme("api_key", SecurityScheme::Http(bearer.build()));
    OpenApiBuilder::new()
        .info(info.build())
        .components(Some(components))
        .build()
}
