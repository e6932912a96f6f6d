//! The outbound calls of the functions, as far as faults are concerned.

use std::fmt;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// DynamoDB.
    Table(TableCall),
    /// SQS.
    Queue(QueueCall),
    /// KMS.
    Key,
    /// A customer's endpoint.
    Endpoint,
    /// Twilio is given a message.
    TwilioCreate,
    /// Twilio is asked about messages.
    TwilioRead,
    /// A gateway is given a message.
    Gateway,
}

/// A kind of operation on the table, by what can go wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableCall {
    /// `GetItem`, or `Query` of the table, read strongly.
    StrongRead,
    /// A `Query` of an index, or a read that is not strong: may be answered from an earlier state.
    EventualRead,
    /// `BatchGetItem`.
    BatchGet,
    /// `PutItem`, `UpdateItem`, `DeleteItem`.
    Write,
    /// `TransactWriteItems`.
    Transact,
    /// `BatchWriteItem`.
    BatchWrite,
}

/// A kind of operation on a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueueCall {
    /// One message or attribute.
    Single,
    /// A batch, of which each entry has its own result.
    Batch,
}

impl Call {
    /// What a request of AWS's JSON protocol calls, by its `X-Amz-Target` and body.
    #[must_use]
    pub fn of_aws(target: &str, body: &[u8]) -> Call {
        match target.split_once('.') {
            Some(("DynamoDB_20120810", operation)) => Call::Table(TableCall::of(operation, body)),
            Some(("AmazonSQS", operation)) if operation.ends_with("Batch") => {
                Call::Queue(QueueCall::Batch)
            }
            Some(("AmazonSQS", _)) => Call::Queue(QueueCall::Single),
            _ => Call::Key,
        }
    }

    /// Whether it changes the table.
    #[must_use]
    pub fn changes_table(self) -> bool {
        matches!(self, Call::Table(table) if table.writes())
    }

    /// Whether it goes to AWS.
    #[must_use]
    pub fn is_aws(self) -> bool {
        matches!(self, Call::Table(_) | Call::Queue(_) | Call::Key)
    }
}

impl TableCall {
    fn of(operation: &str, body: &[u8]) -> TableCall {
        match operation {
            "BatchGetItem" => TableCall::BatchGet,
            "PutItem" | "UpdateItem" | "DeleteItem" => TableCall::Write,
            "TransactWriteItems" => TableCall::Transact,
            "BatchWriteItem" => TableCall::BatchWrite,
            _ if contains(body, r#""ConsistentRead":true"#) => TableCall::StrongRead,
            _ => TableCall::EventualRead,
        }
    }

    /// Whether it changes the table.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(
            self,
            TableCall::Write | TableCall::Transact | TableCall::BatchWrite
        )
    }
}

/// Whether `text` is in `body`; not where that is no text.
#[must_use]
pub fn contains(body: &[u8], text: &str) -> bool {
    std::str::from_utf8(body).is_ok_and(|body| body.contains(text))
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Call::Table(call) => write!(f, "table {call:?}"),
            Call::Queue(call) => write!(f, "queue {call:?}"),
            Call::Key => f.write_str("key"),
            Call::Endpoint => f.write_str("endpoint"),
            Call::TwilioCreate => f.write_str("Twilio create"),
            Call::TwilioRead => f.write_str("Twilio read"),
            Call::Gateway => f.write_str("gateway"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_does_not_ask_for_consistency_may_be_stale() {
        let of = |body: &str| Call::of_aws("DynamoDB_20120810.Query", body.as_bytes());
        assert_eq!(
            of(r#"{"IndexName":"due"}"#),
            Call::Table(TableCall::EventualRead)
        );
        assert_eq!(
            of(r#"{"ConsistentRead":true}"#),
            Call::Table(TableCall::StrongRead)
        );
    }
}
