//! Turns at an endpoint, and crowds of deliveries that get none.

use std::time::Duration;

use deliver_webhook::crowd::{BACKLOG, CROWD, Turns};
use deliver_webhook::step::LEASE;
use domain::webhook::Webhook;
use platform::store::turns::TurnOf;

use crate::world::{Answer, World};

const SECOND: Duration = Duration::from_secs(1);
const HOST: &str = "hanging.example.com";
/// Of the slow lane as the template has it.
const TURNS: usize = 5;
const TURNS_OF_A_WORKSPACE: usize = 12;

#[tokio::test(start_paused = true)]
async fn an_endpoint_has_so_many_turns_and_no_more() {
    let world = World::new().await;
    let webhook = world.webhook(HOST).await;
    let take = async || {
        let (now, store) = (world.now(), &world.store);
        store
            .take_turn(TurnOf::Endpoint(&webhook.id), 2, now, now + LEASE)
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
            .take_turn(TurnOf::Endpoint(&webhook.id), 1, now, now + LEASE)
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

/// Takes all of somebody's turns, as batches that die with them do.
async fn take_all(world: &World, whose: TurnOf<'_>, turns: usize) {
    for _ in 0..turns {
        let (now, store) = (world.now(), &world.store);
        let turn = store.take_turn(whose, turns, now, now + LEASE).await;
        assert!(turn.unwrap().is_some());
    }
}

async fn take_all_at(world: &World, webhook: &Webhook) {
    take_all(world, TurnOf::Endpoint(&webhook.id), TURNS).await;
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
    take_all_at(&world, &webhook).await;
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
        take_all_at(&world, &webhook).await;
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
    take_all_at(&world, &webhook).await;
    first_attempts(&world, &webhook, BACKLOG).await;
    world.pass(SECOND * 2).await;
    assert_eq!(world.calls(HOST).len(), 1 + BACKLOG);
}

/// As many webhooks, with one delivery each.
async fn deliveries_of_a_workspace(world: &World, number: usize) -> Vec<Webhook> {
    let mut webhooks = Vec::new();
    for place in 0..number {
        let host = host_of(place);
        world.answer(&host, |_| Answer::After(SECOND * 3, 200));
        let webhook = world.webhook(&host).await;
        first_attempts(world, &webhook, 1).await;
        webhooks.push(webhook);
    }
    webhooks
}

fn host_of(place: usize) -> String {
    format!("{place}.hanging.example.com")
}

fn calls(world: &World, number: usize) -> usize {
    (0..number)
        .map(|place| world.calls(&host_of(place)).len())
        .sum()
}

#[tokio::test(start_paused = true)]
async fn a_workspace_of_many_endpoints_is_a_crowd_as_well_and_without_a_turn_it_is_held_back() {
    let world = World::new().await;
    let workspace = "ws_1".parse().unwrap();
    take_all(&world, TurnOf::Workspace(&workspace), TURNS_OF_A_WORKSPACE).await;
    deliveries_of_a_workspace(&world, BACKLOG).await;
    world.pass(SECOND * 2).await;
    let counts = world.counts("WebhookSlowQueue");
    assert_eq!((counts.in_flight, counts.delayed), (0, BACKLOG));
    world.until_quiet(LEASE + SECOND * 60).await;
    assert_eq!(calls(&world, BACKLOG), BACKLOG, "each once");
}

#[tokio::test(start_paused = true)]
async fn a_workspace_with_a_turn_is_attempted_and_its_turn_ends_with_the_batch() {
    let world = World::new().await;
    let workspace = "ws_1".parse().unwrap();
    take_all(
        &world,
        TurnOf::Workspace(&workspace),
        TURNS_OF_A_WORKSPACE - 1,
    )
    .await;
    deliveries_of_a_workspace(&world, BACKLOG).await;
    world.pass(SECOND * 2).await;
    assert_eq!(calls(&world, BACKLOG), BACKLOG);
    let take = async || {
        let (now, store) = (world.now(), &world.store);
        let whose = TurnOf::Workspace(&workspace);
        store
            .take_turn(whose, TURNS_OF_A_WORKSPACE, now, now + LEASE)
            .await
            .unwrap()
    };
    assert!(take().await.is_none(), "the batch has it");
    world.pass(SECOND * 3).await;
    assert!(take().await.is_some());
}

#[test]
fn an_endpoint_has_a_tenth_of_the_lane_a_workspace_a_quarter_and_each_one_turn_at_least() {
    let turns = |concurrency| {
        let turns = Turns::of(concurrency);
        (turns.endpoint.get(), turns.workspace.get())
    };
    assert_eq!(turns(50), (TURNS, TURNS_OF_A_WORKSPACE));
    assert_eq!(turns(2), (1, 1));
}
