//! Message group ids: the tenants of a fair queue
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>).

use std::sync::Arc;

use crate::error::Error;
use crate::limits;

/// A `MessageGroupId`: 1 to 128 letters, digits and punctuation marks, all ASCII
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupId(Arc<str>);

impl GroupId {
    pub(crate) fn new(id: &str) -> Result<Self, Error> {
        let allowed = limits::GROUP_ID_CHARACTERS.contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_graphic());
        if allowed {
            Ok(Self(id.into()))
        } else {
            Err(Error::InvalidGroupId(id.to_owned()))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
