//! The function `admin-api`: wires the router to AWS. See the library for what it serves.

use std::process::ExitCode;
use std::sync::Arc;

use admin_api::{App, Queues, router};
use domain::endpoint_url::UrlRules;
use lambda_http::Error;
use platform::http::{GuardedClient, SystemResolver};
use platform::queue::Queue;
use platform::secrets::Secrets;
use platform::store::Store;
use platform::twilio::TwilioApi;
use platform::{aws, clock, entropy::Entropy, logging, metrics::Metrics, settings};

#[tokio::main]
async fn main() -> ExitCode {
    logging::run(start()).await
}

async fn start() -> Result<(), Error> {
    let aws = aws::config().await;
    let sqs = aws::sqs(&aws);
    let queue = |variable| settings::text(variable).map(|url| Queue::new(sqs.clone(), url));
    let url_rules = settings::url_rules()?;
    let client = |rules| GuardedClient::new(Arc::new(SystemResolver), rules);
    let endpoints = client(url_rules)?;
    let twilio = Arc::new(endpoints.clone());
    let metrics = Metrics::to_stdout(settings::parsed("STACK_NAME")?, clock::system());
    let app = App {
        store: Store::new(aws::dynamodb(&aws), settings::text("TABLE_NAME")?),
        secrets: Secrets::new(
            aws::kms(&aws),
            settings::text("KMS_KEY_ID")?,
            metrics.clone(),
        ),
        queues: Queues {
            events: queue("EVENTS_QUEUE_URL")?,
            slow: queue("WEBHOOK_SLOW_QUEUE_URL")?,
            sms: queue("SMS_QUEUE_URL")?,
            bulk: queue("BULK_QUEUE_URL")?,
        },
        endpoints,
        public_internet: client(UrlRules::default())?,
        url_rules,
        brand: settings::parsed("BRAND")?,
        twilio: TwilioApi::new(twilio, &settings::text("TWILIO_BASE_URL")?, url_rules)?,
        public_base_url: settings::public_base_url()?,
        log_retention: settings::log_retention()?,
        operator: settings::parsed("OPERATOR_KEY_HASH")?,
        clock: clock::system(),
        entropy: Entropy::system(),
        metrics,
    };
    lambda_http::run(router(app)).await
}
