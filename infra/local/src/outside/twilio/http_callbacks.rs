//! Callbacks over HTTP.

use std::time::Duration;

use futures::future::BoxFuture;
use reqwest::{Client, redirect};

use super::callback::{Callback, DeliverCallback};

/// Twilio's default.
/// Source: [connection overrides](https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides).
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Posts callbacks, straight (no proxy) and without following redirects.
pub(in crate::outside) struct HttpCallbacks {
    client: Result<Client, String>,
}

impl HttpCallbacks {
    pub(in crate::outside) fn new() -> Self {
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .build();
        Self {
            client: client.map_err(|error| error.to_string()),
        }
    }
}

impl DeliverCallback for HttpCallbacks {
    fn post(&self, callback: Callback) -> BoxFuture<'static, Result<u16, String>> {
        let client = self.client.clone();
        Box::pin(async move {
            let request = client?
                .post(callback.url)
                .headers(callback.headers)
                .body(callback.body);
            // Without the URL: its query may be a secret.
            let response = request
                .send()
                .await
                .map_err(|e| e.without_url().to_string())?;
            Ok(response.status().as_u16())
        })
    }
}
