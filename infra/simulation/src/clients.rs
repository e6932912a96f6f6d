//! The AWS clients of a thread: straight into the services of whatever run it is in, for functions with the faults of
//! the run, for the simulation's own looks without.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Response;
use jiff::Timestamp;
use local::aws::{Aws, Gate};
use platform::secrets::Secrets;
use platform::store::Store;

use crate::{context, world};

/// Clients.
#[derive(Clone)]
pub struct Clients {
    /// DynamoDB's.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// SQS's.
    pub sqs: aws_sdk_sqs::Client,
    /// KMS's.
    pub kms: aws_sdk_kms::Client,
}

thread_local! {
    static FAULTY: Clients = Clients::through(Arc::new(Faulty));
    static CERTAIN: Clients = Clients::through(Arc::new(Certain));
}

impl Clients {
    fn through(gate: Arc<dyn Gate>) -> Clients {
        // Nothing ever reaches these services: the gate leads to those of the run.
        let nowhere = Aws::seeded(Arc::new(|| Timestamp::UNIX_EPOCH), world::ENDPOINT, 0);
        let config = nowhere.sdk_config_through(gate);
        Clients {
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            sqs: aws_sdk_sqs::Client::new(&config),
            kms: aws_sdk_kms::Client::new(&config),
        }
    }

    /// The functions'.
    #[must_use]
    pub fn faulty() -> Clients {
        FAULTY.with(Clients::clone)
    }

    /// The simulation's own.
    #[must_use]
    pub fn certain() -> Clients {
        CERTAIN.with(Clients::clone)
    }

    /// The table.
    #[must_use]
    pub fn store(&self) -> Store {
        Store::new(self.dynamodb.clone(), &world::template().tables[0].name)
            .with_entropy(context::entropy())
    }

    /// The key.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        let metrics = platform::metrics::Metrics::discarded();
        Secrets::new(self.kms.clone(), world::template().keys[0].alias(), metrics)
    }
}

#[derive(Debug)]
struct Faulty;

impl Gate for Faulty {
    fn call<'a>(
        &'a self,
        _: &'a Aws,
        target: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Response<Bytes>> {
        async move { context::run().aws_call(target, body).await }.boxed()
    }
}

#[derive(Debug)]
struct Certain;

impl Gate for Certain {
    fn call<'a>(
        &'a self,
        _: &'a Aws,
        target: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Response<Bytes>> {
        async move { context::run().certain_call(target, body).await }.boxed()
    }
}
