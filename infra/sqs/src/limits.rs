//! The quotas of a standard queue
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>,
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html>).

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::time::Seconds;

/// The longest that a message stays hidden after one receive, extensions included.
pub(crate) const VISIBILITY: Seconds = Seconds::new(43_200);
/// Bytes of a batch: bodies and attributes of all its messages.
pub(crate) const BATCH_BYTES: usize = 1_048_576;
pub(crate) const BATCH_ENTRIES: usize = 10;
pub(crate) const BATCH_ID_CHARACTERS: usize = 80;
pub(crate) const DELAY_SECONDS: RangeInclusive<i64> = 0..=900;
pub(crate) const GROUP_ID_CHARACTERS: RangeInclusive<usize> = 1..=128;
/// Messages received and neither deleted nor visible again.
pub(crate) const IN_FLIGHT: usize = 120_000;
/// Queues in one answer of `ListQueues`.
pub(crate) const LISTED_QUEUES: usize = 1_000;
pub(crate) const MESSAGE_ATTRIBUTES: usize = 10;
/// Of the name and of the type of a message attribute.
pub(crate) const MESSAGE_ATTRIBUTE_CHARACTERS: usize = 256;
pub(crate) const QUEUE_NAME_CHARACTERS: RangeInclusive<usize> = 1..=80;
pub(crate) const RECEIVED_MESSAGES: RangeInclusive<i64> = 1..=10;
pub(crate) const VISIBILITY_SECONDS: RangeInclusive<i64> = 0..=43_200;
pub(crate) const WAIT_SECONDS: RangeInclusive<i64> = 0..=20;
/// How long the name of a deleted queue stays taken
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html>).
pub(crate) const NAME_KEPT_AFTER_DELETION: Duration = Duration::from_secs(60);
/// How long a purge takes
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html>).
pub(crate) const PURGE: Duration = Duration::from_secs(60);
