//! Who gets what.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsMessage;
use deliver_sms::step::TOO_MANY_RECEIVES;
use domain::catalogue::AlertType;
use domain::sms::delivery::{
    Purpose, Recipient, SmsDelivery, SmsKey, Stage, State, Status, Timeline,
};
use domain::sms::member::NotSent;
use domain::sms::provider::CarrierKind;
use domain::sms::segments;
use platform::queue::message::SmsWakeUp;

use crate::world::{SENDER, World};

pub const MINUTE: Duration = Duration::from_secs(60);
const PHONE: &str = "+14155551234";

#[tokio::test(start_paused = true)]
async fn an_alert_reaches_the_phone_and_its_receipts_the_history() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Delivered);
    let text = "SetGet Alert: Work item ENG-42 \"Fix login redirect\" priority changed to Urgent.\n\
                View: https://app.setget.io/s/issues/ENG-42";
    let [message] = &world.twilio.accepted()[..] else {
        panic!("one message")
    };
    assert_eq!((message.to.as_str(), message.body.as_str()), (PHONE, text));
    assert_eq!(message.from.as_deref(), Some(SENDER));
    assert_eq!(delivery.provider_message_id.as_deref(), Some(&*message.sid));
    let stages: Vec<_> = delivery
        .timeline
        .entries()
        .iter()
        .map(|entry| entry.status)
        .collect();
    assert_eq!(stages[..3], [Stage::Queued, Stage::Sending, Stage::Sent]);
    assert_eq!(stages.last(), Some(&Stage::Delivered));
    assert_eq!(
        (delivery.entity.as_str(), delivery.segments.get()),
        ("ENG-42: Fix login redirect", 1)
    );
    world.check("an alert").await;
}

#[tokio::test(start_paused = true)]
async fn everyone_who_is_named_and_not_sent_to_is_counted_with_the_reason() {
    let world = World::new().await;
    world.alert("evt_0", &["u1", "u2"]).await;
    world.until_quiet(MINUTE).await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world
        .member_with("u2", |member| {
            member.phone = Some("+14155551235".parse().unwrap());
            member.preferences.0.insert(AlertType::Mentioned);
        })
        .await;
    world
        .member_with("u3", |member| {
            member.preferences.0.insert(AlertType::PriorityChanged);
        })
        .await;
    world.member("u4", "+14155551236").await;
    let phone = "+14155551236".parse().unwrap();
    world
        .store
        .add_opt_out(&world.workspace(), &phone, SENDER, world.now())
        .await
        .unwrap();
    world
        .alert("evt_1", &["u1", "u2", "u3", "u4", "stranger"])
        .await;
    world.until_quiet(MINUTE).await;
    assert_eq!(
        world.only().await.recipient.user_id,
        Some("u1".parse().unwrap())
    );
    let not_sent = world.not_sent().await;
    let expected = [
        (NotSent::NoProvider, 2),
        (NotSent::SwitchedOff, 1),
        (NotSent::NoPhone, 2),
        (NotSent::OptedOut, 1),
    ];
    assert_eq!(not_sent, expected.into());
    world.check("not sent").await;
}

#[tokio::test(start_paused = true)]
async fn the_same_event_twice_or_with_another_time_alerts_once_whatever_was_changed_meanwhile() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.alert("evt_1", &["u1", "u2"]).await;
    world.alert("evt_1", &["u1", "u2"]).await;
    world.until_quiet(MINUTE).await;
    // u2 becomes reachable: what was decided stands.
    world.member("u2", "+14155551235").await;
    world.alert("evt_1", &["u1", "u2"]).await;
    world.until_quiet(MINUTE).await;
    world.only().await;
    // Somebody who was not named then is named now.
    world.member("u3", "+14155551236").await;
    world.alert("evt_1", &["u1", "u2", "u3"]).await;
    world.until_quiet(MINUTE).await;
    assert_eq!(world.history().await.len(), 2);
    assert_eq!(world.twilio.accepted().len(), 2);
    assert_eq!(world.not_sent().await, [(NotSent::NoPhone, 1)].into());
    world.check("twice").await;
}

#[tokio::test(start_paused = true)]
async fn the_most_recipients_are_decided_for_in_several_transactions_and_none_twice() {
    let world = World::new().await;
    world.use_twilio().await;
    let users: Vec<String> = (0..500).map(|number| format!("u{number}")).collect();
    for (number, user) in users.iter().enumerate().step_by(2) {
        world
            .member(user, &format!("+1415555{:04}", 2000 + number))
            .await;
    }
    let named: Vec<&str> = users.iter().map(String::as_str).collect();
    world.alert("evt_1", &named).await;
    world.alert("evt_1", &named).await;
    world.until_quiet(MINUTE * 10).await;
    let history = world.history().await;
    assert_eq!(history.len(), 250);
    assert!(history.iter().all(|sms| sms.status() == Status::Delivered));
    assert_eq!(world.twilio.accepted().len(), 250);
    assert_eq!(world.not_sent().await, [(NotSent::NoPhone, 250)].into());
    world.check("500 recipients").await;
}

