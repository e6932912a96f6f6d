//! What surrounds every request: a panic becomes a problem document, and one log line says what happened.

use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::ids::WorkspaceId;
use platform::batch::isolated;

use crate::App;
use crate::problem::{Cause, Problem};

/// What becomes known of a request on its way, for its log line.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<OnceLock<(WorkspaceId, String)>>);

impl Known {
    /// The key that is used, by its public name, and the workspace that it is used on.
    pub(crate) fn set(&self, workspace: &WorkspaceId, key: &str) {
        // Set once a request; a second time would change nothing.
        _ = self.0.set((workspace.clone(), key.to_owned()));
    }
}

pub(crate) async fn around(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = (app.clock)();
    let known = Known::default();
    request.extensions_mut().insert(known.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = match isolated(next.run(request)).await {
        Ok(response) => response,
        Err(panicked) => Problem::internal(panicked).into_response(),
    };
    let (workspace, key) = known
        .0
        .get()
        .map(|(workspace, key)| (workspace.as_str(), key.as_str()))
        .unzip();
    // The log takes numbers of 64 bits; a clock that was set back counts as no time.
    let duration_ms = u64::try_from((app.clock)().duration_since(begun).as_millis()).unwrap_or(0);
    let cause = response.extensions().get::<Cause>();
    tracing::info!(
        %method,
        route = route.as_ref().map(MatchedPath::as_str),
        status = response.status().as_u16(),
        duration_ms,
        workspace,
        key,
        cause = cause.map(|cause| cause.0.as_str()),
        "request answered"
    );
    response
}
