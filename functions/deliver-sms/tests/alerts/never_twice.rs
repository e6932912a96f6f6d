//! Never twice, never lost: on every send path each function is killed before and after each of its outbound calls, and
//! each call to AWS fails, with and without effect; and everything is delivered twice.

use std::time::Duration;

use domain::sms::delivery::Status;

use crate::carriers::Answer;
use crate::faults::{Fault, Function, Strike};
use crate::sending::MINUTE;
use crate::world::World;

const PHONE: &str = "+14155551234";

/// A way on which an alert may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    /// Twilio accepts it at once.
    Accepted,
    /// The first receipts beat our own write.
    EarlyReceipts,
    /// Twilio accepts it, and we never hear of it.
    SilentAfterAccepting,
    /// Twilio accepts it, its receipts are lost, and it is asked what became of it.
    Asked,
    /// Twilio does not take it and does not say so.
    SilentBeforeAccepting,
    /// Twilio asks us to come again.
    Throttled,
    /// Twilio refuses it: the recipient has opted out.
    OptedOut,
    /// A gateway takes it.
    Gateway,
    /// A gateway that honours our key does not answer.
    SilentGateway,
}

const PATHS: [Path; 9] = [
    Path::Accepted,
    Path::EarlyReceipts,
    Path::SilentAfterAccepting,
    Path::Asked,
    Path::SilentBeforeAccepting,
    Path::Throttled,
    Path::OptedOut,
    Path::Gateway,
    Path::SilentGateway,
];

const FUNCTIONS: [Function; 3] = ["FanOut", "DeliverSms", "TwilioStatus"];

/// Calls that no reference run comes to: an end to the search.
const MOST_CALLS: usize = 200;

async fn run(path: Path, strike: Option<Strike>, twice: bool) -> World {
    let world = World::new().await;
    let phone = match path {
        Path::OptedOut => "+15005550004",
        _ => PHONE,
    };
    world.member("u1", phone).await;
    match path {
        Path::Gateway | Path::SilentGateway => {
            world.use_gateway(path == Path::SilentGateway, None).await;
            let mut silent = path == Path::SilentGateway;
            world.answer(move || {
                if std::mem::take(&mut silent) {
                    Answer::Silence
                } else {
                    Answer::Status(200)
                }
            });
        }
        _ => world.use_twilio().await,
    }
    let behaviour = match path {
        Path::EarlyReceipts => r#"{"callbacks": "early"}"#,
        Path::SilentAfterAccepting => r#"{"timeout_after_accept": 1, "callbacks": "none"}"#,
        Path::Asked => r#"{"callbacks": "none"}"#,
        Path::SilentBeforeAccepting => r#"{"timeout_before_accept": 1}"#,
        Path::Throttled => r#"{"reject_429": 1}"#,
        Path::Accepted | Path::OptedOut | Path::Gateway | Path::SilentGateway => "{}",
    };
    world.twilio_behaves(behaviour).await;
    if let Some(strike) = strike {
        world.faults.strike_at(strike);
    }
    world.alert("evt_1", &["u1", "u2"]).await;
    if twice {
        world.alert("evt_1", &["u1", "u2"]).await;
    }
    world.until_quiet(MINUTE * 60).await;
    if path == Path::Asked {
        world.until_asked(MINUTE * 60).await;
    }
    world
}

fn expected(path: Path) -> &'static [Status] {
    match path {
        Path::Accepted
        | Path::EarlyReceipts
        | Path::Asked
        | Path::SilentBeforeAccepting
        | Path::Throttled => &[Status::Delivered],
        // What the list shows of it when it is looked at.
        Path::SilentAfterAccepting => &[Status::Delivered, Status::Sent],
        Path::OptedOut => &[Status::Failed],
        Path::Gateway | Path::SilentGateway => &[Status::Sent],
    }
}

