//! The states of an SMS delivery: what may follow on what.
//!
//! * `any_order` — whatever happens, in whichever order
//! * `inquiries` — asking for the last word

mod any_order;
mod inquiries;

use std::time::Duration;

use domain::catalogue::AlertType;
use domain::ids::{DeliveryId, EventId, WorkspaceId};
use domain::retry::{Jitter, RetrySchedule};
use domain::secret::SealedSecret;
use domain::sms::delivery::{
    Answer, Checked, ClaimId, Final, Found, GatewayMark, Ground, Outcome, Purpose, Recipient,
    Retries, SmsDelivery, SmsKey, Source, Stage, State, Status, Timeline, WakeUp,
};
use domain::sms::provider::CarrierKind;
use domain::sms::provider_error::ProviderError;
use domain::sms::segments;
use domain::sms::sender::TwilioSender;
use domain::twilio::sids::AccountSid;
use jiff::Timestamp;

const LEASE: Duration = Duration::from_secs(45);
const CLAIM: ClaimId = ClaimId(7);
const MESSAGE: &str = "SM00000000000000000000000000000001";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn schedule() -> RetrySchedule {
    "30s,2m,10m".parse().unwrap()
}

fn with_retries<T>(work: impl FnOnce(Retries<'_>) -> T) -> T {
    let schedule = schedule();
    work(Retries {
        schedule: &schedule,
        jitter: Jitter::from_unit(0.5),
    })
}

fn queued() -> SmsDelivery {
    let workspace: WorkspaceId = "ws".parse().unwrap();
    let event: EventId = "evt".parse().unwrap();
    let text = "SetGet Alert: Work item ENG-42 changed.";
    let count = segments::count(text);
    SmsDelivery {
        key: SmsKey {
            id: DeliveryId::for_sms(&workspace, &event, at(0), "u"),
            workspace,
        },
        purpose: Purpose::Alert,
        event_id: event,
        event_time: at(0),
        alert_type: AlertType::PriorityChanged,
        recipient: Recipient {
            user_id: None,
            name: None,
            phone: "+14155551234".parse().unwrap(),
        },
        entity: "ENG-42: Fix".to_owned(),
        text: text.to_owned(),
        encoding: count.encoding,
        segments: count.segments,
        carrier: CarrierKind::Twilio,
        sender: "+14155550100".to_owned(),
        state: State::new(at(0)),
        provider_message_id: None,
        inquiry: None,
        error: None,
        timeline: Timeline::default(),
        created_at: at(0),
        expires_at: at(30 * 24 * 3600),
    }
}

fn account() -> AccountSid {
    format!("AC{}", "a".repeat(32)).parse().unwrap()
}

fn twilio() -> Ground {
    Ground::Twilio {
        account: account(),
        sender: TwilioSender::Number("+14155550100".parse().unwrap()),
    }
}

fn gateway(idempotent: bool) -> Ground {
    gateway_at("one", idempotent)
}

fn gateway_at(url: &str, idempotent: bool) -> Ground {
    let url = SealedSecret {
        ciphertext: url.as_bytes().to_vec(),
        hint: None,
    };
    Ground::Http {
        gateway: GatewayMark::of(&url),
        idempotent,
    }
}

fn claimed(ground: Ground, now: Timestamp) -> SmsDelivery {
    let mut delivery = queued();
    delivery.claim(CLAIM, ground, "+14155550100", now, LEASE);
    delivery
}

fn error(message: &str) -> ProviderError {
    ProviderError {
        code: None,
        message: message.to_owned(),
        remedy: String::new(),
    }
}

fn accepted() -> Outcome {
    Outcome::Accepted {
        message_id: Some(MESSAGE.to_owned()),
    }
}

fn no_answer() -> Outcome {
    Outcome::NoAnswer {
        error: error("no response within 10 s"),
    }
}

fn try_again() -> Outcome {
    Outcome::TryAgain {
        error: error("429"),
    }
}

fn told(stage: Stage) -> Found {
    Found {
        message_id: MESSAGE.to_owned(),
        account: Some(account()),
        stage,
        error: matches!(stage, Stage::Failed | Stage::Undelivered).then(|| error("carrier")),
    }
}

fn conclude(delivery: &mut SmsDelivery, outcome: Outcome, now: Timestamp) {
    with_retries(|retries| delivery.conclude(CLAIM, outcome, now, retries));
}

fn check(delivery: &mut SmsDelivery, checked: Checked, now: Timestamp) {
    with_retries(|retries| delivery.check(checked, now, retries));
}

#[test]
fn a_send_that_is_put_off_is_tried_after_30_s_2_min_and_10_min_and_then_fails() {
    let mut delivery = queued();
    let mut now = at(0);
    let mut waits = Vec::new();
    for _ in 0..4 {
        assert!(matches!(delivery.state.wake_up(now), WakeUp::Attempt(_)));
        delivery.claim(CLAIM, twilio(), "+14155550100", now, LEASE);
        conclude(&mut delivery, try_again(), now);
        if let Some(due) = delivery.state.due_at() {
            waits.push(due.duration_since(now).as_secs());
            assert_eq!(delivery.status(), Status::Sending);
            now = due;
        }
    }
    // 4.5 % of jitter, and less where the step is short.
    assert_eq!(waits, [30, 125, 627]);
    assert_eq!(delivery.status(), Status::Failed);
    assert_eq!(delivery.error, Some(error("429")));
}

#[test]
fn a_claim_that_is_given_back_unused_costs_no_attempt_and_shows_all_the_same() {
    let mut delivery = queued();
    let (mut now, mut waits, mut attempts) = (at(0), Vec::new(), 0);
    while let WakeUp::Attempt(queued) = delivery.state.wake_up(now) {
        delivery.claim(CLAIM, twilio(), "+14155550100", now, LEASE);
        delivery.give_back(CLAIM, now);
        assert_eq!(delivery.status(), Status::Sending);
        let WakeUp::Attempt(again) = delivery.state.wake_up(now) else {
            panic!("{:?}", delivery.state);
        };
        assert_eq!(again.failures, queued.failures);
        delivery.claim(CLAIM, twilio(), "+14155550100", now, LEASE);
        conclude(&mut delivery, try_again(), now);
        attempts += 1;
        if let Some(due) = delivery.state.due_at() {
            waits.push(due.duration_since(now).as_secs());
            now = due;
        }
    }
    assert_eq!((attempts, waits), (4, vec![30, 125, 627]));
    assert_eq!(delivery.status(), Status::Failed);

    let before = claimed(twilio(), at(0));
    let mut others = before.clone();
    others.give_back(ClaimId(8), at(1));
    assert_eq!(others, before);
}

#[test]
fn a_delivery_of_before_that_waits_is_read_as_it_was() {
    let waits = |failures: u32| {
        let json = format!(
            r#"{{"queued":{{"failures":{failures},"not_before":"2026-03-29T14:30:00Z","doubtful_since":null,"unanswered_by":null}}}}"#
        );
        serde_json::from_str::<State>(&json).unwrap().status()
    };
    assert_eq!((waits(0), waits(1)), (Status::Queued, Status::Sending));
}

#[test]
fn a_claim_without_an_answer_is_looked_into_after_its_lease_and_never_sent_at_once() {
    let mut delivery = claimed(twilio(), at(0));
    assert_eq!(delivery.state.wake_up(at(44)), WakeUp::Sleep(at(45)));
    assert!(matches!(
        delivery.state.wake_up(at(45)),
        WakeUp::AnswerLost(_)
    ));
    with_retries(|retries| delivery.answer_lost(at(45), retries));
    assert_eq!(delivery.state.wake_up(at(59)), WakeUp::Sleep(at(60)));
    assert!(matches!(delivery.state.wake_up(at(60)), WakeUp::Check(_)));
    assert!(delivery.state.in_flight().is_some());
}

#[test]
fn a_message_that_the_list_lacks_at_60_s_and_at_5_min_is_sent_again() {
    let mut delivery = claimed(twilio(), at(0));
    conclude(&mut delivery, no_answer(), at(10));
    check(&mut delivery, Checked::Missing, at(60));
    assert_eq!(delivery.state.wake_up(at(61)), WakeUp::Sleep(at(300)));
    check(&mut delivery, Checked::Missing, at(300));
    let WakeUp::Attempt(again) = delivery.state.wake_up(at(300)) else {
        panic!("{:?}", delivery.state);
    };
    assert_eq!(again.doubtful_since, Some(at(0)));
    assert!(delivery.state.in_flight().is_none());

    // Both attempts count when the second one has to be looked into.
    delivery.claim(CLAIM, twilio(), "+14155550100", at(300), LEASE);
    conclude(&mut delivery, no_answer(), at(310));
    let WakeUp::Check(doubt) = delivery.state.wake_up(at(360)) else {
        panic!("{:?}", delivery.state);
    };
    assert_eq!((doubt.since, doubt.at, doubt.failures), (at(0), at(300), 2));
}

#[test]
fn a_look_that_comes_late_is_still_followed_by_a_second_one() {
    let mut delivery = claimed(twilio(), at(0));
    conclude(&mut delivery, no_answer(), at(10));
    check(&mut delivery, Checked::Missing, at(1_000));
    assert!(matches!(
        delivery.state.wake_up(at(1_000)),
        WakeUp::Check(_)
    ));
    check(&mut delivery, Checked::Missing, at(1_001));
    assert!(matches!(
        delivery.state.wake_up(at(1_001)),
        WakeUp::Attempt(_)
    ));
}

#[test]
fn what_cannot_be_told_ends_as_unknown() {
    for checked in [Checked::Several, Checked::NoCredentials] {
        let mut delivery = claimed(twilio(), at(0));
        conclude(&mut delivery, no_answer(), at(10));
        check(&mut delivery, checked, at(60));
        assert_eq!(delivery.status(), Status::Unknown);
        assert!(delivery.error.is_some());
    }
    let mut delivery = claimed(twilio(), at(0));
    conclude(&mut delivery, no_answer(), at(10));
    let mut now = at(60);
    while let State::Resolving(doubt) = &delivery.state {
        now = now.max(doubt.next_check_at);
        check(&mut delivery, Checked::Unavailable, now);
    }
    assert_eq!(delivery.status(), Status::Unknown);
    assert!(now >= at(3600) && now < at(3700), "{now}");
}

#[test]
fn a_gateway_is_asked_again_only_where_it_honours_our_key() {
    let mut sure = claimed(gateway(true), at(0));
    conclude(&mut sure, no_answer(), at(10));
    assert!(matches!(sure.state, State::Queued(_)));
    let mut unsure = claimed(gateway(false), at(0));
    conclude(&mut unsure, no_answer(), at(10));
    assert_eq!(unsure.status(), Status::Unknown);
    let mut killed = claimed(gateway(false), at(0));
    with_retries(|retries| killed.answer_lost(at(45), retries));
    assert_eq!(killed.status(), Status::Unknown);
}

#[test]
fn what_a_gateway_may_have_taken_is_repeated_there_alone_and_never_ends_as_failed() {
    let unanswered = || {
        let mut delivery = claimed(gateway(true), at(0));
        conclude(&mut delivery, no_answer(), at(10));
        delivery
    };
    let again = at(100);
    for ground in [twilio(), gateway(false), gateway_at("two", true)] {
        let mut delivery = unanswered();
        delivery.claim(CLAIM, ground, "+14155550100", again, LEASE);
        assert_eq!(delivery.status(), Status::Unknown);
    }
    let mut refused = unanswered();
    refused.refuse(error("no provider"), again);
    assert_eq!(refused.status(), Status::Unknown);
    let mut given_up = unanswered();
    given_up.give_up(again);
    assert_eq!(given_up.status(), Status::Unknown);

    let mut delivery = unanswered();
    let mut now = again;
    loop {
        delivery.claim(CLAIM, gateway(true), "gateway", now, LEASE);
        conclude(&mut delivery, try_again(), now);
        match delivery.state.due_at() {
            Some(due) => now = due,
            None => break,
        }
    }
    assert_eq!(delivery.status(), Status::Unknown);
    let mut taken = unanswered();
    taken.claim(CLAIM, gateway(true), "gateway", again, LEASE);
    conclude(&mut taken, Outcome::Accepted { message_id: None }, again);
    assert_eq!(taken.status(), Status::Sent);
}

#[test]
fn the_outcome_of_a_claim_that_was_overtaken_counts_only_if_it_was_accepted() {
    let mut delivery = claimed(twilio(), at(0));
    let before = delivery.clone();
    let other = ClaimId(8);
    with_retries(|retries| delivery.conclude(other, try_again(), at(1), retries));
    assert_eq!(delivery, before);
    with_retries(|retries| delivery.conclude(other, accepted(), at(1), retries));
    assert_eq!(delivery.status(), Status::Sent);
}

#[test]
fn a_receipt_settles_what_is_in_doubt_and_overrides_unknown() {
    let mut doubtful = claimed(twilio(), at(0));
    conclude(&mut doubtful, no_answer(), at(10));
    doubtful.receive(told(Stage::Queued), Source::Receipt, at(11));
    assert_eq!(doubtful.status(), Status::Sent);
    assert_eq!(doubtful.provider_message_id.as_deref(), Some(MESSAGE));

    let mut unknown = claimed(twilio(), at(0));
    conclude(&mut unknown, no_answer(), at(10));
    check(&mut unknown, Checked::Several, at(60));
    unknown.receive(told(Stage::Delivered), Source::Receipt, at(70));
    assert_eq!((unknown.status(), unknown.error), (Status::Delivered, None));
}

#[test]
fn a_receipt_of_another_message_that_names_the_delivery_changes_its_timeline_only() {
    let mut delivery = claimed(twilio(), at(0));
    conclude(&mut delivery, accepted(), at(1));
    let other = Found {
        message_id: "SMffffffffffffffffffffffffffffffff".to_owned(),
        ..told(Stage::Undelivered)
    };
    delivery.receive(other, Source::Receipt, at(2));
    assert_eq!(delivery.status(), Status::Sent);
    let last = delivery.timeline.entries().last().unwrap();
    assert_eq!(last.source, Source::ForeignReceipt);
}

#[test]
fn receipts_without_end_do_not_grow_the_timeline_without_end() {
    let mut delivery = claimed(twilio(), at(0));
    conclude(&mut delivery, accepted(), at(1));
    for second in 0..1_000 {
        delivery.receive(told(Stage::Sent), Source::Receipt, at(second));
    }
    let full = delivery.timeline.entries().len();
    delivery.receive(told(Stage::Delivered), Source::Receipt, at(2_000));
    assert_eq!(delivery.timeline.entries().len(), full + 1);
    assert_eq!(delivery.status(), Status::Delivered);
}

#[test]
fn a_gateways_late_word_takes_back_nothing_that_was_heard_since() {
    for (stage, end) in [
        (Stage::Sent, Status::Sent),
        (Stage::Failed, Status::Failed),
        (Stage::Undelivered, Status::Undelivered),
        (Stage::Delivered, Status::Delivered),
    ] {
        let mut delivery = claimed(twilio(), at(0));
        conclude(&mut delivery, no_answer(), at(10));
        check(&mut delivery, Checked::Missing, at(60));
        check(&mut delivery, Checked::Missing, at(300));
        delivery.claim(CLAIM, gateway(false), "gateway", at(300), LEASE);
        delivery.receive(told(stage), Source::Receipt, at(301));
        let before = delivery.clone();
        conclude(
            &mut delivery,
            Outcome::Accepted { message_id: None },
            at(302),
        );
        assert_eq!(delivery.status(), end);
        assert_eq!(delivery.error, before.error);
        assert_eq!(delivery.inquiry, before.inquiry);
        let last = delivery.timeline.entries().last().unwrap();
        assert_eq!((last.status, last.source), (Stage::Sent, Source::Provider));
    }
}

fn opted_out(message: &str, account: AccountSid) -> Found {
    Found {
        message_id: message.to_owned(),
        account: Some(account),
        stage: Stage::Failed,
        error: Some(ProviderError {
            code: Some(21_610),
            ..error("opted out")
        }),
    }
}

#[test]
fn an_opt_out_is_that_of_the_sender_whose_message_it_is() {
    const OURS: Option<&str> = Some("+14155550100");
    let of = opted_out(MESSAGE, account());
    let other_account = opted_out(MESSAGE, format!("AC{}", "b".repeat(32)).parse().unwrap());

    let mut delivery = claimed(twilio(), at(0));
    assert_eq!(delivery.opted_out_of(&of), OURS);
    assert_eq!(delivery.opted_out_of(&other_account), None);
    assert_eq!(delivery.opted_out_of(&told(Stage::Failed)), None);
    conclude(&mut delivery, try_again(), at(1));
    delivery.claim(CLAIM, twilio(), "+14155550100", at(40), LEASE);
    conclude(&mut delivery, accepted(), at(41));
    assert_eq!(delivery.opted_out_of(&of), OURS);
    let other = opted_out("SMffffffffffffffffffffffffffffffff", account());
    assert_eq!(delivery.opted_out_of(&other), None);

    let mut doubtful = claimed(twilio(), at(0));
    conclude(&mut doubtful, no_answer(), at(10));
    assert_eq!(doubtful.opted_out_of(&of), OURS);
    check(&mut doubtful, Checked::Missing, at(60));
    check(&mut doubtful, Checked::Missing, at(300));
    assert_eq!(doubtful.opted_out_of(&of), OURS);
    for (ground, sender) in [(twilio(), "+14155550199"), (gateway(false), "gateway")] {
        let mut again = doubtful.clone();
        again.claim(CLAIM, ground, sender, at(300), LEASE);
        assert_eq!(again.opted_out_of(&of), None);
        again.receive(of.clone(), Source::Receipt, at(301));
        assert_eq!(again.opted_out_of(&of), None);
    }
}
