//! The other carrier.

use std::time::Duration;

use domain::sms::delivery::Status;
use domain::sms::provider::Carrier;

use crate::carriers::Answer;
use crate::sending::MINUTE;
use crate::world::World;

const PHONE: &str = "+14155551234";

async fn sent_through(idempotent: bool, script: impl FnMut() -> Answer + Send + 'static) -> World {
    let world = World::new().await;
    world.use_gateway(idempotent, None).await;
    world.member("u1", PHONE).await;
    world.answer(script);
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE * 30).await;
    world.check("gateway").await;
    world
}

#[tokio::test(start_paused = true)]
async fn a_gateway_receives_what_product_promises_and_its_2xx_is_the_last_word() {
    let world = World::new().await;
    let secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    world.use_gateway(false, Some(secret)).await;
    world.member("u1", PHONE).await;
    world.answer(|| Answer::Status(202));
    let event_time = world.now();
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Sent);
    assert_eq!(delivery.sender, "https://gateway.example.com/send?***");
    let [call] = &world.gateway_calls()[..] else {
        panic!("one call")
    };
    let expected = serde_json::json!({
        "to": PHONE, "body": delivery.text, "workspace_id": "ws_1", "event_type": "priority_changed",
        "timestamp": event_time.to_string(),
    });
    assert_eq!(call.body, expected);
    assert_eq!(call.headers["Idempotency-Key"], delivery.key.id.as_str());
    assert_eq!(call.headers["X-SetGet-Event"], "priority_changed");
    assert!(call.headers.contains_key("X-SetGet-Signature"));
    let verifier = standardwebhooks::Webhook::new(secret).unwrap();
    let body = serde_json::to_vec(&call.body).unwrap();
    // The verifier looks at the system's clock; the signature is what matters here.
    let timestamp: i64 = call.headers["webhook-timestamp"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    let id = call.headers["webhook-id"].to_str().unwrap();
    let signature = verifier.sign(id, timestamp, &ordered(&body)).unwrap();
    assert_eq!(call.headers["webhook-signature"], signature.as_str());
}

/// The body as it was sent: fields in the product's order.
fn ordered(body: &[u8]) -> Vec<u8> {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap();
    let field = |name: &str| value[name].to_string();
    format!(
        r#"{{"to":{},"body":{},"workspace_id":{},"event_type":{},"timestamp":{}}}"#,
        field("to"),
        field("body"),
        field("workspace_id"),
        field("event_type"),
        field("timestamp"),
    )
    .into_bytes()
}

#[tokio::test(start_paused = true)]
async fn throttles_errors_and_refused_connections_are_tried_four_times_and_then_failed() {
    for answer in [
        Answer::Status(429),
        Answer::Status(500),
        Answer::Status(503),
        Answer::Refused,
    ] {
        let world = sent_through(false, move || answer).await;
        let delivery = world.only().await;
        assert_eq!(delivery.status(), Status::Failed, "{answer:?}");
        let expected = if matches!(answer, Answer::Refused) {
            0
        } else {
            4
        };
        assert_eq!(world.gateway_calls().len(), expected, "{answer:?}");
        let mut answers = [answer, Answer::Status(200)].into_iter();
        let world = sent_through(false, move || answers.next().unwrap()).await;
        assert_eq!(world.only().await.status(), Status::Sent, "{answer:?}");
    }
}

