//! SQS's errors, as the JSON protocol shows them.
//!
//! Source: [common errors](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html) and
//! the page of each action; the `x-amzn-query-error` header carries the code of the older query protocol, for clients
//! that still match it ([JSON protocol FAQ](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-json-faqs.html)).

use serde_json::{Value, json};

/// What a caller did wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Error {
    QueueDoesNotExist,
    QueueNameExists,
    PurgeQueueInProgress,
    MissingParameter(&'static str),
    InvalidParameter(String),
    InvalidAttributeName(String),
    InvalidAttributeValue(&'static str, String),
    InvalidMessageContents,
    ReceiptHandleIsInvalid,
    MessageNotInflight,
    OverLimit,
    EmptyBatch,
    TooManyEntries(usize),
    BatchTooLong,
    BatchEntryIdsNotDistinct(String),
    InvalidBatchEntryId,
    Serialization,
    UnknownOperation,
}

impl Error {
    /// The code of the JSON protocol, and that of the query protocol.
    fn codes(&self) -> (&'static str, &'static str) {
        match self {
            Error::QueueDoesNotExist => (
                "QueueDoesNotExist",
                "AWS.SimpleQueueService.NonExistentQueue",
            ),
            Error::QueueNameExists => ("QueueNameExists", "QueueAlreadyExists"),
            Error::PurgeQueueInProgress => (
                "PurgeQueueInProgress",
                "AWS.SimpleQueueService.PurgeQueueInProgress",
            ),
            Error::MissingParameter(_) => ("MissingRequiredParameterException", "MissingParameter"),
            Error::InvalidParameter(_) => {
                ("InvalidParameterValueException", "InvalidParameterValue")
            }
            Error::InvalidAttributeName(_) => ("InvalidAttributeName", "InvalidAttributeName"),
            Error::InvalidAttributeValue(..) => ("InvalidAttributeValue", "InvalidAttributeValue"),
            Error::InvalidMessageContents => ("InvalidMessageContents", "InvalidMessageContents"),
            Error::ReceiptHandleIsInvalid => ("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid"),
            Error::MessageNotInflight => (
                "MessageNotInflight",
                "AWS.SimpleQueueService.MessageNotInflight",
            ),
            Error::OverLimit => ("OverLimit", "OverLimit"),
            Error::EmptyBatch => (
                "EmptyBatchRequest",
                "AWS.SimpleQueueService.EmptyBatchRequest",
            ),
            Error::TooManyEntries(_) => (
                "TooManyEntriesInBatchRequest",
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            ),
            Error::BatchTooLong => (
                "BatchRequestTooLong",
                "AWS.SimpleQueueService.BatchRequestTooLong",
            ),
            Error::BatchEntryIdsNotDistinct(_) => (
                "BatchEntryIdsNotDistinct",
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            ),
            Error::InvalidBatchEntryId => (
                "InvalidBatchEntryId",
                "AWS.SimpleQueueService.InvalidBatchEntryId",
            ),
            Error::Serialization => ("SerializationException", "MalformedInput"),
            Error::UnknownOperation => ("UnknownOperationException", "InvalidAction"),
        }
    }

    fn words(&self) -> String {
        match self {
            Error::QueueDoesNotExist => "The specified queue does not exist.".into(),
            Error::QueueNameExists => {
                "A queue already exists with the same name and a different value for an attribute.".into()
            }
            Error::PurgeQueueInProgress => "Only one PurgeQueue operation is allowed every 60 seconds.".into(),
            Error::MissingParameter(name) => format!("The request must contain the parameter {name}."),
            Error::InvalidParameter(words) => words.clone(),
            Error::InvalidAttributeName(name) => format!("Unknown Attribute {name}."),
            Error::InvalidAttributeValue(name, rule) => format!("Invalid value for the parameter {name}. Reason: {rule}"),
            Error::InvalidMessageContents => {
                "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to \
                 #xFFFD | #x10000 to #x10FFFF."
                    .into()
            }
            Error::ReceiptHandleIsInvalid => "The input receipt handle is invalid.".into(),
            Error::MessageNotInflight => "The specified message isn't in flight.".into(),
            Error::OverLimit => "The maximum number of in flight messages is reached.".into(),
            Error::EmptyBatch => "There should be at least one entry in the request.".into(),
            Error::TooManyEntries(count) => {
                format!("Maximum number of entries per request are 10. You have sent {count}.")
            }
            Error::BatchTooLong => {
                "Batch requests cannot be longer than 1048576 bytes, the sum of all messages in the batch.".into()
            }
            Error::BatchEntryIdsNotDistinct(id) => format!("Id {id} repeated."),
            Error::InvalidBatchEntryId => {
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at \
                 most 80 letters long."
                    .into()
            }
            Error::Serialization => "The request is not what the operation takes.".into(),
            Error::UnknownOperation => "There is no such operation.".into(),
        }
    }

    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        vec![("x-amzn-query-error", format!("{};Sender", self.codes().1))]
    }

    pub(crate) fn body(&self) -> Value {
        json!({ "__type": format!("com.amazonaws.sqs#{}", self.codes().0), "message": self.words() })
    }

    /// The entry of a batch's `Failed` list.
    pub(crate) fn batch_entry(&self, id: &str) -> Value {
        json!({ "Id": id, "Code": self.codes().1, "Message": self.words(), "SenderFault": true })
    }
}