#[tokio::test(start_paused = true)]
async fn a_throttled_send_is_tried_again_after_30_s_2_min_and_10_min() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.twilio_behaves(r#"{"reject_429": 3}"#).await;
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE * 20).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Delivered);
    let begun: Vec<_> = delivery
        .timeline
        .entries()
        .iter()
        .filter(|entry| {
            entry.status == Stage::Sending && entry.source == domain::sms::delivery::Source::Service
        })
        .map(|entry| entry.at)
        .collect();
    let waits: Vec<_> = begun
        .windows(2)
        .map(|pair| pair[1].duration_since(pair[0]).as_secs())
        .collect();
    for (wait, least) in waits.iter().zip([30, 120, 600]) {
        assert!((least..=least + least / 10 + 3).contains(wait), "{waits:?}");
    }
    world.twilio_behaves(r#"{"reject_429": 4}"#).await;
    world.alert("evt_2", &["u1"]).await;
    world.until_quiet(MINUTE * 20).await;
    assert_eq!(world.history().await[1].status(), Status::Failed);
    world.check("throttled").await;
}

#[tokio::test(start_paused = true)]
async fn refusals_are_final_with_twilios_code_and_a_way_out() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("invalid", "+15005550001").await;
    world.member("landline", "+15005550009").await;
    world.alert("evt_1", &["invalid", "landline"]).await;
    world.until_quiet(MINUTE).await;
    let mut codes = Vec::new();
    for delivery in world.history().await {
        assert_eq!(delivery.status(), Status::Failed);
        let error = delivery.error.unwrap();
        assert!(!error.remedy.is_empty());
        assert!(!error.message.contains("5005550"), "{}", error.message);
        codes.push(error.code.unwrap());
    }
    codes.sort_unstable();
    assert_eq!(codes, [21211, 21614]);
    world.check("refused").await;
}

