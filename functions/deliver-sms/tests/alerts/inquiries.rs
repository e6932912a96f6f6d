//! Messages of which no receipt brings the last word: Twilio is asked.

use std::time::Duration;

use domain::sms::delivery::{SmsDelivery, Source, Status};
use domain::sms::member::NotSent;
use domain::sms::provider::ProviderConfig;
use jiff::Timestamp;
use platform::queue::message::SmsWakeUp;

use crate::carriers::{Answer, Shown};
use crate::sending::{MINUTE, test_message};
use crate::world::{World, item_key};

const PHONE: &str = "+14155551234";
const HOUR: Duration = Duration::from_secs(60 * 60);
/// When a message is asked about, after it was accepted.
const TIMES: [Duration; 4] = [
    Duration::from_secs(15 * 60),
    Duration::from_secs(2 * 60 * 60),
    Duration::from_secs(12 * 60 * 60),
    Duration::from_secs(26 * 60 * 60),
];
/// How late a wake-up may be: delays and sleeps are in whole seconds, and queues are polled.
const LATE: Duration = Duration::from_secs(5);

/// A workspace whose receipts do not come.
async fn without_receipts() -> World {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.twilio_behaves(r#"{"callbacks": "none"}"#).await;
    world
}

/// An alert that was sent.
async fn one_sent(world: &World) -> SmsDelivery {
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Sent);
    world.check("sent").await;
    delivery
}

fn accepted_at(delivery: &SmsDelivery) -> Timestamp {
    let mut entries = delivery.timeline.entries().iter();
    let accepted = entries.find(|entry| entry.source == Source::Provider);
    accepted.unwrap().at
}

fn inquiries(delivery: &SmsDelivery) -> usize {
    let entries = delivery.timeline.entries().iter();
    entries
        .filter(|entry| entry.source == Source::Inquiry)
        .count()
}

/// Asserts that Twilio was asked at these of the times, never early, and in no other moment.
fn assert_asked(world: &World, delivery: &SmsDelivery, times: &[Duration]) {
    let asked = world.asked();
    assert_eq!(asked.len(), times.len(), "{asked:?}");
    for ((at, sid), time) in asked.iter().zip(times) {
        let due = accepted_at(delivery) + *time;
        assert!((due..=due + LATE).contains(at), "{at} for {due}");
        assert_eq!(Some(sid), delivery.provider_message_id.as_ref());
    }
}

#[tokio::test(start_paused = true)]
async fn without_receipts_each_message_ends_as_twilio_says_when_it_is_asked() {
    let world = without_receipts().await;
    world.member("u2", "+14155550101").await;
    world.member("u3", "+14155550102").await;
    world.member("u4", "+14155550103").await;
    world.alert("evt_1", &["u1", "u2", "u3", "u4"]).await;
    world.until_quiet(MINUTE).await;
    world.until_asked(MINUTE * 20).await;
    let mut ends = Vec::new();
    for delivery in world.history().await {
        let user = delivery.recipient.user_id.clone().unwrap().to_string();
        let code = delivery.error.as_ref().and_then(|error| error.code);
        assert_eq!(inquiries(&delivery), 1, "{delivery:#?}");
        ends.push((user, delivery.status(), code));
    }
    ends.sort();
    let expected = [
        ("u1".to_owned(), Status::Delivered, None),
        ("u2".to_owned(), Status::Undelivered, Some(30005)),
        ("u3".to_owned(), Status::Failed, Some(30006)),
        ("u4".to_owned(), Status::Undelivered, Some(30003)),
    ];
    assert_eq!(ends, expected);
    assert_eq!(world.asked().len(), 4);
    assert_eq!(world.twilio.accepted().len(), 4);
    world.check("asked").await;
}

