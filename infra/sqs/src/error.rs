//! What SQS answers when it refuses.

use crate::limits;
use crate::message::{ContentError, MessageAttributeError};
use crate::queue_attributes::QueueAttributeError;

/// A refusal, in SQS's words: the texts are the ones that the service sends, so that a client that shows them looks the
/// same here and there.
///
/// The codes are those of the API reference's "Errors" sections and of its common errors
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("The specified queue does not exist.")]
    QueueDoesNotExist,
    #[error("A queue already exists with the same name and a different value for attribute {0}")]
    QueueNameExists(String),
    #[error(
        "You must wait 60 seconds after deleting a queue before you can create another with the same name."
    )]
    QueueDeletedRecently,
    #[error("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")]
    InvalidQueueName,
    #[error("Only one PurgeQueue operation on {0} is allowed every 60 seconds.")]
    PurgeQueueInProgress(String),
    #[error("FIFO queues are not supported: leave FifoQueue out and create a standard queue.")]
    FifoQueue,
    #[error(transparent)]
    QueueAttribute(#[from] QueueAttributeError),
    #[error("Value {0} for parameter NextToken is invalid.")]
    InvalidNextToken(String),

    #[error("The request must contain the parameter {0}.")]
    MissingParameter(&'static str),
    #[error("Value {value} for parameter {parameter} is invalid. Reason: {reason}")]
    OutOfRange {
        parameter: &'static str,
        value: i64,
        reason: &'static str,
    },
    #[error(
        "Value {0} for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is \
         not valid for this queue type."
    )]
    DeduplicationId(String),
    #[error(
        "Value {0} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and \
         punctuation characters. 1 to 128 in length."
    )]
    InvalidGroupId(String),
    #[error(transparent)]
    Content(#[from] ContentError),
    #[error(transparent)]
    MessageAttribute(#[from] MessageAttributeError),
    #[error("Unknown Attribute {0}.")]
    UnknownMessageSystemAttribute(String),

    #[error("The input receipt handle \"{0}\" is not a valid receipt handle.")]
    ReceiptHandleIsInvalid(String),
    #[error(
        "Value {0} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for \
         visibility timeout change."
    )]
    MessageNotAvailable(String),
    #[error("The specified message isn't in flight.")]
    MessageNotInflight,
    #[error(
        "Value {0} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is \
         beyond the limit [{limit} seconds]",
        limit = limits::VISIBILITY
    )]
    VisibilityBeyondLimit(i64),
    #[error("Too many messages in flight: the limit of {0} is reached.")]
    OverLimit(usize),

    #[error("There should be at least one {0} in the request.")]
    EmptyBatchRequest(&'static str),
    #[error("Maximum number of entries per request are {limit}. You have sent {0}.", limit = limits::BATCH_ENTRIES)]
    TooManyEntriesInBatchRequest(usize),
    #[error(
        "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most \
         {limit} letters long.",
        limit = limits::BATCH_ID_CHARACTERS
    )]
    InvalidBatchEntryId,
    #[error("Id {0} repeated.")]
    BatchEntryIdsNotDistinct(String),
    #[error("Batch requests cannot be longer than {limit} bytes. You have sent {0} bytes.", limit = limits::BATCH_BYTES)]
    BatchRequestTooLong(usize),

    /// The request is not JSON, or not of the action's shape. Says where, never what was there.
    #[error("The request cannot be read: line {line}, column {column}.")]
    Serialization { line: usize, column: usize },
    #[error("The action is not known.")]
    UnknownOperation,
}

/// How an [`Error`] travels.
pub(crate) struct Wire {
    /// The shape in `__type`, with its namespace.
    pub(crate) shape: String,
    /// The code that the older query protocol knows it by; clients still show this one
    /// (<https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait>).
    pub(crate) query_code: String,
    pub(crate) status: u16,
}

