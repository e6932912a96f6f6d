//! Services that do not do what they say: as if the product did not use them as it does. What a run comes to then shows
//! whether the invariants would notice.

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use crate::call::{Call, QueueCall, TableCall};
use crate::fault;

/// What a service does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// The table takes every write, whatever its condition: as if none was asked for.
    ConditionsAreVoid,
    /// A batch's entry that was not sent is told to be sent: as if nobody looked.
    FailedEntriesAreHidden,
    /// Twilio's list of messages is empty: as if nobody asked for it before sending again.
    TheListIsEmpty,
    /// Index entries of what waits are never found: as if nobody swept.
    TheIndexIsEmpty,
}

impl Sabotage {
    /// What becomes of a request to AWS on its way.
    #[must_use]
    pub(crate) fn request(self, call: Call, body: Bytes) -> Bytes {
        let writes = matches!(call, Call::Table(TableCall::Write | TableCall::Transact));
        if self != Sabotage::ConditionsAreVoid || !writes {
            return body;
        }
        let mut request: Value = serde_json::from_slice(&body).unwrap_or_default();
        void_conditions(&mut request);
        Bytes::from(request.to_string())
    }

    /// What becomes of AWS's answer.
    #[must_use]
    pub(crate) fn answer(
        self,
        call: Call,
        request: &[u8],
        answer: Response<Bytes>,
    ) -> Response<Bytes> {
        match self {
            Sabotage::FailedEntriesAreHidden if call == Call::Queue(QueueCall::Batch) => {
                all_sent(request)
            }
            Sabotage::TheIndexIsEmpty if call == Call::Table(TableCall::EventualRead) => {
                fault::respond(200, &json!({ "Items": [], "Count": 0, "ScannedCount": 0 }))
            }
            _ => answer,
        }
    }
}

/// Makes every condition one that always holds; the names and values in it are still used.
fn void_conditions(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(condition)) = fields.get_mut("ConditionExpression") {
                *condition =
                    format!("({condition}) OR attribute_exists(pk) OR attribute_not_exists(pk)");
            }
            fields.values_mut().for_each(void_conditions);
        }
        Value::Array(values) => values.iter_mut().for_each(void_conditions),
        _ => {}
    }
}

fn all_sent(request: &[u8]) -> Response<Bytes> {
    let request: Value = serde_json::from_slice(request).unwrap_or_default();
    let sent = |entry: &Value| {
        let md5 = "d41d8cd98f00b204e9800998ecf8427e";
        json!({ "Id": entry["Id"], "MessageId": "sabotaged", "MD5OfMessageBody": md5 })
    };
    let entries = request["Entries"].as_array();
    let sent: Vec<Value> = entries.into_iter().flatten().map(sent).collect();
    fault::respond(200, &json!({ "Successful": sent, "Failed": [] }))
}
