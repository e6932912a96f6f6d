//! Equal texts to one phone at the same moment: in the account's list nobody can tell them apart.

use std::time::Duration;

use domain::sms::delivery::{Found, Source, Stage, Status};

use crate::faults::{Fault, Strike};
use crate::sending::MINUTE;
use crate::world::World;

const PHONE: &str = "+14155551234";

/// Two members share a phone and are told the same; or two events say the same of one item.
async fn two_alerts(behaviour: &str, strike: Option<Strike>) -> World {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.member("u2", PHONE).await;
    world.twilio_behaves(behaviour).await;
    if let Some(strike) = strike {
        world.faults.strike_at(strike);
    }
    world.alert("evt_1", &["u1", "u2"]).await;
    world.alert("evt_2", &["u1"]).await;
    world.until_quiet(MINUTE * 60).await;
    world
}

async fn each_is_sent_once(behaviour: &str) {
    let world = two_alerts(behaviour, None).await;
    let history = world.history().await;
    assert_eq!(history.len(), 3);
    for delivery in &history {
        assert_eq!(
            world.accepted_for(delivery),
            1,
            "{behaviour}: {delivery:#?}"
        );
        let end = delivery.status();
        assert!(
            matches!(end, Status::Sent | Status::Delivered),
            "{behaviour}: {delivery:#?}"
        );
    }
    world.check(behaviour).await;
}

#[tokio::test(start_paused = true)]
async fn each_is_sent_once_whatever_answers_are_lost() {
    for behaviour in [
        r#"{}"#,
        r#"{"timeout_after_accept": 1, "callbacks": "none"}"#,
        r#"{"timeout_before_accept": 1, "callbacks": "none"}"#,
        r#"{"timeout_before_accept": 1, "timeout_after_accept": 1, "callbacks": "none"}"#,
        r#"{"timeout_before_accept": 2, "callbacks": "none"}"#,
        r#"{"timeout_after_accept": 3, "callbacks": "none"}"#,
        r#"{"timeout_after_accept": 2, "callbacks": "none", "list_lag_ms": 90000}"#,
    ] {
        each_is_sent_once(behaviour).await;
    }
}

/// How many of the function's first calls fail, each once: a bound on the time that this takes. The reference run makes
/// over 300.
const FAILING_CALLS: usize = 60;

#[tokio::test(start_paused = true)]
async fn each_is_sent_once_also_where_one_of_the_first_calls_fails() {
    let behaviour = r#"{"timeout_before_accept": 1, "callbacks": "none"}"#;
    let reference = two_alerts(behaviour, None).await;
    let calls = reference.faults.calls("DeliverSms");
    assert!(calls > FAILING_CALLS, "{calls}");
    for call in 0..FAILING_CALLS {
        for fault in Fault::ALL {
            let strike = Strike {
                function: "DeliverSms",
                call,
                fault,
            };
            let world = two_alerts(behaviour, Some(strike)).await;
            world.check(&format!("{strike:?}")).await;
            for delivery in world.history().await {
                assert_eq!(
                    world.accepted_for(&delivery),
                    1,
                    "{strike:?}: {delivery:#?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_that_twilio_might_have_made_of_ours_is_not_taken_for_ours() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world
        .twilio_behaves(r#"{"timeout_before_accept": 1, "callbacks": "none"}"#)
        .await;
    world
        .alert_saying("label changed to 🔥", "ENG-42", "evt_1", &["u1"])
        .await;
    world.pass(Duration::from_secs(20)).await;
    world
        .twilio_behaves(r#"{"timeout_after_accept": 1, "callbacks": "none"}"#)
        .await;
    world
        .alert_saying("label changed to bug", "ENG-42", "evt_2", &["u1"])
        .await;
    world.until_quiet(MINUTE * 60).await;
    world.check("alike").await;
    let ends: Vec<_> = world
        .history()
        .await
        .iter()
        .map(|sms| sms.status())
        .collect();
    assert_eq!(ends, [Status::Unknown, Status::Delivered]);
}

/// It cannot be so by itself: whose a message is was written beforehand.
#[tokio::test(start_paused = true)]
async fn a_message_that_belongs_to_another_delivery_is_not_sent_again_for_it() {
    let probe = World::new().await;
    probe.use_twilio().await;
    probe.member("u1", PHONE).await;
    probe.alert("evt_1", &["u1"]).await;
    probe.until_quiet(MINUTE).await;
    let message_id = probe.only().await.provider_message_id.unwrap();

    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.member("u9", "+14155550777").await;
    world
        .twilio_behaves(r#"{"timeout_before_accept": 1, "callbacks": "none"}"#)
        .await;
    world.alert("evt_0", &["u9"]).await;
    world.pass(Duration::from_secs(20)).await;
    let stored = world.store.sms(&world.only().await.key).await;
    let stored = stored.unwrap().unwrap();
    let mut owner = stored.value.clone();
    let found = Found {
        message_id,
        account: None,
        stage: Stage::Sent,
        error: None,
    };
    owner.receive(found, Source::Receipt, world.now());
    world.store.save_sms(&stored, &owner).await.unwrap();
    world.twilio_behaves(r#"{"callbacks": "none"}"#).await;
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE * 60).await;
    let history = world.history().await;
    let ours = history.iter().find(|sms| sms.key != owner.key).unwrap();
    assert_eq!((ours.status(), world.accepted_for(ours)), (Status::Sent, 1));
}

#[tokio::test(start_paused = true)]
async fn a_text_whose_holder_was_lost_is_freed() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world
        .twilio_behaves(r#"{"timeout_before_accept": 1}"#)
        .await;
    world.alert("evt_1", &["u1"]).await;
    world.pass(Duration::from_secs(20)).await;
    world.lose(&world.only().await).await;
    world.alert("evt_2", &["u1"]).await;
    world.until_quiet(MINUTE * 5).await;
    assert_eq!(world.only().await.status(), Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_an_equal_text_says_so() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world
        .twilio_behaves(r#"{"timeout_before_accept": 1}"#)
        .await;
    world.alert("evt_1", &["u1"]).await;
    world.pass(Duration::from_secs(20)).await;
    world.alert("evt_2", &["u1"]).await;
    world.pass(Duration::from_secs(20)).await;
    let waiting = world.history().await.pop().unwrap();
    assert_eq!(waiting.status(), Status::Queued);
    assert!(waiting.error.unwrap().message.contains("equal text"));
    world.until_quiet(MINUTE * 20).await;
    let ends = world.history().await;
    assert!(ends.iter().all(|sms| sms.error.is_none()), "{ends:#?}");
    world.check("waits").await;
}

#[tokio::test(start_paused = true)]
async fn the_second_waits_no_longer_than_the_first_takes() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.member("u2", PHONE).await;
    let begun = world.now();
    world.alert("evt_1", &["u1", "u2"]).await;
    world.until_quiet(MINUTE * 5).await;
    for message in world.twilio.accepted() {
        let after = message.created.duration_since(begun);
        assert!(after.as_secs() <= 20, "{after:?}");
    }
    world.pass(Duration::from_secs(1)).await;
}
