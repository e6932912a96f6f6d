//! The samples of `events/`, as Lambda would hand them over.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;
use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{Request, StatusCode};

use crate::world::World;

fn sample(name: &str) -> serde_json::Value {
    let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_sample_of_deliver_sms_is_handled() {
    let world = World::new().await;
    let event: SqsEvent = serde_json::from_value(sample("deliver-sms")).unwrap();
    let deadline = world.now() + Duration::from_secs(30);
    let response = world.deliver.handle(event.records, deadline).await;
    assert!(
        response.batch_item_failures.is_empty(),
        "its delivery is no more"
    );
}

#[tokio::test(start_paused = true)]
async fn the_sample_of_twilio_status_is_a_form_that_lacks_a_good_signature_only() {
    let world = World::new().await;
    world.use_twilio().await;
    let event = sample("twilio-status");
    let text = |name: &str| event[name].as_str().unwrap();
    let body = BASE64_STANDARD.decode(text("body")).unwrap();
    let request = Request::post(format!("{}?{}", text("rawPath"), text("rawQueryString")))
        .header(
            "X-Twilio-Signature",
            event["headers"]["x-twilio-signature"].as_str().unwrap(),
        )
        .body(Body::from(body))
        .unwrap();
    assert_eq!(world.post(request).await, StatusCode::FORBIDDEN);
}
