//! What a step of an SMS delivery counts for. Attempts, looks at a provider's list and receipts write such steps.

use domain::sms::delivery::{SmsDelivery, Status};

use super::{Channel, Count, Ended, Metrics};

impl Metrics {
    /// Counts a step that was written: what the delivery's status became, and its segments once it is known that the
    /// provider has accepted it.
    pub fn add_sms_step(&self, before: &SmsDelivery, after: &SmsDelivery) {
        if before.status() != after.status()
            && let Some(ended) = ended(after.status())
        {
            self.add(Count::Deliveries(Channel::Sms, ended), 1);
        }
        if !is_accepted(before) && is_accepted(after) {
            self.add(Count::SmsSegments, u64::from(after.segments.get()));
        }
    }
}

fn ended(status: Status) -> Option<Ended> {
    match status {
        Status::Queued | Status::Sending => None,
        Status::Sent => Some(Ended::Sent),
        Status::Delivered => Some(Ended::Delivered),
        Status::Undelivered => Some(Ended::Undelivered),
        Status::Failed => Some(Ended::Failed),
        Status::Unknown => Some(Ended::Unknown),
    }
}

/// A provider that has an id for a message has accepted it, whatever became of it then; a gateway has none.
fn is_accepted(delivery: &SmsDelivery) -> bool {
    let accepted = [Status::Sent, Status::Delivered, Status::Undelivered];
    delivery.provider_message_id.is_some() || accepted.contains(&delivery.status())
}
