//! What must hold when a run is over, whatever went wrong: plain functions over its [`End`], each with a name.
//!
//! * [`rest`] — nothing waits without a wake-up; dead letters are deserved
//! * [`webhooks`] — deliveries to webhooks: one each, attempted, never early, never too often
//! * [`requests`] — what endpoints received
//! * [`disabling`] — a webhook is switched off for exactly what it should be
//! * [`sms`] — alerts: none lost, none twice
//! * [`sms_ends`] — what failed, or is unknown, is so for a reason
//! * [`stopping`] — who has said stop gets nothing
//! * [`granted`] — what the API agreed to is done
//! * [`trials`] — tests that administrators ask for
//! * [`numbers`] — what the product counts is what is there
//! * [`secrecy`] — no secret in plain text

pub mod disabling;
pub mod granted;
pub mod numbers;
pub mod requests;
pub mod rest;
pub mod secrecy;
pub mod sms;
pub mod sms_ends;
pub mod stopping;
pub mod trials;
pub mod webhooks;

use std::fmt;

use jiff::Timestamp;

use crate::play::End;
use crate::run::BEGIN;
use crate::scenario::Action;

/// Something that must hold.
pub struct Invariant {
    /// What it is called.
    pub name: &'static str,
    /// How it is broken, if it is: in words.
    pub broken: fn(&End) -> Vec<String>,
}

/// Everything that must hold.
pub const ALL: [Invariant; 24] = [
    Invariant {
        name: "nothing is left to happen, and nothing waits",
        broken: rest::nothing_waits,
    },
    Invariant {
        name: "dead letters are deserved",
        broken: rest::dead_letters_are_deserved,
    },
    Invariant {
        name: "each event has one delivery for each webhook",
        broken: webhooks::one_delivery_each,
    },
    Invariant {
        name: "a delivery reached its endpoint, or says why not",
        broken: webhooks::attempted_or_told,
    },
    Invariant {
        name: "no attempt is early",
        broken: webhooks::never_early,
    },
    Invariant {
        name: "at most six attempts",
        broken: webhooks::at_most_six_attempts,
    },
    Invariant {
        name: "what has succeeded stays so",
        broken: webhooks::success_stays,
    },
    Invariant {
        name: "a retry is made once",
        broken: requests::retries_once,
    },
    Invariant {
        name: "where nothing goes wrong, each attempt is one request",
        broken: requests::one_for_each_attempt,
    },
    Invariant {
        name: "every request of a delivery carries its body",
        broken: requests::all_the_same,
    },
    Invariant {
        name: "endpoints receive deliveries alone",
        broken: requests::of_deliveries_alone,
    },
    Invariant {
        name: "what was answered is what is logged",
        broken: requests::answered_as_logged,
    },
    Invariant {
        name: "a webhook that is off hears nothing",
        broken: requests::none_while_off,
    },
    Invariant {
        name: "what the API agreed to is done",
        broken: granted::is_done,
    },
    Invariant {
        name: "a webhook is switched off exactly when it should be",
        broken: disabling::exact,
    },
    Invariant {
        name: "no alert is lost",
        broken: sms::none_lost,
    },
    Invariant {
        name: "no alert is sent twice",
        broken: sms::none_twice,
    },
    Invariant {
        name: "who has said stop gets nothing",
        broken: stopping::nothing_after_stop,
    },
    Invariant {
        name: "the status of an SMS only moves forward",
        broken: sms::only_forward,
    },
    Invariant {
        name: "no SMS fails, or ends as unknown, without a reason",
        broken: sms_ends::have_reasons,
    },
    Invariant {
        name: "each request for a test makes one at most",
        broken: trials::one_for_each_request,
    },
    Invariant {
        name: "the SMS numbers are the history's",
        broken: numbers::sms,
    },
    Invariant {
        name: "the webhook numbers are the log's",
        broken: numbers::webhooks,
    },
    Invariant {
        name: "no secret in plain text",
        broken: secrecy::no_leaks,
    },
];

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub invariant: &'static str,
    /// How.
    pub how: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.invariant, self.how)
    }
}

/// All that does not hold.
#[must_use]
pub fn violations(end: &End) -> Vec<Violation> {
    let broken = |invariant: &Invariant| {
        let name = invariant.name;
        let how = (invariant.broken)(end).into_iter();
        how.map(move |how| Violation {
            invariant: name,
            how,
        })
    };
    ALL.iter().flat_map(broken).collect()
}

/// When an event came in, or began to. Its own time may be an earlier one: that of a resend which was asked for before.
fn first_published_at(end: &End, event: usize) -> Option<Timestamp> {
    let begin: Timestamp = BEGIN.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let actions = end.scenario.actions.iter();
    let published = actions.filter_map(|(after, action)| match *action {
        Action::Publish { event: of, .. } if of == event => Some(begin + *after),
        _ => None,
    });
    published.min()
}

/// Whether somebody was to do such a thing by then.
fn asked_by(end: &End, by: Timestamp, wanted: impl Fn(Action) -> bool) -> bool {
    let begin: Timestamp = BEGIN.parse().unwrap_or(Timestamp::UNIX_EPOCH);
    let mut actions = end.scenario.actions.iter();
    actions.any(|(after, action)| begin + *after <= by && wanted(*action))
}
