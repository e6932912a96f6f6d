//! Every invariant is able to fail: each is broken on purpose, and says so.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::delivery::{Attempt, Delivery, FailedBecause, History, Outcome, State};
use domain::sms::delivery::{self, Final};
use domain::sms::member::NotSent;
use domain::webhook::{Activity, DisabledReason, FailureStreak, Webhook};
use simulation::call::Call;
use simulation::fault::Fault;
use simulation::flows;
use simulation::functions::Function;
use simulation::invariants::{self, violations};
use simulation::observe::Commit;
use simulation::play::{Detail, End, play};
use simulation::run::Struck;

/// Where a flow ends in which nothing goes wrong.
fn end_of(flow: &str) -> End {
    let flow = flows::named(flow).unwrap();
    let end = play(&flow.scenario, &[], Detail::Calls).end;
    assert_eq!(violations(&end), [], "{}", flow.scenario.name);
    end
}

fn delivery(end: &mut End) -> &mut Delivery {
    end.deliveries.values_mut().next().unwrap()
}

fn attempts(end: &mut End, change: impl FnOnce(&mut Vec<Attempt>)) {
    let delivery = delivery(end);
    let mut attempts = delivery.history.attempts().to_vec();
    change(&mut attempts);
    delivery.history = History::new(attempts);
}

/// The last write of the API.
fn by_api(end: &mut End) -> &mut Commit {
    let mut commits = end.commits.iter_mut().rev();
    let found = commits.find(|commit| commit.by == Some("AdminApi"));
    found.unwrap()
}

/// Whether it leaves a webhook with failed events.
fn streaks(commit: &Commit) -> bool {
    let mut webhooks = commit.webhooks.iter();
    webhooks.any(|(_, webhook)| webhook.as_ref().is_some_and(|w| !w.streak.is_empty()))
}

/// The webhook is switched off, so long after the first write.
fn switched_off(end: &mut End, after: Duration) {
    let (id, webhook) = end.webhooks.iter().next().unwrap();
    let off = Webhook {
        activity: Activity::SwitchedOff,
        ..webhook.clone().unwrap()
    };
    end.commits.push(Commit {
        at: end.commits[0].at + after,
        by: Some("AdminApi"),
        deliveries: Vec::new(),
        sms: Vec::new(),
        webhooks: vec![(id.clone(), Some(off))],
    });
}

/// A way to break an invariant.
type Break = fn(&mut End);

