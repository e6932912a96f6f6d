//! AWS's own SDK straight into the embedded services: no socket, no thread, no time but tokio's.

use std::fmt::Debug;
use std::sync::Arc;

use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Response;

use super::{ACCESS_KEY_ID, Aws, REGION, SECRET_ACCESS_KEY};

impl Aws {
    /// Settings for any SDK client of the three services, answered in-process. Retries are off (turn them on with
    /// `to_builder`), and nothing in it waits on a timer, so paused tokio time stays where it is during a call.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        self.sdk_config_through(Arc::new(Open))
    }

    /// The same, each call through a gate.
    #[must_use]
    pub fn sdk_config_through(&self, gate: Arc<dyn Gate>) -> SdkConfig {
        let connector = Connector {
            aws: self.clone(),
            gate,
        };
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(connector)
            .credentials_provider(SharedCredentialsProvider::new(credentials()))
            .identity_cache(IdentityCache::no_cache())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .retry_config(RetryConfig::disabled())
            .region(Region::from_static(REGION))
            .endpoint_url(self.endpoint())
            .build()
    }
}

fn credentials() -> Credentials {
    Credentials::builder()
        .access_key_id(ACCESS_KEY_ID)
        .secret_access_key(SECRET_ACCESS_KEY)
        .provider_name("local")
        .build()
}

/// Stands between a client and the services, where faults can be had.
pub trait Gate: Debug + Send + Sync {
    /// Answers a request as [`Aws::call`] does, by calling it or otherwise.
    fn call<'a>(
        &'a self,
        aws: &'a Aws,
        target: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Response<Bytes>>;
}

/// The gate that stands open.
#[derive(Debug)]
struct Open;

impl Gate for Open {
    fn call<'a>(
        &'a self,
        aws: &'a Aws,
        target: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Response<Bytes>> {
        aws.call(target, body).boxed()
    }
}

/// The SDK's HTTP client: the request's target and body go to [`Aws::call`], through the gate.
#[derive(Debug, Clone)]
struct Connector {
    aws: Aws,
    gate: Arc<dyn Gate>,
}

impl HttpClient for Connector {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Connector { aws, gate } = self.clone();
        HttpConnectorFuture::new(async move {
            let target = request
                .headers()
                .get("x-amz-target")
                .unwrap_or_default()
                .to_owned();
            let body = request
                .body()
                .bytes()
                .map(Bytes::copy_from_slice)
                .unwrap_or_default();
            Ok(into_sdk(gate.call(&aws, &target, body).await))
        })
    }
}

fn into_sdk(response: Response<Bytes>) -> HttpResponse {
    let status = StatusCode::try_from(response.status().as_u16())
        .expect("a status of http is one of the SDK");
    let (parts, body) = response.into_parts();
    let mut answer = HttpResponse::new(status, SdkBody::from(body));
    for (name, value) in &parts.headers {
        if let Ok(value) = value.to_str() {
            answer
                .headers_mut()
                .insert(name.as_str().to_owned(), value.to_owned());
        }
    }
    answer
}
