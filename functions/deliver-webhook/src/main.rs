//! The function `deliver-webhook`: wires the handler to AWS. See the library for what it does.

use std::num::NonZeroU16;
use std::process::ExitCode;
use std::sync::Arc;

use deliver_webhook::{DeliverWebhook, Limits, Queues, crowd::Turns, pace::Pace};
use lambda_runtime::Error;
use platform::http::{GuardedClient, SystemResolver};
use platform::queue::Queue;
use platform::queue::room::{self, Room, RoomLimits};
use platform::secrets::Secrets;
use platform::store::{Store, config::ConfigCache};
use platform::{aws, batch, clock, entropy::Entropy, logging, metrics::Metrics, settings};

#[tokio::main]
async fn main() -> ExitCode {
    logging::run(start()).await
}

async fn start() -> Result<(), Error> {
    let aws = aws::config().await;
    let sqs = aws::sqs(&aws);
    let queue = |variable| settings::text(variable).map(|url| Queue::new(sqs.clone(), url));
    let metrics = Metrics::to_stdout(settings::parsed("STACK_NAME")?, clock::system());
    let slow = queue("WEBHOOK_SLOW_QUEUE_URL")?;
    let slow_lane: NonZeroU16 = settings::parsed("SLOW_LANE_CONCURRENCY")?;
    let fast_lane: NonZeroU16 = settings::parsed("FAST_LANE_CONCURRENCY")?;
    let room = RoomLimits {
        most_in_flight: room::MOST_IN_FLIGHT,
        // A process that has a batch of the fast lane now has one of the slow lane next.
        processes: u64::from(slow_lane.get()) + u64::from(fast_lane.get()),
    };
    let store = Store::new(aws::dynamodb(&aws), settings::text("TABLE_NAME")?);
    let deliver = Arc::new(DeliverWebhook {
        config: ConfigCache::new(store.clone()),
        store,
        secrets: Secrets::new(
            aws::kms(&aws),
            settings::text("KMS_KEY_ID")?,
            metrics.clone(),
        ),
        http: Arc::new(GuardedClient::new(
            Arc::new(SystemResolver),
            settings::url_rules()?,
        )?),
        queues: Queues {
            fast: queue("WEBHOOK_FAST_QUEUE_URL")?,
            slow: slow.clone(),
            dead_letters: queue("WEBHOOK_DEAD_LETTER_QUEUE_URL")?,
            bulk: queue("BULK_QUEUE_URL")?,
        },
        room: Room::new(slow, room, clock::system()),
        limits: Limits {
            schedule: settings::retry_schedule()?,
            retention: settings::log_retention()?,
            turns: Turns::of(slow_lane.get().into()),
        },
        clock: clock::system(),
        entropy: Entropy::system(),
        pace: Pace::default(),
        metrics,
    });
    batch::run(move |records, deadline| {
        let deliver = Arc::clone(&deliver);
        Box::pin(async move { deliver.handle(records, deadline).await })
    })
    .await
}
