//! The history: its pages and filters, what an entry shows, and to whom the phone.

use domain::catalogue::{AlertType, EventType};
use domain::delivery::{FailedBecause, State as WebhookState};
use domain::ids::{DeliveryId, WorkspaceId};
use domain::sms::delivery::{
    Entry, Final, Purpose, Recipient, SmsDelivery, SmsKey, Source, Stage, State, Timeline,
};
use domain::sms::provider::CarrierKind;
use domain::sms::provider_error::ProviderError;
use domain::sms::segments::count;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{Answer, Api, WORKSPACE};

const PHONE: &str = "+14155551234";
const MASKED: &str = "+1415•••••34";

/// An SMS to `user_1`, made so many seconds after the start, not yet written.
pub(crate) fn sms_of(api: &Api, workspace: &str, second: i64) -> SmsDelivery {
    let workspace: WorkspaceId = workspace.parse().unwrap();
    let event_id = format!("evt_{second}").parse().unwrap();
    let at = api.now() + SignedDuration::from_secs(second);
    let text = "SetGet Alert: Work item ENG-142 \"Fix login redirect\" priority changed to Urgent.";
    let mut timeline = Timeline::default();
    timeline.push(Entry {
        at,
        status: Stage::Queued,
        source: Source::Service,
        code: None,
    });
    SmsDelivery {
        key: SmsKey {
            id: DeliveryId::for_sms(&workspace, &event_id, at, "user_1"),
            workspace,
        },
        purpose: Purpose::Alert,
        event_id,
        event_time: at,
        alert_type: AlertType::PriorityChanged,
        recipient: Recipient {
            user_id: Some("user_1".parse().unwrap()),
            name: Some("Carol".to_owned()),
            phone: PHONE.parse().unwrap(),
        },
        entity: "ENG-142: Fix login redirect".to_owned(),
        text: text.to_owned(),
        encoding: count(text).encoding,
        segments: count(text).segments,
        carrier: CarrierKind::Twilio,
        sender: "+14155550100".to_owned(),
        state: State::new(at),
        provider_message_id: None,
        inquiry: None,
        error: None,
        timeline,
        created_at: at,
        expires_at: at + SignedDuration::from_hours(24 * 30),
    }
}

/// Writes an SMS to the history.
pub(crate) async fn sms(api: &Api, second: i64, change: impl FnOnce(&mut SmsDelivery)) -> String {
    let mut delivery = sms_of(api, WORKSPACE, second);
    change(&mut delivery);
    api.store.create_sms(&delivery).await.unwrap();
    delivery.key.id.to_string()
}

