//! Traces that requests bring along, and what is counted.

use std::sync::Arc;

use aws_sdk_sqs::types::{Message, MessageSystemAttributeName};
use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode};
use futures::FutureExt;
use futures::future::BoxFuture;
use lambda_http::{Context, RequestExt};
use local::aws::{Aws, Gate};
use serde_json::json;

use crate::boundary::{logged, start_log};
use crate::support::{Api, Deployment, OPERATOR, WORKSPACE};

const W3C: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const W3C_AS_XRAY: &str =
    "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1";
const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
const XRAY_AS_W3C: &str = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01";
/// As API Gateway adds it.
const ROOT_ALONE: &str = "Root=1-63441c4a-abcdef012345678912345678";

/// Posts an event with these headers, to a function whose own trace is this.
async fn post(api: &Api, headers: &[(&str, &str)], own: Option<&str>) -> Message {
    let event = json!({
        "id": "evt_1", "event": "label.created", "timestamp": "2026-03-29T14:30:00Z",
        "workspace": { "id": WORKSPACE, "slug": "one" }, "data": { "id": "lbl_1" },
    });
    let mut request = Request::post(format!("/v1/workspaces/{WORKSPACE}/events"))
        .header("authorization", format!("Bearer {OPERATOR}"))
        .header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut context = Context::default();
    context.xray_trace_id = own.map(str::to_owned);
    let request = request.body(Body::from(event.to_string())).unwrap();
    let answer = api.call(request.with_lambda_context(context)).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    api.receive("EventsQueue").await.pop().unwrap()
}

/// The trace of a message in both of its forms.
fn trace(message: &Message) -> Option<(&str, &str)> {
    let attributes = message.message_attributes()?;
    let traceparent = attributes.get("traceparent")?.string_value()?;
    let system = message.attributes()?;
    let header = system.get(&MessageSystemAttributeName::AwsTraceHeader)?;
    Some((traceparent, header))
}

#[tokio::test(start_paused = true)]
async fn an_event_takes_the_trace_of_its_request_along_in_both_forms() {
    let api = Api::new().await;
    let w3c = Some((W3C, W3C_AS_XRAY));
    let xray = Some((XRAY_AS_W3C, XRAY));
    let unsampled = XRAY.replace("Sampled=1", "Sampled=0");
    let traceparent = ("traceparent", W3C);
    for (headers, own, expected) in [
        (
            &[traceparent, ("x-amzn-trace-id", XRAY)][..],
            Some(XRAY),
            w3c,
        ),
        (&[("x-amzn-trace-id", XRAY)], None, xray),
        (
            &[("traceparent", "garbage"), ("x-amzn-trace-id", XRAY)],
            None,
            xray,
        ),
        (&[("x-amzn-trace-id", ROOT_ALONE)], Some(XRAY), xray),
        (&[("x-amzn-trace-id", ROOT_ALONE)], Some(&unsampled), None),
        (
            &[("traceparent", "garbage"), ("x-amzn-trace-id", "garbage")],
            Some("garbage"),
            None,
        ),
        (&[], None, None),
    ] {
        let message = post(&api, headers, own).await;
        assert_eq!(trace(&message), expected, "{headers:?} {own:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_line_of_a_posted_event_has_its_id_and_its_trace() {
    let api = Api::new().await;
    start_log();
    post(&api, &[("traceparent", W3C)], None).await;
    api.with_key(None).get("/webhooks").await;
    let lines = logged();
    assert_eq!(lines[0]["event_id"], "evt_1");
    assert_eq!(lines[0]["trace_id"], &W3C[3..35]);
    assert_eq!(lines[0]["workspace_id"], WORKSPACE);
    assert!(lines[1].get("event_id").is_none() && lines[1].get("trace_id").is_none());
    assert!(api.printed.text().is_empty(), "nothing to count");
}

/// A key whose every use is refused with this error.
#[derive(Debug)]
struct Refusing(&'static str);

impl Gate for Refusing {
    fn call<'a>(
        &'a self,
        aws: &'a Aws,
        target: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Response<Bytes>> {
        if !target.starts_with("TrentService.") {
            return aws.call(target, body).boxed();
        }
        let refusal = json!({ "__type": self.0, "message": "as told" }).to_string();
        let mut response = Response::new(Bytes::from(refusal));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        async move { response }.boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_kms_refuses_for_their_rate_are_counted_and_no_others() {
    for (error, counted) in [("ThrottlingException", 1), ("DisabledException", 0)] {
        let api = Api::deployed(Deployment {
            gate: Some(Arc::new(Refusing(error))),
            ..Deployment::default()
        })
        .await;
        let body =
            json!({ "url": "https://example.com/hook", "events": ["*"], "secret": "s3cret" });
        assert_eq!(api.post("/webhooks", body).await.status, 503);
        assert_eq!(api.printed.count(None, "KmsThrottled"), counted, "{error}");
    }
}
