//! How much waits, and for how long the first of it has been due.

use std::time::Duration;

use domain::channel::Channel;
use domain::waiting::Waiting;
use jiff::Timestamp;
use platform::metrics::Gauge;
use platform::store::StoreError;

use crate::Sweep;
use crate::wake::without_message;

impl Sweep {
    /// Takes note of what waits in each channel.
    pub(crate) async fn measure(&self) -> Result<(), StoreError> {
        for channel in Channel::ALL {
            let messaged = self.store.waits(channel, Waiting::WithMessage).await?;
            let asleep = self.store.waits(channel, without_message(channel)).await?;
            // Those that wait for a receipt have had their attempt.
            let parked = match channel {
                Channel::Webhook => asleep.count,
                Channel::Sms => 0,
            };
            let waiting = messaged.count + parked;
            let first_due = [messaged.first_due, asleep.first_due];
            let overdue = overdue(first_due.into_iter().flatten().min(), (self.clock)());
            self.metrics
                .measure(Gauge::RetriesWaiting(channel), waiting);
            self.metrics
                .measure(Gauge::Overdue(channel), overdue.as_secs());
            if channel == Channel::Webhook {
                self.metrics.measure(Gauge::RetriesParked, parked);
            }
            tracing::info!(
                channel = channel.as_str(),
                waiting,
                parked,
                overdue_s = overdue.as_secs(),
                "looked at what waits"
            );
        }
        Ok(())
    }
}

/// How long the first of what waits has been due.
fn overdue(first_due: Option<Timestamp>, now: Timestamp) -> Duration {
    let due = first_due.unwrap_or(now);
    Duration::try_from(now.duration_since(due)).unwrap_or_default()
}
