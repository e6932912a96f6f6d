//! The function `sweep`: wires the handler to AWS. See the library for what it does.

use std::process::ExitCode;

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use platform::metrics::Metrics;
use platform::queue::Queue;
use platform::store::Store;
use platform::{aws, clock, logging, settings};
use serde_json::Value;
use sweep::{Queues, Sweep};

#[tokio::main]
async fn main() -> ExitCode {
    logging::run(start()).await
}

async fn start() -> Result<(), Error> {
    let aws = aws::config().await;
    let sqs = aws::sqs(&aws);
    let queue = |variable| settings::text(variable).map(|url| Queue::new(sqs.clone(), url));
    let sweep = &Sweep {
        store: Store::new(aws::dynamodb(&aws), settings::text("TABLE_NAME")?),
        queues: Queues {
            slow: queue("WEBHOOK_SLOW_QUEUE_URL")?,
            sms: queue("SMS_QUEUE_URL")?,
        },
        metrics: Metrics::to_stdout(settings::parsed("STACK_NAME")?, clock::system()),
        clock: clock::system(),
    };
    // The event only says that it is time.
    run(service_fn(move |event: LambdaEvent<Value>| async move {
        // A deadline that cannot be told is now: only what cannot be cut short is done.
        let deadline =
            Timestamp::try_from(event.context.deadline()).unwrap_or_else(|_| Timestamp::now());
        sweep.handle(deadline).await.map_err(Error::from)
    }))
    .await
}
