//! Good receipts and texts that come again, late, or out of order.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use domain::sms::delivery::Status;
use domain::sms::delivery::timeline::MOST_ENTRIES;
use domain::twilio::receipt::{CONNECTION_OVERRIDES, STATUS_PATH};

use crate::world::{Form, PHONE, PUBLIC, Tenant, World};

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
    for form in [receipt, world.a.text(1, "STOP")] {
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
    let (stop, start) = (world.a.text(1, "STOP"), world.a.text(2, "START"));
    let none = world.dump().await;
    for form in [&stop, &start] {
        assert_eq!(world.post(form.request()).await, StatusCode::OK);
        let after = world.dump().await;
        for _ in 0..5 {
            world.pass(DAY).await;
            assert_eq!(world.post(form.request()).await, StatusCode::OK);
        }
        assert_eq!(world.dump().await, after);
    }
    let after = world.dump().await;
    assert!(after.is_superset(&none));
    let kept: Vec<_> = after.difference(&none).collect();
    let applied = |item: &&String| item.contains("INBOUND#ws_a") && item.contains("expires_at");
    assert!(kept.len() == 2 && kept.iter().all(applied), "{kept:#?}");
    assert!(!kept.iter().any(|item| item.contains(PHONE)), "{kept:#?}");
    let other = Form {
        path_and_query: STATUS_PATH.to_owned(),
        ..stop
    };
    assert_eq!(world.post(other.request()).await, StatusCode::FORBIDDEN);
}

/// Posts messages of the tenant that are good, each for the first time.
async fn texted(world: &World, messages: &[(u32, &str)]) {
    for (number, word) in messages {
        let status = world.post(world.a.text(*number, word).request()).await;
        assert_eq!(status, StatusCode::OK);
        world.pass(Duration::from_secs(60)).await;
    }
}

/// Posts them again, at once and until more than a year later; nothing of the table is another then.
async fn replayed(world: &World, messages: &[(u32, &str)]) {
    let before = world.dump().await;
    for days in [0, 1, 30, 365] {
        world.pass(DAY * days).await;
        for (number, word) in messages {
            let again = world.a.text(*number, word).request();
            assert_eq!(world.post(again).await, StatusCode::OK);
        }
    }
    assert_eq!(world.dump().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_replayed_start_does_not_lift_a_newer_stop() {
    let world = World::new().await;
    texted(&world, &[(1, "STOP"), (2, "START"), (3, "STOP")]).await;
    replayed(&world, &[(2, "START"), (1, "STOP"), (2, "START")]).await;
    assert!(world.opted_out(&world.a).await);
    texted(&world, &[(4, "START")]).await;
    assert!(!world.opted_out(&world.a).await, "a new one does");
}

#[tokio::test(start_paused = true)]
async fn a_replayed_stop_does_not_undo_a_newer_start() {
    let world = World::new().await;
    texted(&world, &[(1, "START"), (2, "STOP"), (3, "START")]).await;
    replayed(&world, &[(2, "STOP"), (1, "START"), (2, "STOP")]).await;
    assert!(!world.opted_out(&world.a).await);
    texted(&world, &[(4, "STOP")]).await;
    assert!(world.opted_out(&world.a).await, "a new one does");
}

#[tokio::test(start_paused = true)]
async fn a_replayed_stop_does_not_come_back_after_an_administrator_has_cleared_it() {
    let world = World::new().await;
    texted(&world, &[(1, "STOP")]).await;
    let phone = PHONE.parse().unwrap();
    let cleared = world.store.clear_opt_outs(&world.a.workspace, &phone).await;
    assert_eq!(cleared, Ok(1));
    replayed(&world, &[(1, "STOP")]).await;
    assert!(!world.opted_out(&world.a).await);
}

/// With connection overrides, which ask Twilio to post again what got no good answer, it may sign the address as it is set.
#[tokio::test(start_paused = true)]
async fn a_repeat_counts_as_the_same_message_however_its_address_was_signed() {
    let world = World::new().await;
    let signed = |number, word| {
        let mut form = world.a.text(number, word);
        form.signed_url.push_str(CONNECTION_OVERRIDES);
        form
    };
    let (start, stop) = (signed(1, "START"), signed(2, "STOP"));
    for form in [start, stop] {
        assert_eq!(world.post(form.request()).await, StatusCode::OK);
    }
    replayed(&world, &[(1, "START"), (2, "STOP")]).await;
    assert!(world.opted_out(&world.a).await);
}

/// What Twilio signs has no marks between names and values: the SID can be made a part of the value before it.
#[tokio::test(start_paused = true)]
async fn a_replayed_start_that_has_lost_its_sid_under_the_same_signature_is_200_and_changes_nothing()
 {
    let world = World::new().await;
    texted(&world, &[(1, "STOP"), (2, "START"), (3, "STOP")]).await;
    let before = world.dump().await;
    let start = world.a.text(2, "START");
    let swallowed = start.tampered(|fields| {
        let at = fields.iter().position(|field| field.0 == "MessageSid");
        let (name, sid) = fields.remove(at.unwrap());
        let zip = fields.iter_mut().find(|field| field.0 == "FromZip");
        zip.unwrap().1.push_str(&format!("{name}{sid}"));
    });
    assert_eq!(world.post(swallowed).await, StatusCode::OK);
    let cut = start.tampered(|fields| {
        let message = fields.iter_mut().find(|field| field.0 == "MessageSid");
        let (name, sid) = message.unwrap();
        name.push_str(&sid[..2]);
        sid.drain(..2);
    });
    assert_eq!(world.post(cut).await, StatusCode::OK);
    assert_eq!(world.dump().await, before);
    assert!(world.opted_out(&world.a).await);
}
