//! The samples of `events/`, as Lambda would hand them over.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsEvent;

use crate::world::{Answer, World};

fn sample(name: &str) -> SqsEvent {
    let path = format!("{}/../../events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_sample_of_fan_out_reaches_a_webhook() {
    let world = World::new().await;
    let webhook = world.webhook("up.example.com").await;
    world.answer("up.example.com", |_| Answer::Status(200));
    let [record] = &sample("fan-out").records[..] else {
        panic!("one record")
    };
    world
        .send("EventsQueue", record.body.clone().unwrap())
        .await;
    let delivery = world.settled(&webhook, Duration::from_secs(60)).await;
    assert!(
        delivery
            .body
            .as_str()
            .starts_with(r#"{"event":"work_item.created","#)
    );
}

#[tokio::test(start_paused = true)]
async fn the_samples_of_deliver_webhook_and_bulk_jobs_are_handled() {
    let world = World::new().await;
    let deadline = world.now() + Duration::from_secs(30);
    for name in ["deliver-webhook-first-attempt", "deliver-webhook-wake-up"] {
        let response = world.deliver.handle(sample(name).records, deadline).await;
        assert!(
            response.batch_item_failures.is_empty(),
            "{name}: its webhook is no more"
        );
    }
    let [record] = &sample("bulk-jobs").records[..] else {
        panic!("one record")
    };
    world.handle_bulk_job(record.clone()).await;
    assert!(world.receive("WebhookDeadLetterQueue").await.is_empty());
    assert!(world.receive("BulkDeadLetterQueue").await.is_empty());
}
