//! What IAM would be asked: every distinct call of a function, with the permission that it needs.
//!
//! Functions sign with access keys of their own, so that the endpoint knows who calls. Calls are recorded as they come,
//! whatever the service answers; those with any other key are not. Nothing secret is recorded, and no workspace.
//!
//! Which permission a call needs:
//! - [SQS](https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html): the action of the
//!   same name; [batches](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api.html)
//!   need what their single calls need;
//! - [DynamoDB](https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html): the
//!   action of the same name, on the index where one is named;
//!   [transactions](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html) need
//!   what their parts need;
//! - [KMS](https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html): the
//!   action of the same name, under [conditions](https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html)
//!   on the encryption context;
//! - an [event source mapping](https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions)
//!   takes messages off its queue under the function's role.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::{ACCOUNT_ID, REGION};

/// Opens the access keys of functions. AWS's have at least 16 of the characters `[A-Za-z0-9_]`
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html>).
const FUNCTION_KEY_PREFIX: &str = "LAMBDAFUNCTION_";
/// The one member of an encryption context whose value is recorded: the others may name workspaces.
const RECORDED_CONTEXT: &str = "purpose";
/// The resource of a call that names none.
const ANY: &str = "*";

/// The access key that a function's processes sign with, by the function's logical id.
#[must_use]
pub fn access_key_id(function: &str) -> String {
    format!("{FUNCTION_KEY_PREFIX}{function}")
}

/// The logical id of the function that made a request, by the request's `Authorization`
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html>).
pub(crate) fn calling_function(authorization: &str) -> Option<&str> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let (key, _) = credential.split_once('/')?;
    key.strip_prefix(FUNCTION_KEY_PREFIX)
}

/// Writes each distinct permission that a function needed, once, as a line of JSON:
/// `{"function", "action", "resource", "conditions": {key: [value]}}`.
#[derive(Debug)]
pub(crate) struct Recorder(Mutex<Record>);

#[derive(Debug)]
struct Record {
    seen: BTreeSet<Needed>,
    file: File,
}

/// A permission that a function needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Needed {
    /// The function's logical id.
    function: String,
    #[serde(flatten)]
    permission: Permission,
}

/// An action on a resource, with what conditions may ask about the call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Permission {
    action: String,
    resource: String,
    conditions: BTreeMap<String, Vec<String>>,
}

impl Recorder {
    /// Records into a new file.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = File::create(path)?;
        let seen = BTreeSet::new();
        Ok(Self(Mutex::new(Record { seen, file })))
    }

    /// A request of the JSON protocol, as [`Aws::call`](super::Aws::call) takes it.
    pub(crate) fn record_call(&self, function: &str, target: &str, body: &[u8]) {
        self.record(function, needed_for(target, body));
    }

    /// An event source mapping that feeds the function from a queue.
    pub(crate) fn record_mapping(&self, function: &str, queue: &str) {
        let actions = ["ReceiveMessage", "DeleteMessage", "GetQueueAttributes"];
        let permission = |action| Permission::new("sqs", action, arn("sqs", queue));
        self.record(function, actions.map(permission).into());
    }

    fn record(&self, function: &str, permissions: Vec<Permission>) {
        let mut record = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for permission in permissions {
            let function = function.to_owned();
            let needed = Needed {
                function,
                permission,
            };
            if let Err(error) = record.add(needed) {
                tracing::error!(%error, "a permission is not recorded");
            }
        }
    }
}

impl Record {
    fn add(&mut self, needed: Needed) -> io::Result<()> {
        if self.seen.contains(&needed) {
            return Ok(());
        }
        let mut line = serde_json::to_vec(&needed)?;
        line.push(b'\n');
        // In one write: a reader of the file sees whole lines.
        self.file.write_all(&line)?;
        self.seen.insert(needed);
        Ok(())
    }
}

impl Permission {
    fn new(service: &str, action: &str, resource: String) -> Self {
        Self {
            action: format!("{service}:{action}"),
            resource,
            conditions: BTreeMap::new(),
        }
    }
}

/// What of a request decides about its permission.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Request {
    queue_url: Option<String>,
    table_name: Option<String>,
    index_name: Option<String>,
    request_items: BTreeMap<String, IgnoredAny>,
    transact_items: Vec<BTreeMap<String, Part>>,
    key_id: Option<String>,
    encryption_context: BTreeMap<String, String>,
}

/// A part of a transaction.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    table_name: String,
}