fn to_user(delivery: &mut SmsDelivery, user: &str) {
    delivery.recipient.user_id = Some(user.parse().unwrap());
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Follows the cursors; every row in the order in which they come.
pub(crate) async fn all_rows(api: &Api, query: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = api.get(&format!("/history?{query}{cursor}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        rows.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

async fn all_ids(api: &Api, query: &str) -> Vec<String> {
    ids(&json!({ "items": all_rows(api, query).await }))
}

async fn key(api: &Api, role: &str) -> Api {
    api.with_key(Some(&api.key(WORKSPACE, role).await))
}

#[tokio::test(start_paused = true)]
async fn pages_lead_through_the_history_newest_first_beyond_the_thousandth_entry() {
    let api = Api::new().await;
    let mut newest_first = Vec::new();
    for second in 0..1_030 {
        newest_first.insert(0, sms(&api, second, |_| {}).await);
    }
    assert_eq!(all_ids(&api, "limit=100").await, newest_first);
    let first = api.get("/history").await.json();
    assert_eq!(ids(&first), newest_first[..25]);
}

#[tokio::test(start_paused = true)]
async fn a_match_behind_a_thousand_others_is_found_by_following_the_cursor() {
    let api = Api::new().await;
    let oldest = sms(&api, 0, |delivery| {
        delivery.alert_type = AlertType::Mentioned;
    })
    .await;
    for second in 1..=1_000 {
        sms(&api, second, |_| {}).await;
    }
    let first = api.get("/history?type=mentioned").await.json();
    assert_eq!(ids(&first), Vec::<String>::new());
    assert!(first["next_cursor"].is_string());
    assert_eq!(all_ids(&api, "type=mentioned").await, [oldest]);
}

#[tokio::test(start_paused = true)]
async fn filters_pick_by_status_recipient_and_type_together() {
    let api = Api::new().await;
    let mut expected = Vec::new();
    for second in 0..24 {
        let id = sms(&api, second, |delivery| {
            if second % 2 == 0 {
                delivery.state = State::Settled(Final::Delivered);
            }
            if second % 3 == 0 {
                to_user(delivery, "user_2");
            }
            if second % 4 == 0 {
                delivery.alert_type = AlertType::Mentioned;
            }
        })
        .await;
        expected.insert(0, (second, id));
    }
    let picked = |wanted: fn(i64) -> bool| -> Vec<String> {
        let matching = expected.iter().filter(|(second, _)| wanted(*second));
        matching.map(|(_, id)| id.clone()).collect()
    };
    for (query, wanted) in [
        ("status=delivered", (|n| n % 2 == 0) as fn(i64) -> bool),
        ("status=queued", |n| n % 2 == 1),
        ("status=unknown", |_| false),
        ("recipient=user_2", |n| n % 3 == 0),
        ("recipient=user_3", |_| false),
        ("type=mentioned", |n| n % 4 == 0),
        (
            "channel=sms&status=delivered&recipient=user_1&type=mentioned",
            |n| n % 4 == 0 && n % 3 != 0,
        ),
    ] {
        assert_eq!(
            all_ids(&api, &format!("{query}&limit=3")).await,
            picked(wanted),
            "{query}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_bounds_exactly_and_a_date_means_the_whole_day() {
    let api = Api::new().await;
    // The clock stands at 2026-03-29T14:30:00Z.
    let yesterday = sms(&api, -24 * 3600, |_| {}).await;
    let early = sms(&api, -14 * 3600 - 1800, |_| {}).await;
    let now = sms(&api, 0, |_| {}).await;
    let tomorrow = sms(&api, 24 * 3600, |_| {}).await;
    for (query, wanted) in [
        ("from=2026-03-29&to=2026-03-29", vec![&now, &early]),
        ("from=2026-03-29", vec![&tomorrow, &now, &early]),
        ("to=2026-03-28", vec![&yesterday]),
        (
            "from=2026-03-29T00:00:00Z&to=2026-03-29T14:30:00Z",
            vec![&early],
        ),
        ("from=2026-03-29T14:30:00Z", vec![&tomorrow, &now]),
        (
            "from=2026-03-29T16:30:00%2B02:00&to=2026-03-29T14:30:00.001Z",
            vec![&now],
        ),
        ("from=2026-03-29T00:00:00.001Z&to=2026-03-29", vec![&now]),
        ("from=2027-01-01", vec![]),
    ] {
        let wanted: Vec<_> = wanted.into_iter().cloned().collect();
        assert_eq!(
            all_ids(&api, &format!("{query}&limit=1")).await,
            wanted,
            "{query}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_of_the_channel_is_refused_with_what_is() {
    let api = Api::new().await;
    for (query, blamed, rule) in [
        ("channel=mail", "channel", "one of sms, webhook"),
        (
            "status=success",
            "status",
            "queued, sending, sent, delivered, undelivered, failed, unknown",
        ),
        (
            "status=sent&channel=webhook",
            "status",
            "success, failed, pending_retry",
        ),
        ("type=work_item.created", "type", "alert type"),
        ("type=priority_change", "type", "priority_changed"),
        ("type=mentioned&channel=webhook", "type", "event type"),
        (
            "channel=webhook&recipient=user_1",
            "recipient",
            "no recipients",
        ),
        ("recipient=a/b", "recipient", "1 to 64 characters"),
        ("from=yesterday", "from", "RFC 3339"),
        ("from=2026-03-29T14:30", "from", "RFC 3339"),
        ("from=2026-03-30&to=2026-03-29", "from", "must not be after"),
        ("limit=101", "limit", "1 to 100"),
        ("cursor=x", "cursor", "next_cursor"),
        ("colour=red", "colour", "not known here"),
    ] {
        let answer = api.get(&format!("/history?{query}")).await;
        assert_eq!(answer.status, 422, "{query}: {}", answer.text());
        assert_eq!(answer.blamed(), [blamed], "{query}");
        assert!(answer.text().contains(rule), "{query}: {}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn members_see_their_own_phone_and_others_masked() {
    let api = Api::new().await;
    let own = sms(&api, 0, |_| {}).await;
    let others = sms(&api, 1, |delivery| to_user(delivery, "user_2")).await;
    let nobodys = sms(&api, 2, |delivery| delivery.recipient.user_id = None).await;
    for (role, phones) in [
        ("admin", [PHONE, PHONE, PHONE]),
        ("member", [MASKED, MASKED, PHONE]),
    ] {
        let api = key(&api, role).await;
        let rows = all_rows(&api, "").await;
        let shown: Vec<_> = rows.iter().map(|row| &row["recipient"]["phone"]).collect();
        assert_eq!(shown, phones, "{role}");
        for (id, phone) in [&nobodys, &others, &own].into_iter().zip(phones) {
            let entry = api.get(&format!("/history/{id}")).await;
            let shown = entry.json();
            assert_eq!(shown["recipient"]["phone"], phone, "{role}");
            assert_eq!(shown["text"].is_string(), phone == PHONE, "{role}");
            assert_eq!(entry.text().contains(PHONE), phone == PHONE, "{role}");
        }
    }
    let publisher = key(&api, "publisher").await;
    assert_eq!(publisher.get("/history").await.status, 403);
    assert_eq!(publisher.get(&format!("/history/{own}")).await.status, 403);
}

#[tokio::test(start_paused = true)]
async fn an_opened_message_shows_all_that_is_known_of_it() {
    let api = Api::new().await;
    let id = sms(&api, 0, |delivery| {
        delivery.state = State::Settled(Final::Failed);
        delivery.provider_message_id = Some("SM00000000000000000000000000000001".to_owned());
        delivery.error = Some(ProviderError {
            code: Some(30005),
            message: "unknown destination handset".to_owned(),
            remedy: "check the number".to_owned(),
        });
        delivery.timeline.push(Entry {
            at: delivery.created_at + SignedDuration::from_secs(3),
            status: Stage::Failed,
            source: Source::Receipt,
            code: Some(30005),
        });
    })
    .await;
    let entry = api.get(&format!("/history/{id}")).await.json();
    let text = "SetGet Alert: Work item ENG-142 \"Fix login redirect\" priority changed to Urgent.";
    let expected = json!({
        "id": id, "channel": "sms", "provider": "twilio", "sender": "+14155550100",
        "recipient": { "user_id": "user_1", "name": "Carol", "phone": PHONE },
        "type": "priority_changed", "entity": "ENG-142: Fix login redirect", "status": "failed", "test": false,
        "provider_message_id": "SM00000000000000000000000000000001", "encoding": "GSM-7", "segments": 1,
        "error": { "code": 30005, "message": "unknown destination handset", "remedy": "check the number" },
        "created_at": "2026-03-29T14:30:00Z", "text": text,
        "timeline": [
            { "at": "2026-03-29T14:30:00Z", "status": "queued", "source": "service", "code": null },
            { "at": "2026-03-29T14:30:03Z", "status": "failed", "source": "receipt", "code": 30005 }
        ]
    });
    assert_eq!(entry, expected);
    let mut row = expected;
    for hidden in ["text", "timeline"] {
        row.as_object_mut().unwrap().remove(hidden);
    }
    assert_eq!(api.get("/history").await.json()["items"], json!([row]));
}

#[tokio::test(start_paused = true)]
async fn the_logs_of_all_webhooks_are_one_history() {
    let api = Api::new().await;
    let webhooks = [api.webhook(json!({})).await, api.webhook(json!({})).await];
    let mut newest_first = Vec::new();
    for number in 0..40 {
        let id = api.delivery(
            &webhooks[usize::from(number % 3 == 0)],
            number,
            |delivery| {
                if number % 2 == 0 {
                    delivery.state = WebhookState::Success;
                }
                if number % 5 == 0 {
                    delivery.event_type = EventType::LabelCreated;
                }
            },
        );
        newest_first.insert(0, (number, id.await));
    }
    let picked = |wanted: fn(i64) -> bool| -> Vec<String> {
        let matching = newest_first.iter().filter(|(number, _)| wanted(*number));
        matching.map(|(_, id)| id.clone()).collect()
    };
    for (query, wanted) in [
        ("limit=7", (|_| true) as fn(i64) -> bool),
        ("status=success", |n| n % 2 == 0),
        ("status=pending_retry", |_| false),
        ("type=label.created&status=failed&limit=2", |n| {
            n % 5 == 0 && n % 2 == 1
        }),
        (
            "from=2026-03-29T14:30:10Z&to=2026-03-29T14:30:20Z&limit=4",
            |n| (10..20).contains(&n),
        ),
    ] {
        assert_eq!(
            all_ids(&api, &format!("channel=webhook&{query}")).await,
            picked(wanted),
            "{query}"
        );
    }
    assert_eq!(all_ids(&api, "").await, Vec::<String>::new());
    let member = key(&api, "member").await;
    assert_eq!(member.get("/history?channel=webhook").await.status, 403);
}

#[tokio::test(start_paused = true)]
async fn a_webhooks_delivery_is_shown_as_its_log_shows_it_and_goes_with_the_webhook() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let id = api
        .delivery(&webhook, 1, |delivery| {
            delivery.state = WebhookState::Failed(FailedBecause::WebhookDisabled);
        })
        .await;
    let log = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
    let logged = api.get(&format!("{log}/deliveries/{id}")).await.json();
    let entry = format!("/history/{id}");
    let shown = api.get(&entry).await.json();
    for (name, value) in logged.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }
    assert_eq!(shown["channel"], "webhook");
    assert_eq!(
        (&shown["type"], &shown["entity"]),
        (&shown["event"], &Value::Null)
    );
    let member = key(&api, "member").await;
    assert_eq!(member.get(&entry).await.status, 404);
    assert_eq!(api.delete(&log).await.status, 204);
    assert_eq!(api.get(&entry).await.status, 404);
    assert_eq!(all_ids(&api, "channel=webhook").await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn nothing_of_another_workspace_is_seen() {
    let api = Api::new().await;
    let foreign = sms_of(&api, "ws_2", 0);
    api.store.create_sms(&foreign).await.unwrap();
    let webhook = api.webhook(json!({})).await;
    let delivery = api.delivery(&webhook, 1, |_| {}).await;
    let not_found = |answer: &Answer| answer.status == 404;
    assert!(not_found(
        &api.get(&format!("/history/{}", foreign.key.id)).await
    ));
    assert!(not_found(
        &api.get(&format!("/v1/workspaces/ws_2/history/{delivery}"))
            .await
    ));
    assert!(not_found(
        &api.get("/history/dlv_000000000000000000000000000000").await
    ));
    assert!(not_found(&api.get("/history/nonsense").await));
    assert_eq!(all_ids(&api, "").await, Vec::<String>::new());
    let other = api.get("/v1/workspaces/ws_2/history?channel=webhook").await;
    assert_eq!(other.json()["items"], json!([]));
}
