//! Fair queues
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>).

use serde_json::json;

use crate::support::{QUEUE, World};

fn send(world: &World, group: &str, count: usize) {
    for _ in 0..count {
        world.send_with(json!({ "MessageBody": group, "MessageGroupId": group }));
    }
}

fn next(world: &World) -> String {
    world.sqs.receive(QUEUE, 1, None).remove(0).body
}

fn receive(world: &World, count: usize) {
    for _ in 0..count {
        next(world);
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>: noisy is
/// who has "more than 10% of in-flight messages in the queue and … at least 30 of its own messages in flight".
#[test]
fn a_tenant_with_thirty_messages_and_a_tenth_of_all_in_flight_lets_the_others_go_first() {
    let world = World::with_queue(json!({}));
    send(&world, "noisy", 100);
    receive(&world, 30);
    send(&world, "quiet", 2);
    world.send("of no group");
    assert_eq!(
        [next(&world), next(&world), next(&world)],
        ["quiet", "quiet", "of no group"]
    );
    assert_eq!(next(&world), "noisy");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>
#[test]
fn with_fewer_than_thirty_in_flight_the_longest_waiting_goes_first() {
    let world = World::with_queue(json!({}));
    send(&world, "many", 100);
    send(&world, "few", 1);
    receive(&world, 29);
    assert_eq!(next(&world), "many");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>: 30 of 300
/// are not more than a tenth.
#[test]
fn with_a_tenth_in_flight_a_tenant_is_not_noisy() {
    let world = World::with_queue(json!({}));
    for _ in 0..270 {
        world.send("of no group");
    }
    receive(&world, 270);
    send(&world, "tenth", 60);
    receive(&world, 30);
    send(&world, "later", 1);
    assert_eq!(next(&world), "tenth");
    assert_eq!(next(&world), "later");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>: of several
/// noisy tenants, the one with the fewest messages in flight goes first.
#[test]
fn among_noisy_tenants_the_one_with_the_fewest_in_flight_goes_first() {
    let world = World::with_queue(json!({}));
    send(&world, "a", 40);
    receive(&world, 40);
    send(&world, "b", 30);
    receive(&world, 30);
    send(&world, "a", 5);
    send(&world, "b", 5);
    assert_eq!(next(&world), "b");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html> ("When a
/// noisy neighbor becomes quiet"): after five minutes without a message sent.
#[test]
fn a_tenant_that_sends_nothing_for_five_minutes_is_quiet_again() {
    let world = World::with_queue(json!({ "VisibilityTimeout": "3600" }));
    send(&world, "noisy", 40);
    receive(&world, 30);
    world.pass_seconds(299);
    send(&world, "quiet", 2);
    assert_eq!(next(&world), "quiet");
    world.pass_seconds(1);
    assert_eq!(next(&world), "noisy");
}
