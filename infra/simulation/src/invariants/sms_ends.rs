//! SMS that came to nothing, or of which nobody knows: each for a reason that the run gave.

use domain::sms::delivery::{SmsDelivery, Status};
use jiff::Timestamp;

use super::asked_by;
use crate::call::Call;
use crate::fault::Fault;
use crate::functions::Function;
use crate::outside::nth;
use crate::play::End;
use crate::run::Struck;
use crate::scenario::{Action, Answer, ProviderPlan};
use crate::world;

/// A message has failed after so many attempts of which the provider took none.
const ATTEMPTS: u64 = 4;

/// None has failed, and of none the end is unknown, without a reason.
#[must_use]
pub fn have_reasons(end: &End) -> Vec<String> {
    let without = |sms: &&SmsDelivery| match sms.status() {
        Status::Failed => !may_have_failed(end, sms),
        Status::Unknown => !may_be_unknown(end, sms),
        _ => false,
    };
    let without = end.sms.iter().filter(without);
    without
        .map(|sms| {
            let (id, status, error) = (&sms.key.id, sms.status(), &sms.error);
            format!("{id} is {status:?}: {error:?}")
        })
        .collect()
}

/// Whether it was not to be sent, or the provider did not take it.
fn may_have_failed(end: &End, sms: &SmsDelivery) -> bool {
    let ended = ended(sms);
    let no_provider = asked_by(end, ended, |action| action == Action::NoProvider);
    let said_stop = sms.recipient.phone.as_str() == world::phone(0)
        && asked_by(end, ended, |action| action == Action::Text { stop: true });
    no_provider || said_stop || refused_for_good(end, sms) || in_vain(end, sms) >= ATTEMPTS
}

/// When its last step was.
fn ended(sms: &SmsDelivery) -> Timestamp {
    let last = sms.timeline.entries().last();
    last.map_or(Timestamp::MAX, |entry| entry.at)
}

/// Whether the gateway did not want it.
fn refused_for_good(end: &End, sms: &SmsDelivery) -> bool {
    let mut answers = gateway_answers(end, sms).filter_map(Answer::status);
    answers.any(|status| matches!(status, 300..=428 | 430..=499))
}

/// Attempts that came to nothing, at most: the provider did not take it, or something befell whoever made it.
fn in_vain(end: &End, sms: &SmsDelivery) -> u64 {
    let refused = match &end.scenario.provider {
        Some(ProviderPlan::Twilio { behaviour }) => {
            let faults = ["timeout_before_accept", "reject_429", "error_500"];
            faults.map(|fault| number_of(behaviour, fault)).iter().sum()
        }
        Some(ProviderPlan::Gateway { .. }) => {
            let answers = gateway_answers(end, sms);
            let refused = answers.filter(|answer| !answer.status().is_some_and(is_success));
            refused.count() as u64
        }
        None => 0,
    };
    refused + disturbances(end).count() as u64
}

fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// How the gateway answered the requests for this delivery.
fn gateway_answers<'a>(end: &'a End, sms: &'a SmsDelivery) -> impl Iterator<Item = Answer> + 'a {
    let plan = match &end.scenario.provider {
        Some(ProviderPlan::Gateway { answers, .. }) => answers.as_slice(),
        _ => &[],
    };
    let calls = end.gateway.iter().enumerate();
    let ours = calls.filter(|(_, call)| call.key == sms.key.id.as_str());
    ours.map(|(number, _)| nth(plan, number))
}

/// How often Twilio is to fail in this way.
fn number_of(behaviour: &str, fault: &str) -> u64 {
    let behaviour: serde_json::Value = serde_json::from_str(behaviour).unwrap_or_default();
    behaviour[fault].as_u64().unwrap_or_default()
}

/// What befell those who send, and may have kept an attempt from coming to its end.
fn disturbances(end: &End) -> impl Iterator<Item = &Struck> {
    let harmless = [
        Fault::SeenAgain,
        Fault::Stale,
        Fault::PartialBatch,
        Fault::Unprocessed,
    ];
    let struck = end.struck.iter();
    struck.filter(move |struck| {
        struck.by == Function::DeliverSms && !harmless.contains(&struck.fault)
    })
}

/// Whether an attempt had no answer, and it cannot be found out what became of it: a gateway can never be asked, Twilio
/// only while somebody knows the account's credentials.
fn may_be_unknown(end: &End, sms: &SmsDelivery) -> bool {
    let unheard = match &end.scenario.provider {
        Some(ProviderPlan::Twilio { behaviour }) => {
            let faults = [
                "timeout_before_accept",
                "timeout_after_accept",
                "error_500",
                "error_500_after_accept",
            ];
            let cannot_ask = asked_by(end, ended(sms), |action| action == Action::NoProvider);
            if !cannot_ask {
                return false;
            }
            faults.iter().any(|fault| number_of(behaviour, fault) > 0)
        }
        _ => gateway_answers(end, sms).any(|answer| answer == Answer::Silence),
    };
    unheard || may_be_cut_off(end)
}

/// Whether something befell those who send after which the answer to an attempt was not heard, or not written down. It
/// takes more than one failure of the table to come to that.
fn may_be_cut_off(end: &End) -> bool {
    let cuts = |struck: &&Struck| {
        let to_provider = matches!(struck.call, Call::TwilioCreate | Call::Gateway);
        Fault::DEATHS.contains(&struck.fault)
            || to_provider && !matches!(struck.fault, Fault::Throttled | Fault::Refused)
    };
    disturbances(end).any(|struck| cuts(&struck)) || disturbances(end).count() > 1
}