/// All that put us off here ask for half a day.
#[tokio::test(start_paused = true)]
async fn how_long_a_provider_asks_us_to_wait_holds_up_no_alert() {
    let world = World::new().await;
    world.member("u1", PHONE).await;
    world.use_gateway(false, None).await;
    let mut answers = [429, 503, 200].map(Answer::Status).into_iter();
    world.answer(move || answers.next().unwrap());
    world.alert("evt_1", &["u1"]).await;
    world.pass(Duration::from_secs(180)).await;
    assert_eq!(world.only().await.status(), Status::Sent);

    let world = World::new().await;
    world.member("u1", PHONE).await;
    world.use_twilio().await;
    world.twilio_behaves(r#"{"reject_429": 2}"#).await;
    world.alert("evt_1", &["u1"]).await;
    world.pass(Duration::from_secs(180)).await;
    assert_eq!(world.only().await.status(), Status::Delivered);
}

#[tokio::test(start_paused = true)]
async fn other_answers_are_final_with_the_gateways_message() {
    for status in [301, 400, 401, 404, 422] {
        let world = sent_through(false, move || Answer::Status(status)).await;
        let delivery = world.only().await;
        assert_eq!(delivery.status(), Status::Failed, "{status}");
        assert_eq!(world.gateway_calls().len(), 1, "{status}");
        let error = delivery.error.unwrap();
        assert!(
            error.message.contains("as told"),
            "{status}: {}",
            error.message
        );
    }
}

#[tokio::test(start_paused = true)]
async fn silence_leaves_it_unknown_unless_the_gateway_honours_our_key() {
    let world = sent_through(false, || Answer::Silence).await;
    assert_eq!(world.only().await.status(), Status::Unknown);
    assert_eq!(world.gateway_calls().len(), 1);
    let mut answers = [Answer::Silence, Answer::Status(200)].into_iter();
    let world = sent_through(true, move || answers.next().unwrap()).await;
    assert_eq!(world.only().await.status(), Status::Sent);
    assert_eq!(world.gateway_calls().len(), 2);
}

/// How an answer ends whose head came.
const UNFINISHED: [fn(u16) -> Answer; 2] = [Answer::HangingBody, Answer::CutBody];

#[tokio::test(start_paused = true)]
async fn a_2xx_whose_body_hangs_or_is_cut_is_the_last_word_all_the_same() {
    for unfinished in UNFINISHED {
        for idempotent in [false, true] {
            let answer = unfinished(200);
            let world = sent_through(idempotent, move || answer).await;
            let delivery = world.only().await;
            assert_eq!(delivery.status(), Status::Sent, "{answer:?}");
            assert_eq!(delivery.error, None, "{answer:?}");
            assert_eq!(world.gateway_calls().len(), 1, "{answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_gateway_says_it_did_not_take_is_tried_again_though_its_body_hangs_or_is_cut() {
    for unfinished in UNFINISHED {
        for status in [429, 500, 503] {
            let answer = unfinished(status);
            let mut answers = [answer, Answer::Status(200)].into_iter();
            let world = sent_through(false, move || answers.next().unwrap()).await;
            assert_eq!(world.only().await.status(), Status::Sent, "{answer:?}");
            let world = sent_through(false, move || answer).await;
            let delivery = world.only().await;
            assert_eq!(delivery.status(), Status::Failed, "{answer:?}");
            assert_eq!(world.gateway_calls().len(), 4, "{answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_whose_body_hangs_or_is_cut_is_final_with_the_status_alone() {
    for unfinished in UNFINISHED {
        for status in [301, 400, 404] {
            let answer = unfinished(status);
            let world = sent_through(false, move || answer).await;
            let delivery = world.only().await;
            assert_eq!(delivery.status(), Status::Failed, "{answer:?}");
            assert_eq!(world.gateway_calls().len(), 1, "{answer:?}");
            let error = delivery.error.unwrap();
            assert_eq!(error.message, format!("the gateway answered {status}"));
            assert_eq!(error.code, Some(status.into()));
        }
    }
}

async fn silent_once_idempotent() -> World {
    let world = World::new().await;
    world.member("u1", PHONE).await;
    world.use_gateway(true, None).await;
    world.answer(|| Answer::Silence);
    world.alert("evt_1", &["u1"]).await;
    world.pass(Duration::from_secs(15)).await;
    assert_eq!(world.gateway_calls().len(), 1);
    world
}

#[tokio::test(start_paused = true)]
async fn what_a_gateway_may_have_taken_is_sent_through_no_other_provider() {
    let world = silent_once_idempotent().await;
    world.use_twilio().await;
    world.until_quiet(MINUTE * 30).await;
    assert_eq!(world.only().await.status(), Status::Unknown);
    assert!(world.twilio.accepted().is_empty());

    let world = silent_once_idempotent().await;
    world.remove_provider().await;
    world.until_quiet(MINUTE * 30).await;
    assert_eq!(world.only().await.status(), Status::Unknown);

    let world = silent_once_idempotent().await;
    world.until_quiet(MINUTE * 60).await;
    assert_eq!(world.only().await.status(), Status::Unknown);
    assert_eq!(world.gateway_calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_with_the_longest_url_is_sent_through() {
    let world = World::new().await;
    world.member("u1", PHONE).await;
    world.use_gateway(false, None).await;
    let mut stored = world.store.provider(&world.workspace()).await.unwrap();
    let provider = stored.value.current.as_mut().unwrap();
    let Carrier::Http(gateway) = &mut provider.carrier else {
        panic!("a gateway")
    };
    gateway.shown_url = format!("https://gateway.example.com/{}", "p".repeat(2_000));
    let workspace = world.workspace();
    let saved = world.store.save_provider(&workspace, &stored).await;
    saved.unwrap();
    world.answer(|| Answer::Status(200));
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE * 5).await;
    assert_eq!(world.only().await.status(), Status::Sent);
}
