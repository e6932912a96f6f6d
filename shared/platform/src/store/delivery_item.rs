//! A delivery as an item.
//!
//! Made small, because the one write of a delivery that succeeds at once is the product's largest cost: the body and
//! the document are compressed (zstd with a dictionary), and the index attributes are there only while needed.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use domain::catalogue::EventType;
use domain::channel::Channel;
use domain::compression::{compress, decompress};
use domain::delivery::{
    Attempt, Delivery, DeliveryKey, FailedBecause, History, Lease, Outcome, Pending, Plan, Purpose,
    RecoverJob, Resume, State, WokenBy,
};
use domain::event::Body;
use domain::ids::{DeliveryId, EventId, WebhookId, WorkspaceId};
use domain::waiting::Waiting;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::due::{DuePlace, WORKSPACE};
use super::item::{self, Item, from_millis, get_binary, get_number, get_text, millis};
use super::keys::{self, Unsettled};
use super::log::StatusFilter;
use super::table::{Expected, StoreError};
use super::{Stored, Versioned};

/// Bounds what a stored body or document may expand to; more than the largest event and the largest history.
const EXPANDED: usize = 2 * 1024 * 1024;

/// A delivery that waits stays in the table at least so long after its attempt is due.
const PENDING_STAYS: Duration = Duration::from_secs(3 * 24 * 60 * 60);

