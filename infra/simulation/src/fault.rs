//! What may go wrong with a call, and the answers that AWS gives then.
//!
//! The functions run AWS's SDK, which tries a failed call again; in the simulation it does not, so that every fault
//! reaches the function.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use crate::call::{Call, QueueCall, TableCall};
use crate::functions::Function;

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The function dies before the call goes out.
    KilledBefore,
    /// The function dies when the answer is on its way back.
    KilledAfter,
    /// The call takes effect, and the caller waits for the answer in vain.
    AnswerLost,
    /// Refused for its rate, without effect.
    Throttled,
    /// An error of the service's own, without effect.
    ServerError,
    /// Nothing listens; for calls to others than AWS.
    Refused,
    /// It takes its time.
    Slow,
    /// Of a batch's entries some fail.
    PartialBatch,
    /// A batch of reads or writes is answered in part; the rest is to be asked for again.
    Unprocessed,
    /// Another transaction is at the same item; without effect.
    Conflict,
    /// Answered from an earlier state.
    Stale,
    /// It takes effect, its answer is lost, and the SDK makes it once more: the second answer is what the function gets.
    /// Not for transactions, which carry a token that makes the second one do nothing.
    Repeated,
    /// The call goes well, but at this very moment the messages that the invocation handles are visible again, and
    /// somebody else receives them.
    SeenAgain,
}

/// A fault at one call of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strike {
    /// At which of the run's calls, from 0.
    pub call: usize,
    /// What goes wrong; none = whatever the seed says.
    pub fault: Option<Fault>,
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Some(fault) => write!(f, "{fault:?} at call {}", self.call),
            None => write!(f, "any fault at call {}", self.call),
        }
    }
}

/// A text that is no strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoStrike;

impl fmt::Display for NoStrike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a strike is CALL or CALL=FAULT, a fault one of {:?}",
            Fault::ALL
        )
    }
}

impl FromStr for Strike {
    type Err = NoStrike;

    fn from_str(text: &str) -> Result<Self, NoStrike> {
        let (call, fault) = text
            .split_once('=')
            .map_or((text, None), |(call, fault)| (call, Some(fault)));
        let named = |name: &str| {
            let mut all = Fault::ALL.into_iter();
            all.find(|fault| format!("{fault:?}") == name)
                .ok_or(NoStrike)
        };
        Ok(Strike {
            call: call.parse().map_err(|_| NoStrike)?,
            fault: fault.map(named).transpose()?,
        })
    }
}

impl Fault {
    /// The two deaths.
    pub const DEATHS: [Fault; 2] = [Fault::KilledBefore, Fault::KilledAfter];

    /// Every fault.
    pub const ALL: [Fault; 13] = [
        Fault::KilledBefore,
        Fault::KilledAfter,
        Fault::AnswerLost,
        Fault::Throttled,
        Fault::ServerError,
        Fault::Refused,
        Fault::Slow,
        Fault::PartialBatch,
        Fault::Unprocessed,
        Fault::Conflict,
        Fault::Stale,
        Fault::Repeated,
        Fault::SeenAgain,
    ];

    /// Whether it can happen to such a call of that function.
    #[must_use]
    pub fn befalls(self, by: Function, call: Call) -> bool {
        match self {
            Fault::KilledBefore
            | Fault::KilledAfter
            | Fault::AnswerLost
            | Fault::Throttled
            | Fault::ServerError
            | Fault::Slow => true,
            Fault::Refused => !call.is_aws(),
            Fault::PartialBatch => call == Call::Queue(QueueCall::Batch),
            Fault::Unprocessed => matches!(
                call,
                Call::Table(TableCall::BatchGet | TableCall::BatchWrite)
            ),
            Fault::Conflict => {
                matches!(call, Call::Table(TableCall::Write | TableCall::Transact))
            }
            Fault::Stale => call == Call::Table(TableCall::EventualRead),
            Fault::Repeated => {
                matches!(call, Call::Table(TableCall::Write) | Call::Queue(_))
            }
            Fault::SeenAgain => by.consumes_a_queue(),
        }
    }

