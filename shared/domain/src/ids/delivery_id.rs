//! The name of a delivery: the same for the same event and webhook, however often fan-out is repeated, and sorting
//! by the event's time.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::{EventId, InvalidId, WebhookId, WorkspaceId, base32hex, identifier};

const PREFIX: &str = "dlv_";
/// 10 digits hold 50 bits of Unix milliseconds: past the last instant that [`Timestamp`] knows (year 9999).
const TIME_DIGITS: u32 = 10;
/// 20 digits hold 100 bits of SHA-256.
const HASH_DIGITS: u32 = 20;

/// Over how many partitions one webhook's delivery log is spread, and a workspace's SMS history: one for each value of an
/// id's last character.
///
/// A partition takes 1,000 write units a second. A delivery that fails all its six attempts costs its log 15 of them, as
/// long as its item is no larger than 1 KiB: one webhook may have 2,000 of these a second.
pub const LOG_SHARDS: u8 = 32;

identifier! {
    /// One event to one webhook, or one alert to one phone: `dlv_`, a time in Unix milliseconds (10 characters) and a
    /// hash (20 characters) of what the delivery is of, all of `0-9 a-v`.
    ///
    /// Ids sort by that time; ids of the same millisecond sort by hash.
    DeliveryId
}

/// The part of a webhook's log that a delivery belongs to, below [`LOG_SHARDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LogShard(u8);

impl LogShard {
    /// Every shard.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..LOG_SHARDS).map(Self)
    }

    /// The shard's number, below [`LOG_SHARDS`].
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }
}

/// The part of a channel's waiting deliveries that a delivery belongs to: the last character of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DueShard(char);

impl DueShard {
    /// Every shard: 32.
    pub fn all() -> impl Iterator<Item = Self> {
        base32hex::digits().map(Self)
    }
}

impl std::fmt::Display for DueShard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl DeliveryId {
    /// The id of an event's delivery to `webhook`. The time counts in whole milliseconds; one before 1970 counts as
    /// 1970.
    #[must_use]
    pub fn for_webhook(
        workspace: &WorkspaceId,
        event: &EventId,
        at: Timestamp,
        webhook: &WebhookId,
    ) -> Self {
        let millis = unix_millis(at);
        Self::of(
            millis,
            [
                workspace.as_str().as_bytes(),
                event.as_str().as_bytes(),
                &millis.to_be_bytes(),
                webhook.as_str().as_bytes(),
            ],
        )
    }

    /// The id of an alert's delivery to `user`, made at `at`. The time counts in whole milliseconds.
    #[must_use]
    pub fn for_sms(workspace: &WorkspaceId, event: &EventId, at: Timestamp, user: &str) -> Self {
        let parts = [workspace.as_str(), event.as_str(), "sms", user];
        Self::of(unix_millis(at), parts.map(str::as_bytes))
    }

    fn of<const N: usize>(millis: u64, parts: [&[u8]; N]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            // A length before each part keeps ("a", "bc") apart from ("ab", "c").
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(compose(millis, high_bits(&hash.finalize())))
    }

