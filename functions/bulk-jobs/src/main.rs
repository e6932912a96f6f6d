//! The function `bulk-jobs`: wires the handler to AWS. See the library for what it does.

use std::sync::Arc;

use aws_lambda_events::event::sqs::SqsEvent;
use bulk_jobs::BulkJobs;
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use platform::queue::Queue;
use platform::store::Store;
use platform::{aws, clock, logging, settings};

#[tokio::main]
async fn main() -> Result<(), Error> {
    logging::init();
    let aws = aws::config().await;
    let sqs = aws::sqs(&aws);
    let queue = |variable| settings::text(variable).map(|url| Queue::new(sqs.clone(), url));
    let jobs = Arc::new(BulkJobs {
        store: Store::new(aws::dynamodb(&aws), settings::text("TABLE_NAME")?),
        slow: queue("WEBHOOK_SLOW_QUEUE_URL")?,
        bulk: queue("BULK_QUEUE_URL")?,
        dead_letters: queue("BULK_DEAD_LETTER_QUEUE_URL")?,
        clock: clock::system(),
    });
    run(service_fn(|event: LambdaEvent<SqsEvent>| {
        let jobs = Arc::clone(&jobs);
        // A deadline that cannot be told is now: the work is put off.
        let deadline =
            Timestamp::try_from(event.context.deadline()).unwrap_or_else(|_| Timestamp::now());
        // Boxed: the compiler's depth limit counts through the runtime's own layers.
        Box::pin(async move { Ok::<_, Error>(jobs.handle(event.payload.records, deadline).await) })
    }))
    .await
}
