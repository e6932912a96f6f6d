//! One record of the event that Lambda makes of an SQS message
//! (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>, "Example: standard queue message event").

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::aws::{ACCOUNT_ID, REGION};

/// A message as `ReceiveMessage` gives it
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Message.html>).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Message {
    message_id: String,
    receipt_handle: String,
    body: String,
    #[serde(rename = "MD5OfBody")]
    md5_of_body: String,
    #[serde(rename = "MD5OfMessageAttributes")]
    md5_of_message_attributes: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    message_attributes: BTreeMap<String, Attribute>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    data_type: String,
    string_value: Option<String>,
    /// Base64 already.
    binary_value: Option<String>,
}

/// A record of the Lambda event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The message's id, which names it in the function's answer.
    pub message_id: String,
    /// Names this receive of the message in calls to the queue.
    pub receipt_handle: String,
    body: String,
    attributes: BTreeMap<String, String>,
    message_attributes: BTreeMap<String, RecordAttribute>,
    md5_of_body: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    md5_of_message_attributes: Option<String>,
    event_source: &'static str,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: String,
    aws_region: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordAttribute {
    #[serde(skip_serializing_if = "Option::is_none")]
    string_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binary_value: Option<String>,
    /// SQS has no list values; the lists are always empty.
    string_list_values: [String; 0],
    binary_list_values: [String; 0],
    data_type: String,
}

impl Record {
    /// The record of a message that was received from the queue of that name.
    #[must_use]
    pub fn of(message: Message, queue: &str) -> Self {
        let attributes = message.message_attributes.into_iter();
        Self {
            message_id: message.message_id,
            receipt_handle: message.receipt_handle,
            body: message.body,
            attributes: message.attributes,
            message_attributes: attributes
                .map(|(name, value)| (name, RecordAttribute::of(value)))
                .collect(),
            md5_of_body: message.md5_of_body,
            md5_of_message_attributes: message.md5_of_message_attributes,
            event_source: "aws:sqs",
            event_source_arn: format!("arn:aws:sqs:{REGION}:{ACCOUNT_ID}:{queue}"),
            aws_region: REGION,
        }
    }
}

impl RecordAttribute {
    fn of(attribute: Attribute) -> Self {
        Self {
            string_value: attribute.string_value,
            binary_value: attribute.binary_value,
            string_list_values: [],
            binary_list_values: [],
            data_type: attribute.data_type,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_message_becomes_the_record_of_awss_documented_example() {
        let message = json!({
            "MessageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
            "ReceiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
            "Body": "Test message.",
            "MD5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
            "MD5OfMessageAttributes": "a13f5b1c0b5b9b5f5b5b5b5b5b5b5b5b",
            "Attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1545082649183",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": "1545082649185"
            },
            "MessageAttributes": {
                "myAttribute": { "StringValue": "myValue", "DataType": "String" },
                "bytes": { "BinaryValue": "AAEC", "DataType": "Binary" }
            }
        });
        let message: Message = serde_json::from_value(message).unwrap();
        let record = serde_json::to_value(Record::of(message, "my-queue")).unwrap();
        let expected: Value = json!({
            "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a...",
            "body": "Test message.",
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1545082649183",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": "1545082649185"
            },
            "messageAttributes": {
                "myAttribute": {
                    "stringValue": "myValue",
                    "stringListValues": [],
                    "binaryListValues": [],
                    "dataType": "String"
                },
                "bytes": { "binaryValue": "AAEC", "stringListValues": [], "binaryListValues": [], "dataType": "Binary" }
            },
            "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
            "md5OfMessageAttributes": "a13f5b1c0b5b9b5f5b5b5b5b5b5b5b5b",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:my-queue",
            "awsRegion": "us-east-1"
        });
        assert_eq!(record, expected);
    }
}
