//! `/sms`: who carries a workspace's messages, and what they will look like.
//!
//! * [`provider`] — who carries messages
//! * [`preview`] — the text of an alert, and what it costs
//! * [`mod@test`] — a message to see whether messages arrive

mod preview;
mod provider;
mod test;

pub(crate) use provider::ProviderBody;

use std::sync::Arc;

use domain::sms::segments::{InvalidMaxSegments, MaxSegments};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::object;

/// The routes below a workspace.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(
            provider::read::read_provider,
            provider::put::put_provider,
            provider::delete::delete_provider
        ))
        .routes(routes!(preview::preview_alert))
        .routes(routes!(test::test_sms))
}

/// Reads `max_segments`.
fn max_segments(value: Value) -> Result<MaxSegments, String> {
    let number = object::whole_number(value).map_err(|_| InvalidMaxSegments.to_string())?;
    number
        .try_into()
        .map_err(|error: InvalidMaxSegments| error.to_string())
}
