//! The delivery log.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::catalogue::EventType;
use domain::delivery::{
    Attempt, Delivery, FailedBecause, History, Outcome, Pending, Plan, Purpose, State, WokenBy,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::Api;

fn log(webhook: &Value) -> String {
    format!("/webhooks/{}/deliveries", webhook["id"].as_str().unwrap())
}

fn answered(number: u32, delivery: &Delivery, code: u16, body: Option<&[u8]>) -> Attempt {
    Attempt {
        number,
        at: delivery.created_at + SignedDuration::from_secs(i64::from(number)),
        duration: Duration::from_micros(12_345),
        signed: true,
        outcome: Outcome::Response {
            code,
            body: body.map(<[u8]>::to_vec),
            retry_after: None,
        },
    }
}

fn unanswered(number: u32, delivery: &Delivery, error: &str) -> Attempt {
    Attempt {
        signed: false,
        outcome: Outcome::NoResponse {
            error: error.to_owned(),
        },
        ..answered(number, delivery, 0, None)
    }
}

fn pending(delivery: &Delivery) -> State {
    State::Pending(Pending {
        plan: Plan::Schedule { failures: 1 },
        next_attempt_at: delivery.created_at + SignedDuration::from_secs(60),
        lease: None,
        woken_by: WokenBy::Message,
    })
}

/// Follows the cursors; the ids in the order in which they come.
async fn all_pages(api: &Api, first: &str) -> Vec<String> {
    let (mut ids, mut query) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("{first}{query}")).await.json();
        ids.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["id"].as_str().unwrap().to_owned()),
        );
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("&cursor={cursor}"),
            None => return ids,
        }
    }
}

/// 60 deliveries: every third has failed, every third is pending, every third got through; even ones are labels.
async fn sixty(api: &Api, webhook: &Value) -> Vec<String> {
    let mut ids = Vec::new();
    for number in 0..60 {
        let id = api.delivery(webhook, number, |delivery| {
            delivery.state = match number % 3 {
                0 => State::Failed(FailedBecause::Exhausted),
                1 => pending(delivery),
                _ => State::Success,
            };
            if number % 2 == 0 {
                delivery.event_type = EventType::LabelCreated;
            }
        });
        ids.push(id.await);
    }
    ids.reverse();
    ids
}

#[tokio::test(start_paused = true)]
async fn pages_lead_through_the_log_newest_first() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let newest_first = sixty(&api, &webhook).await;
    for limit in [1, 7, 30, 60, 100] {
        assert_eq!(
            all_pages(&api, &format!("{}?limit={limit}", log(&webhook))).await,
            newest_first,
            "{limit}"
        );
    }
    let first = api.get(&log(&webhook)).await.json();
    assert_eq!(first["items"].as_array().unwrap().len(), 25);
}

