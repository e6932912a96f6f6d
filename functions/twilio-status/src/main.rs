//! The function `twilio-status`: wires the router to AWS. See the library for what it serves.

use std::process::ExitCode;

use lambda_http::Error;
use platform::{
    aws, clock, entropy::Entropy, logging, metrics::Metrics, secrets::Secrets, settings,
    store::Store,
};
use twilio_status::{App, router};

#[tokio::main]
async fn main() -> ExitCode {
    logging::run(start()).await
}

async fn start() -> Result<(), Error> {
    let aws = aws::config().await;
    let metrics = Metrics::to_stdout(settings::parsed("STACK_NAME")?, clock::system());
    let app = App {
        store: Store::new(aws::dynamodb(&aws), settings::text("TABLE_NAME")?),
        secrets: Secrets::new(
            aws::kms(&aws),
            settings::text("KMS_KEY_ID")?,
            metrics.clone(),
        ),
        public_base_url: settings::public_base_url()?,
        clock: clock::system(),
        entropy: Entropy::system(),
        metrics,
    };
    lambda_http::run(router(app)).await
}
