//! The URLs that customers give: a webhook's, a gateway's.

use domain::endpoint_url::EndpointUrl;
use platform::http::SendError;
use serde_json::Value;

use crate::App;
use crate::object;
use crate::problem::Problem;

/// Reads a URL that keeps the deployment's rules.
pub(crate) fn url(app: &App) -> impl FnOnce(Value) -> Result<EndpointUrl, String> {
    let rules = app.url_rules;
    move |value| EndpointUrl::parse(&object::text(value)?, rules).map_err(|error| error.to_string())
}

/// Resolves the URL's host and refuses what leads to no public address.
pub(crate) async fn check_host(app: &App, url: &EndpointUrl) -> Result<(), Problem> {
    broken_by_host(app, url)
        .await
        .map_or(Ok(()), |rule| Err(Problem::invalid_field("url", rule)))
}

/// The rule that the URL's host breaks, as it resolves now.
pub(crate) async fn broken_by_host(app: &App, url: &EndpointUrl) -> Option<String> {
    match app.endpoints.check(url).await {
        Ok(()) => None,
        Err(SendError::UrlRefused(error)) => Some(error.to_string()),
        Err(SendError::NotResolved) => Some(
            "must name a host that resolves; no address was found for this one within 3 s"
                .to_owned(),
        ),
        Err(error) => Some(format!("must name a public host; this one {error}")),
    }
}
