//! `GET /v1/health`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::problem::{MayBeUnavailable, Problem};

/// The routes, of no workspace.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default().routes(routes!(health))
}

/// How the service is.
#[derive(Serialize, ToSchema)]
struct Health {
    status: HealthStatus,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum HealthStatus {
    /// The API and its table answer.
    Ok,
}

/// Tells whether the API and its table answer.
#[utoipa::path(
    get, path = "/v1/health", tag = "service",
    responses((status = 200, description = "They do.", body = Health), MayBeUnavailable)
)]
async fn health(State(app): State<Arc<App>>) -> Result<Json<Health>, Problem> {
    app.store.ping().await?;
    Ok(Json(Health {
        status: HealthStatus::Ok,
    }))
}