fn needed_for(target: &str, body: &[u8]) -> Vec<Permission> {
    // A body that nobody can read names nothing; the service will refuse it.
    let request: Request = serde_json::from_slice(body).unwrap_or_default();
    match target.split_once('.') {
        Some(("AmazonSQS", operation)) => vec![on_queue(operation, &request)],
        Some(("DynamoDB_20120810", operation)) => on_tables(operation, &request),
        Some(("TrentService", operation)) => vec![on_key(operation, request)],
        _ => vec![Permission::new("unknown", target, ANY.into())],
    }
}

fn on_queue(operation: &str, request: &Request) -> Permission {
    let queue = request
        .queue_url
        .as_deref()
        .and_then(|url| url.rsplit('/').next());
    let action = operation.strip_suffix("Batch").unwrap_or(operation);
    Permission::new(
        "sqs",
        action,
        queue.map_or(ANY.into(), |name| arn("sqs", name)),
    )
}

fn on_tables(operation: &str, request: &Request) -> Vec<Permission> {
    let on = |action: &str, table: &str| Permission::new("dynamodb", action, table_arn(table));
    match operation {
        "TransactWriteItems" | "TransactGetItems" => request
            .transact_items
            .iter()
            .flatten()
            .map(|(kind, part)| on(&format!("{kind}Item"), &part.table_name))
            .collect(),
        "BatchGetItem" | "BatchWriteItem" => request
            .request_items
            .keys()
            .map(|table| on(operation, table))
            .collect(),
        _ => {
            let mut resource = request.table_name.as_deref().map_or(ANY.into(), table_arn);
            if let Some(index) = &request.index_name {
                resource = format!("{resource}/index/{index}");
            }
            vec![Permission::new("dynamodb", operation, resource)]
        }
    }
}

/// The key stands under the name that the caller gave it. To IAM that is always the key's ARN, whose place the alias's
/// takes in the local stack.
fn on_key(operation: &str, mut request: Request) -> Permission {
    let key = match request.key_id {
        None => ANY.into(),
        Some(key) if key.starts_with("arn:") => key,
        Some(alias) if alias.starts_with("alias/") => arn("kms", &alias),
        Some(id) => arn("kms", &format!("key/{id}")),
    };
    let mut permission = Permission::new("kms", operation, key);
    let context = &mut request.encryption_context;
    if !context.is_empty() {
        let keys = context.keys().cloned().collect();
        let conditions = &mut permission.conditions;
        conditions.insert("kms:EncryptionContextKeys".into(), keys);
        if let Some(value) = context.remove(RECORDED_CONTEXT) {
            conditions.insert(
                format!("kms:EncryptionContext:{RECORDED_CONTEXT}"),
                vec![value],
            );
        }
    }
    permission
}