impl Error {
    pub(crate) fn wire(&self) -> Wire {
        use Code::{Common, Legacy, Plain};
        match self.code() {
            Plain(code) => Wire::new("com.amazonaws.sqs", code, code.to_owned()),
            Legacy(code) => Wire::new(
                "com.amazonaws.sqs",
                code,
                format!("AWS.SimpleQueueService.{code}"),
            ),
            Common(shape, code) => Wire::new("com.amazon.coral.service", shape, code.to_owned()),
            Code::NonExistentQueue => {
                let code = "AWS.SimpleQueueService.NonExistentQueue".to_owned();
                Wire::new("com.amazonaws.sqs", "QueueDoesNotExist", code)
            }
            Code::QueueAlreadyExists => Wire::new(
                "com.amazonaws.sqs",
                "QueueNameExists",
                "QueueAlreadyExists".to_owned(),
            ),
        }
    }

    fn code(&self) -> Code {
        use Code::{Common, Legacy, Plain};
        match self {
            Self::QueueDoesNotExist => Code::NonExistentQueue,
            Self::QueueNameExists(_) => Code::QueueAlreadyExists,
            Self::QueueDeletedRecently => Legacy("QueueDeletedRecently"),
            Self::PurgeQueueInProgress(_) => Legacy("PurgeQueueInProgress"),
            Self::FifoQueue => Legacy("UnsupportedOperation"),
            Self::QueueAttribute(error) => match error {
                QueueAttributeError::Unknown(_) | QueueAttributeError::TwoEncryptions => {
                    Plain("InvalidAttributeName")
                }
                QueueAttributeError::Value(_) => Plain("InvalidAttributeValue"),
                QueueAttributeError::Redrive { .. } => INVALID_PARAMETER,
            },
            Self::UnknownMessageSystemAttribute(_) => Plain("InvalidAttributeName"),
            Self::MissingParameter(_) | Self::Content(ContentError::Empty) => {
                Common("MissingRequiredParameterException", "MissingParameter")
            }
            Self::Content(ContentError::Characters) => Plain("InvalidMessageContents"),
            Self::ReceiptHandleIsInvalid(_) => Plain("ReceiptHandleIsInvalid"),
            Self::MessageNotInflight => Legacy("MessageNotInflight"),
            Self::OverLimit(_) => Plain("OverLimit"),
            Self::EmptyBatchRequest(_) => Legacy("EmptyBatchRequest"),
            Self::TooManyEntriesInBatchRequest(_) => Legacy("TooManyEntriesInBatchRequest"),
            Self::InvalidBatchEntryId => Legacy("InvalidBatchEntryId"),
            Self::BatchEntryIdsNotDistinct(_) => Legacy("BatchEntryIdsNotDistinct"),
            Self::BatchRequestTooLong(_) => Legacy("BatchRequestTooLong"),
            Self::Serialization { .. } => {
                Common("SerializationException", "SerializationException")
            }
            Self::UnknownOperation => {
                Common("UnknownOperationException", "UnknownOperationException")
            }
            Self::InvalidQueueName
            | Self::InvalidNextToken(_)
            | Self::OutOfRange { .. }
            | Self::DeduplicationId(_)
            | Self::InvalidGroupId(_)
            | Self::Content(ContentError::TooLong { .. })
            | Self::MessageAttribute(_)
            | Self::MessageNotAvailable(_)
            | Self::VisibilityBeyondLimit(_) => INVALID_PARAMETER,
        }
    }
}

const INVALID_PARAMETER: Code =
    Code::Common("InvalidParameterValueException", "InvalidParameterValue");

enum Code {
    /// One of SQS's own, the same in both protocols.
    Plain(&'static str),
    /// One of SQS's own, with the prefix of old in the query protocol.
    Legacy(&'static str),
    /// One that all services share: its shape and its query code.
    Common(&'static str, &'static str),
    NonExistentQueue,
    QueueAlreadyExists,
}

impl Wire {
    fn new(namespace: &str, shape: &str, query_code: String) -> Self {
        let status = if shape == "UnknownOperationException" {
            404
        } else {
            400
        };
        Self {
            shape: format!("{namespace}#{shape}"),
            query_code,
            status,
        }
    }
}
