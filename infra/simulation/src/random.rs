//! Random runs: a seed decides what is configured, what happens, and what goes wrong.

use std::time::Duration;

use domain::sms::member::NotSent;

use crate::dice::Dice;
use crate::fault::Strike;
use crate::scenario::{Action, Answer, Hook, Mischief, ProviderPlan, Scenario, Wants, Way};

/// Most runs make fewer calls than the first of these, some as many as the last. Strikes beyond a run's last call meet
/// none, so the more calls there may be, the more strikes there are: up to the second number.
const CALLS_AND_STRIKES: [(u64, u64); 4] = [(60, 5), (60, 5), (200, 12), (800, 40)];

/// In so many of a hundred runs with webhooks some events fail to the last.
const ROWS: u64 = 12;
/// When the first of them have, in milliseconds: 14 h 36 min.
const ROW_ENDS: u64 = 52_560_000;

/// So many of a hundred runs are stormy.
const STORMS: u64 = 8;

/// The run of a seed.
#[must_use]
pub fn run_of(seed: u64) -> (Scenario, Vec<Strike>) {
    let dice = Dice::new(seed, 0);
    let scenario = scenario(seed, &dice);
    // Most runs have a few faults, some a storm of them.
    let (calls, few) = *dice.pick(&CALLS_AND_STRIKES).unwrap_or(&(60, 5));
    let most = if dice.percent(STORMS) { few * 4 } else { few };
    let strikes = (0..dice.below(most))
        .map(|_| Strike {
            call: usize::try_from(dice.below(calls)).unwrap_or_default(),
            fault: None,
        })
        .collect();
    (scenario, strikes)
}

fn scenario(seed: u64, dice: &Dice) -> Scenario {
    let provider = provider(dice);
    let members = if provider.is_some() {
        1 + usize::from(dice.percent(20))
    } else {
        0
    };
    // Something has to happen to somebody.
    let least = usize::from(provider.is_none());
    let hooks = least + usize::from(dice.percent(40));
    let mut webhooks: Vec<Hook> = (0..hooks).map(|_| hook(dice)).collect();
    let counted = seed.is_multiple_of(8);
    let mut events = if hooks > 0 && dice.percent(ROWS) {
        row(dice, &mut webhooks)
    } else {
        events(dice, hooks, members)
    };
    let others = actions(dice, hooks, members, events.len());
    events = with_repetitions(dice, events);
    events.extend(others);
    if counted && dice.percent(40) {
        events.extend(looks(dice));
    }
    Scenario {
        name: format!("seed {seed}"),
        seed,
        actions: events,
        webhooks,
        left_out: left_out(dice, members),
        provider,
        members,
        short: false,
        room: dice.percent(10).then(|| dice.below(3)),
        mischief: mischief(dice),
        counted,
    }
}

fn count(dice: &Dice, bound: u64) -> usize {
    usize::try_from(dice.below(bound)).unwrap_or_default()
}

fn provider(dice: &Dice) -> Option<ProviderPlan> {
    match dice.below(10) {
        0..5 => None,
        5..9 => Some(ProviderPlan::Twilio {
            behaviour: behaviour(dice),
        }),
        _ => Some(ProviderPlan::Gateway {
            idempotent: dice.percent(50),
            answers: answers(dice),
        }),
    }
}