fn table_arn(table: &str) -> String {
    if table.starts_with("arn:") {
        return table.into();
    }
    arn("dynamodb", &format!("table/{table}"))
}

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT_ID}:{resource}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/Table";
    const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:EventsQueue";
    const KEY: &str = "arn:aws:kms:us-east-1:000000000000:alias/Key";

    fn needed(target: &str, request: &Value) -> Vec<(String, String)> {
        needed_for(target, request.to_string().as_bytes())
            .into_iter()
            .map(|permission| (permission.action, permission.resource))
            .collect()
    }

    fn expect(target: &str, request: &Value, expected: &[(&str, &str)]) {
        let needed = needed(target, request);
        let needed: Vec<_> = needed
            .iter()
            .map(|(action, resource)| (action.as_str(), resource.as_str()))
            .collect();
        assert_eq!(needed, expected, "{target}");
    }

    #[test]
    fn a_batch_of_messages_needs_what_one_message_needs() {
        let request =
            json!({ "QueueUrl": "http://127.0.0.1:4566/000000000000/EventsQueue", "Entries": [] });
        for (operation, action) in [
            ("SendMessage", "sqs:SendMessage"),
            ("SendMessageBatch", "sqs:SendMessage"),
            (
                "ChangeMessageVisibilityBatch",
                "sqs:ChangeMessageVisibility",
            ),
            ("GetQueueAttributes", "sqs:GetQueueAttributes"),
        ] {
            expect(
                &format!("AmazonSQS.{operation}"),
                &request,
                &[(action, QUEUE)],
            );
        }
    }

    #[test]
    fn an_index_is_a_resource_of_its_own() {
        let index = format!("{TABLE}/index/due");
        for (target, request, action, resource) in [
            (
                "Query",
                json!({ "TableName": "Table" }),
                "dynamodb:Query",
                TABLE,
            ),
            (
                "Query",
                json!({ "TableName": "Table", "IndexName": "due" }),
                "dynamodb:Query",
                &index,
            ),
            (
                "GetItem",
                json!({ "TableName": TABLE, "Key": { "pk": { "S": "a" } } }),
                "dynamodb:GetItem",
                TABLE,
            ),
        ] {
            expect(
                &format!("DynamoDB_20120810.{target}"),
                &request,
                &[(action, resource)],
            );
        }
    }

    #[test]
    fn a_transaction_needs_what_its_parts_need_and_a_batch_itself() {
        let parts = json!([
            { "Put": { "TableName": "Table", "Item": {} } },
            { "Update": { "TableName": "Table" } },
            { "Delete": { "TableName": "Table" } },
            { "ConditionCheck": { "TableName": "Table" } },
        ]);
        expect(
            "DynamoDB_20120810.TransactWriteItems",
            &json!({ "TransactItems": parts }),
            &[
                ("dynamodb:PutItem", TABLE),
                ("dynamodb:UpdateItem", TABLE),
                ("dynamodb:DeleteItem", TABLE),
                ("dynamodb:ConditionCheckItem", TABLE),
            ],
        );
        expect(
            "DynamoDB_20120810.TransactGetItems",
            &json!({ "TransactItems": [{ "Get": { "TableName": "Table" } }] }),
            &[("dynamodb:GetItem", TABLE)],
        );
        for operation in ["BatchGetItem", "BatchWriteItem"] {
            expect(
                &format!("DynamoDB_20120810.{operation}"),
                &json!({ "RequestItems": { "Table": [] } }),
                &[(&format!("dynamodb:{operation}"), TABLE)],
            );
        }
    }

    #[test]
    fn a_call_of_kms_is_recorded_with_its_purpose_and_without_its_workspace() {
        let request = json!({
            "KeyId": "alias/Key", "Plaintext": "c2VjcmV0",
            "EncryptionContext": { "workspace": "ws_canary", "purpose": "webhook-secret" },
        });
        let needed = needed_for("TrentService.Encrypt", request.to_string().as_bytes());
        let expected = json!([{
            "action": "kms:Encrypt", "resource": KEY,
            "conditions": {
                "kms:EncryptionContextKeys": ["purpose", "workspace"],
                "kms:EncryptionContext:purpose": ["webhook-secret"],
            },
        }]);
        assert_eq!(json!(needed), expected);
    }

    #[test]
    fn what_is_unknown_or_names_nothing_is_recorded_as_such() {
        expect("SNS.Publish", &json!({}), &[("unknown:SNS.Publish", "*")]);
        expect(
            "AmazonSQS.ListQueues",
            &json!({}),
            &[("sqs:ListQueues", "*")],
        );
        expect(
            "TrentService.Decrypt",
            &json!("no request"),
            &[("kms:Decrypt", "*")],
        );
    }

    #[test]
    fn only_a_functions_own_key_names_it() {
        let authorization = |key: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential={key}/20260329/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
            )
        };
        let key = access_key_id("FanOut");
        assert_eq!(calling_function(&authorization(&key)), Some("FanOut"));
        for other in [super::super::ACCESS_KEY_ID, "", "AKIAIOSFODNN7EXAMPLE"] {
            assert_eq!(calling_function(&authorization(other)), None);
        }
        assert_eq!(calling_function(""), None);
    }

    #[test]
    fn each_permission_is_written_once_and_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("permissions.jsonl");
        let recorder = Recorder::create(&path).unwrap();
        let read = br#"{"TableName":"Table"}"#;
        recorder.record_call("FanOut", "DynamoDB_20120810.GetItem", read);
        recorder.record_call("FanOut", "DynamoDB_20120810.GetItem", read);
        recorder.record_mapping("FanOut", "EventsQueue");
        recorder.record_call("DeliverSms", "DynamoDB_20120810.GetItem", read);
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let line = |function: &str, action: &str, resource: &str| json!({ "function": function, "action": action, "resource": resource, "conditions": {} });
        let expected = [
            line("FanOut", "dynamodb:GetItem", TABLE),
            line("FanOut", "sqs:ReceiveMessage", QUEUE),
            line("FanOut", "sqs:DeleteMessage", QUEUE),
            line("FanOut", "sqs:GetQueueAttributes", QUEUE),
            line("DeliverSms", "dynamodb:GetItem", TABLE),
        ];
        assert_eq!(lines, expected);
    }

    proptest! {
        #[test]
        fn no_request_makes_the_recorder_panic_and_none_but_empty_ones_go_unrecorded(
            target in "[A-Za-z0-9_.]{0,30}",
            body in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let needed = needed_for(&target, &body);
            let of_several = ["Transact", "Batch"].iter().any(|word| target.contains(word));
            prop_assert!(of_several || needed.len() == 1);
        }
    }
}