#[derive(Serialize, Deserialize)]
struct Document {
    workspace: WorkspaceId,
    webhook: WebhookId,
    event_id: EventId,
    event: EventType,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    test: bool,
    state: StateDocument,
    attempts: Vec<AttemptDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recovered_by: Option<RecoverJob>,
    created_at: i64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateDocument {
    Success,
    Failed(FailedBecause),
    Pending {
        plan: PlanDocument,
        next_attempt_at: i64,
        leased_until: Option<i64>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PlanDocument {
    Schedule { failures: u32 },
    Once { resume: Option<ResumeDocument> },
}

#[derive(Serialize, Deserialize)]
struct ResumeDocument {
    failures: u32,
    at: i64,
}

#[derive(Serialize, Deserialize)]
struct AttemptDocument {
    number: u32,
    at: i64,
    ms: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    signed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<BodyDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A response body, as text where it is text.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BodyDocument {
    Text(String),
    Base64(String),
}

/// The item to write when it is expected to stand as told.
pub(crate) fn encode(delivery: &Delivery, expected: Expected) -> Result<Item, StoreError> {
    let document =
        serde_json::to_vec(&to_document(delivery)).map_err(|_| StoreError::Damaged("delivery"))?;
    let mut item = item::key(&keys::delivery_key(&delivery.key));
    item.insert("rev".to_owned(), item::number(expected.next()));
    item.insert("doc".to_owned(), item::binary(compress(&document)));
    item.insert(
        "body".to_owned(),
        item::binary(compress(delivery.body.as_bytes())),
    );
    item.insert(
        "expires_at".to_owned(),
        item::number(expires_at(delivery).as_second()),
    );
    item.extend(index_attributes(delivery));
    if delivery.purpose == Purpose::Test {
        // In the index beside the keys, so that counts can leave tests out.
        item.insert("test".to_owned(), AttributeValue::Bool(true));
    }
    Ok(item)
}

/// When the item drops out of the table: what still waits for an attempt never does before that attempt.
fn expires_at(delivery: &Delivery) -> Timestamp {
    match &delivery.state {
        State::Success | State::Failed(_) => delivery.expires_at,
        State::Pending(pending) => delivery.expires_at.max(pending.earliest() + PENDING_STAYS),
    }
}

/// The attributes that put the item into the sparse indexes: none for a success.
fn index_attributes(delivery: &Delivery) -> Vec<(String, AttributeValue)> {
    let DeliveryKey { webhook, id, .. } = &delivery.key;
    let unsettled = |which| {
        (
            "unsettled".to_owned(),
            item::text(keys::unsettled(webhook, which, id.shard())),
        )
    };
    match &delivery.state {
        State::Success => Vec::new(),
        State::Failed(_) => vec![unsettled(Unsettled::Failed)],
        State::Pending(pending) => {
            let place = due_place(&delivery.key, pending);
            let mut attributes = vec![unsettled(Unsettled::Pending)];
            attributes.extend(place.attributes());
            // In the index beside the keys, which do not name it and whoever sends a wake-up has to.
            attributes.push((
                WORKSPACE.to_owned(),
                item::text(delivery.key.workspace.as_str()),
            ));
            attributes
        }
    }
}

/// A claim is made in time that ends no later than this after the attempt was due. Less than `sweep` lets pass before it
/// takes a wake-up for lost, 5 minutes, by twice the 90 s after which the message of a process that died is back.
const CLAIMED_IN_TIME: Duration = Duration::from_secs(2 * 60);

/// When something is to be done about a pending delivery. A claim in time leaves it as it was: an entry of the index that
/// stays where it is costs nothing, and whoever has died with the claim is found by it as well.
fn seen_to_at(pending: &Pending) -> Timestamp {
    let in_time = pending.next_attempt_at + CLAIMED_IN_TIME;
    match pending.lease {
        Some(lease) if lease.until > in_time => lease.until,
        _ => pending.next_attempt_at,
    }
}

/// Where in the index of what waits a pending delivery was written to.
pub(crate) fn due_place(key: &DeliveryKey, pending: &Pending) -> DuePlace {
    let waiting = match pending.woken_by {
        WokenBy::Message => Waiting::WithMessage,
        WokenBy::Sweep => Waiting::Parked,
    };
    DuePlace::new(
        keys::due_shard(Channel::Webhook, waiting, key.id.due_shard()),
        seen_to_at(pending),
    )
}

/// The index knows what wakes the delivery, and not the document: `sweep` changes it there.
fn woken_by(item: &Item) -> WokenBy {
    match get_text(item, "due_shard").map(keys::waiting_of) {
        Ok(Waiting::Parked) => WokenBy::Sweep,
        _ => WokenBy::Message,
    }
}

pub(crate) fn decode(item: &Item) -> Result<Stored, StoreError> {
    let expand =
        |name| decompress(get_binary(item, name)?, EXPANDED).map_err(|_| StoreError::Damaged(name));
    let document: Document =
        serde_json::from_slice(&expand("doc")?).map_err(|_| StoreError::Damaged("doc"))?;
    let body = String::from_utf8(expand("body")?).map_err(|_| StoreError::Damaged("body"))?;
    let id = get_text(item, "sk")?
        .parse::<DeliveryId>()
        .map_err(|_| StoreError::Damaged("sk"))?;
    let expires_at: i64 = get_number(item, "expires_at")?;
    let attempts = document
        .attempts
        .into_iter()
        .map(from_attempt)
        .collect::<Result<_, _>>()?;
    let delivery = Delivery {
        key: DeliveryKey {
            workspace: document.workspace,
            webhook: document.webhook,
            id,
        },
        event_id: document.event_id,
        event_type: document.event,
        purpose: if document.test {
            Purpose::Test
        } else {
            Purpose::Event
        },
        body: Body::from(body),
        history: History::new(attempts),
        state: from_state(document.state, woken_by(item))?,
        recovered_by: document.recovered_by,
        created_at: from_millis(document.created_at)?,
        expires_at: from_millis(expires_at * 1_000)?,
    };
    Ok(Versioned {
        value: delivery,
        rev: get_number(item, "rev")?,
    })
}

/// What is counted of a delivery: where it stands, and of what type its event is. Needs `doc` alone.
pub(crate) fn decode_counted(item: &Item) -> Result<(StatusFilter, EventType), StoreError> {
    /// The two fields of [`Document`] that are counted.
    #[derive(Deserialize)]
    struct Counted {
        event: EventType,
        state: StateDocument,
    }
    let document =
        decompress(get_binary(item, "doc")?, EXPANDED).map_err(|_| StoreError::Damaged("doc"))?;
    let Counted { event, state } =
        serde_json::from_slice(&document).map_err(|_| StoreError::Damaged("doc"))?;
    let status = match state {
        StateDocument::Success => StatusFilter::Success,
        StateDocument::Failed(_) => StatusFilter::Failed,
        StateDocument::Pending { .. } => StatusFilter::PendingRetry,
    };
    Ok((status, event))
}

fn to_document(delivery: &Delivery) -> Document {
    Document {
        workspace: delivery.key.workspace.clone(),
        webhook: delivery.key.webhook.clone(),
        event_id: delivery.event_id.clone(),
        event: delivery.event_type,
        test: delivery.purpose == Purpose::Test,
        state: to_state(&delivery.state),
        attempts: delivery.history.attempts().iter().map(to_attempt).collect(),
        recovered_by: delivery.recovered_by.clone(),
        created_at: millis(delivery.created_at),
    }
}

fn to_state(state: &State) -> StateDocument {
    match state {
        State::Success => StateDocument::Success,
        State::Failed(because) => StateDocument::Failed(*because),
        State::Pending(pending) => StateDocument::Pending {
            plan: match pending.plan {
                Plan::Schedule { failures } => PlanDocument::Schedule { failures },
                Plan::Once { resume } => PlanDocument::Once {
                    resume: resume.map(|Resume { failures, at }| ResumeDocument {
                        failures,
                        at: millis(at),
                    }),
                },
            },
            next_attempt_at: millis(pending.next_attempt_at),
            leased_until: pending.lease.map(|lease| millis(lease.until)),
        },
    }
}

fn from_state(state: StateDocument, woken_by: WokenBy) -> Result<State, StoreError> {
    Ok(match state {
        StateDocument::Success => State::Success,
        StateDocument::Failed(because) => State::Failed(because),
        StateDocument::Pending {
            plan,
            next_attempt_at,
            leased_until,
        } => State::Pending(Pending {
            plan: from_plan(&plan)?,
            next_attempt_at: from_millis(next_attempt_at)?,
            lease: leased_until
                .map(|until| {
                    Ok(Lease {
                        until: from_millis(until)?,
                    })
                })
                .transpose()?,
            woken_by,
        }),
    })
}

fn from_plan(plan: &PlanDocument) -> Result<Plan, StoreError> {
    Ok(match plan {
        PlanDocument::Schedule { failures } => Plan::Schedule {
            failures: *failures,
        },
        PlanDocument::Once { resume: None } => Plan::Once { resume: None },
        PlanDocument::Once {
            resume: Some(ResumeDocument { failures, at }),
        } => Plan::Once {
            resume: Some(Resume {
                failures: *failures,
                at: from_millis(*at)?,
            }),
        },
    })
}

fn to_attempt(attempt: &Attempt) -> AttemptDocument {
    let (body, retry_after) = match &attempt.outcome {
        Outcome::Response {
            body, retry_after, ..
        } => (body.as_deref(), *retry_after),
        Outcome::NoResponse { .. } => (None, None),
    };
    AttemptDocument {
        number: attempt.number,
        at: millis(attempt.at),
        ms: whole_millis(attempt.duration),
        signed: attempt.signed,
        code: attempt.outcome.code(),
        body: body.map(|bytes| match std::str::from_utf8(bytes) {
            Ok(text) => BodyDocument::Text(text.to_owned()),
            Err(_) => BodyDocument::Base64(BASE64.encode(bytes)),
        }),
        retry_after_ms: retry_after.map(whole_millis),
        error: attempt.outcome.error().map(str::to_owned),
    }
}

fn from_attempt(attempt: AttemptDocument) -> Result<Attempt, StoreError> {
    let body = match attempt.body {
        None => None,
        Some(BodyDocument::Text(text)) => Some(text.into_bytes()),
        Some(BodyDocument::Base64(text)) => Some(
            BASE64
                .decode(text)
                .map_err(|_| StoreError::Damaged("attempts"))?,
        ),
    };
    let outcome = match (attempt.code, attempt.error) {
        (Some(code), _) => Outcome::Response {
            code,
            body,
            retry_after: attempt.retry_after_ms.map(Duration::from_millis),
        },
        (None, Some(error)) => Outcome::NoResponse { error },
        (None, None) => return Err(StoreError::Damaged("attempts")),
    };
    Ok(Attempt {
        number: attempt.number,
        at: from_millis(attempt.at)?,
        duration: Duration::from_millis(attempt.ms),
        signed: attempt.signed,
        outcome,
    })
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use domain::catalogue::{SampleIds, sample_body};
    use domain::event::WorkspaceRef;
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_774_794_600_000 + millis).unwrap()
    }

    fn delivery(body: Body, attempts: Vec<Attempt>, state: State) -> Delivery {
        let (workspace, webhook) = (
            "ws_abc123".parse().unwrap(),
            WebhookId::from_random([7; 16]),
        );
        let event_id = "0197a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b".parse().unwrap();
        let id = DeliveryId::for_webhook(&workspace, &event_id, at(0), &webhook);
        Delivery {
            key: DeliveryKey {
                workspace,
                webhook,
                id,
            },
            event_id,
            event_type: EventType::ALL[0],
            purpose: Purpose::Event,
            body,
            history: History::new(attempts),
            state,
            recovered_by: None,
            created_at: at(0),
            expires_at: Timestamp::from_second(1_777_386_600).unwrap(),
        }
    }

    fn answered(code: u16, body: &[u8]) -> Attempt {
        Attempt {
            number: 1,
            at: at(35),
            duration: Duration::from_millis(87),
            signed: true,
            outcome: Outcome::Response {
                code,
                body: Some(body.to_vec()),
                retry_after: None,
            },
        }
    }

    /// As DynamoDB counts: names and values, text in UTF-8, numbers at most 21 bytes
    /// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html>).
    fn item_bytes(item: &Item) -> usize {
        let value = |value: &AttributeValue| match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::B(bytes) => bytes.as_ref().len(),
            AttributeValue::N(_) => 21,
            other => panic!("not in a delivery: {other:?}"),
        };
        item.iter().map(|(name, v)| name.len() + value(v)).sum()
    }

    #[test]
    fn a_delivery_that_succeeds_at_once_costs_one_write_unit_and_is_in_no_index() {
        let workspace = WorkspaceRef {
            id: "ws_abc123".parse().unwrap(),
            slug: "my-workspace".to_owned(),
        };
        for event_type in EventType::ALL.iter().copied() {
            let body = sample_body(
                event_type,
                at(0),
                &workspace,
                &SampleIds::from_random([9; 16]),
            );
            let item = encode(
                &delivery(body, vec![answered(200, b"{\"ok\":true}")], State::Success),
                Expected::Absent,
            );
            let item = item.unwrap();
            assert!(
                item_bytes(&item) <= 1024,
                "{event_type}: {} bytes",
                item_bytes(&item)
            );
            assert!(!item.contains_key("unsettled") && !item.contains_key("due_shard"));
        }
    }

    #[test]
    fn the_largest_event_with_the_largest_history_fits_an_item() {
        let mut noise = 1u32;
        let mut random = |length: usize| -> String {
            let letter = |_| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                char::from(b' ' + u8::try_from(noise >> 24).unwrap() % 90)
            };
            (0..length)
                .map(letter)
                .collect::<String>()
                .replace(['"', '\\'], "x")
        };
        let body = format!("{{\"data\":\"{}\"}}", random(256 * 1024));
        let attempts = (1..=120).map(|number| Attempt {
            number,
            ..answered(500, random(16 * 1024).as_bytes())
        });
        let delivery = delivery(Body::from(body), attempts.collect(), State::Success);
        assert!(item_bytes(&encode(&delivery, Expected::Absent).unwrap()) < 400 * 1024);
    }