fn behaviour(dice: &Dice) -> String {
    const FAULTS: [&str; 6] = [
        "timeout_before_accept",
        "timeout_after_accept",
        "reject_429",
        "error_500",
        "error_500_after_accept",
        "list_errors",
    ];
    const CALLBACKS: [&str; 4] = ["normal", "repeated", "reordered", "early"];
    let callbacks = if dice.percent(8) {
        "none"
    } else {
        dice.pick(&CALLBACKS).copied().unwrap_or("normal")
    };
    let mut fields = vec![format!(r#""callbacks":"{callbacks}""#)];
    for fault in FAULTS {
        if dice.percent(15) {
            fields.push(format!(r#""{fault}":{}"#, 1 + dice.below(2)));
        }
    }
    if dice.percent(15) {
        fields.push(format!(r#""list_lag_ms":{}"#, dice.below(30_000)));
    }
    if dice.percent(10) {
        fields.push(r#""account_type":"Trial""#.to_owned());
    }
    format!("{{{}}}", fields.join(","))
}

fn hook(dice: &Dice) -> Hook {
    Hook {
        wants: match dice.below(20) {
            0 => Wants::OtherType,
            1 => Wants::OtherProject,
            2 | 3 => Wants::Project,
            _ => Wants::Everything,
        },
        answers: answers(dice),
        failing: Vec::new(),
        secret: dice.percent(60),
        fast: dice.percent(30),
    }
}

/// Others whom alerts name.
fn left_out(dice: &Dice, members: usize) -> Vec<NotSent> {
    let reasons = [NotSent::NoPhone, NotSent::SwitchedOff].into_iter();
    reasons
        .filter(|_| members > 0 && dice.percent(15))
        .collect()
}

fn way(dice: &Dice) -> Way {
    if dice.percent(12) {
        Way::Http
    } else {
        Way::Queue
    }
}

fn answers(dice: &Dice) -> Vec<Answer> {
    let failures = match dice.below(10) {
        0..5 => 0,
        5..9 => 1 + dice.below(2),
        _ => 3 + dice.below(4),
    };
    let mut answers: Vec<Answer> = (0..failures).map(|_| failure(dice)).collect();
    if failures < 6 || dice.percent(40) {
        answers.push(Answer::Status(200));
    }
    answers
}

fn failure(dice: &Dice) -> Answer {
    match dice.below(20) {
        0..9 => Answer::Status(500),
        9 | 10 => Answer::Status(302),
        11 | 12 => Answer::RetryAfter(503, dice.below(400)),
        13 | 14 => Answer::Silence,
        15 | 16 => Answer::Refused,
        17 => Answer::After(Duration::from_secs(3), 500),
        18 => Answer::Status(410),
        _ => Answer::Status(429),
    }
}

type Timed = (Duration, Action);

fn events(dice: &Dice, hooks: usize, members: usize) -> Vec<Timed> {
    let events = if dice.percent(15) {
        1 + count(dice, 4)
    } else {
        1 + count(dice, 2)
    };
    let event = |event| {
        let webhooks = hooks > 0 && (members == 0 || dice.percent(70));
        let publish = Action::Publish {
            event,
            webhooks,
            alert: members > 0 && (!webhooks || dice.percent(50)),
            way: way(dice),
        };
        (moment(dice), publish)
    };
    (1..=events).map(event).collect()
}

/// Events of which some fail to the last at one webhook: most of them soon, so that they end together; of those that
/// succeed, most while they end.
fn row(dice: &Dice, webhooks: &mut [Hook]) -> Vec<Timed> {
    let events = 3 + count(dice, 4);
    let failing: Vec<_> = (1..=events).filter(|_| dice.percent(62)).collect();
    let event = |event| {
        let late = if failing.contains(&event) { 15 } else { 70 };
        let after = if dice.percent(late) { ROW_ENDS } else { 0 };
        let at = Duration::from_millis(after + dice.below(6_000_000));
        (at, Action::event(event))
    };
    let timed = (1..=events).map(event).collect();
    let place = count(dice, webhooks.len() as u64);
    if let Some(hook) = webhooks.get_mut(place) {
        hook.failing = failing;
        hook.wants = Wants::Everything;
    }
    timed
}

/// Some events come once more.
fn with_repetitions(dice: &Dice, events: Vec<Timed>) -> Vec<Timed> {
    let repeated: Vec<_> = events
        .iter()
        .filter(|_| dice.percent(15))
        .map(|(at, event)| (*at + Duration::from_millis(dice.below(90_000)), *event))
        .collect();
    events.into_iter().chain(repeated).collect()
}

/// Somebody looks at the numbers, now and then.
fn looks(dice: &Dice) -> Vec<Timed> {
    (0..=dice.below(2))
        .map(|_| (Duration::from_secs(dice.below(80_000)), Action::Stats))
        .collect()
}

fn actions(dice: &Dice, hooks: usize, members: usize, events: usize) -> Vec<Timed> {
    let mut actions = Vec::new();
    if dice.percent(5) {
        actions.push((moment(dice), Action::Garbage));
    }
    if members > 0 && dice.percent(20) {
        let action = *dice
            .pick(&MEMBERS_AND_PROVIDER)
            .unwrap_or(&Action::NewToken);
        actions.push((moment(dice), action));
    }
    if hooks > 0 && dice.percent(25) {
        for _ in 0..=dice.below(2) {
            actions.push((moment(dice), administration(dice, hooks, events)));
        }
    }
    actions
}

const MEMBERS_AND_PROVIDER: [Action; 6] = [
    Action::TestSms,
    Action::TestSms,
    Action::NewToken,
    Action::NoProvider,
    Action::Text { stop: true },
    Action::Text { stop: false },
];

fn administration(dice: &Dice, hooks: usize, events: usize) -> Action {
    let webhook = count(dice, hooks as u64);
    match dice.below(14) {
        0..4 => Action::Resend {
            webhook,
            event: 1 + count(dice, events as u64),
        },
        4..6 => Action::Recover { webhook },
        6 => Action::Switch { webhook, on: false },
        7 | 8 => Action::Switch { webhook, on: true },
        9 => Action::Delete { webhook },
        10 => Action::Rotate { webhook },
        _ => Action::TestWebhook { webhook },
    }
}

/// Soon, a little later, or much later.
fn moment(dice: &Dice) -> Duration {
    let most = *dice
        .pick(&[1_000, 1_000, 100_000, 4_000_000, 60_000_000])
        .unwrap_or(&1_000);
    Duration::from_millis(dice.below(most))
}

fn mischief(dice: &Dice) -> Mischief {
    if dice.percent(25) {
        return Mischief {
            uneven: true,
            ..Mischief::default()
        };
    }
    let often = |dice: &Dice| *dice.pick(&[0, 0, 5, 25]).unwrap_or(&0);
    if dice.percent(STORMS) {
        return Mischief {
            twice: 30,
            seen_again: 30,
            dropped: 15,
            lost: 10,
            stale: 30,
            shuffled: 50,
            cold: 30,
            late: 30,
            uneven: true,
            sweeping: 3,
        };
    }
    Mischief {
        twice: often(dice),
        seen_again: often(dice),
        dropped: often(dice),
        stale: often(dice),
        lost: *dice.pick(&[0, 0, 0, 5, 20]).unwrap_or(&0),
        shuffled: 50,
        cold: often(dice),
        late: often(dice),
        uneven: true,
        // A sweep reads hundreds of partitions.
        sweeping: if dice.percent(5) { 10 } else { 0 },
    }
}
