//! The function `fan-out`: wires the handler to AWS. See the library for what it does.

use std::process::ExitCode;
use std::sync::Arc;

use fan_out::FanOut;
use lambda_runtime::Error;
use platform::queue::Queue;
use platform::store::Store;
use platform::store::config::ConfigCache;
use platform::{aws, batch, clock, logging, metrics::Metrics, settings};

#[tokio::main]
async fn main() -> ExitCode {
    logging::run(start()).await
}

async fn start() -> Result<(), Error> {
    let aws = aws::config().await;
    let sqs = aws::sqs(&aws);
    let queue = |variable| settings::text(variable).map(|url| Queue::new(sqs.clone(), url));
    let store = Store::new(aws::dynamodb(&aws), settings::text("TABLE_NAME")?);
    let fan_out = Arc::new(FanOut {
        config: ConfigCache::new(store.clone()),
        fast: queue("WEBHOOK_FAST_QUEUE_URL")?,
        slow: queue("WEBHOOK_SLOW_QUEUE_URL")?,
        sms: queue("SMS_QUEUE_URL")?,
        dead_letters: queue("EVENTS_DEAD_LETTER_QUEUE_URL")?,
        store,
        brand: settings::parsed("BRAND")?,
        retention: settings::log_retention()?.try_into()?,
        clock: clock::system(),
        metrics: Metrics::to_stdout(settings::parsed("STACK_NAME")?, clock::system()),
    });
    batch::run(move |records, deadline| {
        let fan_out = Arc::clone(&fan_out);
        Box::pin(async move { fan_out.handle(records, deadline).await })
    })
    .await
}
