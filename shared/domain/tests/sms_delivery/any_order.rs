//! Whatever happens to a delivery, in whichever order.

use proptest::prelude::*;

use super::*;

/// What may happen to a claimed delivery, in any order: its own write, and the receipts of a lifecycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happening {
    OwnWrite,
    Receipt(Stage),
}

fn permutations(of: &[Happening]) -> Vec<Vec<Happening>> {
    let Some((first, rest)) = of.split_first() else {
        return vec![Vec::new()];
    };
    let mut all = Vec::new();
    for shorter in permutations(rest) {
        for place in 0..=shorter.len() {
            let mut longer = shorter.clone();
            longer.insert(place, *first);
            all.push(longer);
        }
    }
    all
}

fn outcome_of(happenings: &[Happening], repeated: bool) -> (Status, Option<String>, usize) {
    let mut delivery = claimed(twilio(), at(0));
    for (second, happening) in happenings.iter().enumerate() {
        let now = at(1 + second as i64);
        match happening {
            Happening::OwnWrite => conclude(&mut delivery, accepted(), now),
            Happening::Receipt(stage) => {
                delivery.receive(told(*stage), Source::Receipt, now);
                if repeated {
                    delivery.receive(told(*stage), Source::Receipt, now);
                }
            }
        }
    }
    let receipts = delivery.timeline.entries().iter();
    let receipts = receipts.filter(|entry| entry.source == Source::Receipt);
    (
        delivery.status(),
        delivery.provider_message_id.clone(),
        receipts.count(),
    )
}

#[test]
fn all_orders_of_a_lifecycle_end_in_the_same_state_and_keep_every_receipt() {
    use Happening::{OwnWrite, Receipt};
    let lives = [
        (
            vec![
                OwnWrite,
                Receipt(Stage::Accepted),
                Receipt(Stage::Queued),
                Receipt(Stage::Sending),
                Receipt(Stage::Sent),
                Receipt(Stage::Delivered),
            ],
            Status::Delivered,
        ),
        (
            vec![
                OwnWrite,
                Receipt(Stage::Queued),
                Receipt(Stage::Sent),
                Receipt(Stage::Undelivered),
            ],
            Status::Undelivered,
        ),
        (
            vec![
                OwnWrite,
                Receipt(Stage::Failed),
                Receipt(Stage::Undelivered),
                Receipt(Stage::Delivered),
            ],
            Status::Delivered,
        ),
        (
            vec![OwnWrite, Receipt(Stage::Queued), Receipt(Stage::Failed)],
            Status::Failed,
        ),
    ];
    for (life, end) in lives {
        let receipts = life.len() - 1;
        for order in permutations(&life) {
            let message = Some(MESSAGE.to_owned());
            assert_eq!(
                outcome_of(&order, false),
                (end, message.clone(), receipts),
                "{order:?}"
            );
            assert_eq!(
                outcome_of(&order, true),
                (end, message, 2 * receipts),
                "{order:?}"
            );
        }
    }
}

fn any_stage() -> impl Strategy<Value = Stage> {
    prop::sample::select(vec![
        Stage::Queued,
        Stage::Sending,
        Stage::Sent,
        Stage::Delivered,
        Stage::Undelivered,
        Stage::Failed,
        Stage::Canceled,
        Stage::Read,
    ])
}

fn any_ground() -> impl Strategy<Value = Ground> {
    prop::sample::select(vec![twilio(), gateway(false), gateway(true)])
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(accepted()),
        Just(Outcome::Accepted { message_id: None }),
        Just(no_answer()),
        Just(try_again()),
        Just(Outcome::Refused {
            error: error("400")
        }),
    ]
}

fn any_checked() -> impl Strategy<Value = Checked> {
    prop_oneof![
        Just(Checked::Missing),
        Just(Checked::Several),
        Just(Checked::Unavailable),
        Just(Checked::NoCredentials),
        any_stage().prop_map(|stage| Checked::Found(told(stage))),
    ]
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop_oneof![
        Just(Answer::Gone),
        Just(Answer::NoCredentials),
        Just(Answer::Unavailable),
        any_stage().prop_map(|stage| Answer::Told(told(stage))),
    ]
}

#[derive(Debug, Clone)]
enum Move {
    Attempt(Outcome),
    Killed,
    /// A claim is given back unused.
    Unused,
    /// The workspace has another provider from now on.
    Provider(Ground),
    /// Whoever was held up tells at last.
    Late(Outcome),
    Check(Checked),
    Receipt(Stage),
    Ask(Answer),
    GiveUp,
    Wait(i64),
}

fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        4 => any_outcome().prop_map(Move::Attempt),
        2 => Just(Move::Killed),
        1 => Just(Move::Unused),
        1 => any_ground().prop_map(Move::Provider),
        1 => any_outcome().prop_map(Move::Late),
        4 => any_checked().prop_map(Move::Check),
        1 => any_stage().prop_map(Move::Receipt),
        2 => any_answer().prop_map(Move::Ask),
        1 => Just(Move::GiveUp),
        4 => (1i64..700).prop_map(Move::Wait),
        1 => (700i64..50_000).prop_map(Move::Wait),
    ]
}

fn rank(status: Status) -> u8 {
    match status {
        Status::Queued => 0,
        Status::Sending => 1,
        Status::Unknown => 2,
        Status::Sent => 3,
        Status::Failed => 4,
        Status::Undelivered => 5,
        Status::Delivered => 6,
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_status_moves_forward_and_nothing_is_sent_while_in_doubt(
        moves in prop::collection::vec(any_move(), 1..40),
        first in any_ground(),
    ) {
        let mut ground = first;
        let mut delivery = queued();
        let mut now = at(0);
        let mut attempts = 0;
        for step in moves {
            let before = delivery.clone();
            match step {
                Move::Attempt(outcome) => {
                    if let WakeUp::Attempt(_) = delivery.state.wake_up(now) {
                        attempts += 1;
                        delivery.claim(CLAIM, ground.clone(), "+14155550100", now, LEASE);
                        conclude(&mut delivery, outcome, now);
                    }
                }
                Move::Killed => {
                    if let WakeUp::Attempt(_) = delivery.state.wake_up(now) {
                        attempts += 1;
                        delivery.claim(CLAIM, ground.clone(), "+14155550100", now, LEASE);
                    } else if let WakeUp::AnswerLost(_) = delivery.state.wake_up(now) {
                        with_retries(|retries| delivery.answer_lost(now, retries));
                    }
                }
                Move::Unused => {
                    if let WakeUp::Attempt(_) = delivery.state.wake_up(now) {
                        delivery.claim(CLAIM, ground.clone(), "+14155550100", now, LEASE);
                        delivery.give_back(CLAIM, now);
                    }
                }
                Move::Provider(other) => ground = other,
                Move::Late(outcome) => {
                    if attempts > 0 {
                        conclude(&mut delivery, outcome, now);
                    }
                }
                Move::Check(checked) => {
                    if let WakeUp::Check(_) = delivery.state.wake_up(now) {
                        check(&mut delivery, checked, now);
                    }
                }
                Move::Receipt(stage) => {
                    if attempts > 0 {
                        delivery.receive(told(stage), Source::Receipt, now);
                    }
                }
                Move::Ask(answer) => {
                    if let WakeUp::Ask(inquiry) = delivery.wake_up(now) {
                        delivery.answer(&inquiry, answer, now);
                        prop_assert!(!matches!(delivery.wake_up(now), WakeUp::Ask(_)));
                    }
                }
                Move::GiveUp => delivery.give_up(now),
                Move::Wait(seconds) => now += Duration::from_secs(seconds as u64),
            }
            prop_assert!(rank(delivery.status()) >= rank(before.status()), "{:?} -> {:?}", before.state, delivery.state);
            prop_assert!(attempts <= 4);
            // Doubt at Twilio ends in a look or a receipt, never in another claim.
            if before.state.in_flight().is_some() {
                prop_assert!(!matches!(delivery.state.wake_up(now), WakeUp::Attempt(_))
                    || matches!(before.state, State::Resolving(_)));
            }
            prop_assert_eq!(delivery.state.due_at().is_none(), matches!(delivery.state, State::Settled(_)));
            if delivery.inquiry.is_some() {
                prop_assert_eq!(&delivery.state, &State::Settled(Final::Sent));
                prop_assert!(delivery.provider_message_id.is_some());
            }
            prop_assert!(delivery.timeline.entries().len() <= 110);
            let json = serde_json::to_string(&delivery).unwrap();
            prop_assert_eq!(serde_json::from_str::<SmsDelivery>(&json).unwrap(), delivery.clone());
        }
    }

    #[test]
    fn the_end_that_holds_does_not_depend_on_the_order(mut ends in prop::collection::vec(any_final(), 1..6)) {
        let fold = |ends: &[Final]| ends.iter().copied().reduce(Final::or_later);
        let one = fold(&ends);
        ends.reverse();
        prop_assert_eq!(fold(&ends), one);
    }
}

fn any_final() -> impl Strategy<Value = Final> {
    prop::sample::select(vec![
        Final::Sent,
        Final::Failed,
        Final::Undelivered,
        Final::Delivered,
        Final::Unknown,
    ])
}