    #[test]
    fn a_delivery_that_waits_outlives_its_attempt() {
        let late = at(40 * 24 * 3_600_000);
        let waiting = Pending {
            plan: Plan::NEW,
            next_attempt_at: late,
            lease: None,
            woken_by: WokenBy::Message,
        };
        let waits = delivery(Body::from("{}".to_owned()), vec![], State::Pending(waiting));
        let item = encode(&waits, Expected::Absent).unwrap();
        assert!(
            get_number::<i64>(&item, "expires_at").unwrap() >= (late + PENDING_STAYS).as_second()
        );
    }

    #[test]
    fn what_wakes_a_delivery_is_what_the_index_says() {
        let parked = Pending {
            plan: Plan::NEW,
            next_attempt_at: at(0),
            lease: None,
            woken_by: WokenBy::Sweep,
        };
        let parked = delivery(Body::from("{}".to_owned()), vec![], State::Pending(parked));
        let mut item = encode(&parked, Expected::Absent).unwrap();
        let read = |item: &Item| match decode(item).unwrap().value.state {
            State::Pending(pending) => pending.woken_by,
            other => panic!("{other:?}"),
        };
        assert_eq!(read(&item), WokenBy::Sweep);
        let shard = parked.key.id.due_shard();
        let moved = keys::due_shard(Channel::Webhook, Waiting::WithMessage, shard);
        item.insert("due_shard".to_owned(), item::text(moved));
        assert_eq!(read(&item), WokenBy::Message);
    }

