//! DynamoDB: `dynoxide` behind AWS's JSON protocol, for the operations that a table's user needs.

use std::sync::Arc;

use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use http::Response;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sqs::Clock;

use super::{json_response, unknown_operation};

/// A DynamoDB in memory.
pub(super) struct DynamoDb(Database);

impl DynamoDb {
    pub(super) fn new(clock: Clock) -> Self {
        let database = Database::memory_with_clock(Arc::new(TableClock(clock)));
        Self(database.expect("SQLite opens a database in memory"))
    }

    /// Answers one operation. Blocks for as long as SQLite works, which in memory is well under a millisecond for
    /// the single-item operations.
    pub(super) fn call(&self, operation: &str, body: &[u8]) -> Response<Bytes> {
        match self.dispatch(operation, body) {
            Some(Ok(json)) => json_response(200, json),
            Some(Err(error)) => json_response(error.status_code(), error.to_json()),
            None => unknown_operation(),
        }
    }

    /// An item in its JSON form, by its key.
    pub(super) fn item(&self, table: &str, key: &Map<String, Value>) -> Option<Map<String, Value>> {
        let get = json!({ "TableName": table, "Key": key, "ConsistentRead": true });
        let answer = self.call("GetItem", get.to_string().as_bytes());
        let mut answer: Value = serde_json::from_slice(answer.body()).ok()?;
        match answer.get_mut("Item")?.take() {
            Value::Object(item) => Some(item),
            _ => None,
        }
    }

    pub(super) fn sweep_expired(&self) -> Result<usize, String> {
        self.0.sweep_ttl().map_err(|error| error.to_string())
    }

    fn dispatch(&self, operation: &str, body: &[u8]) -> Option<Result<Vec<u8>, DynoxideError>> {
        let db = &self.0;
        let answer = match operation {
            "CreateTable" => run(body, |request| db.create_table(request)),
            "DeleteTable" => run(body, |request| db.delete_table(request)),
            "DescribeTable" => run(body, |request| db.describe_table(request)),
            "ListTables" => run(body, |request| db.list_tables(request)),
            "UpdateTable" => run(body, |request| db.update_table(request)),
            "UpdateTimeToLive" => run(body, |request| db.update_time_to_live(request)),
            "DescribeTimeToLive" => run(body, |request| db.describe_time_to_live(request)),
            "PutItem" => run(body, |request| db.put_item(request)),
            "GetItem" => run(body, |request| db.get_item(request)),
            "DeleteItem" => run(body, |request| db.delete_item(request)),
            "UpdateItem" => run(body, |request| db.update_item(request)),
            "Query" => run(body, |request| db.query(request)),
            "Scan" => run(body, |request| db.scan(request)),
            "BatchGetItem" => run(body, |request| db.batch_get_item(request)),
            "BatchWriteItem" => run(body, |request| db.batch_write_item(request)),
            "TransactWriteItems" => run(body, |request| db.transact_write_items(request)),
            "TransactGetItems" => run(body, |request| db.transact_get_items(request)),
            _ => return None,
        };
        Some(answer)
    }
}

fn run<Request, Answer>(
    body: &[u8],
    operation: impl FnOnce(Request) -> Result<Answer, DynoxideError>,
) -> Result<Vec<u8>, DynoxideError>
where
    Request: DeserializeOwned,
    Answer: Serialize,
{
    let answer = operation(serde_json::from_slice(body).map_err(|error| refusal(&error))?)?;
    serde_json::to_vec(&answer)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// What DynamoDB calls a body that does not fit its operation: JSON of the wrong type or none at all is a
/// `SerializationException`; a missing member, or a value that the database's own decoder refuses (it marks those with
/// a prefix), is a `ValidationException`.
fn refusal(error: &serde_json::Error) -> DynoxideError {
    const VALIDATION: [&str; 3] = ["VALIDATION_REQUEST:", "VALIDATION_AS_READ:", "VALIDATION:"];
    const SERIALIZATION: [&str; 2] = ["SERIALIZATION_AS_READ:", "SERIALIZATION:"];
    let text = error.to_string();
    let rest = |prefixes: &[&str]| {
        prefixes
            .iter()
            .find_map(|prefix| text.strip_prefix(prefix).map(str::to_owned))
    };
    if let Some(message) = rest(&VALIDATION) {
        DynoxideError::ValidationException(message)
    } else if let Some(message) = rest(&SERIALIZATION) {
        DynoxideError::SerializationException(message)
    } else if text.contains("missing field")
        || text.contains("unknown variant")
        || text.contains("AttributeValue")
    {
        DynoxideError::ValidationException(text)
    } else {
        DynoxideError::SerializationException(text)
    }
}

/// The stack's clock as the database reads it: the time to live hangs on it. The ten minutes of a
/// `ClientRequestToken` run on the system's clock; the SDK makes a new token for each call.
struct TableClock(Clock);

impl dynoxide::storage_backend::Clock for TableClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from((self.0)().as_second()).unwrap_or(0)
    }

    fn now_unix_secs_f64(&self) -> f64 {
        (self.0)().as_duration().as_secs_f64()
    }
}
