//! Receipt handles: each names one receive of one message in one queue
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::store::Key;
use crate::random::mix;

/// What a receipt handle says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Receipt {
    pub(super) key: Key,
    /// Which of the message's receives, counted from 1.
    pub(super) receive: u32,
}

const LENGTH: usize = 30;
/// Makes handles start with `AQEB`, as SQS's do.
const PREFIX: [u8; 2] = [1, 1];

impl Receipt {
    /// The handle's text. `queue` tells this queue from all others, former ones of the same name included.
    pub(super) fn encode(self, queue: u64) -> String {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend(PREFIX);
        bytes.extend(self.key.0.to_be_bytes());
        bytes.extend(self.receive.to_be_bytes());
        bytes.extend(queue.to_be_bytes());
        bytes.extend(self.checksum(queue).to_be_bytes());
        STANDARD.encode(bytes)
    }

    /// None if the text is no handle of the queue.
    pub(super) fn decode(text: &str, queue: u64) -> Option<Self> {
        let bytes = STANDARD
            .decode(text)
            .ok()
            .filter(|bytes| bytes.len() == LENGTH)?;
        let key = Key(u64::from_be_bytes(bytes[2..10].try_into().ok()?));
        let receive = u32::from_be_bytes(bytes[10..14].try_into().ok()?);
        let receipt = Self { key, receive };
        (receipt.encode(queue) == text).then_some(receipt)
    }

    /// Against typing errors and handles of other queues; it keeps no one from forging one.
    fn checksum(self, queue: u64) -> u64 {
        mix(mix(mix(queue) ^ self.key.0) ^ u64::from(self.receive))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_handle_says_what_went_into_it(key: u64, receive: u32, queue: u64) {
            let receipt = Receipt { key: Key(key), receive };
            let handle = receipt.encode(queue);
            prop_assert!(handle.starts_with("AQ"));
            prop_assert_eq!(Receipt::decode(&handle, queue), Some(receipt));
            prop_assert_eq!(Receipt::decode(&handle, queue ^ 1), None);
        }

        #[test]
        fn a_handle_with_any_character_changed_is_none(key: u64, receive: u32, queue: u64, at in 0..40_usize) {
            let handle = Receipt { key: Key(key), receive }.encode(queue);
            let mut changed = handle.into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            prop_assert_eq!(Receipt::decode(&changed, queue), None);
        }

        #[test]
        fn arbitrary_text_is_no_handle(text: String, queue: u64) {
            prop_assert_eq!(Receipt::decode(&text, queue), None);
        }
    }
}