    #[test]
    fn a_claim_made_in_time_leaves_the_index_as_it_is() {
        let place = |due: i64, claimed: i64| {
            let waiting = Pending {
                plan: Plan::NEW,
                next_attempt_at: at(due),
                lease: None,
                woken_by: WokenBy::Message,
            };
            let claim = waiting.claim(at(claimed), Duration::from_secs(45));
            let key = delivery(Body::from("{}".to_owned()), vec![], State::Success).key;
            (due_place(&key, &waiting), due_place(&key, &claim))
        };
        let (waiting, claimed) = place(0, 75_000);
        assert_eq!(waiting, claimed);
        // One that comes late is not overdue while the attempt is under way.
        let (_, claimed) = place(0, 75_001);
        assert_eq!(claimed, place(120_001, 120_001).0);
    }

    fn any_state() -> impl Strategy<Value = State> {
        let time = || (0i64..10_000_000).prop_map(at);
        let plan = prop_oneof![
            (0u32..9).prop_map(|failures| Plan::Schedule { failures }),
            prop::option::of((0u32..9, time())).prop_map(|resume| Plan::Once {
                resume: resume.map(|(failures, at)| Resume { failures, at }),
            }),
        ];
        let because = prop::sample::select(vec![
            FailedBecause::Exhausted,
            FailedBecause::Gone,
            FailedBecause::WebhookDisabled,
            FailedBecause::SingleAttempt,
            FailedBecause::WokenTooOften,
        ]);
        prop_oneof![
            Just(State::Success),
            because.prop_map(State::Failed),
            (plan, time(), prop::option::of(time()), woken_by()).prop_map(
                |(plan, next_attempt_at, lease, woken_by)| {
                    State::Pending(Pending {
                        plan,
                        next_attempt_at,
                        lease: lease.map(|until| Lease { until }),
                        woken_by,
                    })
                }
            ),
        ]
    }

