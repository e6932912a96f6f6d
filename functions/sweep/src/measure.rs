//! How much waits, and for how long the first of it has been due.

use std::time::Duration;

use domain::channel::Channel;
use domain::waiting::Waiting;
use jiff::Timestamp;
use platform::metrics::Gauge;
use platform::store::StoreError;
use platform::store::due::{DuePartition, Waits};

use crate::Sweep;
use crate::wake::without_message;

impl Sweep {
    /// Takes note of what waits in each channel; the answer is the partitions of the index that hold anything, and when
    /// something is to be done about the first entry there.
    pub(crate) async fn measure(&self) -> Result<Vec<(DuePartition, Timestamp)>, StoreError> {
        let mut partitions = Vec::new();
        for channel in Channel::ALL {
            let messaged = self.store.waits(channel, Waiting::WithMessage).await?;
            let asleep = self.store.waits(channel, without_message(channel)).await?;
            self.take_note(channel, &messaged, &asleep);
            partitions.extend(messaged.partitions);
            partitions.extend(asleep.partitions);
        }
        Ok(partitions)
    }

    fn take_note(&self, channel: Channel, messaged: &Waits, asleep: &Waits) {
        // SMS that wait for a receipt have had their attempt.
        let parked = match channel {
            Channel::Webhook => asleep.count,
            Channel::Sms => 0,
        };
        let waiting = messaged.count + parked;
        let first_due = [messaged.first_due(), asleep.first_due()];
        let overdue = overdue(first_due.into_iter().flatten().min(), (self.clock)());
        let metrics = &self.metrics;
        metrics.measure(Gauge::RetriesWaiting(channel), waiting);
        metrics.measure(Gauge::Overdue(channel), overdue.as_secs());
        if channel == Channel::Webhook {
            metrics.measure(Gauge::RetriesParked, parked);
        }
        tracing::info!(
            channel = channel.as_str(),
            waiting,
            parked,
            overdue_s = overdue.as_secs(),
            "looked at what waits"
        );
    }
}

/// How long the first of what waits has been due.
fn overdue(first_due: Option<Timestamp>, now: Timestamp) -> Duration {
    let due = first_due.unwrap_or(now);
    Duration::try_from(now.duration_since(due)).unwrap_or_default()
}
