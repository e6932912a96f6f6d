//! How long a message is kept.

use serde_json::json;

use crate::support::{DAY, World};

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>:
/// `MessageRetentionPeriod`, four days by default.
#[test]
fn a_message_is_kept_for_four_days_by_default() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send("a");
    world.pass_seconds(4 * DAY - 1);
    assert_eq!(queue.counts(), (1, 0, 0));
    world.pass_seconds(1);
    assert_eq!(queue.counts(), (0, 0, 0));
    queue.receive_nothing();
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html>: SQS "automatically
/// deletes messages left in a queue longer than the retention period", also hidden and delayed ones.
#[test]
fn hidden_and_delayed_messages_expire_as_well() {
    let world = World::new();
    let queue = world.queue("short", &json!({"MessageRetentionPeriod": "60"}));
    queue.send("a");
    let handle = queue.receive_handle();
    queue.change_visibility(&handle, 600).unwrap();
    queue.send_delayed("b", 600);
    assert_eq!(queue.counts(), (0, 1, 1));
    world.pass_seconds(60);
    assert_eq!(queue.counts(), (0, 0, 0));
    assert_eq!(
        queue.change_visibility(&handle, 10).unwrap_err().status,
        400
    );
    queue.delete(&handle).unwrap();
    assert_eq!(world.sqs.next_visible_at("short"), None);
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>: a changed retention
/// period holds for the messages that are there, too.
#[test]
fn a_shorter_retention_period_reaches_old_messages() {
    let world = World::new();
    let queue = world.plain_queue();
    queue.send("old");
    world.pass_seconds(120);
    queue.send("new");
    queue.set("MessageRetentionPeriod", "60").unwrap();
    assert_eq!(queue.receive_one()["Body"], "new");
}
