//! `POST /events`: events over HTTP, for upstreams that cannot send to the queue.
//!
//! The event goes onto the queue as it came, with the trace of the request. Sent twice (an answer that got lost, say) it makes one set of deliveries.

mod schema;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use domain::event::{EventError, IngestEvent, MAX_EVENT_BYTES, first_forbidden_sqs_char};
use domain::ids::WorkspaceId;
use platform::queue::sending::Outgoing;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::auth::{Access, Publish};
use crate::body::json_bytes;
use crate::boundary::Known;
use crate::path::{At, WorkspacePath};
use crate::problem::{Guarded, Problem, WithBody};

/// The routes below a workspace.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default().routes(routes!(post_event))
}

/// An event that was taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventAccepted {
    /// The event's id.
    id: String,
}

/// Takes an event, up to 256 KiB. Its deliveries follow; the same id and timestamp again make no others.
#[utoipa::path(
    post, path = "/events", tag = "events", params(WorkspacePath), request_body = schema::Event,
    responses((status = 202, description = "It is on its way.", body = EventAccepted), Guarded, WithBody),
    security(("api_key" = []))
)]
pub(crate) async fn post_event(
    State(app): State<Arc<App>>,
    _: Access<Publish>,
    At(WorkspacePath { workspace_id }): At<WorkspacePath>,
    Extension(known): Extension<Known>,
    request: Request,
) -> Result<(StatusCode, Json<EventAccepted>), Problem> {
    let bytes = json_bytes(request, MAX_EVENT_BYTES).await?;
    let event = IngestEvent::parse(&bytes, (app.clock)()).map_err(refusal)?;
    known.set_event(&event.id);
    if event.workspace.id != workspace_id {
        return Err(Problem::invalid_field(
            "workspace.id",
            "must be the workspace of the path",
        ));
    }
    let message = message(&bytes, &workspace_id)?.traced(known.trace());
    app.queues.events.send(message).await?;
    let id = event.id.to_string();
    Ok((StatusCode::ACCEPTED, Json(EventAccepted { id })))
}

/// In the workspace's group: one that posts many events does not hold up the others'.
fn message(bytes: &[u8], workspace: &WorkspaceId) -> Result<Outgoing, Problem> {
    let text = std::str::from_utf8(bytes).map_err(|_| refusal(EventError::NotUtf8))?;
    if let Some(character) = first_forbidden_sqs_char(text) {
        let rule = format!(
            "the event holds U+{:04X}, which no queue carries; write it as \\u{:04x}",
            u32::from(character),
            u32::from(character)
        );
        return Err(Problem::broken_rule(rule));
    }
    Ok(Outgoing {
        body: text.to_owned(),
        group: Some(workspace.to_string()),
        ..Outgoing::default()
    })
}

fn refusal(error: EventError) -> Problem {
    let words = error.to_string();
    match error {
        EventError::TooLarge { .. } => Problem::too_large(MAX_EVENT_BYTES),
        EventError::NotJson { .. } | EventError::NotUtf8 => Problem::not_json(words),
        EventError::TooDeep | EventError::NotAnObject => Problem::broken_rule(words),
        EventError::Field { path, rule } => Problem::invalid_field(&path, rule),
        EventError::UnknownEvent(unknown) => Problem::invalid_field("event", unknown.to_string()),
        EventError::UnknownAlert(unknown) => {
            Problem::invalid_field("alert.event_type", unknown.to_string())
        }
    }
}
