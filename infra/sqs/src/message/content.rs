//! What a message holds, from the moment it is accepted.

use jiff::Timestamp;

use super::{GroupId, MessageAttributes, md5_of_body};

/// A message that is yet to be accepted.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) body: String,
    pub(crate) attributes: MessageAttributes,
    pub(crate) group: Option<GroupId>,
    pub(crate) trace_header: Option<String>,
}

impl Draft {
    /// Bytes that count towards the size limits: the body and the attributes' names, types and values
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>).
    /// System attributes do not count
    /// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
    pub(crate) fn size(&self) -> usize {
        self.body.len() + self.attributes.size()
    }

    pub(crate) fn check(&self, maximum_size: usize) -> Result<(), ContentError> {
        if self.body.is_empty() {
            Err(ContentError::Empty)
        } else if self.size() > maximum_size {
            Err(ContentError::TooLong {
                limit: maximum_size,
            })
        } else if !self.body.chars().all(is_allowed) {
            Err(ContentError::Characters)
        } else {
            Ok(())
        }
    }
}

/// What is wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ContentError {
    #[error("The request must contain the parameter MessageBody.")]
    Empty,
    #[error(
        "One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
    )]
    TooLong { limit: usize },
    #[error(
        "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | \
         #x10000 to #x10FFFF"
    )]
    Characters,
}

/// XML's characters, the only ones that SQS takes
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
pub(super) fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// An accepted message, never changed again.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) md5_of_body: String,
    pub(crate) attributes: MessageAttributes,
    pub(crate) md5_of_attributes: Option<String>,
    pub(crate) group: Option<GroupId>,
    pub(crate) trace_header: Option<String>,
    pub(crate) sent_at: Timestamp,
}

impl Content {
    pub(crate) fn accept(draft: Draft, id: String, sent_at: Timestamp) -> Self {
        Self {
            id,
            md5_of_body: md5_of_body(&draft.body),
            body: draft.body,
            md5_of_attributes: draft.attributes.md5(),
            attributes: draft.attributes,
            group: draft.group,
            trace_header: draft.trace_header,
            sent_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bounds of
    /// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>.
    #[test]
    fn the_allowed_characters_are_those_of_xml() {
        for allowed in [
            '\t',
            '\n',
            '\r',
            ' ',
            '\u{d7ff}',
            '\u{e000}',
            '\u{fffd}',
            '\u{10000}',
            '\u{10ffff}',
        ] {
            assert!(is_allowed(allowed), "{allowed:?}");
        }
        for refused in [
            '\0', '\u{8}', '\u{b}', '\u{c}', '\u{e}', '\u{1f}', '\u{fffe}', '\u{ffff}',
        ] {
            assert!(!is_allowed(refused), "{refused:?}");
        }
    }
}
