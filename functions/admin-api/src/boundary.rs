//! What surrounds every request: a panic becomes a problem document, and one log line says what happened.

use std::sync::{Arc, OnceLock};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::ids::{EventId, WorkspaceId};
use domain::trace::TraceContext;
use lambda_http::RequestExt;
use platform::batch::isolated;

use crate::App;
use crate::problem::{Cause, Problem};

/// What becomes known of a request on its way, for its log line.
#[derive(Clone, Default)]
pub(crate) struct Known(Arc<Facts>);

#[derive(Default)]
struct Facts {
    trace: Option<TraceContext>,
    caller: OnceLock<(WorkspaceId, String)>,
    event: OnceLock<EventId>,
}

impl Known {
    fn of(request: &Request) -> Known {
        Known(Arc::new(Facts {
            trace: trace_of(request),
            ..Facts::default()
        }))
    }

    /// The trace that the request belongs to.
    pub(crate) fn trace(&self) -> Option<TraceContext> {
        self.0.trace
    }

    /// The key that is used, by its public name, and the workspace that it is used on.
    pub(crate) fn set_caller(&self, workspace: &WorkspaceId, key: &str) {
        // Set once a request; a second time would change nothing.
        _ = self.0.caller.set((workspace.clone(), key.to_owned()));
    }

    /// The event that is posted.
    pub(crate) fn set_event(&self, event: &EventId) {
        _ = self.0.event.set(event.clone());
    }
}

pub(crate) async fn around(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let begun = (app.clock)();
    let known = Known::of(&request);
    request.extensions_mut().insert(known.clone());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = match isolated(next.run(request)).await {
        Ok(response) => response,
        Err(panicked) => Problem::internal(panicked).into_response(),
    };
    let Facts {
        trace,
        caller,
        event,
    } = &*known.0;
    let (workspace_id, key_id) = caller
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
        workspace_id,
        key_id,
        event_id = event.get().map(EventId::as_str),
        cause = cause.map(|cause| cause.0.as_str()),
        trace_id = trace.map(|trace| display(trace.trace_id())),
        "request answered"
    );
    app.metrics.emit();
    response
}

/// The caller's trace, as W3C or as X-Ray writes it; else Lambda's own, where that is recorded. API Gateway adds an
/// `X-Amzn-Trace-Id` of a root alone, which names no span to go on from.
fn trace_of(request: &Request) -> Option<TraceContext> {
    let header = |name| request.headers().get(name)?.to_str().ok();
    header("traceparent")
        .and_then(TraceContext::from_traceparent)
        .or_else(|| TraceContext::from_xray(header("x-amzn-trace-id")?))
        .or_else(|| {
            let own = request.lambda_context_ref()?.xray_trace_id.as_deref()?;
            TraceContext::from_xray(own).filter(TraceContext::is_sampled)
        })
}
