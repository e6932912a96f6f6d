//! Functions that die, panic, run twice or lose their key in the middle of it.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsMessage;
use deliver_webhook::step::{LEASE, TOO_MANY_RECEIVES};
use domain::delivery::{FailedBecause, State};
use domain::webhook::SealedSecret;
use platform::queue::message::WebhookWakeUp;

use crate::world::{Answer, World};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test(start_paused = true)]
async fn a_function_killed_after_the_first_request_sends_again_with_the_same_id() {
    let world = World::new().await;
    let webhook = world.webhook("up.example.com").await;
    let mut first = true;
    world.answer("up.example.com", move |_| {
        if std::mem::take(&mut first) {
            Answer::Killed
        } else {
            Answer::Status(200)
        }
    });
    world.publish("evt_1").await;
    let delivery = world.settled(&webhook, MINUTE * 5).await;
    assert_eq!(delivery.state, State::Success);
    assert_eq!(
        delivery.history.attempts().len(),
        1,
        "the attempt that nobody recorded does not count"
    );
    let calls = world.calls("up.example.com");
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].delivery, calls[1].delivery);
}

#[tokio::test(start_paused = true)]
async fn a_function_killed_in_a_retry_is_followed_when_its_lease_ends() {
    let world = World::new().await;
    let webhook = world.webhook("up.example.com").await;
    let mut answers = [Answer::Status(500), Answer::Killed, Answer::Status(200)].into_iter();
    world.answer("up.example.com", move |_| {
        answers.next().unwrap_or(Answer::Status(200))
    });
    world.publish("evt_1").await;
    let delivery = world.settled(&webhook, MINUTE * 10).await;
    assert_eq!(delivery.state, State::Success);
    assert_eq!(
        delivery
            .history
            .attempts()
            .iter()
            .map(|a| a.number)
            .collect::<Vec<_>>(),
        [1, 2]
    );
    let calls = world.calls("up.example.com");
    assert_eq!(calls.len(), 3);
    assert!(Duration::try_from(calls[2].at.duration_since(calls[1].at)).unwrap() >= LEASE);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_record_leaves_the_others_of_its_batch_alone() {
    let world = World::new().await;
    let bad = world.webhook("bad.example.com").await;
    let good = world.webhook("good.example.com").await;
    let mut panics = 2;
    world.answer("bad.example.com", move |_| {
        panics -= 1;
        if panics >= 0 {
            Answer::Panic
        } else {
            Answer::Status(200)
        }
    });
    world.answer("good.example.com", |_| Answer::Status(200));
    world.publish("evt_1").await;
    assert_eq!(
        world.settled(&good, Duration::from_secs(20)).await.state,
        State::Success
    );
    assert_eq!(world.settled(&bad, MINUTE * 10).await.state, State::Success);
    assert_eq!(world.calls("good.example.com").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn wake_ups_at_the_same_time_make_one_attempt() {
    let world = World::new().await;
    let webhook = world.webhook("slow.example.com").await;
    let mut first = true;
    world.answer("slow.example.com", move |_| {
        if std::mem::take(&mut first) {
            Answer::Status(500)
        } else {
            Answer::After(Duration::from_secs(5), 200)
        }
    });
    world.publish("evt_1").await;
    world.pass(Duration::from_secs(20)).await;
    let [delivery] = &world.log(&webhook, None).await[..] else {
        panic!("one delivery")
    };
    let State::Pending(pending) = &delivery.state else {
        panic!("pending")
    };
    let due = Duration::try_from(pending.next_attempt_at.duration_since(world.now())).unwrap();
    world
        .pass(due.checked_sub(Duration::from_secs(1)).unwrap())
        .await;
    let wake_up = serde_json::to_string(&WebhookWakeUp::of(&delivery.key)).unwrap();
    for _ in 0..20 {
        world.send("WebhookSlowQueue", wake_up.clone()).await;
        world.pass(Duration::from_millis(300)).await;
    }
    let delivery = world.settled(&webhook, MINUTE * 5).await;
    assert_eq!(delivery.state, State::Success);
    assert_eq!(world.calls("slow.example.com").len(), 2);
    world.until_quiet(HOUR).await;
    assert_eq!(world.calls("slow.example.com").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_opened_is_no_attempt() {
    let world = World::new().await;
    let broken = SealedSecret {
        ciphertext: b"not what KMS made".to_vec(),
        hint: None,
    };
    let webhook = world
        .webhook_with("up.example.com", |webhook| webhook.secret = Some(broken))
        .await;
    world.answer("up.example.com", |_| Answer::Status(200));
    world.publish("evt_1").await;
    world.pass(MINUTE * 10).await;
    assert!(
        world.calls("up.example.com").is_empty(),
        "nothing goes out unsigned"
    );
    assert!(world.log(&webhook, None).await.is_empty());
    world.edit(&webhook, |webhook| webhook.secret = None).await;
    let delivery = world.settled(&webhook, MINUTE * 5).await;
    assert_eq!(delivery.state, State::Success);
    assert_eq!(delivery.history.attempts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_is_woken_without_end_is_settled_before_the_queue_would_drop_it() {
    let world = World::new().await;
    let webhook = world.webhook("deadly.example.com").await;
    let mut record = SqsMessage::default();
    record.message_id = Some("m-1".into());
    record.attributes.insert(
        "ApproximateReceiveCount".into(),
        TOO_MANY_RECEIVES.to_string(),
    );
    record.body = Some(world.first_attempt(&webhook, "evt_1"));
    let response = world
        .deliver
        .handle(vec![record], world.now() + Duration::from_secs(30))
        .await;
    assert!(
        response.batch_item_failures.is_empty(),
        "the message is done with"
    );
    let delivery = world.settled(&webhook, MINUTE).await;
    assert_eq!(delivery.state, State::Failed(FailedBecause::WokenTooOften));
    assert!(world.calls("deadly.example.com").is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_attempt_is_begun_that_might_be_cut_short() {
    let world = World::new().await;
    let webhook = world.webhook("up.example.com").await;
    world.answer("up.example.com", |_| Answer::Status(200));
    let mut record = SqsMessage::default();
    record.message_id = Some("m-1".into());
    record.body = Some(world.first_attempt(&webhook, "evt_1"));
    let response = world
        .deliver
        .handle(vec![record], world.now() + Duration::from_secs(14))
        .await;
    assert_eq!(
        response.batch_item_failures.len(),
        1,
        "the message comes back"
    );
    assert!(world.calls("up.example.com").is_empty());
}

#[tokio::test(start_paused = true)]
async fn events_that_there_is_no_time_for_stay_on_the_queue() {
    let world = World::new().await;
    let webhook = world.webhook("up.example.com").await;
    world.answer("up.example.com", |_| Answer::Status(200));
    let records = (0..3).map(|number| {
        let mut record = SqsMessage::default();
        record.message_id = Some(format!("m-{number}"));
        record.body = Some(world.event(&format!("evt_{number}"), world.now()));
        record
    });
    let records: Vec<_> = records.collect();
    let soon = world.now() + Duration::from_secs(9);
    let response = world.fan_out.handle(records.clone(), soon).await;
    assert_eq!(response.batch_item_failures.len(), 3);
    world.until_quiet(MINUTE).await;
    assert!(world.log(&webhook, None).await.is_empty());

    let later = world.now() + Duration::from_secs(30);
    let response = world.fan_out.handle(records, later).await;
    assert!(response.batch_item_failures.is_empty());
    world.until_quiet(MINUTE).await;
    assert_eq!(world.log(&webhook, None).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_item_that_cannot_be_read_leaves_the_others_of_its_batch_alone() {
    let world = World::new().await;
    let webhook = world.webhook("up.example.com").await;
    world.answer("up.example.com", |_| Answer::Status(200));
    let event = world.publish("evt_damaged").await;
    let delivery = world.settled(&webhook, MINUTE).await;
    world.damage(&delivery.key).await;

    let record = |id: &str, body: String| {
        let mut record = SqsMessage::default();
        record.message_id = Some(id.to_owned());
        record.body = Some(body);
        record
    };
    let damaged = serde_json::to_string(&WebhookWakeUp::of(&delivery.key)).unwrap();
    let good = world.first_attempt(&webhook, "evt_good");
    let deadline = world.now() + Duration::from_secs(30);
    let records = vec![record("damaged", damaged), record("good", good)];
    let response = world.deliver.handle(records, deadline).await;
    let [kept] = &response.batch_item_failures[..] else {
        panic!("one stays")
    };
    assert_eq!(kept.item_identifier, "damaged");
    assert_eq!(
        world.calls("up.example.com").len(),
        2,
        "{event} and the good one"
    );
}
