//! What `sweep` does about deliveries that nothing has woken.

use std::time::Duration;

use domain::channel::Channel;
use domain::delivery::{Delivery, State};
use sweep::wake::{Errand, RESCUED_AGAIN};

use crate::world::World;

const MINUTE: i64 = 60;

fn minutes(time: Duration) -> u64 {
    time.as_secs() / 60
}

#[tokio::test]
async fn a_delivery_that_has_lost_its_message_is_rescued_once_in_a_while_until_somebody_attempts_it()
 {
    let world = World::new().await;
    let delivery = world.pending(1, 0);
    world.store.create_delivery(&delivery).await.unwrap();
    let (grace, again) = (
        minutes(Errand::grace(Channel::Webhook)),
        minutes(RESCUED_AGAIN),
    );
    let mut woken_at = Vec::new();
    for minute in 0..=grace + 2 * again + 1 {
        world.run().await;
        let woken = world.woken("WebhookSlowQueue").await;
        assert!(woken.iter().all(|id| *id == delivery.key.id.as_str()));
        woken_at.extend(woken.iter().map(|_| minute));
        world.pass(MINUTE);
    }
    assert_eq!(woken_at, [grace, grace + again, grace + 2 * again]);
    assert_eq!(world.rescued("webhook"), 3);
    let stored = world.store.delivery(&delivery.key).await.unwrap().unwrap();
    assert_eq!(stored.value, delivery, "its own time is the true one");
}

#[tokio::test]
async fn an_sms_that_has_lost_its_message_is_rescued() {
    let world = World::new().await;
    let sms = world.queued(1, 0);
    world.store.create_sms(&sms).await.unwrap();
    let grace = i64::try_from(Errand::grace(Channel::Sms).as_secs()).unwrap();
    world.pass(grace - 1);
    world.run().await;
    assert!(world.woken("SmsQueue").await.is_empty());
    world.pass(1);
    world.run().await;
    world.run().await;
    assert_eq!(world.woken("SmsQueue").await, [sms.key.id.to_string()]);
    assert_eq!((world.rescued("sms"), world.rescued("webhook")), (1, 0));
}

#[tokio::test]
async fn an_attempt_under_way_is_not_rescued_before_its_lease_is_long_over() {
    let world = World::new().await;
    let waiting = world.pending(1, -3_600);
    let State::Pending(pending) = &waiting.state else {
        panic!("not pending")
    };
    let lease = Duration::from_secs(45);
    let claimed = Delivery {
        state: State::Pending(pending.claim(world.start, lease)),
        ..waiting
    };
    world.store.create_delivery(&claimed).await.unwrap();
    let grace = Errand::grace(Channel::Webhook) + lease;
    world.pass(i64::try_from(grace.as_secs()).unwrap() - 1);
    world.run().await;
    assert!(world.woken("WebhookSlowQueue").await.is_empty());
    world.pass(1);
    world.run().await;
    assert_eq!(world.woken("WebhookSlowQueue").await.len(), 1);
}

#[tokio::test]
async fn a_parked_delivery_whose_message_got_lost_is_rescued() {
    let world = World::new().await;
    let id = world.park(1, 0).await;
    world.run().await;
    assert_eq!(world.woken("WebhookSlowQueue").await.len(), 1, "and lost");
    world.pass(10 * MINUTE);
    world.run().await;
    assert_eq!(world.woken("WebhookSlowQueue").await, [id]);
    assert_eq!(world.rescued("webhook"), 1);
}

#[tokio::test]
async fn what_is_settled_meanwhile_is_not_rescued_again() {
    let world = World::new().await;
    let delivery = world.pending(1, -3_600);
    world.store.create_delivery(&delivery).await.unwrap();
    world.run().await;
    assert_eq!(world.woken("WebhookSlowQueue").await.len(), 1);
    let mut stored = world.store.delivery(&delivery.key).await.unwrap().unwrap();
    stored.value.state = State::Success;
    world
        .store
        .save_delivery(&stored, world.start)
        .await
        .unwrap();
    world.pass(60 * MINUTE);
    world.run().await;
    assert!(world.woken("WebhookSlowQueue").await.is_empty());
}
