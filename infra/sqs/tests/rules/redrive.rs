//! Receive counts and dead-letter queues.

use serde_json::{Value, json};

use crate::support::{DAY, Queue, World, all, handle, text};

/// A queue that gives up after `max_receive_count` receives, and the one that it gives up to.
fn with_dead_letters(world: &World, max_receive_count: u32) -> (Queue<'_>, Queue<'_>) {
    let dead = world.queue("dead", &json!({}));
    let policy = policy(&dead.arn(), &json!(max_receive_count));
    let queue = world.queue("work", &json!({"RedrivePolicy": policy}));
    (queue, dead)
}

fn policy(target_arn: &str, max_receive_count: &Value) -> String {
    json!({"deadLetterTargetArn": target_arn, "maxReceiveCount": max_receive_count}).to_string()
}

fn receive_and_release(queue: &Queue<'_>) -> Value {
    let message = queue.receive_one();
    queue.change_visibility(&handle(&message), 0).unwrap();
    message
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>:
/// `ApproximateReceiveCount`, `ApproximateFirstReceiveTimestamp`, `SentTimestamp`.
#[test]
fn every_receive_is_counted_and_the_first_is_dated() {
    let world = World::new();
    let queue = world.plain_queue();
    let sent = world.now().as_millisecond().to_string();
    queue.send("a");
    world.pass_seconds(3);
    let first_received = world.now().as_millisecond().to_string();
    for count in 1..=5 {
        let attributes = receive_and_release(&queue)["Attributes"].clone();
        assert_eq!(attributes["ApproximateReceiveCount"], count.to_string());
        assert_eq!(attributes["SentTimestamp"], sent);
        assert_eq!(
            attributes["ApproximateFirstReceiveTimestamp"],
            first_received
        );
        world.pass_seconds(1);
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html>: only a receive
/// counts; a changed time-out does not.
#[test]
fn changing_the_time_out_does_not_count_as_a_receive() {
    let world = World::new();
    let (queue, dead) = with_dead_letters(&world, 2);
    queue.send("a");
    let handle = queue.receive_handle();
    for _ in 0..10 {
        queue.change_visibility(&handle, 100).unwrap();
    }
    world.pass_seconds(100);
    assert_eq!(
        queue.receive_one()["Attributes"]["ApproximateReceiveCount"],
        "2"
    );
    assert_eq!(dead.counts(), (0, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>:
/// `maxReceiveCount` is how often a message can be received before it is moved.
#[test]
fn a_message_is_received_max_receive_count_times_and_then_moved() {
    let world = World::new();
    let (queue, dead) = with_dead_letters(&world, 3);
    queue.send("a");
    for count in 1..=3 {
        let message = receive_and_release(&queue);
        assert_eq!(
            message["Attributes"]["ApproximateReceiveCount"],
            count.to_string()
        );
        assert_eq!(dead.counts(), (0, 0, 0));
    }
    let mut arrivals = world.sqs.arrivals();
    arrivals.mark_unchanged();
    queue.receive_nothing();
    assert!(
        arrivals.has_changed().unwrap(),
        "who waits at the dead-letter queue is told"
    );
    assert_eq!(queue.counts(), (0, 0, 0));
    assert_eq!(dead.counts(), (1, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>: the
/// message is moved at the receive that would be one too many, not when its time-out ends.
#[test]
fn the_last_receiver_may_still_delete_after_the_time_out() {
    let world = World::new();
    let (queue, dead) = with_dead_letters(&world, 1);
    queue.send("a");
    let handle = queue.receive_handle();
    world.pass_seconds(31);
    queue.delete(&handle).unwrap();
    queue.receive_nothing();
    assert_eq!(dead.counts(), (0, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>: a message
/// that is moved takes no place from the others in the answer.
#[test]
fn dead_letters_do_not_take_the_place_of_good_messages_in_an_answer() {
    for most in [1, 10] {
        let world = World::new();
        let (queue, dead) = with_dead_letters(&world, 1);
        queue.send_many(10, None);
        queue.receive_many(10);
        world.pass_seconds(30);
        queue.send("good");
        let received = queue.receive(json!({"MaxNumberOfMessages": most}));
        assert_eq!(all(&received, "Body"), ["good"], "of {most}");
        assert_eq!(dead.counts(), (10, 0, 0), "of {most}");
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>: the message stays the
/// same, its receives are counted "across all queues", and `DeadLetterQueueSourceArn` says where it came from
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html>).
#[test]
fn a_moved_message_keeps_its_id_body_attributes_and_history() {
    let world = World::new();
    let (queue, dead) = with_dead_letters(&world, 1);
    let attributes = json!({
        "event": {"DataType": "String", "StringValue": "work_item.created"},
        "sig": {"DataType": "Binary", "BinaryValue": "AAH+/w=="},
    });
    let request =
        json!({"MessageBody": "a", "MessageAttributes": attributes, "MessageGroupId": "ws_1"});
    queue.ok("SendMessage", request);
    let original = receive_and_release(&queue);
    world.pass_seconds(5);
    queue.receive_nothing();

    let moved = dead.receive_one();
    for kept in [
        "MessageId",
        "Body",
        "MD5OfBody",
        "MessageAttributes",
        "MD5OfMessageAttributes",
    ] {
        assert_eq!(moved[kept], original[kept], "{kept}");
    }
    for kept in [
        "SentTimestamp",
        "ApproximateFirstReceiveTimestamp",
        "SenderId",
        "MessageGroupId",
    ] {
        assert_eq!(
            moved["Attributes"][kept], original["Attributes"][kept],
            "{kept}"
        );
    }
    assert_eq!(moved["Attributes"]["ApproximateReceiveCount"], "2");
    assert_eq!(
        text(&moved["Attributes"]["DeadLetterQueueSourceArn"]),
        queue.arn()
    );
    assert_eq!(
        original["Attributes"]["DeadLetterQueueSourceArn"],
        Value::Null
    );
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>: the policy
/// counts the receives in its own queue; those before a message came do not bring it further.
#[test]
fn a_dead_letter_queue_with_a_policy_counts_its_own_receives() {
    let world = World::new();
    let last = world.queue("last", &json!({}));
    let middle = world.queue(
        "middle",
        &json!({"RedrivePolicy": policy(&last.arn(), &json!(2))}),
    );
    let first = world.queue(
        "first",
        &json!({"RedrivePolicy": policy(&middle.arn(), &json!(3))}),
    );
    first.send("a");
    for _ in 0..3 {
        receive_and_release(&first);
    }
    first.receive_nothing();
    for _ in 0..2 {
        receive_and_release(&middle);
    }
    middle.receive_nothing();
    let arrived = last.receive_one();
    assert_eq!(arrived["Attributes"]["ApproximateReceiveCount"], "6");
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>: `RedrivePolicy`; the
/// count is 1 to 1,000, as a number or as text.
#[test]
fn a_redrive_policy_against_the_rules_is_refused() {
    let world = World::new();
    let dead = world.queue("dead", &json!({}));
    let queue = world.plain_queue();
    let arn = dead.arn();
    let missing = arn.replace(":dead", ":missing");
    let refused = [
        policy(&arn, &json!(0)),
        policy(&arn, &json!(1_001)),
        policy(&arn, &json!("many")),
        policy(&missing, &json!(3)),
        json!({"deadLetterTargetArn": arn}).to_string(),
        json!({"maxReceiveCount": 3}).to_string(),
        "nonsense".to_owned(),
    ];
    for policy in refused {
        let attributes = json!({"RedrivePolicy": policy});
        let refusal = queue.refusal("SetQueueAttributes", json!({"Attributes": attributes}));
        assert_eq!(refusal.query_code, "InvalidParameterValue", "{policy}");
    }
    for count in [json!(1), json!(1_000), json!("3")] {
        let attributes = json!({"RedrivePolicy": policy(&arn, &count)});
        queue.ok("SetQueueAttributes", json!({"Attributes": attributes}));
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>: an empty policy
/// takes the old one away.
#[test]
fn without_its_policy_a_queue_keeps_its_messages() {
    let world = World::new();
    let (queue, dead) = with_dead_letters(&world, 1);
    queue.send("a");
    receive_and_release(&queue);
    queue.set("RedrivePolicy", "").unwrap();
    assert!(!queue.attributes().contains_key("RedrivePolicy"));
    receive_and_release(&queue);
    assert_eq!(dead.counts(), (0, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html>:
/// its own example: one day in the first queue, four days' retention, gone after three more.
#[test]
fn in_the_dead_letter_queue_retention_counts_from_the_original_send() {
    let world = World::new();
    let (queue, dead) = with_dead_letters(&world, 1);
    queue.send("a");
    world.pass_seconds(DAY);
    receive_and_release(&queue);
    queue.receive_nothing();
    assert_eq!(dead.counts(), (1, 0, 0));
    world.pass_seconds(3 * DAY - 1);
    assert_eq!(dead.counts(), (1, 0, 0));
    world.pass_seconds(1);
    assert_eq!(dead.counts(), (0, 0, 0));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>: what becomes
/// of the messages without their target is left open; here nothing is lost.
#[test]
fn with_its_dead_letter_queue_deleted_a_queue_keeps_its_messages() {
    let world = World::new();
    let (queue, dead) = with_dead_letters(&world, 1);
    queue.send_and_receive();
    dead.ok("DeleteQueue", json!({}));
    world.pass_seconds(30);
    assert_eq!(queue.receive_one()["Body"], "a");
}
