//! The function `admin-api`: wires the router to AWS. See the library for what it serves.

use std::sync::Arc;

use admin_api::{App, Queues, router};
use lambda_http::Error;
use platform::http::{GuardedClient, SystemResolver};
use platform::{
    aws, clock, entropy::Entropy, logging, queue::Queue, secrets::Secrets, settings, store::Store,
};

#[tokio::main]
async fn main() -> Result<(), Error> {
    logging::init();
    let aws = aws::config().await;
    let sqs = aws::sqs(&aws);
    let queue = |variable| settings::text(variable).map(|url| Queue::new(sqs.clone(), url));
    let url_rules = settings::url_rules()?;
    let app = App {
        store: Store::new(aws::dynamodb(&aws), settings::text("TABLE_NAME")?),
        secrets: Secrets::new(aws::kms(&aws), settings::text("KMS_KEY_ID")?),
        queues: Queues {
            events: queue("EVENTS_QUEUE_URL")?,
            slow: queue("WEBHOOK_SLOW_QUEUE_URL")?,
            bulk: queue("BULK_QUEUE_URL")?,
        },
        endpoints: GuardedClient::new(Arc::new(SystemResolver), url_rules)?,
        url_rules,
        log_retention: settings::log_retention()?,
        operator: settings::parsed("OPERATOR_KEY_HASH")?,
        clock: clock::system(),
        entropy: Entropy::system(),
    };
    lambda_http::run(router(app)).await
}
