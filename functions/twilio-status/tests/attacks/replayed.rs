//! Good receipts that come again, late, or out of order.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use domain::sms::delivery::Status;
use domain::sms::delivery::timeline::MOST_ENTRIES;
use domain::twilio::receipt::STATUS_PATH;

use crate::world::{Form, PUBLIC, Tenant, World};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The items of the table that are another now, and not the delivery's.
fn changed_beside(
    before: &BTreeSet<String>,
    after: &BTreeSet<String>,
    tenant: &Tenant,
) -> Vec<String> {
    let own = format!("\"sk\": S(\"{}\")", tenant.delivery);
    let changed = before.symmetric_difference(after);
    changed
        .filter(|item| !item.contains(&own))
        .cloned()
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_is_replayed_is_200_and_adds_no_more_than_lines_to_a_timeline_that_has_an_end()
 {
    let world = World::new().await;
    let receipt = world.a.receipt("delivered");
    assert_eq!(world.post(receipt.request()).await, StatusCode::OK);
    let before = (world.dump().await, world.delivery(&world.a).await);
    for _ in 0..150 {
        assert_eq!(world.post(receipt.request()).await, StatusCode::OK);
    }
    let mut after = world.delivery(&world.a).await;
    assert!(after.timeline.entries().len() <= MOST_ENTRIES + 1);
    let beside = changed_beside(&before.0, &world.dump().await, &world.a);
    assert!(beside.is_empty(), "{beside:#?}");
    after.timeline = before.1.timeline.clone();
    assert_eq!(after, before.1);
}

#[tokio::test(start_paused = true)]
async fn older_receipts_after_the_last_word_change_the_timeline_alone() {
    let stages = [
        "accepted",
        "queued",
        "sending",
        "sent",
        "failed",
        "undelivered",
        "delivered",
    ];
    for (at, last) in stages.iter().enumerate().skip(4) {
        let world = World::new().await;
        world.post(world.a.receipt(last).request()).await;
        let before = (world.dump().await, world.delivery(&world.a).await);
        for earlier in &stages[..at] {
            world.pass(Duration::from_secs(60)).await;
            let status = world.post(world.a.receipt(earlier).request()).await;
            assert_eq!(status, StatusCode::OK, "{earlier} after {last}");
        }
        let mut after = world.delivery(&world.a).await;
        let beside = changed_beside(&before.0, &world.dump().await, &world.a);
        assert!(beside.is_empty(), "{last}: {beside:#?}");
        after.timeline = before.1.timeline.clone();
        assert_eq!(after, before.1, "{last}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_is_refused_once_its_token_has_been_replaced_for_longer_than_72_hours() {
    let world = World::new().await;
    let receipt = world.a.receipt("delivered");
    world.use_twilio(&world.a, "another token").await;
    world.pass(DAY * 3).await;
    let before = world.dump().await;
    for form in [receipt, world.a.text("STOP")] {
        assert_eq!(world.post(form.request()).await, StatusCode::FORBIDDEN);
    }
    assert_eq!(world.dump().await, before);
    assert_eq!(world.delivery(&world.a).await.status(), Status::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_good_receipt_of_a_message_that_nobody_sent_touches_no_delivery() {
    let world = World::new().await;
    let nobodys = format!("SM{}", "0".repeat(32));
    let mut receipt = world.a.receipt("delivered");
    receipt.path_and_query = STATUS_PATH.to_owned();
    receipt.signed_url = format!("{PUBLIC}{STATUS_PATH}");
    for (_, value) in receipt
        .fields
        .iter_mut()
        .filter(|(_, value)| *value == world.a.message)
    {
        value.clone_from(&nobodys);
    }
    let before = world.dump().await;
    assert_eq!(world.post(receipt.request()).await, StatusCode::OK);
    let after = world.dump().await;
    assert!(after.is_superset(&before));
    let kept: Vec<_> = after.difference(&before).collect();
    assert!(kept.len() == 1 && kept[0].contains(&nobodys), "{kept:#?}");
    let early = world.store.early_receipts(&world.b.workspace, &nobodys);
    assert!(
        early.await.unwrap().is_empty(),
        "it counts for its own workspace alone"
    );
}

#[tokio::test(start_paused = true)]
async fn a_replayed_stop_or_start_is_what_it_was() {
    let world = World::new().await;
    let (stop, start) = (world.a.text("STOP"), world.a.text("START"));
    let none = world.dump().await;
    world.post(stop.request()).await;
    let out = world.dump().await;
    for _ in 0..5 {
        assert_eq!(world.post(stop.request()).await, StatusCode::OK);
    }
    assert_eq!(world.dump().await.len(), out.len());
    for _ in 0..5 {
        assert_eq!(world.post(start.request()).await, StatusCode::OK);
    }
    assert_eq!(world.dump().await, none);
    let other = Form {
        path_and_query: STATUS_PATH.to_owned(),
        ..stop
    };
    assert_eq!(world.post(other.request()).await, StatusCode::FORBIDDEN);
}
