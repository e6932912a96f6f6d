//! Dead-letter queues
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>).

use std::time::Duration;

use serde_json::json;

use crate::support::{DEAD, QUEUE, World, counts};

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>
#[test]
fn dead_letters_do_not_take_the_place_of_good_messages_in_an_answer() {
    let world = World::with_dead_letters(1);
    for _ in 0..5 {
        world.send("dead");
    }
    let _ = world.sqs.receive(QUEUE, 10, Some(Duration::ZERO));
    world.send("good");
    let received = world.sqs.receive(QUEUE, 1, None);
    assert_eq!(received[0].body, "good");
    assert_eq!(world.sqs.counts(DEAD), Some(counts(5, 0, 0)));
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html>
#[test]
fn with_its_dead_letter_queue_deleted_a_queue_keeps_its_messages() {
    let world = World::with_dead_letters(1);
    world.send("a");
    world.receive_one();
    world.ok("DeleteQueue", json!({ "QueueUrl": DEAD }));
    world.pass_seconds(30);
    assert_eq!(world.receive_one().body, "a");
}
