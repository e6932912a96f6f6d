//! The fast and the slow lane.

use std::time::Duration;

use domain::delivery::State;
use domain::webhook::Lane;

use crate::world::{Answer, World};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_new_endpoint_is_slow_until_it_has_proven_fast() {
    let world = World::new().await;
    let webhook = world.webhook("quick.example.com").await;
    world.answer("quick.example.com", |_| {
        Answer::After(Duration::from_millis(50), 200)
    });
    for number in 0..Lane::PROOF {
        assert_eq!(world.reload(&webhook).await.lane, Lane::Slow);
        world.publish(&format!("evt_{number}")).await;
        world.until_quiet(MINUTE).await;
    }
    assert_eq!(world.reload(&webhook).await.lane, Lane::Fast);
    world.publish("evt_fast").await;
    world.until_quiet(MINUTE).await;
    assert_eq!(world.calls("quick.example.com").len(), 6);
    assert!(
        world
            .log(&webhook, None)
            .await
            .iter()
            .all(|delivery| delivery.state == State::Success)
    );
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_turns_slow_leaves_the_fast_lane_and_its_waiting_deliveries_follow_unattempted()
 {
    let world = World::new().await;
    let webhook = world
        .webhook_with("turned.example.com", |webhook| webhook.lane = Lane::Fast)
        .await;
    let neighbour = world
        .webhook_with("neighbour.example.com", |webhook| webhook.lane = Lane::Fast)
        .await;
    world.answer("turned.example.com", |_| {
        Answer::After(Duration::from_secs(8), 200)
    });
    world.answer("neighbour.example.com", |_| Answer::Status(200));
    for number in 0..300 {
        world.publish(&format!("evt_{number}")).await;
    }
    world
        .until(MINUTE, "the mark", async |world: &World| {
            world.reload(&webhook).await.lane == Lane::Slow
        })
        .await;
    world
        .until(MINUTE, "the neighbour has all", async |world: &World| {
            world.calls("neighbour.example.com").len() == 300
        })
        .await;
    world.until_quiet(MINUTE * 10).await;
    assert_eq!(world.calls("turned.example.com").len(), 300, "each once");
    assert_eq!(world.reload(&neighbour).await.lane, Lane::Fast);
}

#[tokio::test(start_paused = true)]
async fn a_retry_from_the_fast_lane_waits_in_the_slow_one() {
    let world = World::new().await;
    let webhook = world
        .webhook_with("flaky.example.com", |webhook| webhook.lane = Lane::Fast)
        .await;
    let mut first = true;
    world.answer("flaky.example.com", move |_| {
        Answer::Status(if std::mem::take(&mut first) { 502 } else { 200 })
    });
    world.publish("evt_1").await;
    let delivery = world.settled(&webhook, MINUTE * 2).await;
    assert_eq!(delivery.state, State::Success);
    let attempts = delivery.history.attempts();
    let waited = Duration::try_from(attempts[1].at.duration_since(attempts[0].at)).unwrap();
    assert!(
        waited >= MINUTE && waited <= MINUTE.mul_f64(1.1),
        "{waited:?}"
    );
}