#[tokio::test(start_paused = true)]
async fn what_stays_sent_is_asked_about_at_the_schedules_times_and_never_again() {
    let world = without_receipts().await;
    world.show(|_| Shown::With("sent", None));
    one_sent(&world).await;
    world.until_asked(HOUR * 27).await;
    let delivery = world.only().await;
    assert_asked(&world, &delivery, &TIMES);
    assert_eq!(delivery.status(), Status::Sent);
    assert_eq!(inquiries(&delivery), 4);
    world.check("stays sent").await;
    world.pass(HOUR * 30).await;
    assert_asked(&world, &delivery, &TIMES);
    assert_eq!(world.index().await, []);
    assert_eq!(world.twilio.accepted().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_receipts_nobody_asks() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE).await;
    assert_eq!(world.only().await.status(), Status::Delivered);
    assert_eq!(world.index().await, []);
    world.pass(HOUR * 27).await;
    assert_eq!(world.asked(), []);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_with_the_last_word_ends_the_asking_and_another_one_does_not() {
    let world = without_receipts().await;
    world.show(|_| Shown::With("sent", None));
    let delivery = one_sent(&world).await;
    world.pass(MINUTE * 5).await;
    crate::receipts::post(&world, &delivery, "sent").await;
    while world.asked().is_empty() {
        world.sweep().await;
        world.pass(MINUTE).await;
    }
    assert_asked(&world, &delivery, &TIMES[..1]);
    crate::receipts::post(&world, &delivery, "delivered").await;
    assert_eq!(world.index().await, []);
    world.pass(HOUR * 27).await;
    assert_asked(&world, &delivery, &TIMES[..1]);
    assert_eq!(world.only().await.status(), Status::Delivered);
    world.check("receipt").await;
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_overtakes_the_answer_holds() {
    let world = without_receipts().await;
    world.show(|_| Shown::Silence);
    let delivery = one_sent(&world).await;
    while world.asked().is_empty() {
        world.sweep().await;
        world.pass(Duration::from_secs(1)).await;
    }
    crate::receipts::post(&world, &delivery, "undelivered").await;
    world.until_quiet(MINUTE).await;
    let after = world.only().await;
    assert_eq!(after.status(), Status::Undelivered);
    assert_eq!((inquiries(&after), world.asked().len()), (0, 1));
    world.check("overtaken").await;
}

#[tokio::test(start_paused = true)]
async fn a_gateway_is_never_asked() {
    let world = World::new().await;
    world.use_gateway(true, None).await;
    world.member("u1", PHONE).await;
    world.answer(|| Answer::Status(200));
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE).await;
    assert_eq!(world.only().await.status(), Status::Sent);
    assert_eq!(world.index().await, []);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_deleted_at_twilio_stays_sent_and_is_asked_about_once() {
    let world = without_receipts().await;
    world.show(|_| Shown::Status(404));
    one_sent(&world).await;
    world.until_asked(MINUTE * 20).await;
    let delivery = world.only().await;
    assert_asked(&world, &delivery, &TIMES[..1]);
    assert_eq!(
        (delivery.status(), delivery.error.as_ref()),
        (Status::Sent, None)
    );
    world.check("deleted").await;
}

#[tokio::test(start_paused = true)]
async fn without_an_answer_it_is_asked_at_the_next_time_and_nothing_is_sent() {
    for failing in [
        Shown::Status(429),
        Shown::Status(500),
        Shown::Status(503),
        // The credentials have expired.
        Shown::Status(401),
        Shown::Status(403),
        Shown::Silence,
        Shown::Nonsense,
        Shown::With("teleported", None),
    ] {
        let world = without_receipts().await;
        let mut failures = 3;
        world.show(move |_| {
            if failures == 0 {
                return Shown::AsItIs;
            }
            failures -= 1;
            failing
        });
        one_sent(&world).await;
        world.until_asked(HOUR * 27).await;
        let delivery = world.only().await;
        assert_asked(&world, &delivery, &TIMES);
        assert_eq!(delivery.status(), Status::Delivered, "{failing:?}");
        assert_eq!(inquiries(&delivery), 1, "{failing:?}");
        assert_eq!(world.twilio.accepted().len(), 1, "{failing:?}");
        assert_eq!(world.held("SmsDeadLetterQueue"), 0);
        world.check(&format!("{failing:?}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_workspace_without_a_provider_still_asks_with_its_old_token() {
    let world = without_receipts().await;
    one_sent(&world).await;
    world.remove_provider().await;
    world.until_asked(MINUTE * 20).await;
    assert_eq!(world.only().await.status(), Status::Delivered);
    world.check("removed").await;
}

#[tokio::test(start_paused = true)]
async fn a_workspace_with_another_provider_still_asks_the_old_account() {
    let world = without_receipts().await;
    one_sent(&world).await;
    world.use_gateway(false, None).await;
    world.until_asked(MINUTE * 20).await;
    assert_eq!(world.only().await.status(), Status::Delivered);
    world.check("replaced").await;
}

#[tokio::test(start_paused = true)]
async fn without_any_credentials_it_stays_sent_and_nobody_is_asked() {
    let world = without_receipts().await;
    one_sent(&world).await;
    let workspace = world.workspace();
    let mut stored = world.store.provider(&workspace).await.unwrap();
    stored.value = ProviderConfig::default();
    let saved = world.store.save_provider(&workspace, &stored).await;
    saved.unwrap();
    world.until_asked(MINUTE * 20).await;
    assert_eq!(world.only().await.status(), Status::Sent);
    assert_eq!(world.asked(), []);
    world.check("no credentials").await;
}

#[tokio::test(start_paused = true)]
async fn equal_texts_are_asked_about_each_by_its_own_message() {
    let world = without_receipts().await;
    world.member("u2", PHONE).await;
    world.alert("evt_1", &["u1", "u2"]).await;
    world.alert("evt_2", &["u1"]).await;
    world.until_quiet(MINUTE * 10).await;
    let sid = world.twilio.accepted()[1].sid.clone();
    let undelivered = sid.clone();
    world.show(move |asked| {
        if asked == undelivered {
            Shown::With("undelivered", Some(30003))
        } else {
            Shown::AsItIs
        }
    });
    world.until_asked(MINUTE * 30).await;
    let history = world.history().await;
    assert_eq!(history.len(), 3);
    for delivery in history {
        let is_it = delivery.provider_message_id.as_ref() == Some(&sid);
        let expected = if is_it {
            Status::Undelivered
        } else {
            Status::Delivered
        };
        assert_eq!(delivery.status(), expected, "{delivery:#?}");
    }
    assert_eq!(world.asked().len(), 3);
    world.check("equal texts").await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_tells_of_an_opt_out_is_remembered() {
    let world = without_receipts().await;
    world.show(|_| Shown::With("failed", Some(21610)));
    one_sent(&world).await;
    world.until_asked(MINUTE * 20).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Failed);
    assert_eq!(delivery.error.unwrap().code, Some(21610));
    world.alert("evt_2", &["u1"]).await;
    world.until_quiet(MINUTE).await;
    assert_eq!(world.not_sent().await, [(NotSent::OptedOut, 1)].into());
}

#[tokio::test(start_paused = true)]
async fn wake_ups_that_come_early_or_often_ask_once() {
    let world = without_receipts().await;
    world.show(|_| Shown::With("sent", None));
    let delivery = one_sent(&world).await;
    let wake_up = serde_json::to_string(&SmsWakeUp::of(&delivery.key)).unwrap();
    // One at a time from two minutes before, then many around the time itself.
    let due = accepted_at(&delivery) + TIMES[0];
    while world.now() < due + MINUTE {
        let near = world.now() + MINUTE * 2 > due;
        if near {
            world.send("SmsQueue", wake_up.clone()).await;
        }
        let pause = if near { 5 } else { 30 };
        world.pass(Duration::from_secs(pause)).await;
    }
    world.until_quiet(MINUTE * 5).await;
    assert_asked(&world, &delivery, &TIMES[..1]);
    let next = accepted_at(&delivery) + TIMES[1];
    let [entry] = &world.index().await[..] else {
        panic!("one entry")
    };
    assert!(entry.is_for_receipt());
    assert_eq!(entry.due_at.as_millisecond(), next.as_millisecond());
}

#[tokio::test(start_paused = true)]
async fn a_wake_up_of_another_kind_does_not_wait_for_the_question() {
    let world = without_receipts().await;
    let delivery = one_sent(&world).await;
    world.show(|_| Shown::With("sent", None));
    while world.asked().is_empty() {
        world.sweep().await;
        world.pass(MINUTE).await;
    }
    world.until_quiet(MINUTE).await;
    let wake_up = serde_json::to_string(&SmsWakeUp::of(&delivery.key)).unwrap();
    world.send("SmsQueue", wake_up).await;
    world.until_quiet(MINUTE).await;
    assert_asked(&world, &delivery, &TIMES[..1]);
    world.check("another kind").await;
}

#[tokio::test(start_paused = true)]
async fn a_test_message_that_expires_soon_stays_until_it_was_asked_about_for_the_last_time() {
    let world = without_receipts().await;
    world.show(|_| Shown::With("sent", None));
    let delivery = SmsDelivery {
        expires_at: world.now() + HOUR,
        ..test_message(&world)
    };
    world.store.create_sms(&delivery).await.unwrap();
    let wake_up = serde_json::to_string(&SmsWakeUp::of(&delivery.key)).unwrap();
    world.send("SmsQueue", wake_up).await;
    world.until_quiet(MINUTE).await;
    loop {
        let [entry] = &world.index().await[..] else {
            break;
        };
        assert!(expires_at(&world, &delivery).await > entry.due_at + HOUR * 24);
        world.sweep().await;
        world.pass(MINUTE).await;
    }
    assert_asked(&world, &world.only().await, &TIMES);
    let kept = expires_at(&world, &delivery).await;
    assert_eq!(kept.as_second(), delivery.expires_at.as_second());
}

/// When the table drops the item.
async fn expires_at(world: &World, delivery: &SmsDelivery) -> Timestamp {
    let (pk, sk) = item_key(&delivery.key);
    let get = world.dynamodb().get_item().table_name(world.table());
    let item = get.key("pk", pk).key("sk", sk).send().await.unwrap();
    let seconds = item.item.unwrap()["expires_at"].as_n().unwrap().parse();
    Timestamp::from_second(seconds.unwrap()).unwrap()
}