#[tokio::test(start_paused = true)]
async fn filters_pick_by_status_and_event() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let newest_first = sixty(&api, &webhook).await;
    let number = |index: usize| 59 - index;
    let expected = |wanted: &dyn Fn(usize) -> bool| -> Vec<String> {
        let picked = newest_first
            .iter()
            .enumerate()
            .filter(|(index, _)| wanted(number(*index)));
        picked.map(|(_, id)| id.clone()).collect()
    };
    for (query, wanted) in [
        (
            "status=failed",
            &(|n: usize| n.is_multiple_of(3)) as &dyn Fn(usize) -> bool,
        ),
        ("status=pending_retry", &|n| n % 3 == 1),
        ("status=success", &|n| n % 3 == 2),
        ("event=label.created", &|n| n.is_multiple_of(2)),
        ("status=failed&event=label.created", &|n| {
            n.is_multiple_of(6)
        }),
        ("status=success&event=work_item.created", &|n| {
            n % 3 == 2 && n % 2 == 1
        }),
        ("event=page.deleted", &|_| false),
    ] {
        let found = all_pages(&api, &format!("{}?limit=4&{query}", log(&webhook))).await;
        assert_eq!(found, expected(wanted), "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_that_is_none_is_met_with_those_that_are() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    for (query, field, told) in [
        ("status=pending", "status", "success, failed, pending_retry"),
        ("status=", "status", "success, failed, pending_retry"),
        ("event=label.craeted", "event", "label.created"),
    ] {
        let answer = api.get(&format!("{}?{query}", log(&webhook))).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec![field.to_owned()]),
            "{query}"
        );
        assert!(answer.text().contains(told), "{}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn another_webhooks_log_is_apart() {
    let api = Api::new().await;
    let (one, other) = (api.webhook(json!({})).await, api.webhook(json!({})).await);
    let id = api.delivery(&one, 1, |_| {}).await;
    assert_eq!(api.get(&log(&other)).await.json()["items"], json!([]));
    assert_eq!(api.get(&format!("{}/{id}", log(&other))).await.status, 404);
    assert_eq!(api.get(&format!("{}/{id}", log(&one))).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_entry_opens_to_the_request_every_attempt_and_every_answer() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let id = api
        .delivery(&webhook, 0, |delivery| {
            delivery.history = History::new(vec![
                unanswered(1, delivery, "connection refused"),
                answered(2, delivery, 500, Some(b"sorry \xff")),
                answered(3, delivery, 200, None),
            ]);
            delivery.state = State::Success;
        })
        .await;
    let entry = api.get(&format!("{}/{id}", log(&webhook))).await.json();
    let expected = json!({
        "id": id, "webhook_id": webhook["id"], "event": "work_item.created", "status": "success", "test": false,
        "response_code": 200, "at": "2026-03-29T14:30:03Z", "duration_ms": 12, "next_attempt_at": null, "error": null,
        "attempts": [
            { "number": 1, "at": "2026-03-29T14:30:01Z", "duration_ms": 12, "response_code": null,
              "error": "connection refused", "response_body": null },
            { "number": 2, "at": "2026-03-29T14:30:02Z", "duration_ms": 12, "response_code": 500,
              "error": null, "response_body": "sorry \u{fffd}" },
            { "number": 3, "at": "2026-03-29T14:30:03Z", "duration_ms": 12, "response_code": 200,
              "error": null, "response_body": null },
        ],
        "request": {
            "headers": {
                "Content-Type": "application/json", "User-Agent": "SetGet-Webhook/1.0",
                "X-SetGet-Event": "work_item.created", "X-SetGet-Timestamp": "1774794603",
                "X-SetGet-Delivery-ID": id, "X-SetGet-Signature": "***",
                "webhook-id": id, "webhook-timestamp": "1774794603", "webhook-signature": "***"
            },
            "body": "{\"number\":0}"
        }
    });
    assert_eq!(entry, expected);
    let mut row = expected;
    for left_out in ["attempts", "request"] {
        row.as_object_mut().unwrap().remove(left_out);
    }
    assert_eq!(api.get(&log(&webhook)).await.json()["items"], json!([row]));
}

#[tokio::test(start_paused = true)]
async fn before_the_first_attempt_nothing_was_sent() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let id = api
        .delivery(&webhook, 0, |delivery| {
            delivery.purpose = Purpose::Test;
            delivery.state = State::single_attempt(delivery.created_at);
        })
        .await;
    let entry = api.get(&format!("{}/{id}", log(&webhook))).await.json();
    assert_eq!(
        (&entry["status"], &entry["test"]),
        (&json!("pending_retry"), &json!(true))
    );
    assert_eq!(
        (&entry["at"], &entry["next_attempt_at"]),
        (
            &json!("2026-03-29T14:30:00Z"),
            &json!("2026-03-29T14:30:00Z")
        )
    );
    assert_eq!(
        (&entry["attempts"], &entry["request"]["headers"]),
        (&json!([]), &json!({}))
    );
    for field in ["response_code", "duration_ms", "error"] {
        assert_eq!(entry[field], Value::Null, "{field}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_is_the_attempts_or_why_there_was_no_other() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let refused = Some(Outcome::NoResponse {
        error: "connection refused".to_owned(),
    });
    let answered_500 = Some(Outcome::Response {
        code: 500,
        body: None,
        retry_after: None,
    });
    let failed = State::Failed;
    let waiting = State::single_attempt(api.now());
    let cases = [
        (&refused, waiting.clone(), json!("connection refused")),
        (&answered_500, waiting, json!(null)),
        (&refused, State::Success, json!(null)),
        (
            &refused,
            failed(FailedBecause::Exhausted),
            json!("connection refused"),
        ),
        (
            &answered_500,
            failed(FailedBecause::Exhausted),
            json!("every attempt failed"),
        ),
        (
            &answered_500,
            failed(FailedBecause::Gone),
            json!("the endpoint answered 410 Gone"),
        ),
        (
            &refused,
            failed(FailedBecause::WebhookDisabled),
            json!("webhook disabled"),
        ),
        (
            &None,
            failed(FailedBecause::WebhookDisabled),
            json!("webhook disabled"),
        ),
        (
            &refused,
            failed(FailedBecause::SingleAttempt),
            json!("connection refused"),
        ),
    ];
    for (number, (outcome, state, error)) in (0..).zip(cases) {
        let change = |delivery: &mut Delivery| {
            let attempt = |outcome| Attempt {
                outcome,
                ..answered(1, delivery, 0, None)
            };
            delivery.history = History::new(outcome.clone().map(attempt).into_iter().collect());
            delivery.state = state;
        };
        let id = api.delivery(&webhook, number, change).await;
        assert_eq!(
            api.get(&format!("{}/{id}", log(&webhook))).await.json()["error"],
            error,
            "{number}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_is_the_same_through_all_its_filters() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let all: BTreeSet<String> = sixty(&api, &webhook).await.into_iter().collect();
    let mut parts = BTreeSet::new();
    for status in ["success", "failed", "pending_retry"] {
        parts.extend(all_pages(&api, &format!("{}?status={status}", log(&webhook))).await);
    }
    assert_eq!(parts, all);
}
