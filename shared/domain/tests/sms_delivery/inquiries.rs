//! Asking the provider for the last word on a message.

use domain::sms::delivery::Inquiry;
use domain::waiting::Waiting;

use super::*;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;

/// Accepted at second 0.
fn sent() -> SmsDelivery {
    let mut delivery = claimed(twilio(), at(0));
    conclude(&mut delivery, accepted(), at(0));
    delivery
}

fn due(delivery: &SmsDelivery) -> Option<Timestamp> {
    delivery.inquiry.as_ref().map(Inquiry::due_at)
}

/// Gives the answer to the question that is due at `now`.
fn answer(delivery: &mut SmsDelivery, answer: Answer, now: Timestamp) {
    let WakeUp::Ask(inquiry) = delivery.wake_up(now) else {
        panic!("nothing to ask at {now}: {delivery:#?}");
    };
    delivery.answer(&inquiry, answer, now);
}

#[test]
fn what_stays_sent_is_asked_about_four_times_and_never_again() {
    for same in [
        Answer::Told(told(Stage::Sent)),
        Answer::Told(told(Stage::Queued)),
        Answer::Unavailable,
    ] {
        let mut delivery = sent();
        let mut asked = Vec::new();
        while let Some(now) = due(&delivery) {
            assert_eq!(delivery.waits(), Some((Waiting::ForReceipt, now)));
            let early = Timestamp::from_millisecond(now.as_millisecond() - 1).unwrap();
            assert_eq!(delivery.wake_up(early), WakeUp::Settled);
            answer(&mut delivery, same.clone(), now);
            asked.push(now);
        }
        let times = [15 * MINUTE, 2 * HOUR, 12 * HOUR, 26 * HOUR];
        assert_eq!(asked, times.map(at));
        assert_eq!(delivery.status(), Status::Sent);
        assert_eq!(delivery.waits(), None);
        assert_eq!(delivery.wake_up(at(100 * HOUR)), WakeUp::Settled);
        // A receipt that tells nothing new does not begin it anew.
        delivery.receive(told(Stage::Sent), Source::Receipt, at(101 * HOUR));
        assert_eq!(delivery.waits(), None);
    }
}

#[test]
fn the_last_word_ends_it_whoever_brings_it() {
    for last in [
        Stage::Delivered,
        Stage::Read,
        Stage::Undelivered,
        Stage::Failed,
        Stage::Canceled,
    ] {
        let mut by_receipt = sent();
        by_receipt.receive(told(last), Source::Receipt, at(5));
        let mut by_answer = sent();
        answer(&mut by_answer, Answer::Told(told(last)), at(15 * MINUTE));
        let entry = by_answer.timeline.entries().last().unwrap();
        assert_eq!((entry.status, entry.source), (last, Source::Inquiry));
        assert_eq!(by_answer.error, told(last).error);
        assert_eq!(by_answer.status(), by_receipt.status());
        for delivery in [by_receipt, by_answer] {
            assert_ne!(delivery.status(), Status::Sent);
            assert_eq!(delivery.waits(), None);
        }
    }
}

#[test]
fn without_the_message_or_the_credentials_it_stays_as_it_is_and_is_asked_no_more() {
    for end in [Answer::Gone, Answer::NoCredentials] {
        let mut delivery = sent();
        answer(&mut delivery, end, at(15 * MINUTE));
        let untold = SmsDelivery {
            inquiry: None,
            ..sent()
        };
        assert_eq!(delivery, untold);
    }
}

#[test]
fn times_that_have_gone_by_are_left_out() {
    for (asked, next) in [
        (2 * HOUR - 1, Some(2 * HOUR)),
        (2 * HOUR, Some(12 * HOUR)),
        (13 * HOUR, Some(26 * HOUR)),
        (26 * HOUR, None),
        (1_000 * HOUR, None),
    ] {
        let mut delivery = sent();
        answer(&mut delivery, Answer::Unavailable, at(asked));
        assert_eq!(due(&delivery), next.map(at), "asked at {asked}");
    }
}

#[test]
fn an_answer_that_nobody_waits_for_any_more_changes_nothing() {
    let mut delivery = sent();
    let inquiry = delivery.inquiry.clone().unwrap();
    let now = at(15 * MINUTE);
    answer(&mut delivery, Answer::Told(told(Stage::Sent)), now);
    let mut settled = sent();
    settled.receive(told(Stage::Undelivered), Source::Receipt, at(5));
    for before in [delivery, settled] {
        for late in [
            Answer::Told(told(Stage::Delivered)),
            Answer::Gone,
            Answer::Unavailable,
        ] {
            let mut after = before.clone();
            after.answer(&inquiry, late, now);
            assert_eq!(after, before);
        }
    }
}

#[test]
fn a_gateway_is_never_asked() {
    let mut delivery = claimed(gateway(true), at(0));
    let taken = Outcome::Accepted { message_id: None };
    conclude(&mut delivery, taken, at(1));
    assert_eq!((delivery.status(), delivery.waits()), (Status::Sent, None));
}

#[test]
fn the_account_asked_is_the_messages_own_however_it_became_known() {
    let mut by_receipt = claimed(twilio(), at(0));
    by_receipt.receive(told(Stage::Queued), Source::Receipt, at(1));
    conclude(&mut by_receipt, accepted(), at(2));
    assert_eq!(due(&by_receipt), Some(at(1 + 15 * MINUTE)));
    let mut by_look = claimed(twilio(), at(0));
    conclude(&mut by_look, no_answer(), at(10));
    check(&mut by_look, Checked::Found(told(Stage::Sent)), at(MINUTE));
    assert_eq!(due(&by_look), Some(at(16 * MINUTE)));
    for delivery in [by_receipt, by_look, sent()] {
        assert_eq!(delivery.inquiry.unwrap().account(), &account());
    }
}

#[test]
fn what_belongs_to_another_delivery_is_not_asked_about() {
    let mut delivery = sent();
    delivery.disown_message();
    assert_eq!((delivery.status(), delivery.waits()), (Status::Sent, None));
    assert_eq!(delivery.provider_message_id, None);
}

#[test]
fn a_delivery_that_is_woken_without_end_is_asked_about_no_more() {
    let mut delivery = sent();
    delivery.give_up(at(HOUR));
    assert_eq!((delivery.status(), delivery.waits()), (Status::Sent, None));
}

#[test]
fn deliveries_and_receipts_written_before_there_were_inquiries_are_read() {
    let mut old = serde_json::to_value(sent()).unwrap();
    old.as_object_mut().unwrap().remove("inquiry").unwrap();
    let delivery: SmsDelivery = serde_json::from_value(old).unwrap();
    assert_eq!((delivery.status(), delivery.waits()), (Status::Sent, None));
    let mut old = serde_json::to_value(told(Stage::Sent)).unwrap();
    old.as_object_mut().unwrap().remove("account").unwrap();
    let found: Found = serde_json::from_value(old).unwrap();
    assert_eq!(found.account, None);
}