#[tokio::test(start_paused = true)]
async fn who_has_opted_out_at_twilio_is_remembered_and_not_tried_again() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", "+15005550004").await;
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE).await;
    let delivery = world.only().await;
    assert_eq!(delivery.error.unwrap().code, Some(21610));
    world.alert("evt_2", &["u1"]).await;
    world.until_quiet(MINUTE).await;
    world.only().await;
    assert_eq!(world.not_sent().await, [(NotSent::OptedOut, 1)].into());
    world.check("opted out").await;
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_between_decision_and_send_holds() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.twilio_behaves(r#"{"reject_429": 1}"#).await;
    world.alert("evt_1", &["u1"]).await;
    world.pass(Duration::from_secs(10)).await;
    let phone = PHONE.parse().unwrap();
    world
        .store
        .add_opt_out(&world.workspace(), &phone, SENDER, world.now())
        .await
        .unwrap();
    world.until_quiet(MINUTE * 5).await;
    assert_eq!(world.only().await.status(), Status::Failed);
    assert!(world.twilio.accepted().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_removed_or_replaced_counts_for_the_next_attempt() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.twilio_behaves(r#"{"reject_429": 2}"#).await;
    world.alert("evt_1", &["u1"]).await;
    world.alert_of("ENG-43", "evt_2", &["u1"]).await;
    world.pass(Duration::from_secs(10)).await;
    world.remove_provider().await;
    world.until_quiet(MINUTE * 5).await;
    for delivery in world.history().await {
        assert_eq!(delivery.status(), Status::Failed);
        assert!(delivery.error.unwrap().message.contains("no SMS provider"));
    }

    world.use_twilio().await;
    world.twilio_behaves(r#"{"reject_429": 1}"#).await;
    world.alert_of("ENG-44", "evt_3", &["u1"]).await;
    world.pass(Duration::from_secs(10)).await;
    world.use_gateway(false, None).await;
    world.answer(|| crate::carriers::Answer::Status(202));
    world.until_quiet(MINUTE * 5).await;
    let last = world.history().await.pop().unwrap();
    assert_eq!(
        (last.status(), last.carrier),
        (Status::Sent, CarrierKind::Http)
    );
    assert_eq!(world.gateway_calls().len(), 1);
    world.check("replaced").await;
}

#[tokio::test(start_paused = true)]
async fn who_is_a_member_no_more_is_told_nothing_more() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.twilio_behaves(r#"{"reject_429": 1}"#).await;
    world.alert("evt_1", &["u1"]).await;
    world.pass(Duration::from_secs(10)).await;
    let user = "u1".parse().unwrap();
    let deleted = world.store.delete_member(&world.workspace(), &user).await;
    deleted.unwrap();
    world.until_quiet(MINUTE * 5).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Failed);
    assert!(delivery.error.unwrap().message.contains("no member"));
    assert!(world.twilio.accepted().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_public_base_url_that_twilio_does_not_take_stops_no_send() {
    let world = World::at("no URL").await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE).await;
    assert_eq!(world.only().await.status(), Status::Sent);
    let [message] = &world.twilio.accepted()[..] else {
        panic!("one message")
    };
    assert_eq!(message.status_callback, None);
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_that_comes_before_its_item_waits_for_it() {
    let world = World::new().await;
    world.use_twilio().await;
    let delivery = test_message(&world);
    let wake_up = serde_json::to_string(&SmsWakeUp::of(&delivery.key)).unwrap();
    world.send("SmsQueue", wake_up.clone()).await;
    world.pass(Duration::from_secs(30)).await;
    world.store.create_sms(&delivery).await.unwrap();
    world.until_quiet(MINUTE * 3).await;
    assert_eq!(world.only().await.status(), Status::Delivered);
    // One whose item never comes is given up.
    let never = SmsKey {
        id: "dlv_000000000000000000000000000000".parse().unwrap(),
        ..delivery.key
    };
    let wake_up = serde_json::to_string(&SmsWakeUp::of(&never)).unwrap();
    world.send("SmsQueue", wake_up).await;
    world.until_quiet(MINUTE * 3).await;
}

/// A test message as the API makes one.
pub fn test_message(world: &World) -> SmsDelivery {
    let now = world.now();
    let text = "SetGet Alert: [Test] Work item ENG-42 changed.";
    let count = segments::count(text);
    let event_id = "test_1".parse().unwrap();
    let workspace = world.workspace();
    SmsDelivery {
        key: SmsKey {
            id: domain::ids::DeliveryId::for_sms(&workspace, &event_id, now, ""),
            workspace,
        },
        purpose: Purpose::Test,
        event_id,
        event_time: now,
        alert_type: AlertType::PriorityChanged,
        recipient: Recipient {
            user_id: None,
            name: None,
            phone: PHONE.parse().unwrap(),
        },
        entity: "ENG-42: Fix login redirect".to_owned(),
        text: text.to_owned(),
        encoding: count.encoding,
        segments: count.segments,
        carrier: CarrierKind::Twilio,
        sender: SENDER.to_owned(),
        state: State::new(now),
        provider_message_id: None,
        inquiry: None,
        error: None,
        timeline: Timeline::default(),
        created_at: now,
        expires_at: now + Duration::from_secs(86_400),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_woken_too_often_is_settled_before_the_queue_would_drop_it() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.twilio_behaves(r#"{"reject_429": 1}"#).await;
    world.alert("evt_1", &["u1"]).await;
    world.pass(Duration::from_secs(10)).await;
    let wake_up = SmsWakeUp::of(&world.only().await.key);
    let mut record = SqsMessage::default();
    record.message_id = Some("1".to_owned());
    record.body = Some(serde_json::to_string(&wake_up).unwrap());
    let received = |count: u32| {
        let mut record = record.clone();
        let attribute = "ApproximateReceiveCount".to_owned();
        record.attributes.insert(attribute, count.to_string());
        vec![record]
    };
    let deadline = world.now() + Duration::from_secs(30);
    let often = received(TOO_MANY_RECEIVES - 1);
    world.deliver.handle(often, deadline).await;
    assert_eq!(world.only().await.status(), Status::Sending);
    let too_often = received(TOO_MANY_RECEIVES);
    world.deliver.handle(too_often, deadline).await;
    assert_eq!(world.only().await.status(), Status::Failed);
    world.until_quiet(MINUTE * 5).await;
    assert!(world.twilio.accepted().is_empty());
    world.check("woken too often").await;
}

/// Reads work, and so the delivery is found due each time.
#[tokio::test(start_paused = true)]
async fn while_the_table_takes_no_writes_an_alert_keeps_its_receives_and_is_sent_afterwards() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.faults.throttle_transactions_of(Some("DeliverSms"));
    world.alert("evt_1", &["u1"]).await;
    world.pass(MINUTE * 10).await;
    assert_eq!(world.only().await.status(), Status::Queued);
    let calls = world.faults.calls("DeliverSms");
    assert!(calls < 500, "{calls} calls in ten minutes");
    world.faults.throttle_transactions_of(None);
    world.until_quiet(MINUTE * 5).await;
    assert_eq!(world.only().await.status(), Status::Delivered);
    assert_eq!(world.twilio.accepted().len(), 1);
    world.check("throttled").await;
}

/// A moment of it is not even noticed.
#[tokio::test(start_paused = true)]
async fn a_transaction_that_is_throttled_is_tried_again_at_once() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.faults.throttle_transactions_of(Some("DeliverSms"));
    world.alert("evt_1", &["u1"]).await;
    world.pass(Duration::from_millis(500)).await;
    world.faults.throttle_transactions_of(None);
    let begun = world.now();
    world.until_quiet(MINUTE * 5).await;
    let delivery = world.only().await;
    let accepted = delivery.timeline.entries().iter();
    let sent = accepted
        .map(|entry| entry.at)
        .find(|at| *at > begun)
        .unwrap();
    assert!(sent.duration_since(begun).as_secs() < 4, "{delivery:?}");
    world.check("throttled for a moment").await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_wake_up_goes_to_the_dead_letters_at_once() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.send("SmsQueue", "nonsense".to_owned()).await;
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE).await;
    assert_eq!(world.held("SmsDeadLetterQueue"), 1);
    assert_eq!(world.only().await.status(), Status::Delivered);
}
