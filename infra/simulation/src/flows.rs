//! The reference flows: small, so that every crash point of each can be tried, and every pair of them.

use std::time::Duration;

use crate::scenario::{Action, Answer, Hook, Mischief, ProviderPlan, Scenario};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// A flow, and how much of it the tests try.
pub struct Flow {
    /// What happens.
    pub scenario: Scenario,
    /// Whether every pair of crash points is tried in the tests as well; it always is in the long form.
    pub pairs: bool,
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Flow> {
    let mut flows = webhook_flows();
    flows.extend(api_flows());
    flows.extend(sms_flows());
    flows
}

/// The flow of this name.
#[must_use]
pub fn named(name: &str) -> Option<Flow> {
    all().into_iter().find(|flow| flow.scenario.name == name)
}

fn flow(name: &str, pairs: bool, scenario: Scenario) -> Flow {
    Flow {
        scenario: Scenario {
            name: name.to_owned(),
            ..scenario
        },
        pairs,
    }
}

fn webhooks(answers: &[Answer], actions: &[(Duration, Action)]) -> Scenario {
    Scenario {
        name: String::new(),
        seed: 1,
        webhooks: vec![Hook::answering(answers)],
        provider: None,
        members: 0,
        room: None,
        actions: actions.to_vec(),
        mischief: Mischief::default(),
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
    vec![
        flow("success", true, one(&[OK])),
        flow("retry", true, one(&[BAD, OK])),
        flow("fast-lane-retry", true, fast(one(&[BAD, OK]))),
        flow("all-fail", false, one(&[BAD])),
        flow("disabling", false, webhooks(&[BAD], &three)),
        flow("gone", false, webhooks(&[BAD, Answer::Status(410)], &three[..2])),
        flow("parked", false, parked),
        flow("silence", false, one(&[Answer::Silence, OK])),
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
    let six_failures = [BAD, BAD, BAD, BAD, BAD, BAD, OK];
    let recover = Action::Recover { webhook: 0 };
    let off = Action::Switch {
        webhook: 0,
        on: false,
    };
    vec![
        flow("resend", true, then(&[OK], &[(HOUR, resend)])),
        flow(
            "resend-pending",
            false,
            then(&[BAD, BAD, OK], &[(SECOND * 30, resend)]),
        ),
        flow("recover", false, then(&six_failures, &[(HOUR * 20, recover)])),
        flow("switch-off", false, then(&[BAD], &[(SECOND * 100, off)])),
        flow(
            "delete",
            false,
            then(&[BAD], &[(SECOND * 100, Action::Delete { webhook: 0 })]),
        ),
    ]
}

fn sms_flows() -> Vec<Flow> {
    let alert = |provider: ProviderPlan| Scenario {
        webhooks: Vec::new(),
        provider: Some(provider),
        members: 1,
        ..webhooks(&[OK], &[(Duration::ZERO, Action::alert(1))])
    };
    let twilio = |behaviour: &str| {
        alert(ProviderPlan::Twilio {
            behaviour: behaviour.to_owned(),
        })
    };
    let gateway = |idempotent, answers: &[Answer]| {
        alert(ProviderPlan::Gateway {
            idempotent,
            answers: answers.to_vec(),
        })
    };
    let both = Scenario {
        webhooks: vec![Hook::answering(&[BAD, OK])],
        actions: vec![(
            Duration::ZERO,
            Action::Publish {
                event: 1,
                webhooks: true,
                alert: true,
            },
        )],
        ..twilio("{}")
    };
    vec![
        flow("sms", true, twilio("{}")),
        flow("sms-no-receipts", false, twilio(r#"{"callbacks":"none"}"#)),
        flow("sms-early-receipts", false, twilio(r#"{"callbacks":"early"}"#)),
        flow(
            "sms-taken-in-silence",
            true,
            twilio(r#"{"timeout_after_accept":1}"#),
        ),
        flow(
            "sms-lost-in-silence",
            true,
            twilio(r#"{"timeout_before_accept":1}"#),
        ),
        flow("sms-throttled", false, twilio(r#"{"reject_429":1}"#)),
        flow("gateway", true, gateway(false, &[OK])),
        flow("gateway-retry", false, gateway(false, &[Answer::Status(503), OK])),
        flow(
            "gateway-with-key",
            true,
            gateway(true, &[Answer::Silence, OK]),
        ),
        flow("webhook-and-alert", false, both),
    ]
}
