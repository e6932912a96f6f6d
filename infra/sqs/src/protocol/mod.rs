//! The AWS JSON 1.0 protocol
//! (<https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html>): which call it is, what it asks, what it answers.

mod batch;
mod handles;
mod queues;
mod receive;
mod send;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Response;
use crate::engine::Engine;
use crate::error::Error;

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

pub(crate) fn answer(engine: &mut Engine, now: Timestamp, target: &str, body: &[u8]) -> Response {
    let request_id = engine.uuid();
    let mut headers = vec![
        ("content-type", CONTENT_TYPE.to_owned()),
        ("x-amzn-requestid", request_id),
    ];
    match call(engine, now, target, body) {
        Ok(body) => Response {
            status: 200,
            headers,
            body,
        },
        Err(error) => {
            let wire = error.wire();
            headers.push(("x-amzn-query-error", format!("{};Sender", wire.query_code)));
            let body = serde_json::json!({ "__type": wire.shape, "message": error.to_string() });
            Response {
                status: wire.status,
                headers,
                body: body.to_string().into_bytes(),
            }
        }
    }
}

/// One call on the engine at one moment.
struct Call<'a> {
    engine: &'a mut Engine,
    now: Timestamp,
    body: &'a [u8],
}

fn call(engine: &mut Engine, now: Timestamp, target: &str, body: &[u8]) -> Result<Vec<u8>, Error> {
    let call = Call { engine, now, body };
    match target
        .strip_prefix("AmazonSQS.")
        .ok_or(Error::UnknownOperation)?
    {
        "CreateQueue" => call.answer(queues::create),
        "DeleteQueue" => call.answer(queues::delete),
        "GetQueueUrl" => call.answer(queues::url),
        "ListQueues" => call.answer(queues::list),
        "GetQueueAttributes" => call.answer(queues::get_attributes),
        "SetQueueAttributes" => call.answer(queues::set_attributes),
        "PurgeQueue" => call.answer(queues::purge),
        "TagQueue" => call.answer(queues::tag),
        "UntagQueue" => call.answer(queues::untag),
        "ListQueueTags" => call.answer(queues::list_tags),
        "SendMessage" => call.answer(send::one),
        "SendMessageBatch" => call.answer(send::batch),
        "ReceiveMessage" => call.answer(receive::receive),
        "DeleteMessage" => call.answer(handles::delete),
        "DeleteMessageBatch" => call.answer(handles::delete_batch),
        "ChangeMessageVisibility" => call.answer(handles::change_visibility),
        "ChangeMessageVisibilityBatch" => call.answer(handles::change_visibility_batch),
        _ => Err(Error::UnknownOperation),
    }
}

impl Call<'_> {
    fn answer<Q: DeserializeOwned, A: Serialize>(
        self,
        action: impl FnOnce(&mut Engine, Timestamp, Q) -> Result<A, Error>,
    ) -> Result<Vec<u8>, Error> {
        let request = serde_json::from_slice(self.body).map_err(unreadable)?;
        let answer = action(self.engine, self.now, request)?;
        // Only text, numbers and lists of them: writing them cannot fail.
        Ok(serde_json::to_vec(&answer).unwrap_or_default())
    }
}

/// The empty object: the answer of actions that have nothing to say.
#[derive(Debug, Serialize)]
struct Empty {}

/// The parser's own message might quote the body.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unreadable(error: serde_json::Error) -> Error {
    Error::Serialization {
        line: error.line(),
        column: error.column(),
    }
}

/// The value of a parameter that must be there; an empty text counts as missing.
fn required<T: Parameter>(value: Option<T>, name: &'static str) -> Result<T, Error> {
    value
        .filter(|value| !value.is_missing())
        .ok_or(Error::MissingParameter(name))
}

trait Parameter {
    fn is_missing(&self) -> bool {
        false
    }
}

impl Parameter for i64 {}

impl Parameter for String {
    fn is_missing(&self) -> bool {
        self.is_empty()
    }
}

impl<K, V> Parameter for std::collections::BTreeMap<K, V> {}

impl<T> Parameter for Vec<T> {}

/// The value of a numeric parameter, within its bounds.
fn in_range(
    parameter: &'static str,
    value: i64,
    allowed: &std::ops::RangeInclusive<i64>,
    reason: &'static str,
) -> Result<i64, Error> {
    if allowed.contains(&value) {
        Ok(value)
    } else {
        Err(Error::OutOfRange {
            parameter,
            value,
            reason,
        })
    }
}
