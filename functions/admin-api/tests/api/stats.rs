//! The statistics: what they count equals the history.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::catalogue::{AlertType, EventType};
use domain::delivery::{DeliveryKey, FailedBecause, State as WebhookState};
use domain::ids::DeliveryId;
use domain::retry::{Jitter, RetrySchedule};
use domain::secret::SealedSecret;
use domain::sms::delivery::{
    ClaimId, Final, Found, GatewayMark, Ground, Outcome, Retries, SmsDelivery, Source, Stage, State,
};
use domain::sms::member::NotSent;
use domain::sms::provider_error::ProviderError;
use domain::sms::segments::count;
use jiff::{SignedDuration, Timestamp};
use platform::store::alerts::{Decisions, NewDecisions};
use platform::store::{Saved, StoredSms};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};

use crate::history::{all_rows, sms, sms_of};
use crate::support::{Api, WORKSPACE};

const CLAIM: ClaimId = ClaimId(1);

async fn stats(api: &Api, query: &str) -> Value {
    let answer = api.get(&format!("/stats{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// What the statistics must say of these rows of the history: date, channel, status and type with count and segments.
fn grouped(rows: &[Value]) -> Vec<Value> {
    let mut groups: BTreeMap<[String; 4], (u64, u64)> = BTreeMap::new();
    for row in rows {
        let text = |field: &str| row[field].as_str().unwrap().to_owned();
        let group = [date(row), text("channel"), text("status"), text("type")];
        let (count, segments) = groups.entry(group).or_default();
        *count += 1;
        *segments += row["segments"].as_u64().unwrap_or(0);
    }
    let group = |([date, channel, status, of_type], (count, segments)): ([String; 4], _)| {
        json!({
            "date": date, "channel": channel, "status": status, "type": of_type,
            "count": count, "segments": segments
        })
    };
    groups.into_iter().map(group).collect()
}

/// The day that a row counts for: the time in its id is when an SMS was made, and when a webhook's event occurred.
fn date(row: &Value) -> String {
    let id: DeliveryId = row["id"].as_str().unwrap().parse().unwrap();
    id.event_time().to_string()[..10].to_owned()
}

/// The days' counts in the order of the names: the API has its own.
fn days(stats: &Value) -> Vec<Value> {
    let mut days = stats["days"].as_array().unwrap().clone();
    days.sort_by_key(|day| {
        ["date", "channel", "status", "type"].map(|field| day[field].as_str().unwrap().to_owned())
    });
    days
}

/// Something that happens to the messages of a workspace.
#[derive(Debug, Clone)]
enum Happening {
    /// A message is made, so many hours after the start.
    Made {
        hours: i64,
        alert_type: AlertType,
        length: usize,
    },
    Claimed(Index),
    Concluded(Index, Outcome),
    Receipt(Index, Stage),
    /// A step that was computed from what the message no longer is.
    Late(Index, Stage),
}

fn error() -> ProviderError {
    ProviderError {
        code: Some(500),
        message: "no".to_owned(),
        remedy: "wait".to_owned(),
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    let alert_type = select(vec![AlertType::Mentioned, AlertType::PriorityChanged]);
    let outcome = select(vec![
        Outcome::Accepted { message_id: None },
        Outcome::TryAgain { error: error() },
        Outcome::Refused { error: error() },
        Outcome::NoAnswer { error: error() },
    ]);
    let stage = || {
        select(vec![
            Stage::Sent,
            Stage::Delivered,
            Stage::Undelivered,
            Stage::Failed,
        ])
    };
    prop_oneof![
        3 => (-60i64..60, alert_type, 1usize..400)
            .prop_map(|(hours, alert_type, length)| Happening::Made { hours, alert_type, length }),
        3 => any::<Index>().prop_map(Happening::Claimed),
        3 => (any::<Index>(), outcome).prop_map(|(index, outcome)| Happening::Concluded(index, outcome)),
        2 => (any::<Index>(), stage()).prop_map(|(index, stage)| Happening::Receipt(index, stage)),
        1 => (any::<Index>(), stage()).prop_map(|(index, stage)| Happening::Late(index, stage)),
    ]
}

fn receive(delivery: &mut SmsDelivery, stage: Stage, now: Timestamp) {
    let found = Found {
        message_id: format!("SM{}", delivery.key.id),
        account: None,
        stage,
        error: None,
    };
    delivery.receive(found, Source::Receipt, now);
}

async fn step(api: &Api, before: &StoredSms, change: impl FnOnce(&mut SmsDelivery)) -> Saved {
    let mut after = before.value.clone();
    change(&mut after);
    api.store.save_sms(before, &after).await.unwrap()
}

async fn happen(api: &Api, made: &mut Vec<SmsDelivery>, number: usize, happening: Happening) {
    let now = api.now();
    let schedule: RetrySchedule = "30s,2m,10m".parse().unwrap();
    let retries = Retries {
        schedule: &schedule,
        jitter: Jitter::from_unit(0.5),
    };
    let stored = async |index: &Index, made: &[SmsDelivery]| {
        let key = &made.get(index.index(made.len().max(1)))?.key;
        api.store.sms(key).await.unwrap()
    };
    match happening {
        Happening::Made {
            hours,
            alert_type,
            length,
        } => {
            // The milliseconds tell messages of the same hour apart.
            let number = i64::try_from(number).unwrap();
            let mut delivery = sms_of(api, WORKSPACE, hours * 3600 + number);
            delivery.alert_type = alert_type;
            delivery.text = "x".repeat(length);
            delivery.segments = count(&delivery.text).segments;
            api.store.create_sms(&delivery).await.unwrap();
            made.push(delivery);
        }
        Happening::Claimed(index) => {
            if let Some(stored) = stored(&index, made).await {
                let ground = Ground::Http {
                    gateway: GatewayMark::of(&SealedSecret {
                        ciphertext: Vec::new(),
                        hint: None,
                    }),
                    idempotent: false,
                };
                step(api, &stored, |delivery| {
                    delivery.claim(
                        CLAIM,
                        ground,
                        "https://gw.example.com",
                        now,
                        Duration::from_secs(45),
                    );
                })
                .await;
            }
        }
        Happening::Concluded(index, outcome) => {
            if let Some(stored) = stored(&index, made).await {
                step(api, &stored, |delivery| {
                    delivery.conclude(CLAIM, outcome, now, retries);
                })
                .await;
            }
        }
        Happening::Receipt(index, stage) => {
            if let Some(stored) = stored(&index, made).await {
                step(api, &stored, |delivery| receive(delivery, stage, now)).await;
            }
        }
        Happening::Late(index, stage) => {
            if let Some(stored) = stored(&index, made).await {
                let late = stored.clone();
                step(api, &stored, |delivery| receive(delivery, Stage::Sent, now)).await;
                let saved = step(api, &late, |delivery| receive(delivery, stage, now)).await;
                assert_eq!(saved, Saved::Overtaken);
            }
        }
    }
}

#[test]
fn whatever_happens_to_messages_their_statistics_equal_the_history() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let config = Config {
        cases: 16,
        failure_persistence: None,
        ..Config::default()
    };
    let happenings = prop::collection::vec(happening(), 1..60);
    TestRunner::new(config)
        .run(&happenings, |happenings| {
            runtime.block_on(async {
                let api = Api::new().await;
                let mut made = Vec::new();
                for (number, happening) in happenings.into_iter().enumerate() {
                    happen(&api, &mut made, number, happening).await;
                }
                let rows = all_rows(&api, "limit=100").await;
                prop_assert_eq!(rows.len(), made.len());
                let stats = stats(&api, "?from=2026-03-20&to=2026-04-10").await;
                prop_assert_eq!(days(&stats), grouped(&rows));
                Ok::<_, TestCaseError>(())
            })
        })
        .unwrap();
}

fn state(number: i64, delivery: &domain::delivery::Delivery) -> WebhookState {
    match number % 3 {
        0 => WebhookState::Success,
        1 => WebhookState::single_attempt(delivery.created_at),
        _ => delivery.state.clone(),
    }
}

#[tokio::test(start_paused = true)]
async fn the_statistics_of_webhooks_equal_their_logs() {
    let api = Api::new().await;
    let webhooks = [api.webhook(json!({})).await, api.webhook(json!({})).await];
    for number in 0..120 {
        let webhook = &webhooks[usize::from(number % 5 == 0)];
        // An event every two hours: ten days.
        api.delivery(webhook, number * 7_200, |delivery| {
            delivery.state = state(number, delivery);
            if number % 4 == 0 {
                delivery.event_type = EventType::LabelCreated;
            }
        })
        .await;
    }
    let span = "from=2026-03-30&to=2026-04-06";
    let rows = all_rows(&api, &format!("channel=webhook&limit=100&{span}")).await;
    assert_eq!(rows.len(), 8 * 12);
    assert_eq!(
        days(&stats(&api, &format!("?{span}")).await),
        grouped(&rows)
    );

    let gone = webhooks[0]["id"].as_str().unwrap();
    assert_eq!(api.delete(&format!("/webhooks/{gone}")).await.status, 204);
    let left: Vec<_> = rows
        .into_iter()
        .filter(|row| row["webhook_id"] != gone)
        .collect();
    assert_eq!(
        days(&stats(&api, &format!("?{span}")).await),
        grouped(&left)
    );
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_moves_on_is_counted_where_it_stands() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let id = api.delivery(&webhook, 0, |_| {}).await;
    let statuses = async || {
        let days = days(&stats(&api, "").await);
        days.iter()
            .map(|day| day["status"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(statuses().await, ["failed"]);
    let path = format!(
        "/webhooks/{}/deliveries/{id}/resend",
        webhook["id"].as_str().unwrap()
    );
    assert_eq!(api.post(&path, json!({})).await.status, 202);
    assert_eq!(statuses().await, ["pending_retry"]);
}

/// Something that happens to the deliveries of a webhook.
#[derive(Debug, Clone)]
enum Moment {
    /// A delivery is recorded whose event occurred so many hours ago.
    Recorded { hours: i64, state: usize },
    /// A delivery moves on.
    Changes(Index, usize),
    /// Time passes.
    Passes { minutes: u64 },
    /// Somebody looks at the statistics.
    Looked,
}

fn moment() -> impl Strategy<Value = Moment> {
    prop_oneof![
        3 => (0i64..60, 0usize..3).prop_map(|(hours, state)| Moment::Recorded { hours, state }),
        2 => (any::<Index>(), 0usize..3).prop_map(|(index, state)| Moment::Changes(index, state)),
        2 => (1u64..200).prop_map(|minutes| Moment::Passes { minutes }),
        2 => Just(Moment::Looked),
    ]
}

fn some_state(which: usize, now: Timestamp) -> WebhookState {
    match which {
        0 => WebhookState::Success,
        1 => WebhookState::Failed(FailedBecause::Exhausted),
        _ => WebhookState::single_attempt(now),
    }
}

async fn change(api: &Api, webhook: &Value, id: &str, state: usize) {
    let key = DeliveryKey {
        workspace: WORKSPACE.parse().unwrap(),
        webhook: webhook["id"].as_str().unwrap().parse().unwrap(),
        id: id.parse().unwrap(),
    };
    let mut stored = api.store.delivery(&key).await.unwrap().unwrap();
    stored.value.state = some_state(state, api.now());
    api.store.save_delivery(&stored, api.now()).await.unwrap();
}

async fn pass(api: &Api, webhook: &Value, ids: &mut Vec<String>, number: usize, moment: Moment) {
    match moment {
        Moment::Recorded { hours, state } => {
            let seconds = hours * 3600 + i64::try_from(number).unwrap();
            let id = api.delivery(webhook, -seconds, |delivery| {
                delivery.created_at = api.now();
                delivery.expires_at = api.now() + SignedDuration::from_hours(24 * 30);
                delivery.state = some_state(state, api.now());
            });
            ids.push(id.await);
        }
        Moment::Changes(index, state) if !ids.is_empty() => {
            change(api, webhook, &ids[index.index(ids.len())], state).await;
        }
        Moment::Changes(..) | Moment::Looked => {}
        Moment::Passes { minutes } => {
            tokio::time::advance(Duration::from_secs(60 * minutes)).await;
        }
    }
}

#[test]
fn whatever_happens_to_deliveries_and_whenever_somebody_looks_their_statistics_equal_the_logs() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let config = Config {
        cases: 16,
        failure_persistence: None,
        ..Config::default()
    };
    let moments = prop::collection::vec(moment(), 1..40);
    TestRunner::new(config)
        .run(&moments, |mut moments| {
            moments.push(Moment::Looked);
            runtime.block_on(async {
                let api = Api::new().await;
                let webhook = api.webhook(json!({})).await;
                let mut ids = Vec::new();
                for (number, moment) in moments.into_iter().enumerate() {
                    if matches!(moment, Moment::Looked) {
                        let rows = all_rows(&api, "channel=webhook&limit=100").await;
                        prop_assert_eq!(rows.len(), ids.len());
                        prop_assert_eq!(days(&stats(&api, "").await), grouped(&rows));
                    }
                    pass(&api, &webhook, &mut ids, number, moment).await;
                }
                Ok::<_, TestCaseError>(())
            })
        })
        .unwrap();
}

/// Takes a delivery out of the table as its expiry would.
async fn expire(api: &Api, webhook: &Value, id: &str) {
    let id: DeliveryId = id.parse().unwrap();
    let log = format!(
        "LOG#{}#{}",
        webhook["id"].as_str().unwrap(),
        id.shard().number()
    );
    let deletion = api.db.delete_item().table_name("Table");
    deletion
        .key("pk", AttributeValue::S(log))
        .key("sk", AttributeValue::S(id.to_string()))
        .send()
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_hour_that_is_over_is_not_read_again() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let mut ids = Vec::new();
    // The clock stands at 14:30.
    for hours_ago in [0, 1, 2, 5] {
        ids.push(api.delivery(&webhook, -hours_ago * 3600, |_| {}).await);
    }
    let total = async || stats(&api, "").await["totals"][0]["count"].as_u64();
    assert_eq!(total().await, Some(4));
    for id in &ids {
        expire(&api, &webhook, id).await;
    }
    // The hours from 14:00 and 13:00 are not over; those from 12:00 and 9:00 are.
    assert_eq!(total().await, Some(2));
    let webhook_id = webhook["id"].as_str().unwrap().parse().unwrap();
    api.store.delete_roll_ups(&webhook_id).await.unwrap();
    assert_eq!(total().await, None);
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_stays_counted_even_where_its_hour_is_touched() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let gone = api.delivery(&webhook, -5 * 3600, |_| {}).await;
    let kept = api.delivery(&webhook, -5 * 3600 + 1, |_| {}).await;
    let total = async || stats(&api, "").await["totals"].clone();
    let counted = json!([{ "channel": "webhook", "status": "failed", "type": "work_item.created", "count": 2, "segments": 0 }]);
    assert_eq!(total().await, counted);
    tokio::time::advance(Duration::from_secs(24 * 3600)).await;
    expire(&api, &webhook, &gone).await;
    change(&api, &webhook, &kept, 0).await;
    assert_eq!(total().await, counted);
}

fn settle(end: Final, segments: usize) -> impl FnOnce(&mut SmsDelivery) {
    move |delivery| {
        delivery.state = State::Settled(end);
        delivery.segments = count(&"x".repeat(150 * segments)).segments;
    }
}

#[tokio::test(start_paused = true)]
async fn totals_and_rates_sum_up_what_is_settled() {
    let api = Api::new().await;
    let nothing = json!({
        "days": [], "totals": [], "not_sent": [],
        "success_rate": null, "success_rates": { "sms": null, "webhook": null }
    });
    assert_eq!(stats(&api, "").await, nothing);
    sms(&api, 0, |_| {}).await;
    assert_eq!(
        stats(&api, "").await["success_rate"],
        nothing["success_rate"]
    );
    for (second, end) in [
        Final::Sent,
        Final::Delivered,
        Final::Undelivered,
        Final::Failed,
        Final::Unknown,
    ]
    .into_iter()
    .enumerate()
    {
        let second = i64::try_from(second).unwrap();
        sms(&api, second - 24 * 3600, settle(end, 2)).await;
    }
    let webhook = api.webhook(json!({})).await;
    for number in 0..5 {
        api.delivery(&webhook, -number, |delivery| {
            if number > 1 {
                delivery.state = WebhookState::Success;
            }
        })
        .await;
    }
    let stats = stats(&api, "").await;
    let total = |channel, status, count, segments| {
        let alert_or_event = match channel {
            "sms" => "priority_changed",
            _ => "work_item.created",
        };
        json!({ "channel": channel, "status": status, "type": alert_or_event, "count": count, "segments": segments })
    };
    assert_eq!(
        stats["totals"],
        json!([
            total("sms", "queued", 1, 1),
            total("sms", "sent", 1, 2),
            total("sms", "delivered", 1, 2),
            total("sms", "undelivered", 1, 2),
            total("sms", "failed", 1, 2),
            total("sms", "unknown", 1, 2),
            total("webhook", "success", 3, 0),
            total("webhook", "failed", 2, 0),
        ])
    );
    assert_eq!(stats["success_rate"], json!(0.5));
    let by_channel = json!({ "sms": 0.4, "webhook": 0.6 });
    assert_eq!(stats["success_rates"], by_channel);
}

#[tokio::test(start_paused = true)]
async fn who_was_not_sent_to_is_counted_with_the_reason() {
    let api = Api::new().await;
    let users = ["a", "b", "c"].map(|user| user.parse().unwrap());
    let [a, b, c] = users;
    let new = NewDecisions {
        workspace: &WORKSPACE.parse().unwrap(),
        event: &"evt_1".parse().unwrap(),
        alert_type: AlertType::Mentioned,
        deliveries: Vec::new(),
        not_sent: vec![
            (a, NotSent::NoPhone),
            (b, NotSent::NoPhone),
            (c, NotSent::OptedOut),
        ],
        now: api.now(),
        expires_at: api.now() + SignedDuration::from_hours(24),
    };
    api.store.decide(&Decisions::default(), &new).await.unwrap();
    let row = |reason, count| json!({ "date": "2026-03-29", "type": "mentioned", "reason": reason, "count": count });
    let stats = stats(&api, "").await;
    assert_eq!(
        stats["not_sent"],
        json!([row("no_phone", 2), row("opted_out", 1)])
    );
    assert_eq!(stats["days"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn without_dates_the_last_thirty_days_are_counted() {
    let api = Api::new().await;
    let day = 24 * 3600;
    for days_ago in [0, 29, 30, 365, 366] {
        sms(&api, -days_ago * day, |_| {}).await;
    }
    sms(&api, day, |_| {}).await;
    let dates = async |query: &str| {
        let days = days(&stats(&api, query).await);
        days.iter()
            .map(|day| day["date"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(dates("").await, ["2026-02-28", "2026-03-29"]);
    assert_eq!(dates("?to=2026-03-28").await, ["2026-02-27", "2026-02-28"]);
    assert_eq!(dates("?from=2026-03-01").await, ["2026-03-29"]);
    assert_eq!(
        dates("?from=2026-03-30&to=2026-03-30").await,
        ["2026-03-30"]
    );
    assert_eq!(dates("?from=2025-03-29&to=2026-03-29").await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn impossible_spans_are_refused() {
    let api = Api::new().await;
    for (query, blamed) in [
        ("from=2026-03-30&to=2026-03-29", "from"),
        ("from=2026-03-30", "from"),
        ("from=2025-03-28&to=2026-03-29", "from"),
        ("from=29.03.2026", "from"),
        ("to=2026-03-29T00:00:00Z", "to"),
        ("channel=sms", "channel"),
    ] {
        let answer = api.get(&format!("/stats?{query}")).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec![blamed.to_owned()]),
            "{query}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn only_administrators_see_statistics_and_only_of_their_workspace() {
    let api = Api::new().await;
    api.store
        .create_sms(&sms_of(&api, "ws_2", 0))
        .await
        .unwrap();
    assert_eq!(stats(&api, "").await["days"], json!([]));
    for (role, status) in [("admin", 200), ("member", 403), ("publisher", 403)] {
        let caller = api.with_key(Some(&api.key(WORKSPACE, role).await));
        assert_eq!(caller.get("/stats").await.status, status, "{role}");
        assert_eq!(
            caller.get("/v1/workspaces/ws_2/stats").await.status,
            404,
            "{role}"
        );
    }
}
