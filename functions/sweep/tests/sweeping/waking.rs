//! What `sweep` does about deliveries that have no message.

use domain::channel::Channel;
use domain::waiting::Waiting;

use crate::world::World;

/// A minute, as the schedule has it.
const MINUTE: i64 = 60;

async fn parked(world: &World) -> u64 {
    let waits = world.store.waits(Channel::Webhook, Waiting::Parked);
    waits.await.unwrap().count
}

#[tokio::test]
async fn a_parked_delivery_is_woken_once_when_it_is_due_and_not_before() {
    let world = World::new().await;
    let id = world.park(1, 30 * MINUTE).await;
    let mut woken_at = Vec::new();
    for minute in 0..33 {
        world.run().await;
        let woken = world.woken("WebhookSlowQueue").await;
        woken_at.extend(woken.into_iter().map(|woken| (minute, woken)));
        world.pass(MINUTE);
    }
    assert_eq!(woken_at, [(30, id)]);
    assert_eq!(parked(&world).await, 0);
}

#[tokio::test]
async fn a_wake_up_comes_to_the_second_and_is_sent_long_before() {
    let world = World::new().await;
    let id = world.park(1, 13 * MINUTE).await;
    world.run().await;
    assert_eq!(parked(&world).await, 0, "it has its message");
    world.pass(13 * MINUTE - 1);
    assert!(world.woken("WebhookSlowQueue").await.is_empty());
    world.pass(1);
    assert_eq!(world.woken("WebhookSlowQueue").await, [id]);
}

#[tokio::test]
async fn many_that_are_due_together_get_one_wake_up_each() {
    let world = World::new().await;
    let mut ids = Vec::new();
    // More than two pages of one partition, and some others.
    for event in 0..8_000 {
        let shard = world.pending(event, 0).key.id.due_shard().to_string();
        if shard == "0" || event < 50 {
            ids.push(world.park(event, event % 180).await);
        }
    }
    assert!(ids.len() > 250, "{}", ids.len());
    ids.sort_unstable();
    world.run().await;
    world.run().await;
    world.pass(180);
    assert_eq!(world.woken("WebhookSlowQueue").await, ids);
}

#[tokio::test]
async fn a_run_that_dies_between_sending_and_moving_is_made_up_for_by_the_next() {
    let world = World::new().await;
    let id = world.park(1, 0).await;
    let deadline = world.at(55);
    let died = world.sweep_that_moves_nothing();
    died.handle(deadline).await.unwrap();
    assert_eq!(parked(&world).await, 1, "not moved");
    world.run().await;
    world.run().await;
    assert_eq!(world.woken("WebhookSlowQueue").await, [id.clone(), id]);
}

#[tokio::test]
async fn what_could_not_be_sent_stays_where_it_is() {
    let world = World::new().await;
    let id = world.park(1, 0).await;
    let deadline = world.at(55);
    world
        .sweep_that_cannot_send()
        .handle(deadline)
        .await
        .unwrap();
    let undecided = world
        .metrics()
        .into_iter()
        .filter_map(|line| line["Undecided"].as_u64());
    assert_eq!(undecided.sum::<u64>(), 1);
    assert_eq!(parked(&world).await, 1);
    world.run().await;
    assert_eq!(world.woken("WebhookSlowQueue").await, [id]);
}

#[tokio::test]
async fn two_runs_at_once_lose_nothing() {
    let world = World::new().await;
    let mut ids = Vec::new();
    for event in 0..60 {
        ids.push(world.park(event, 0).await);
    }
    ids.sort_unstable();
    let other = world.another_sweep();
    let deadline = world.at(55);
    let (one, two) = tokio::join!(world.sweep.handle(deadline), other.handle(deadline));
    one.and(two).unwrap();
    assert_eq!(parked(&world).await, 0);
    let mut woken = world.woken("WebhookSlowQueue").await;
    assert!(woken.len() <= 120, "by either run once at most");
    woken.dedup();
    assert_eq!(woken, ids);
    world.run().await;
    assert!(world.woken("WebhookSlowQueue").await.is_empty());
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_holds_up_nobody() {
    let world = World::new().await;
    let id = world.park(1, 0).await;
    let shard = format!("PARKED#WEBHOOK#{}", id.chars().last().unwrap());
    // In front of the other one: no delivery's id, and an item of no webhook.
    world.put("LOG#wh_1#0", "nonsense", &shard, -60, &[]).await;
    world
        .put("NONSENSE", &id, &shard, -60, &[("workspace", "ws_1")])
        .await;
    world.run().await;
    assert_eq!(world.woken("WebhookSlowQueue").await, [id]);
    let undecided = world
        .metrics()
        .into_iter()
        .filter_map(|line| line["Undecided"].as_u64());
    assert_eq!(undecided.sum::<u64>(), 2, "it is told");
}

#[tokio::test]
async fn an_item_whose_workspace_only_its_document_names_is_woken_too() {
    let world = World::new().await;
    let id = world.park(1, 0).await;
    world.strip(&world.pending(1, 0).key, "workspace").await;
    world.run().await;
    assert_eq!(world.woken("WebhookSlowQueue").await, [id]);
}

#[tokio::test]
async fn an_sms_whose_provider_is_to_be_asked_is_woken() {
    let world = World::new().await;
    let sms = world.queued(1, 0);
    let id = sms.key.id.to_string();
    let shard = format!("RECEIPT#SMS#{}", sms.key.id.due_shard());
    let pk = format!("SMS#ws_1#{}", sms.key.id.shard().number());
    world.put(&pk, &id, &shard, 60, &[]).await;
    world.run().await;
    world.run().await;
    assert!(
        world.woken("SmsQueue").await.is_empty(),
        "not before its time"
    );
    world.pass(60);
    assert_eq!(world.woken("SmsQueue").await, [id]);
    let waits = world.store.waits(Channel::Sms, Waiting::WithMessage).await;
    assert_eq!(
        waits.unwrap().first_due(),
        Some(world.at(60)),
        "its time is left as it is"
    );
}

#[tokio::test]
async fn a_run_without_time_begins_nothing_and_the_next_one_does_it() {
    let world = World::new().await;
    let id = world.park(1, 0).await;
    let soon = world.start + sweep::wake::TIME_TO_FINISH;
    world.sweep.handle(soon).await.unwrap();
    assert!(world.woken("WebhookSlowQueue").await.is_empty());
    world.run().await;
    assert_eq!(world.woken("WebhookSlowQueue").await, [id]);
}
