//! Sends that got no answer.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use domain::sms::delivery::{Source, Stage, Status};
use local::outside::twilio::Reply;
use url::form_urlencoded::Serializer;

use crate::sending::MINUTE;
use crate::world::{SENDER, TOKEN, World, account};

const PHONE: &str = "+14155551234";
/// Twilio refuses it with 21610.
const OPTED_OUT: &str = "+15005550004";

async fn one_in_doubt(behaviour: &str) -> World {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.twilio_behaves(behaviour).await;
    world.alert("evt_1", &["u1"]).await;
    world
}

/// The same, where the body of the first answer is cut.
async fn one_in_doubt_with_cut(behaviour: &str) -> World {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.twilio_behaves(behaviour).await;
    world.cut_answers_to_sends(1);
    world.alert("evt_1", &["u1"]).await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_accepted_in_silence_is_found_in_the_list_after_a_minute() {
    let world = one_in_doubt(r#"{"timeout_after_accept": 1, "callbacks": "none"}"#).await;
    let begun = world.now();
    world.until_quiet(MINUTE * 10).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Delivered);
    let found = delivery
        .timeline
        .entries()
        .iter()
        .find(|entry| entry.source == Source::Reconciliation)
        .unwrap();
    let after = found.at.duration_since(begun).as_secs();
    assert!((60..=75).contains(&after), "{after} s");
    assert_eq!(world.twilio.accepted().len(), 1);
    world.check("found").await;
}

#[tokio::test(start_paused = true)]
async fn a_receipt_settles_it_before_anybody_has_to_look() {
    let world = one_in_doubt(r#"{"timeout_after_accept": 1}"#).await;
    world.pass(Duration::from_secs(20)).await;
    assert_eq!(world.only().await.status(), Status::Delivered);
    world.until_quiet(MINUTE * 10).await;
    world.check("receipt").await;
}

#[tokio::test(start_paused = true)]
async fn an_error_500_is_looked_into_like_silence() {
    for (behaviour, sent) in [
        (r#"{"error_500": 1, "callbacks": "none"}"#, Status::Sent),
        (
            r#"{"error_500_after_accept": 1, "callbacks": "none"}"#,
            Status::Delivered,
        ),
    ] {
        let world = one_in_doubt(behaviour).await;
        world.until_quiet(MINUTE * 10).await;
        assert_eq!(world.only().await.status(), sent, "{behaviour}");
        assert_eq!(world.twilio.accepted().len(), 1);
        world.check(behaviour).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_whose_body_is_cut_has_no_sid_and_is_looked_into_like_silence() {
    let world = one_in_doubt_with_cut(r#"{"callbacks": "none"}"#).await;
    world.pass(Duration::from_secs(50)).await;
    assert_eq!(world.only().await.status(), Status::Sending);
    world.until_quiet(MINUTE * 10).await;
    assert_eq!(world.only().await.status(), Status::Delivered);
    assert_eq!(world.twilio.accepted().len(), 1);
    world.check("cut acceptance").await;
}

#[tokio::test(start_paused = true)]
async fn a_429_whose_body_is_cut_is_no_doubt_and_is_tried_again_after_30_seconds() {
    let world = one_in_doubt_with_cut(r#"{"reject_429": 1}"#).await;
    world.pass(Duration::from_secs(50)).await;
    assert_eq!(world.only().await.status(), Status::Delivered);
    assert_eq!(world.twilio.accepted().len(), 1);
    world.until_quiet(MINUTE * 10).await;
    world.check("cut 429").await;
}

/// The code of a 4xx decides what follows, and is in the body: it is asked for once more.
#[tokio::test(start_paused = true)]
async fn a_refusal_whose_body_is_cut_is_tried_again_until_its_code_can_be_read() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", OPTED_OUT).await;
    world.cut_answers_to_sends(1);
    world.alert("evt_1", &["u1"]).await;
    world.pass(Duration::from_secs(50)).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Failed);
    assert_eq!(delivery.error.unwrap().code, Some(21610));
    let (phones, workspace) = ([OPTED_OUT.parse().unwrap()], world.workspace());
    let opted_out = world.store.opted_out(&workspace, SENDER, &phones).await;
    assert_eq!(opted_out.unwrap().len(), 1);
    world.check("cut refusal").await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_whose_code_never_comes_is_failed_after_four_attempts_with_its_status() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", OPTED_OUT).await;
    world.cut_answers_to_sends(100);
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE * 30).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Failed);
    assert_eq!(delivery.error.unwrap().message, "Twilio answered 400");
    let entries = delivery.timeline.entries().iter();
    let attempts = entries.filter(|entry| entry.status == Stage::Sending);
    assert_eq!(attempts.count(), 4);
    world.check("no code").await;
}

#[tokio::test(start_paused = true)]
async fn what_the_list_shows_late_is_found_at_five_minutes() {
    let world =
        one_in_doubt(r#"{"timeout_after_accept": 1, "callbacks": "none", "list_lag_ms": 120000}"#)
            .await;
    world.until_quiet(MINUTE * 20).await;
    assert_eq!(world.only().await.status(), Status::Delivered);
    assert_eq!(world.twilio.accepted().len(), 1);
    world.check("late list").await;
}

#[tokio::test(start_paused = true)]
async fn what_the_list_never_shows_is_sent_again_after_five_minutes_and_not_before() {
    let world = one_in_doubt(r#"{"timeout_before_accept": 1}"#).await;
    world.pass(Duration::from_secs(290)).await;
    assert!(world.twilio.accepted().is_empty());
    world.until_quiet(MINUTE * 20).await;
    assert_eq!(world.only().await.status(), Status::Delivered);
    assert_eq!(world.twilio.accepted().len(), 1);
    world.check("sent again").await;
}

#[tokio::test(start_paused = true)]
async fn a_send_that_is_never_answered_ends_as_failed_after_four_attempts() {
    let world = one_in_doubt(r#"{"timeout_before_accept": 10}"#).await;
    world.until_quiet(MINUTE * 60).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Failed);
    let attempts = delivery.timeline.entries().iter();
    let attempts =
        attempts.filter(|entry| entry.status == Stage::Sending && entry.source == Source::Service);
    assert_eq!(attempts.count(), 4);
    world.check("never answered").await;
}

#[tokio::test(start_paused = true)]
async fn what_the_first_attempt_sent_late_counts_when_the_second_is_looked_into() {
    // The first message shows in the list after the second attempt only, and neither got an answer.
    let world =
        one_in_doubt(r#"{"timeout_after_accept": 2, "callbacks": "none", "list_lag_ms": 310000}"#)
            .await;
    world.until_quiet(MINUTE * 60).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Delivered);
    assert_eq!(
        world.twilio.accepted().len(),
        2,
        "none at 60 s and again at 5 min permits a second send, and no third"
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_had_for_an_hour_leaves_the_delivery_unknown() {
    let world =
        one_in_doubt(r#"{"timeout_after_accept": 1, "callbacks": "none", "list_errors": 100000}"#)
            .await;
    world.until_quiet(MINUTE * 100).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Unknown);
    assert!(!delivery.error.unwrap().remedy.is_empty());
    world.check("no list").await;
}

#[tokio::test(start_paused = true)]
async fn an_account_that_was_replaced_meanwhile_is_still_asked() {
    let world = one_in_doubt(r#"{"timeout_after_accept": 1, "callbacks": "none"}"#).await;
    world.pass(Duration::from_secs(20)).await;
    world.use_gateway(false, None).await;
    world.until_quiet(MINUTE * 20).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Delivered);
    assert_eq!(world.twilio.accepted().len(), 1);
    assert!(world.gateway_calls().is_empty());
    assert!(!format!("{delivery:?}").contains(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_message_of_the_account_is_not_taken_for_ours() {
    let world = one_in_doubt(r#"{"timeout_before_accept": 1, "callbacks": "none"}"#).await;
    world.pass(Duration::from_secs(20)).await;
    // Another text to the same phone, and the same text to another phone, from the same account, in the meantime.
    world.twilio_behaves(r#"{"callbacks": "none"}"#).await;
    world.member("u2", "+14155551235").await;
    world.alert("evt_2", &["u2"]).await;
    world.alert_of("ENG-43", "evt_3", &["u1"]).await;
    world.until_quiet(MINUTE * 20).await;
    assert_eq!(world.twilio.accepted().len(), 3);
    world.check("others' messages").await;
}

/// Twilio replaces the last four digits of the phones that a message was sent to.
#[tokio::test(start_paused = true)]
async fn a_message_whose_number_is_redacted_is_not_sent_again() {
    for fault in ["timeout_after_accept", "error_500_after_accept"] {
        let behaviour = format!(r#"{{"{fault}": 1, "callbacks": "none", "redact_numbers": true}}"#);
        let world = one_in_doubt(&behaviour).await;
        world.until_quiet(MINUTE * 60).await;
        let delivery = world.only().await;
        assert_eq!(delivery.status(), Status::Unknown, "{fault}");
        assert_eq!(world.twilio.accepted().len(), 1, "{fault}");
        world.check(fault).await;
    }
}

#[tokio::test(start_paused = true)]
async fn where_numbers_are_redacted_what_was_not_accepted_is_sent_again() {
    let world = one_in_doubt(r#"{"timeout_before_accept": 1, "redact_numbers": true}"#).await;
    world.pass(Duration::from_secs(20)).await;
    // The same to a phone that begins alike, whose owner has a delivery of their own.
    world.member("u2", "+14155551235").await;
    world.alert("evt_2", &["u2"]).await;
    world.until_quiet(MINUTE * 20).await;
    for delivery in world.history().await {
        assert_eq!(delivery.status(), Status::Delivered);
    }
    assert_eq!(world.twilio.accepted().len(), 2);
    world.check("sent again").await;
}

/// Whatever else the account sends from our number.
async fn sends_others(world: &World, many: usize) {
    let account = account();
    let login = BASE64.encode(format!("{account}:{TOKEN}"));
    for number in 0..many {
        let body = Serializer::new(String::new())
            .append_pair("To", &format!("+1202555{number:04}"))
            .append_pair("From", SENDER)
            .append_pair("Body", "something else")
            .finish();
        let request = http::Request::post(format!("/2010-04-01/Accounts/{account}/Messages.json"))
            .header("authorization", format!("Basic {login}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap();
        let Reply::Response(response) = world.twilio.answer(request).await else {
            panic!("no answer")
        };
        assert_eq!(response.status(), 201);
    }
}

/// Five pages of a hundred, and one more.
const MORE_THAN_A_LOOK: usize = 501;

#[tokio::test(start_paused = true)]
async fn a_number_that_sends_much_leaves_nothing_unknown_unless_numbers_are_redacted() {
    for (redacted, end) in [(false, Status::Delivered), (true, Status::Unknown)] {
        let behaviour = format!(r#"{{"timeout_before_accept": 1, "redact_numbers": {redacted}}}"#);
        let world = one_in_doubt(&behaviour).await;
        world.pass(Duration::from_secs(20)).await;
        sends_others(&world, MORE_THAN_A_LOOK).await;
        world.until_quiet(MINUTE * 20).await;
        assert_eq!(world.only().await.status(), end, "{redacted}");
        world.check(&behaviour).await;
    }
}
