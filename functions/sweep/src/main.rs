//! The function `sweep`: wires the handler to AWS. See the library for what it does.

use std::process::ExitCode;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use platform::metrics::Metrics;
use platform::store::Store;
use platform::{aws, clock, logging, settings};
use serde_json::Value;
use sweep::Sweep;

#[tokio::main]
async fn main() -> ExitCode {
    logging::run(start()).await
}

async fn start() -> Result<(), Error> {
    let aws = aws::config().await;
    let sweep = &Sweep {
        store: Store::new(aws::dynamodb(&aws), settings::text("TABLE_NAME")?),
        metrics: Metrics::to_stdout(settings::parsed("STACK_NAME")?, clock::system()),
        clock: clock::system(),
    };
    // The event only says that it is time.
    run(service_fn(move |_: LambdaEvent<Value>| async move {
        sweep.handle().await.map_err(Error::from)
    }))
    .await
}
