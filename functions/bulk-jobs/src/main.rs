//! The function `bulk-jobs`: wires the handler to AWS. See the library for what it does.

use std::process::ExitCode;
use std::sync::Arc;

use bulk_jobs::BulkJobs;
use lambda_runtime::Error;
use platform::queue::Queue;
use platform::store::Store;
use platform::{aws, batch, clock, logging, metrics::Metrics, settings};

#[tokio::main]
async fn main() -> ExitCode {
    logging::run(start()).await
}

async fn start() -> Result<(), Error> {
    let aws = aws::config().await;
    let sqs = aws::sqs(&aws);
    let queue = |variable| settings::text(variable).map(|url| Queue::new(sqs.clone(), url));
    let jobs = Arc::new(BulkJobs {
        store: Store::new(aws::dynamodb(&aws), settings::text("TABLE_NAME")?),
        slow: queue("WEBHOOK_SLOW_QUEUE_URL")?,
        bulk: queue("BULK_QUEUE_URL")?,
        dead_letters: queue("BULK_DEAD_LETTER_QUEUE_URL")?,
        clock: clock::system(),
        metrics: Metrics::to_stdout(settings::parsed("STACK_NAME")?, clock::system()),
    });
    batch::run(move |records, deadline| {
        let jobs = Arc::clone(&jobs);
        Box::pin(async move { jobs.handle(records, deadline).await })
    })
    .await
}