async fn check(world: &World, path: Path, strike: Option<Strike>) {
    let context = format!("{path:?} {strike:?}");
    world.check(&context).await;
    let delivery = world.only().await;
    let mut ends = expected(path).to_vec();
    if strike.is_some() && path == Path::Gateway {
        // Nobody can tell whether a gateway took what got no answer.
        ends.push(Status::Unknown);
    }
    assert!(
        ends.contains(&delivery.status()),
        "{context}: {delivery:#?}"
    );
    match path {
        Path::Asked => assert_eq!(world.index().await, [], "{context}"),
        Path::OptedOut => assert_eq!(world.accepted_for(&delivery), 0, "{context}"),
        Path::Gateway => {
            let calls = world.gateway_calls().len();
            let fits = calls == 1 || (calls == 0 && delivery.status() == Status::Unknown);
            assert!(fits, "{context}: {calls} calls");
        }
        Path::SilentGateway => {
            let calls = world.gateway_calls();
            let key = |call: &crate::carriers::Call| call.headers["Idempotency-Key"].clone();
            assert!(!calls.is_empty(), "{context}");
            assert!(
                calls.iter().all(|call| key(call) == key(&calls[0])),
                "{context}"
            );
        }
        _ => assert_eq!(world.accepted_for(&delivery), 1, "{context}"),
    }
    let not_sent: u64 = world.not_sent().await.values().sum();
    assert_eq!(not_sent, 1, "{context}: u2 has no phone");
}

async fn every_fault_on(path: Path) {
    let reference = run(path, None, false).await;
    check(&reference, path, None).await;
    let mut struck = 0;
    for function in FUNCTIONS {
        let calls = reference.faults.calls(function);
        assert!(calls < MOST_CALLS);
        for call in 0..calls {
            for fault in Fault::ALL {
                let strike = Strike {
                    function,
                    call,
                    fault,
                };
                let world = run(path, Some(strike), false).await;
                // What is no call to AWS cannot fail like one.
                let of_aws = matches!(fault, Fault::Refused | Fault::AnswerLost);
                assert!(of_aws || world.faults.struck() == 1, "{path:?} {strike:?}");
                check(&world, path, Some(strike)).await;
                struck += world.faults.struck();
            }
        }
    }
    println!("{path:?}: {struck} faults");
    assert!(struck >= 40, "{path:?}: {struck} faults");
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_of_an_accepted_send_sends_once() {
    every_fault_on(Path::Accepted).await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_amid_early_receipts_sends_once() {
    every_fault_on(Path::EarlyReceipts).await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_after_a_silent_acceptance_sends_once() {
    every_fault_on(Path::SilentAfterAccepting).await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_where_receipts_are_lost_sends_once_and_finds_the_last_word() {
    every_fault_on(Path::Asked).await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_after_a_silent_refusal_sends_once() {
    every_fault_on(Path::SilentBeforeAccepting).await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_of_a_throttled_send_sends_once() {
    every_fault_on(Path::Throttled).await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_of_a_refused_send_sends_nothing() {
    every_fault_on(Path::OptedOut).await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_to_a_gateway_never_calls_it_twice() {
    every_fault_on(Path::Gateway).await;
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_to_a_gateway_with_our_key_repeats_the_key() {
    every_fault_on(Path::SilentGateway).await;
}

#[tokio::test(start_paused = true)]
async fn everything_delivered_twice_at_the_same_time_sends_once() {
    for path in PATHS {
        let world = run(path, None, true).await;
        check(&world, path, None).await;
    }
}

#[tokio::test(start_paused = true)]
async fn wake_ups_that_come_many_times_at_once_send_once() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.twilio_behaves(r#"{"reject_429": 1}"#).await;
    world.alert("evt_1", &["u1"]).await;
    world.pass(Duration::from_secs(20)).await;
    let delivery = world.only().await;
    let wake_up = platform::queue::message::SmsWakeUp::of(&delivery.key);
    let wake_up = serde_json::to_string(&wake_up).unwrap();
    for _ in 0..40 {
        world.send("SmsQueue", wake_up.clone()).await;
        world.pass(Duration::from_millis(500)).await;
    }
    world.until_quiet(MINUTE * 10).await;
    assert_eq!(world.twilio.accepted().len(), 1);
    world.check("many wake-ups").await;
}