    fn woken_by() -> impl Strategy<Value = WokenBy> {
        prop::sample::select(vec![WokenBy::Message, WokenBy::Sweep])
    }

    fn any_attempt() -> impl Strategy<Value = Attempt> {
        let response = (
            200u16..600,
            prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
            any::<Option<u32>>(),
        )
            .prop_map(|(code, body, wait)| Outcome::Response {
                code,
                body,
                retry_after: wait.map(|seconds| Duration::from_secs(u64::from(seconds))),
            });
        let silence = ".{1,30}".prop_map(|error| Outcome::NoResponse { error });
        (
            1u32..200,
            0i64..1_000_000,
            0u64..20_000,
            any::<bool>(),
            prop_oneof![response, silence],
        )
            .prop_map(|(number, millis, ms, signed, outcome)| Attempt {
                number,
                at: at(millis),
                duration: Duration::from_millis(ms),
                signed,
                outcome,
            })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            state in any_state(),
            attempts in prop::collection::vec(any_attempt(), 0..8),
            text in ".*",
            test in any::<bool>(),
            recovered in prop::option::of("[a-z]{1,8}"),
        ) {
            let delivery = Delivery {
                purpose: if test { Purpose::Test } else { Purpose::Event },
                recovered_by: recovered.map(RecoverJob),
                ..delivery(Body::from(text), attempts, state)
            };
            for expected in [Expected::Absent, Expected::Rev(41)] {
                let stored = decode(&encode(&delivery, expected).unwrap()).unwrap();
                prop_assert_eq!(&stored.value, &delivery);
                prop_assert_eq!(stored.rev, expected.next());
                let (status, event_type) = decode_counted(&encode(&delivery, expected).unwrap()).unwrap();
                prop_assert!(status.matches(&delivery.state) && event_type == delivery.event_type);
            }
        }
    }
}
