//! How deliveries end: success, 410, a webhook that is off or gone, messages that are none.

use std::time::Duration;

use domain::delivery::{FailedBecause, State};
use domain::webhook::{Activity, DisabledReason};
use platform::store::log::StatusFilter;

use crate::world::{Answer, World};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test(start_paused = true)]
async fn a_success_at_once_is_one_attempt_and_one_entry_of_the_log() {
    let world = World::new().await;
    let webhook = world.webhook("up.example.com").await;
    world.answer("up.example.com", |_| {
        Answer::After(Duration::from_millis(120), 204)
    });
    world.publish("evt_1").await;
    let delivery = world.settled(&webhook, MINUTE).await;
    assert_eq!(delivery.state, State::Success);
    let [attempt] = delivery.history.attempts() else {
        panic!("one attempt")
    };
    assert_eq!((attempt.number, attempt.outcome.code()), (1, Some(204)));
    assert_eq!(attempt.duration, Duration::from_millis(120));
    assert_eq!(
        world.log(&webhook, Some(StatusFilter::Success)).await,
        [delivery]
    );
    assert!(
        world
            .log(&webhook, Some(StatusFilter::Failed))
            .await
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_event_twice_is_delivered_once() {
    let world = World::new().await;
    let webhook = world.webhook("up.example.com").await;
    world.answer("up.example.com", |_| Answer::Status(200));
    let at = "2026-03-29T14:00:00Z".parse().unwrap();
    for _ in 0..3 {
        world.publish_at("evt_1", at).await;
        world.pass(MINUTE).await;
    }
    world.until_quiet(MINUTE).await;
    assert_eq!(world.calls("up.example.com").len(), 1);
    assert_eq!(world.log(&webhook, None).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_id_at_another_time_is_another_event() {
    let world = World::new().await;
    let webhook = world.webhook("up.example.com").await;
    world.answer("up.example.com", |_| Answer::Status(200));
    world
        .publish_at("evt_1", "2026-03-29T14:00:00Z".parse().unwrap())
        .await;
    world
        .publish_at("evt_1", "2026-03-29T14:00:01Z".parse().unwrap())
        .await;
    world.until_quiet(MINUTE).await;
    assert_eq!(world.log(&webhook, None).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn gone_ends_the_delivery_and_switches_the_webhook_off() {
    let world = World::new().await;
    let webhook = world.webhook("gone.example.com").await;
    world.answer("gone.example.com", |_| Answer::Status(410));
    world.publish("evt_1").await;
    let delivery = world.settled(&webhook, MINUTE).await;
    assert_eq!(delivery.state, State::Failed(FailedBecause::Gone));
    let webhook = world.reload(&webhook).await;
    assert!(matches!(
        webhook.activity,
        Activity::Disabled {
            reason: DisabledReason::Gone,
            ..
        }
    ));
    world.publish("evt_2").await;
    world.until_quiet(MINUTE).await;
    assert_eq!(
        world.calls("gone.example.com").len(),
        1,
        "nothing more is sent"
    );
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_waits_ends_when_its_webhook_is_switched_off() {
    let world = World::new().await;
    let webhook = world.webhook("down.example.com").await;
    world.answer("down.example.com", |_| Answer::Status(500));
    world.publish("evt_1").await;
    world.pass(MINUTE * 10).await;
    world.edit(&webhook, |webhook| webhook.switch(false)).await;
    let made = world.calls("down.example.com").len();
    let delivery = world.settled(&webhook, HOUR).await;
    assert_eq!(
        delivery.state,
        State::Failed(FailedBecause::WebhookDisabled)
    );
    assert_eq!(world.calls("down.example.com").len(), made);
    assert!(
        world.reload(&webhook).await.streak.is_empty(),
        "it does not count as a failed event"
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_fanned_out_before_the_switch_is_kept_for_recovery() {
    let world = World::new().await;
    let webhook = world.webhook("up.example.com").await;
    world.answer("up.example.com", |_| Answer::Status(200));
    let message = world.first_attempt(&webhook, "evt_1");
    world.edit(&webhook, |webhook| webhook.switch(false)).await;
    world.send("WebhookSlowQueue", message).await;
    let delivery = world.settled(&webhook, MINUTE).await;
    assert_eq!(
        delivery.state,
        State::Failed(FailedBecause::WebhookDisabled)
    );
    assert!(delivery.history.attempts().is_empty());
    assert_eq!(delivery.body.as_str(), r#"{"x":1}"#);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_webhooks_retries_stop() {
    let world = World::new().await;
    let webhook = world.webhook("down.example.com").await;
    world.answer("down.example.com", |_| Answer::Status(500));
    world.publish("evt_1").await;
    world.pass(MINUTE * 3).await;
    let made = world.calls("down.example.com").len();
    world.delete(&webhook).await;
    world.until_quiet(HOUR).await;
    assert_eq!(world.calls("down.example.com").len(), made);
}

#[tokio::test(start_paused = true)]
async fn edits_apply_to_pending_retries() {
    let world = World::new().await;
    let webhook = world.webhook("old.example.com").await;
    world.answer("old.example.com", |_| Answer::Status(500));
    world.answer("new.example.com", |_| Answer::Status(200));
    world.publish("evt_1").await;
    world.pass(Duration::from_secs(30)).await;
    let rules = domain::endpoint_url::UrlRules::default();
    let url =
        domain::endpoint_url::EndpointUrl::parse("https://new.example.com/hook", rules).unwrap();
    world
        .edit(&webhook, |webhook| webhook.url = url.clone())
        .await;
    let delivery = world.settled(&webhook, HOUR).await;
    assert_eq!(delivery.state, State::Success);
    assert_eq!(
        (
            world.calls("old.example.com").len(),
            world.calls("new.example.com").len()
        ),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_wake_up_goes_to_the_dead_letter_queue_with_the_reason() {
    let world = World::new().await;
    let webhook = world.webhook("up.example.com").await;
    world.answer("up.example.com", |_| Answer::Status(200));
    world
        .send("WebhookSlowQueue", "{\"nonsense\":1}".to_owned())
        .await;
    world.send("BulkQueue", "nonsense".to_owned()).await;
    world
        .send("EventsQueue", "{\"nonsense\":1}".to_owned())
        .await;
    world.publish("evt_1").await;
    assert_eq!(world.settled(&webhook, MINUTE).await.state, State::Success);
    world.until_quiet(MINUTE).await;
    for queue in [
        "WebhookDeadLetterQueue",
        "BulkDeadLetterQueue",
        "EventsDeadLetterQueue",
    ] {
        let [letter] = &world.receive(queue).await[..] else {
            panic!("one dead letter in {queue}")
        };
        let reason = &letter.message_attributes.as_ref().unwrap()["reason"];
        assert!(!reason.string_value.as_deref().unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_410_from_the_old_address_leaves_a_webhook_that_moved_meanwhile_on() {
    let world = World::new().await;
    let webhook = world.webhook("old.example.com").await;
    world.answer("old.example.com", |_| {
        Answer::After(Duration::from_secs(5), 410)
    });
    world.publish("evt_1").await;
    world
        .until(MINUTE, "the request", async |world: &World| {
            !world.calls("old.example.com").is_empty()
        })
        .await;
    let rules = domain::endpoint_url::UrlRules::default();
    let url = "https://new.example.com/hook";
    let url = domain::endpoint_url::EndpointUrl::parse(url, rules).unwrap();
    world
        .edit(&webhook, |webhook| webhook.url = url.clone())
        .await;
    let delivery = world.settled(&webhook, MINUTE).await;
    assert_eq!(delivery.state, State::Failed(FailedBecause::Gone));
    assert!(world.reload(&webhook).await.is_active());
}

#[tokio::test(start_paused = true)]
async fn an_event_with_characters_that_no_queue_carries_is_delivered_with_them_escaped() {
    let world = World::new().await;
    let webhook = world.webhook("up.example.com").await;
    world.answer("up.example.com", |_| Answer::Status(200));
    let event = world.event("evt_1", world.now());
    let event = event.replace(r#""slug":"s""#, r#""slug":"s\uffff\ufffe""#);
    world.send("EventsQueue", event).await;
    let delivery = world.settled(&webhook, MINUTE).await;
    assert_eq!(delivery.state, State::Success);
    let [call] = &world.calls("up.example.com")[..] else {
        panic!("one request")
    };
    assert!(call.body.contains(r#""slug":"s\uffff\ufffe""#));
    assert_eq!(
        call.body,
        delivery.body.as_str(),
        "what is sent is what is logged"
    );
}