    /// The id's time: when the event of a webhook delivery occurred, when an SMS delivery was made. In whole
    /// milliseconds.
    #[must_use]
    pub fn event_time(&self) -> Timestamp {
        time_of(&self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Where in its webhook's log the delivery stands.
    #[must_use]
    pub fn shard(&self) -> LogShard {
        let last = self
            .0
            .get(self.0.len() - 1..)
            .and_then(base32hex::decode)
            .unwrap_or(0);
        LogShard((last % u128::from(LOG_SHARDS)) as u8)
    }

    /// Where among what waits the delivery stands.
    #[must_use]
    pub fn due_shard(&self) -> DueShard {
        DueShard(self.0.chars().next_back().unwrap_or('0'))
    }

    /// The smallest text that an id of an event at `at` (to the millisecond) or later can have.
    #[must_use]
    pub fn lower_bound(at: Timestamp) -> String {
        compose(unix_millis(at), 0)
    }

    fn check(text: &str) -> Result<(), InvalidId> {
        let rule = "dlv_ and 30 characters of 0-9 and a-v, the first 10 of them a time";
        let digits = text.strip_prefix(PREFIX).unwrap_or_default();
        let shaped = digits.len() == (TIME_DIGITS + HASH_DIGITS) as usize
            && digits.bytes().all(base32hex::is_digit);
        let timed = shaped && time_of(text).is_some();
        if timed {
            Ok(())
        } else {
            Err(InvalidId {
                what: "a delivery id",
                rule,
            })
        }
    }
}

fn unix_millis(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or(0)
}

fn compose(millis: u64, hash: u128) -> String {
    let time = base32hex::encode(u128::from(millis), TIME_DIGITS);
    format!("{PREFIX}{time}{}", base32hex::encode(hash, HASH_DIGITS))
}

fn high_bits(hash: &[u8]) -> u128 {
    let (high, _) = hash.split_first_chunk().expect("SHA-256 has 32 bytes");
    u128::from_be_bytes(*high) >> (128 - 5 * HASH_DIGITS)
}

fn time_of(id: &str) -> Option<Timestamp> {
    let digits = id.get(PREFIX.len()..PREFIX.len() + TIME_DIGITS as usize)?;
    let millis = i64::try_from(base32hex::decode(digits)?).ok()?;
    // Not `from_millisecond`, which refuses the milliseconds of the last second.
    Timestamp::new(millis / 1_000, (millis % 1_000) as i32 * 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use proptest::prelude::*;

    fn id_of(workspace: &str, event: &str, millis: i64, webhook: u8) -> DeliveryId {
        DeliveryId::for_webhook(
            &WorkspaceId::parse(workspace).unwrap(),
            &EventId::parse(event).unwrap(),
            Timestamp::from_millisecond(millis).unwrap(),
            &WebhookId::from_random([webhook; 16]),
        )
    }

    #[test]
    fn ids_stay_what_they_were_in_earlier_releases() {
        // Computed with Python: base32hex of the milliseconds, and of the first 100 bits of hashlib.sha256.
        assert_eq!(
            id_of("ws_abc123", "evt_1", 1_774_794_600_000, 1).as_str(),
            "dlv_01jkt00ri0mm89nrgko4724e1o6vsk"
        );
    }

    #[test]
    fn every_delivery_is_in_one_of_the_shards_of_what_waits() {
        let all: BTreeSet<_> = DueShard::all().collect();
        assert_eq!(all.len(), 32);
        for event in 0..200 {
            let id = id_of("ws_1", &format!("evt_{event}"), 0, 1);
            assert!(
                all.contains(&id.due_shard()) && id.as_str().ends_with(&id.due_shard().to_string())
            );
        }
    }

    #[test]
    fn each_part_makes_a_difference_wherever_the_parts_are_split() {
        let ids = [
            id_of("ws_1", "evt", 1_000, 1),
            id_of("ws_2", "evt", 1_000, 1),
            id_of("ws_", "1evt", 1_000, 1),
            id_of("ws_1", "evu", 1_000, 1),
            id_of("ws_1", "evt", 1_001, 1),
            id_of("ws_1", "evt", 1_000, 2),
        ];
        assert_eq!(BTreeSet::from(ids).len(), 6);
    }

    #[test]
    fn a_time_before_1970_counts_as_1970() {
        assert_eq!(id_of("ws_1", "evt", -5, 1), id_of("ws_1", "evt", 0, 1));
    }

    #[test]
    fn a_time_beyond_the_last_instant_is_refused() {
        let last = DeliveryId::lower_bound(Timestamp::MAX);
        assert_eq!(
            DeliveryId::parse(&last)
                .unwrap()
                .event_time()
                .as_millisecond(),
            Timestamp::MAX.as_millisecond()
        );
        assert!(DeliveryId::parse(&format!("dlv_{}", "v".repeat(30))).is_err());
    }

    #[test]
    fn other_shapes_are_refused() {
        let id = id_of("ws_1", "evt", 1_000, 1).to_string();
        for text in [
            "",
            "dlv_",
            &id["dlv_".len()..],
            &id[..33],
            &format!("{id}0"),
            &id.to_uppercase(),
            &id.replace("dlv", "wh"),
        ] {
            let error = DeliveryId::parse(text).unwrap_err();
            assert_eq!(error.what, "a delivery id", "{text}");
        }
    }

    #[test]
    fn every_shard_is_used_alike() {
        let mut counts = [0_u32; LOG_SHARDS as usize];
        for number in 0..32_000 {
            counts[usize::from(
                id_of("ws_1", &format!("evt_{number}"), 1_000, 1)
                    .shard()
                    .number(),
            )] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1_150).contains(count)),
            "{counts:?}"
        );
        assert_eq!(LogShard::all().count(), usize::from(LOG_SHARDS));
    }

    proptest! {
        #[test]
        fn an_id_reads_back_with_its_time_and_shard(event in "[a-z0-9é]{1,20}", millis in 0..253_402_207_200_000_i64, webhook: u8) {
            let id = id_of("ws_1", &event, millis, webhook);
            prop_assert!(id.as_str().chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_')) && id.as_str().len() == 34);
            prop_assert_eq!(id.event_time().as_millisecond(), millis);
            prop_assert!(id.shard().number() < LOG_SHARDS);
            prop_assert_eq!(&DeliveryId::parse(id.as_str()).unwrap(), &id);
            prop_assert_eq!(id_of("ws_1", &event, millis, webhook), id);
        }

        #[test]
        fn ids_sort_by_time(a in 0..1_i64 << 47, b in 0..1_i64 << 47) {
            prop_assume!(a != b);
            prop_assert_eq!(id_of("ws_1", "e", a, 1).cmp(&id_of("ws_2", "f", b, 2)), a.cmp(&b));
        }

        #[test]
        fn the_lower_bound_stands_between_the_milliseconds(millis in 1..1_i64 << 47) {
            let bound = DeliveryId::lower_bound(Timestamp::from_millisecond(millis).unwrap());
            prop_assert!(id_of("ws_1", "e", millis - 1, 1).as_str() < bound.as_str());
            prop_assert!(id_of("ws_1", "e", millis, 1).as_str() >= bound.as_str());
        }

        #[test]
        fn whatever_is_taken_is_of_the_shape(text in "(dlv_)?[0-9a-w]{28,31}") {
            if let Ok(id) = DeliveryId::parse(&text) {
                prop_assert_eq!(id.as_str(), &text);
                let bound = DeliveryId::lower_bound(id.event_time());
                prop_assert_eq!(&bound[..14], &text[..14]);
            }
        }
    }
}
