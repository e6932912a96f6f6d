//! Turns at an endpoint, and crowds of deliveries that get none.

use std::time::Duration;

use deliver_webhook::Limits;
use deliver_webhook::crowd::{BACKLOG, CROWD};
use deliver_webhook::step::LEASE;
use domain::webhook::Webhook;

use crate::world::{Answer, World};

const SECOND: Duration = Duration::from_secs(1);
const HOST: &str = "hanging.example.com";
/// Of the slow lane as the template has it.
const TURNS: usize = 5;

#[tokio::test(start_paused = true)]
async fn an_endpoint_has_so_many_turns_and_no_more() {
    let world = World::new().await;
    let webhook = world.webhook(HOST).await;
    let take = async || {
        let (now, store) = (world.now(), &world.store);
        store
            .take_turn(&webhook.id, 2, now, now + LEASE)
            .await
            .unwrap()
    };
    let first = take().await.unwrap();
    assert!(take().await.is_some());
    assert!(take().await.is_none());
    world.store.end_turn(first, world.now()).await.unwrap();
    assert!(take().await.is_some(), "the one that was ended");
    assert!(take().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_over_with_its_lease_and_its_late_end_takes_it_from_nobody() {
    let world = World::new().await;
    let webhook = world.webhook(HOST).await;
    let take = async || {
        let (now, store) = (world.now(), &world.store);
        store
            .take_turn(&webhook.id, 1, now, now + LEASE)
            .await
            .unwrap()
    };
    let dead = take().await.unwrap();
    world.pass(LEASE - SECOND).await;
    assert!(take().await.is_none());
    world.pass(SECOND).await;
    let heir = take().await.expect("the lease is over");
    world.store.end_turn(dead, world.now()).await.unwrap();
    assert!(take().await.is_none(), "it is the heir's");
    world.store.end_turn(heir, world.now()).await.unwrap();
    assert!(take().await.is_some());
}

/// Takes all turns of the webhook, as batches that die with them do.
async fn take_all(world: &World, webhook: &Webhook) {
    for _ in 0..TURNS {
        let (now, store) = (world.now(), &world.store);
        let turn = store.take_turn(&webhook.id, TURNS, now, now + LEASE).await;
        assert!(turn.unwrap().is_some());
    }
}

async fn first_attempts(world: &World, webhook: &Webhook, number: usize) {
    let (queue, now) = ("WebhookSlowQueue", world.now());
    world.first_attempts(webhook, queue, now, 0..number).await;
}

#[tokio::test(start_paused = true)]
async fn a_crowd_without_a_turn_is_held_back_unattempted_and_comes_when_there_is_one() {
    let world = World::new().await;
    let webhook = world.webhook(HOST).await;
    world.answer(HOST, |_| Answer::After(SECOND * 3, 200));
    take_all(&world, &webhook).await;
    first_attempts(&world, &webhook, BACKLOG).await;
    world.pass(SECOND * 2).await;
    let counts = world.counts("WebhookSlowQueue");
    assert_eq!(
        (counts.in_flight, counts.delayed),
        (0, BACKLOG),
        "hidden, and not in flight"
    );
    world.pass(LEASE - SECOND * 3).await;
    assert!(
        world.calls(HOST).len() <= CROWD * 2,
        "but for the last of them, no crowd"
    );
    world.until_quiet(SECOND * 60).await;
    assert_eq!(world.calls(HOST).len(), BACKLOG, "each once");
}

#[tokio::test(start_paused = true)]
async fn fewer_than_a_crowd_need_no_turn_and_neither_do_those_without_a_backlog() {
    for number in [CROWD, BACKLOG - 1] {
        let world = World::new().await;
        let webhook = world.webhook(HOST).await;
        world.answer(HOST, |_| Answer::After(SECOND * 10, 200));
        take_all(&world, &webhook).await;
        first_attempts(&world, &webhook, number).await;
        world.pass(SECOND * 2).await;
        assert_eq!(world.calls(HOST).len(), number);
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_known_to_be_quick_needs_no_turn_though_it_fails() {
    let world = World::new().await;
    let webhook = world.webhook(HOST).await;
    world.answer(HOST, |_| Answer::Status(503));
    world.publish("evt_before").await;
    world.pass(SECOND * 2).await;
    take_all(&world, &webhook).await;
    first_attempts(&world, &webhook, BACKLOG).await;
    world.pass(SECOND * 2).await;
    assert_eq!(world.calls(HOST).len(), 1 + BACKLOG);
}

#[test]
fn an_endpoint_has_a_tenth_of_the_lane_and_one_turn_at_least() {
    assert_eq!(Limits::turns_of(50).get(), TURNS);
    assert_eq!(Limits::turns_of(2).get(), 1);
}