/// An invariant, a flow, and what breaks the one at the end of the other.
const BREAKS: [(&str, &str, Break); 60] = [
    (
        "nothing is left to happen, and nothing waits",
        "success",
        |end| {
            end.at_rest = false;
        },
    ),
    (
        "nothing is left to happen, and nothing waits",
        "success",
        |end| {
            end.held.insert("WebhookSlowQueue".to_owned(), 1);
        },
    ),
    (
        "nothing is left to happen, and nothing waits",
        "success",
        |end| {
            delivery(end).state = State::single_attempt(end.commits[0].at);
        },
    ),
    (
        "nothing is left to happen, and nothing waits",
        "sms",
        |end| {
            end.sms[0].state = delivery::State::new(end.sms[0].created_at);
        },
    ),
    ("dead letters are deserved", "success", |end| {
        end.dead_letters
            .push(("EventsDeadLetterQueue".to_owned(), "{}".to_owned()));
    }),
    ("dead letters are deserved", "garbage", |end| {
        end.dead_letters.clear();
    }),
    (
        "each event has one delivery for each webhook",
        "success",
        |end| {
            end.deliveries.clear();
        },
    ),
    (
        "each event has one delivery for each webhook",
        "success",
        |end| {
            let (key, delivery) = end.deliveries.iter().next().unwrap();
            let (mut key, delivery) = (key.clone(), delivery.clone());
            key.webhook = simulation::world::webhook_id(7);
            end.deliveries.insert(key, delivery);
        },
    ),
    (
        // That the webhook was off an hour later is no excuse.
        "each event has one delivery for each webhook",
        "success",
        |end| {
            end.deliveries.clear();
            switched_off(end, Duration::from_secs(3_600));
        },
    ),
    (
        "a delivery reached its endpoint, or says why not",
        "all-fail",
        |end| {
            delivery(end).state = State::Failed(FailedBecause::WebhookDisabled);
            switched_off(end, Duration::from_secs(3_600 * 24));
        },
    ),
    (
        "a delivery reached its endpoint, or says why not",
        "success",
        |end| {
            end.requests.clear();
        },
    ),
    (
        "a delivery reached its endpoint, or says why not",
        "success",
        |end| {
            attempts(end, Vec::clear);
        },
    ),
    (
        "a delivery reached its endpoint, or says why not",
        "all-fail",
        |end| {
            attempts(end, |attempts| {
                attempts[5].outcome = Outcome::Response {
                    code: 200,
                    body: None,
                    retry_after: None,
                };
            });
        },
    ),
    (
        "a delivery reached its endpoint, or says why not",
        "all-fail",
        |end| {
            delivery(end).state = State::Failed(FailedBecause::WebhookDisabled);
        },
    ),
    ("no attempt is early", "retry", |end| {
        attempts(end, |attempts| attempts[1].at -= Duration::from_secs(10));
    }),
    ("no attempt is early", "resend", |end| {
        let last = end.commits.iter_mut().rev();
        let mut written = last.flat_map(|commit| &mut commit.deliveries);
        let (_, delivery) = written.next().unwrap();
        let delivery = delivery.as_mut().unwrap();
        let mut attempts = delivery.history.attempts().to_vec();
        attempts[1].at -= Duration::from_secs(10);
        delivery.history = History::new(attempts);
    }),
    ("at most six attempts", "all-fail", |end| {
        attempts(end, |attempts| {
            let mut seventh = attempts[5].clone();
            seventh.number = 7;
            seventh.at += Duration::from_secs(90_000);
            attempts.push(seventh);
        });
    }),
    ("at most six attempts", "all-fail", |end| {
        attempts(end, |attempts| _ = attempts.pop());
    }),
    ("what has succeeded stays so", "success", |end| {
        let mut again = end.commits.last().unwrap().clone();
        again.by = Some("DeliverWebhook");
        let delivery = again.deliveries[0].1.as_mut().unwrap();
        delivery.state = State::Failed(FailedBecause::Exhausted);
        end.commits.push(again);
    }),
    ("a retry is made once", "retry", |end| {
        end.requests.push(end.requests[1].clone());
    }),
    ("a retry is made once", "retry", |end| {
        end.requests.push(end.requests[1].clone());
        end.struck.push(Struck {
            at: end.requests[1].at,
            by: Function::DeliverWebhook,
            call: Call::Endpoint,
            fault: Fault::SeenAgain,
        });
    }),
    (
        "where nothing goes wrong, each attempt is one request",
        "success",
        |end| end.requests.push(end.requests[0].clone()),
    ),
    (
        "every request of a delivery carries its body",
        "retry",
        |end| end.requests[1].body = "{}".into(),
    ),
    (
        "every request of a delivery carries its body",
        "retry",
        |end| end.requests[1].host = simulation::outside::host(1),
    ),
    ("endpoints receive deliveries alone", "success", |end| {
        end.requests[0].delivery = "dlv_of_nobody".to_owned();
    }),
    ("what was answered is what is logged", "retry", |end| {
        end.requests[1].answer = Some(302);
    }),
    ("what was answered is what is logged", "retry", |end| {
        end.requests.truncate(1);
    }),
    ("what was answered is what is logged", "silence", |end| {
        end.requests[0].answer = Some(200);
    }),
    ("what was answered is what is logged", "silence", |end| {
        // What was refused later is no reason.
        end.struck.push(Struck {
            at: end.requests[1].at,
            by: Function::DeliverWebhook,
            call: Call::Endpoint,
            fault: Fault::Refused,
        });
        end.requests.remove(0);
    }),
    ("a webhook that is off hears nothing", "switch-off", |end| {
        let mut late = end.requests[0].clone();
        late.at += Duration::from_secs(600);
        end.requests.push(late);
    }),
    ("what the API agreed to is done", "resend", |end| {
        attempts(end, |attempts| attempts.truncate(1));
    }),
    ("what the API agreed to is done", "recover", |end| {
        let asked_at = end.granted.last().unwrap().asked_at;
        end.commits.retain(|commit| commit.at < asked_at);
    }),
    ("what the API agreed to is done", "delete", |end| {
        let mut commits = end.commits.iter().flat_map(|commit| &commit.deliveries);
        let (key, delivery) = commits.next().unwrap().clone();
        end.deliveries.insert(key, delivery.unwrap());
    }),
    (
        "a webhook is switched off exactly when it should be",
        "disabling",
        |end| {
            let webhook = end.webhooks.values_mut().next().unwrap();
            webhook.as_mut().unwrap().activity = Activity::Active;
        },
    ),
    (
        "a webhook is switched off exactly when it should be",
        "streak",
        |end| {
            let webhook = end.webhooks.values_mut().next().unwrap();
            webhook.as_mut().unwrap().activity = Activity::Active;
        },
    ),
    (
        "a webhook is switched off exactly when it should be",
        "success",
        |end| {
            let webhook = end.webhooks.values_mut().next().unwrap();
            webhook.as_mut().unwrap().activity = Activity::Disabled {
                reason: DisabledReason::EventsFailedInARow,
                at: end.commits[0].at,
            };
        },
    ),
    (
        "a webhook is switched off exactly when it should be",
        "disabling",
        |end| {
            // The write of the first failed event, without what it means for the webhook.
            let counts = |commit: &&mut Commit| {
                commit.by == Some("DeliverWebhook")
                    && !commit.webhooks.is_empty()
                    && !commit.deliveries.is_empty()
            };
            let commit = end.commits.iter_mut().find(counts).unwrap();
            commit.deliveries.clear();
        },
    ),
    (
        // Nobody asked the API for that.
        "a webhook is switched off exactly when it should be",
        "rotate",
        |end| {
            let rotated = by_api(end);
            let (_, webhook) = &mut rotated.webhooks[0];
            webhook.as_mut().unwrap().activity = Activity::SwitchedOff;
        },
    ),
    (
        // To replace the secret is no reason to forget the failures.
        "a webhook is switched off exactly when it should be",
        "streak",
        |end| {
            let counts = |commit: &&Commit| !commit.deliveries.is_empty() && streaks(commit);
            let commit = end.commits.iter().find(counts).unwrap();
            let (id, webhook) = &commit.webhooks[0];
            let forgotten = Webhook {
                streak: FailureStreak::default(),
                ..webhook.clone().unwrap()
            };
            let mut edited = Commit {
                by: Some("AdminApi"),
                deliveries: Vec::new(),
                webhooks: vec![(id.clone(), Some(forgotten))],
                ..commit.clone()
            };
            edited.at += Duration::from_millis(1);
            let place = end.commits.iter().position(|commit| commit.at >= edited.at);
            end.commits.insert(place.unwrap(), edited);
        },
    ),
    ("no alert is lost", "sms", |end| end.sms.clear()),
    ("no alert is lost", "sms", |end| end.accepted.clear()),
    ("who has said stop gets nothing", "sms-stop", |end| {
        end.accepted[0].created += Duration::from_secs(60);
    }),
    ("who has said stop gets nothing", "sms-stop", |end| {
        // Of what happens after it not even at once.
        let message = &mut end.accepted[0];
        message.created += Duration::from_secs(20);
        message.body = message.body.replace("ENG-1", "ENG-2");
    }),
    ("the status of an SMS only moves forward", "sms", |end| {
        let mut again = end.commits.last().unwrap().clone();
        again.sms[0].state = delivery::State::Settled(Final::Sent);
        end.commits.push(again);
    }),
    (
        "no SMS fails, or ends as unknown, without a reason",
        "sms",
        |end| {
            end.sms[0].state = delivery::State::Settled(Final::Failed);
            end.accepted.clear();
        },
    ),
    (
        // It had ended before the recipient said stop.
        "no SMS fails, or ends as unknown, without a reason",
        "sms-stop",
        |end| {
            end.sms[0].state = delivery::State::Settled(Final::Failed);
            end.accepted.clear();
        },
    ),
    (
        // One is not as many as there are attempts.
        "no SMS fails, or ends as unknown, without a reason",
        "sms-throttled",
        |end| {
            end.sms[0].state = delivery::State::Settled(Final::Failed);
            end.accepted.clear();
        },
    ),
    (
        "no SMS fails, or ends as unknown, without a reason",
        "gateway-retry",
        |end| {
            end.sms[0].state = delivery::State::Settled(Final::Unknown);
        },
    ),
    (
        // Twilio can be asked.
        "no SMS fails, or ends as unknown, without a reason",
        "sms-lost-in-silence",
        |end| {
            end.sms[0].state = delivery::State::Settled(Final::Unknown);
        },
    ),
    ("no alert is sent twice", "sms", |end| {
        end.accepted.push(end.accepted[0].clone());
    }),
    ("no alert is sent twice", "gateway", |end| {
        end.gateway.push(end.gateway[0].clone());
    }),
    (
        "each request for a test makes one at most",
        "test-webhook",
        |end| end.deliveries.clear(),
    ),
    (
        "each request for a test makes one at most",
        "test-webhook",
        |end| end.tests.clear(),
    ),
    (
        "each request for a test makes one at most",
        "test-webhook",
        |end| {
            attempts(end, |attempts| attempts.push(attempts[0].clone()));
        },
    ),
    (
        "each request for a test makes one at most",
        "test-sms",
        |end| end.accepted.clear(),
    ),
    ("the SMS numbers are the history's", "sms-left-out", |end| {
        for (_, counts) in &mut end.sms_counts {
            let not_sent = std::mem::take(&mut counts.not_sent).into_iter();
            counts.not_sent = not_sent
                .map(|((_, of), count)| ((NotSent::OptedOut, of), count))
                .collect();
        }
    }),
    ("the SMS numbers are the history's", "sms", |end| {
        end.sms_counts.clear();
    }),
    ("the webhook numbers are the log's", "success", |end| {
        end.webhook_counts
            .values_mut()
            .for_each(|count| *count += 1);
    }),
    ("the webhook numbers are the log's", "success", |end| {
        end.later_counts.clear();
    }),
    ("no secret in plain text", "success", |end| {
        end.leaks.insert("log: canary".to_owned());
    }),
];

#[test]
fn whatever_is_broken_is_said_to_be() {
    for (invariant, flow, break_it) in BREAKS {
        let mut end = end_of(flow);
        break_it(&mut end);
        let said: Vec<_> = violations(&end).into_iter().map(|v| v.invariant).collect();
        assert!(said.contains(&invariant), "{invariant} in {flow}: {said:?}");
    }
}

#[test]
fn every_invariant_is_broken_by_something() {
    let broken: BTreeSet<_> = BREAKS.iter().map(|(invariant, ..)| *invariant).collect();
    let all: BTreeSet<_> = invariants::ALL.iter().map(|i| i.name).collect();
    assert_eq!(broken, all);
}
