//! Tests that administrators ask for, of webhooks and of SMS.

use std::collections::BTreeMap;

use domain::delivery::{Delivery, Purpose};
use domain::ids::WebhookId;
use domain::sms::delivery::{self, SmsDelivery, Status};

use crate::outside::Tested;
use crate::play::End;
use crate::world;

/// Each request for a test makes one, marked as such, or none where it was not answered; of a webhook with one attempt
/// at most, of SMS with a message that was accepted or visibly not.
#[must_use]
pub fn one_for_each_request(end: &End) -> Vec<String> {
    let mut broken = too_many(end);
    for test in &end.tests {
        let Some(id) = &test.accepted else { continue };
        let holds = match &test.of {
            Tested::Webhook(place) => webhook_test_is_there(end, &world::webhook_id(*place), id),
            Tested::Phone(phone) => message_is_there(end, phone, id),
        };
        if !holds {
            broken.push(format!("{id}, a test of {:?}, is lost", test.of));
        }
    }
    let tests = end.deliveries.values().filter(|delivery| is_test(delivery));
    let often = tests.filter(|delivery| delivery.history.attempts().len() > 1);
    broken.extend(often.map(|delivery| {
        let (id, history) = (&delivery.key.id, &delivery.history);
        format!("{id}, a test, was tried again: {history:?}")
    }));
    broken
}

fn is_test(delivery: &Delivery) -> bool {
    delivery.purpose == Purpose::Test
}

/// More tests than requests for them.
fn too_many(end: &End) -> Vec<String> {
    let mut tests: BTreeMap<String, i64> = BTreeMap::new();
    for test in &end.tests {
        *tests.entry(name(&test.of)).or_default() -= 1;
    }
    for delivery in end.deliveries.values().filter(|delivery| is_test(delivery)) {
        *tests.entry(delivery.key.webhook.to_string()).or_default() += 1;
    }
    for sms in end
        .sms
        .iter()
        .filter(|sms| sms.purpose == delivery::Purpose::Test)
    {
        let phone = sms.recipient.phone.as_str().to_owned();
        *tests.entry(phone).or_default() += 1;
    }
    let more = tests.into_iter().filter(|(_, more)| *more > 0);
    more.map(|(of, more)| format!("{more} tests of {of} that nobody asked for"))
        .collect()
}

fn name(of: &Tested) -> String {
    match of {
        Tested::Webhook(place) => world::webhook_id(*place).to_string(),
        Tested::Phone(phone) => phone.clone(),
    }
}

/// Whether it is in the log; that of a deleted webhook is gone.
fn webhook_test_is_there(end: &End, webhook: &WebhookId, id: &str) -> bool {
    let mut deliveries = end.deliveries.values().filter(|delivery| is_test(delivery));
    let deleted = end.webhooks.get(webhook) == Some(&None);
    deleted || deliveries.any(|test| test.key.webhook == *webhook && test.key.id.as_str() == id)
}

/// Whether it is in the history, and was accepted or tells why not.
fn message_is_there(end: &End, phone: &str, id: &str) -> bool {
    let is_it = |sms: &&SmsDelivery| {
        let marked = sms.purpose == delivery::Purpose::Test;
        marked && sms.key.id.as_str() == id && sms.recipient.phone.as_str() == phone
    };
    let Some(sms) = end.sms.iter().find(is_it) else {
        return false;
    };
    let accepted = end.accepted.iter().any(|message| message.to == phone)
        || end
            .gateway
            .iter()
            .any(|call| call.accepted && call.to == phone);
    accepted || matches!(sms.status(), Status::Failed | Status::Unknown)
}
