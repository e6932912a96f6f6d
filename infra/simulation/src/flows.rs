//! The reference flows: small, so that every crash point of each can be tried, and every pair of them.

use std::time::Duration;

use domain::sms::member::NotSent;

use crate::explore::Depth;
use crate::scenario::{Action, Answer, Hook, Mischief, ProviderPlan, Scenario, Wants, Way};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// A flow, and how much of it the tests try.
pub struct Flow {
    /// What happens.
    pub scenario: Scenario,
    /// How far the tests go; the long form always tries every pair of crash points.
    pub tested: Depth,
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Flow> {
    let mut flows = webhook_flows();
    flows.extend(api_flows());
    flows.extend(sms_flows());
    flows.extend(wider_flows());
    flows
}

/// The flow of this name.
#[must_use]
pub fn named(name: &str) -> Option<Flow> {
    all().into_iter().find(|flow| flow.scenario.name == name)
}

fn flow(name: &str, tested: Depth, scenario: Scenario) -> Flow {
    Flow {
        scenario: Scenario {
            name: name.to_owned(),
            ..scenario
        },
        tested,
    }
}

fn webhooks(answers: &[Answer], actions: &[(Duration, Action)]) -> Scenario {
    Scenario {
        name: String::new(),
        seed: 1,
        webhooks: vec![Hook::answering(answers)],
        provider: None,
        members: 0,
        left_out: Vec::new(),
        room: None,
        short: false,
        actions: actions.to_vec(),
        mischief: Mischief::default(),
        counted: true,
    }
}

fn one(answers: &[Answer]) -> Scenario {
    webhooks(answers, &[(Duration::ZERO, Action::event(1))])
}

const OK: Answer = Answer::Status(200);
const BAD: Answer = Answer::Status(500);

fn webhook_flows() -> Vec<Flow> {
    let fast = |mut scenario: Scenario| {
        scenario.webhooks[0].fast = true;
        scenario
    };
    let three = [
        (Duration::ZERO, Action::event(1)),
        (SECOND * 20, Action::event(2)),
        (SECOND * 40, Action::event(3)),
    ];
    let parked = Scenario {
        room: Some(0),
        ..one(&[BAD, BAD, BAD, OK])
    };
    let streak = Scenario {
        webhooks: vec![Hook {
            failing: vec![1, 2, 4, 5, 6],
            ..Hook::answering(&[OK])
        }],
        short: true,
        ..webhooks(
            &[],
            &[
                (Duration::ZERO, Action::event(1)),
                (SECOND, Action::event(2)),
                (SECOND * 100, Action::event(3)),
                (SECOND * 110, Action::event(4)),
                (SECOND * 111, Action::event(5)),
                (SECOND * 112, Action::event(6)),
            ],
        )
    };
    let disabling = Scenario {
        short: true,
        ..webhooks(&[BAD], &three)
    };
    // It is switched off by the third, and has all three counts before it again.
    let on = Action::Switch {
        webhook: 0,
        on: true,
    };
    let disabled_and_on = Scenario {
        short: true,
        ..webhooks(
            &[BAD],
            &[
                &three[..],
                &[
                    (HOUR, on),
                    (HOUR + SECOND * 10, Action::event(4)),
                    (HOUR + SECOND * 20, Action::event(5)),
                ],
            ]
            .concat(),
        )
    };
    let all_fail = [
        (Duration::ZERO, Action::event(1)),
        (HOUR * 5, Action::Stats),
    ];
    vec![
        flow("success", Depth::Pairs, one(&[OK])),
        flow("retry", Depth::Pairs, one(&[BAD, OK])),
        flow("fast-lane-retry", Depth::Singles, fast(one(&[BAD, OK]))),
        flow("all-fail", Depth::Singles, webhooks(&[BAD], &all_fail)),
        flow("streak", Depth::Singles, streak),
        flow("disabling", Depth::Singles, disabling),
        flow("disabled-and-on", Depth::Deaths, disabled_and_on),
        flow(
            "gone",
            Depth::Singles,
            webhooks(&[BAD, Answer::Status(410)], &three[..2]),
        ),
        flow("parked", Depth::Singles, parked),
        flow("silence", Depth::Singles, one(&[Answer::Silence, OK])),
    ]
}

fn api_flows() -> Vec<Flow> {
    let then = |answers: &[Answer], actions: &[(Duration, Action)]| {
        let mut all = vec![(Duration::ZERO, Action::event(1))];
        all.extend_from_slice(actions);
        webhooks(answers, &all)
    };
    let resend = Action::Resend {
        webhook: 0,
        event: 1,
    };
    let recover = Scenario {
        short: true,
        ..then(
            &[BAD, BAD, BAD, OK],
            &[
                (HOUR * 3, Action::Stats),
                (HOUR * 4, Action::Recover { webhook: 0 }),
            ],
        )
    };
    let off = Action::Switch {
        webhook: 0,
        on: false,
    };
    vec![
        flow(
            "resend",
            Depth::Singles,
            then(&[OK], &[(HOUR * 3, Action::Stats), (HOUR * 4, resend)]),
        ),
        flow(
            "resend-pending",
            Depth::Singles,
            then(&[BAD, BAD, OK], &[(SECOND * 30, resend)]),
        ),
        flow("recover", Depth::Singles, recover),
        flow(
            "garbage",
            Depth::Singles,
            then(&[OK], &[(Duration::ZERO, Action::Garbage)]),
        ),
        flow(
            "switch-off",
            Depth::Singles,
            then(&[BAD], &[(SECOND * 100, off)]),
        ),
        flow(
            "delete-under-way",
            Depth::Singles,
            webhooks(
                &[Answer::After(SECOND * 8, 500)],
                &[
                    (Duration::ZERO, Action::event(1)),
                    (SECOND, Action::Delete { webhook: 0 }),
                ],
            ),
        ),
        flow(
            "delete",
            Depth::Singles,
            then(&[BAD], &[(SECOND * 100, Action::Delete { webhook: 0 })]),
        ),
    ]
}

fn alert(provider: ProviderPlan) -> Scenario {
    Scenario {
        webhooks: Vec::new(),
        provider: Some(provider),
        members: 1,
        ..webhooks(&[OK], &[(Duration::ZERO, Action::alert(1))])
    }
}

fn twilio(behaviour: &str) -> Scenario {
    alert(ProviderPlan::Twilio {
        behaviour: behaviour.to_owned(),
    })
}

/// What is not every event to every webhook and every member, or does not come over the queue.
fn wider_flows() -> Vec<Flow> {
    let wants = |wants| Hook {
        wants,
        ..Hook::answering(&[OK])
    };
    let not_theirs = Scenario {
        webhooks: vec![
            wants(Wants::Project),
            wants(Wants::OtherProject),
            wants(Wants::OtherType),
        ],
        ..webhooks(
            &[],
            &[
                (Duration::ZERO, Action::event(1)),
                (Duration::ZERO, Action::event(2)),
            ],
        )
    };
    let left_out = Scenario {
        left_out: vec![NotSent::NoPhone, NotSent::SwitchedOff],
        ..twilio("{}")
    };
    let posted = Action::Publish {
        event: 1,
        webhooks: true,
        alert: true,
        way: Way::Http,
    };
    let posted = Scenario {
        webhooks: vec![Hook::answering(&[OK])],
        actions: vec![(Duration::ZERO, posted)],
        ..twilio("{}")
    };
    // Three in a row that fail, and are no reason to switch it off.
    let test = Action::TestWebhook { webhook: 0 };
    let tests = [0, 1, 2].map(|number| (SECOND * 10 * number, test));
    let test_sms = Scenario {
        actions: vec![(Duration::ZERO, Action::TestSms)],
        ..twilio("{}")
    };
    let rotate = [
        (Duration::ZERO, Action::event(1)),
        (SECOND * 30, Action::Rotate { webhook: 0 }),
    ];
    vec![
        flow("not-theirs", Depth::Singles, not_theirs),
        flow("sms-left-out", Depth::Singles, left_out),
        flow("posted", Depth::Singles, posted),
        flow("test-webhook", Depth::Singles, webhooks(&[BAD], &tests)),
        flow("test-sms", Depth::Singles, test_sms),
        flow("rotate", Depth::Singles, webhooks(&[BAD, OK], &rotate)),
    ]
}

fn sms_flows() -> Vec<Flow> {
    let gateway = |idempotent, answers: &[Answer]| {
        alert(ProviderPlan::Gateway {
            idempotent,
            answers: answers.to_vec(),
        })
    };
    let stop = Scenario {
        actions: vec![
            (Duration::ZERO, Action::alert(1)),
            (SECOND * 10, Action::Text { stop: true }),
            (SECOND * 20, Action::alert(2)),
        ],
        ..twilio("{}")
    };
    let start = Scenario {
        actions: vec![
            (Duration::ZERO, Action::Text { stop: true }),
            (SECOND * 10, Action::alert(1)),
            (SECOND * 20, Action::Text { stop: false }),
            (SECOND * 30, Action::alert(2)),
        ],
        ..twilio("{}")
    };
    let new_token = Scenario {
        actions: vec![
            (Duration::ZERO, Action::alert(1)),
            (SECOND * 30, Action::NewToken),
        ],
        ..twilio(r#"{"timeout_after_accept":1,"callbacks":"none"}"#)
    };
    let both = Scenario {
        webhooks: vec![Hook::answering(&[BAD, OK])],
        actions: vec![(
            Duration::ZERO,
            Action::Publish {
                event: 1,
                webhooks: true,
                alert: true,
                way: Way::Queue,
            },
        )],
        ..twilio("{}")
    };
    vec![
        flow("sms", Depth::Singles, twilio("{}")),
        flow("sms-stop", Depth::Deaths, stop),
        flow("sms-start", Depth::Deaths, start),
        flow("sms-new-token", Depth::Deaths, new_token),
        flow(
            "sms-no-receipts",
            Depth::Singles,
            twilio(r#"{"callbacks":"none"}"#),
        ),
        flow(
            "sms-early-receipts",
            Depth::Singles,
            twilio(r#"{"callbacks":"early"}"#),
        ),
        flow(
            "sms-taken-in-silence",
            Depth::Singles,
            twilio(r#"{"timeout_after_accept":1}"#),
        ),
        flow(
            "sms-lost-in-silence",
            Depth::Singles,
            twilio(r#"{"timeout_before_accept":1}"#),
        ),
        flow(
            "sms-throttled",
            Depth::Singles,
            twilio(r#"{"reject_429":1}"#),
        ),
        flow("gateway", Depth::Pairs, gateway(false, &[OK])),
        flow(
            "gateway-retry",
            Depth::Singles,
            gateway(false, &[Answer::Status(503), OK]),
        ),
        flow(
            "gateway-with-key",
            Depth::Singles,
            gateway(true, &[Answer::Silence, OK]),
        ),
        flow("webhook-and-alert", Depth::Singles, both),
    ]
}
