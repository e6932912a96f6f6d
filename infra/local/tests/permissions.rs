//! What a running stack records of functions' calls.

mod support;

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use local::aws::permissions::access_key_id;
use local::aws::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY};
use serde_json::Value;

use support::start;

fn client(endpoint: String, access_key_id: &str) -> aws_sdk_sqs::Client {
    let credentials = Credentials::new(access_key_id, SECRET_ACCESS_KEY, None, None, "test");
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(credentials);
    aws_sdk_sqs::Client::from_conf(config.build())
}

#[tokio::test]
async fn calls_with_a_functions_key_are_recorded_refused_ones_too_and_those_with_the_published_key_are_not()
 {
    let output = tempfile::tempdir().unwrap();
    let stack = start(output.path(), &[]).await;
    let (endpoint, queue) = (
        stack.addresses().aws_url(),
        stack.aws().queue_url("DeadLetterQueue"),
    );
    let function = client(endpoint.clone(), &access_key_id("Function"));
    let sent = function.send_message().queue_url(&queue).message_body("x");
    sent.send().await.unwrap();
    let nowhere = stack.aws().queue_url("Nowhere");
    let refused = function.get_queue_attributes().queue_url(&nowhere);
    assert!(refused.send().await.is_err());
    let published = client(endpoint, ACCESS_KEY_ID);
    published
        .purge_queue()
        .queue_url(&queue)
        .send()
        .await
        .unwrap();

    let text = std::fs::read_to_string(output.path().join("permissions.jsonl")).unwrap();
    let recorded: Vec<_> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| {
            assert_eq!(line["function"], "Function");
            let resource = line["resource"].as_str().unwrap();
            let queue = resource.rsplit(':').next().unwrap().to_owned();
            (line["action"].as_str().unwrap().to_owned(), queue)
        })
        .collect();
    let expected = [
        ("sqs:ReceiveMessage", "EventsQueue"),
        ("sqs:DeleteMessage", "EventsQueue"),
        ("sqs:GetQueueAttributes", "EventsQueue"),
        ("sqs:SendMessage", "DeadLetterQueue"),
        ("sqs:GetQueueAttributes", "Nowhere"),
    ];
    assert_eq!(
        recorded,
        expected.map(|(action, queue)| (action.to_owned(), queue.to_owned()))
    );
    stack.stop().await;
}
