//! The embedded AWS: SQS, DynamoDB and KMS behind one door, in memory, on a clock that is passed in.
//!
//! All three speak AWS's JSON protocol and are told apart by the `X-Amz-Target` header
//! (<https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>). [`Aws::call`] is that door; the HTTP server of
//! the local stack and the in-process SDK clients ([`Aws::sdk_config`]) both go through it. Signatures are not checked.
//!
//! No call leaves the calling task, so everything works under paused tokio time: the only wait is a long poll.

mod dynamodb;
mod kms;
mod long_poll;
pub mod permissions;
mod sdk;
mod write_units;

pub use sdk::Gate;
pub use write_units::{Busiest, WriteUnits};

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{HeaderValue, Response, header::CONTENT_TYPE};
use sqs::{Clock, Sqs};

use crate::template::Table;

/// The one region of the local stack.
pub const REGION: &str = "us-east-1";
/// The one account of the local stack.
pub const ACCOUNT_ID: &str = "000000000000";
/// The access key that the local stack hands out; functions have [their own](permissions::access_key_id). Any other is
/// taken as well.
pub const ACCESS_KEY_ID: &str = "local";
/// The secret key that goes with all of them.
pub const SECRET_ACCESS_KEY: &str = "local";

/// The embedded services. Clones share them.
#[derive(Clone)]
pub struct Aws(Arc<Services>);

struct Services {
    sqs: Sqs,
    dynamodb: dynamodb::DynamoDb,
    kms: kms::Kms,
    clock: Clock,
    endpoint: String,
    write_units: OnceLock<WriteUnits>,
}

impl Aws {
    /// Empty services on `clock`. `endpoint` (`http://127.0.0.1:4566`) opens the queue URLs; nothing listens there yet.
    ///
    /// # Panics
    /// If SQLite cannot open a database in memory.
    #[must_use]
    pub fn new(clock: Clock, endpoint: impl Into<String>) -> Self {
        Self::seeded(clock, endpoint, rand::random())
    }

    /// The same, with a seed that decides the queues' message ids and receipt handles: with a seeded clock, what
    /// the queues do is the same on every run.
    ///
    /// # Panics
    /// If SQLite cannot open a database in memory.
    #[must_use]
    pub fn seeded(clock: Clock, endpoint: impl Into<String>, seed: u64) -> Self {
        let endpoint = endpoint.into();
        let config = sqs::Config {
            region: REGION.into(),
            account_id: ACCOUNT_ID.into(),
            endpoint: endpoint.clone(),
            seed,
        };
        Self(Arc::new(Services {
            sqs: Sqs::new(config, Arc::clone(&clock)),
            dynamodb: dynamodb::DynamoDb::new(Arc::clone(&clock)),
            kms: kms::Kms::new(),
            clock,
            endpoint,
            write_units: OnceLock::new(),
        }))
    }

    /// Answers one request of the JSON protocol: `target` is its `X-Amz-Target`, `body` its JSON.
    ///
    /// A `ReceiveMessage` with a wait stays pending until a message can be had or the wait is over; everything else
    /// answers at once. Dropping the future abandons the call and loses nothing.
    pub async fn call(&self, target: &str, body: Bytes) -> Response<Bytes> {
        let mut response = match target.split_once('.') {
            Some(("AmazonSQS", _)) => {
                long_poll::call(&self.0.sqs, &self.0.clock, target, &body).await
            }
            Some(("DynamoDB_20120810", operation)) => self.0.dynamodb(operation, &body),
            Some(("TrentService", _)) => self.0.kms.call(target, body).await,
            _ => unknown_operation(),
        };
        response
            .headers_mut()
            .insert("x-amzn-requestid", request_id());
        response
    }

    /// The queues, for what needs no SDK: the pollers, and tests that count.
    #[must_use]
    pub fn sqs(&self) -> &Sqs {
        &self.0.sqs
    }

    /// The clock that all services read.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The address that queue URLs start with.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.0.endpoint
    }

    /// The URL of a queue, by its name.
    #[must_use]
    pub fn queue_url(&self, queue: &str) -> String {
        format!("{}/{ACCOUNT_ID}/{queue}", self.0.endpoint)
    }

    /// The write units that this table takes from now on; from the first call on, for the first table. Costs two reads a
    /// write.
    pub fn write_units(&self, table: &Table) -> &WriteUnits {
        self.0.write_units.get_or_init(|| WriteUnits::of(table))
    }

    /// Deletes the items whose time to live is over; returns how many. AWS does so within days
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>): callers choose when.
    ///
    /// # Errors
    /// What the database says, in words.
    pub fn sweep_expired_items(&self) -> Result<usize, String> {
        self.0.dynamodb.sweep_expired()
    }
}

impl Services {
    fn dynamodb(&self, operation: &str, body: &Bytes) -> Response<Bytes> {
        let operate = || self.dynamodb.call(operation, body);
        match self.write_units.get() {
            None => operate(),
            Some(units) => {
                let second = (self.clock)().as_second();
                let get = |key: &_| self.dynamodb.item(units.table(), key);
                units.counting(second, (operation, body), get, operate)
            }
        }
    }
}

impl std::fmt::Debug for Aws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aws")
            .field("endpoint", &self.0.endpoint)
            .finish_non_exhaustive()
    }
}

/// AWS's answer to a target that no service knows.
fn unknown_operation() -> Response<Bytes> {
    json_response(
        400,
        r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#,
    )
}

fn json_response(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.0"),
    );
    response
}

fn request_id() -> HeaderValue {
    let id = crate::ids::uuid();
    HeaderValue::try_from(id).unwrap_or_else(|_| HeaderValue::from_static("0"))
}
