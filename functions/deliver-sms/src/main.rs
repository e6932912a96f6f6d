//! The function `deliver-sms`: wires the handler to AWS. See the library for what it does.

use std::process::ExitCode;
use std::sync::Arc;

use deliver_sms::DeliverSms;
use lambda_runtime::Error;
use platform::http::{GuardedClient, SystemResolver};
use platform::queue::Queue;
use platform::secrets::Secrets;
use platform::store::{Store, config::ConfigCache};
use platform::twilio::TwilioApi;
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
    let store = Store::new(aws::dynamodb(&aws), settings::text("TABLE_NAME")?);
    let url_rules = settings::url_rules()?;
    let http = Arc::new(GuardedClient::without_kept_connections(
        Arc::new(SystemResolver),
        url_rules,
    )?);
    let deliver = Arc::new(DeliverSms {
        config: ConfigCache::new(store.clone()),
        store,
        secrets: Secrets::new(
            aws::kms(&aws),
            settings::text("KMS_KEY_ID")?,
            metrics.clone(),
        ),
        twilio: TwilioApi::new(http.clone(), &settings::text("TWILIO_BASE_URL")?, url_rules)?,
        http,
        url_rules,
        queue: queue("SMS_QUEUE_URL")?,
        dead_letters: queue("SMS_DEAD_LETTER_QUEUE_URL")?,
        schedule: settings::sms_retry_schedule()?,
        public_base_url: settings::public_base_url()?,
        clock: clock::system(),
        entropy: Entropy::system(),
        metrics,
    });
    batch::run(move |records, deadline| {
        let deliver = Arc::clone(&deliver);
        Box::pin(async move { deliver.handle(records, deadline).await })
    })
    .await
}