    /// All that can happen to such a call of that function.
    pub fn befalling(by: Function, call: Call) -> impl Iterator<Item = Fault> {
        Fault::ALL
            .into_iter()
            .filter(move |fault| fault.befalls(by, call))
    }
}

/// How long a slow answer of AWS takes: less than the SDK waits for one attempt.
pub const SLOW: Duration = Duration::from_millis(2_400);
/// How long a function waits for an answer of AWS that does not come (`platform::aws`).
pub const PATIENCE: Duration = Duration::from_millis(2_500);

/// The service's refusal of a call for its rate. A transaction's is a cancellation with that reason.
///
/// Sources: [DynamoDB](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html),
/// [SQS](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html),
/// [KMS](https://docs.aws.amazon.com/kms/latest/developerguide/throttling.html).
#[must_use]
pub fn throttled(call: Call, body: &[u8]) -> Response<Bytes> {
    match call {
        Call::Table(TableCall::Transact) => cancelled(body, "ThrottlingError"),
        Call::Table(_) => error(
            400,
            "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException",
        ),
        Call::Queue(_) => error(400, "com.amazonaws.sqs#RequestThrottled"),
        _ => error(400, "ThrottlingException"),
    }
}

/// The service's own error; also what stands for an answer that did not come.
#[must_use]
pub fn server_error(call: Call) -> Response<Bytes> {
    match call {
        Call::Table(_) => error(500, "com.amazonaws.dynamodb.v20120810#InternalServerError"),
        Call::Queue(_) => error(500, "InternalFailure"),
        _ => error(500, "KMSInternalException"),
    }
}

/// Another transaction is at the same item.
///
/// Source: [TransactWriteItems](https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html):
/// a transaction is cancelled, a single write refused.
#[must_use]
pub fn conflict(call: Call, body: &[u8]) -> Response<Bytes> {
    if call != Call::Table(TableCall::Transact) {
        return error(
            400,
            "com.amazonaws.dynamodb.v20120810#TransactionConflictException",
        );
    }
    cancelled(body, "TransactionConflict")
}

/// A transaction that is cancelled for what its first write met.
fn cancelled(body: &[u8], reason: &str) -> Response<Bytes> {
    let request: Value = serde_json::from_slice(body).unwrap_or_default();
    let writes = request["TransactItems"].as_array().map_or(0, Vec::len);
    let reasons: Vec<Value> = (0..writes)
        .map(|place| match place {
            0 => json!({ "Code": reason, "Message": "as told" }),
            _ => json!({ "Code": "None" }),
        })
        .collect();
    respond(
        400,
        &json!({
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "Message": format!("Transaction cancelled, please refer cancellation reasons for specific reasons [{reason}]"),
            "CancellationReasons": reasons,
        }),
    )
}

fn error(status: u16, kind: &str) -> Response<Bytes> {
    respond(status, &json!({ "__type": kind, "message": "as told" }))
}

/// A JSON answer.
#[must_use]
pub fn respond(status: u16, body: &Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_befalls_something() {
        let calls = [
            Call::Table(TableCall::StrongRead),
            Call::Table(TableCall::EventualRead),
            Call::Table(TableCall::BatchGet),
            Call::Table(TableCall::Write),
            Call::Table(TableCall::Transact),
            Call::Table(TableCall::BatchWrite),
            Call::Queue(QueueCall::Single),
            Call::Queue(QueueCall::Batch),
            Call::Key,
            Call::Endpoint,
            Call::TwilioCreate,
            Call::TwilioRead,
            Call::Gateway,
        ];
        for fault in Fault::ALL {
            let by = Function::DeliverWebhook;
            assert!(
                calls.iter().any(|call| fault.befalls(by, *call)),
                "{fault:?}"
            );
        }
        for call in calls {
            assert!(
                Fault::befalling(Function::Sweep, call).count() >= 6,
                "{call}"
            );
        }
    }
}
