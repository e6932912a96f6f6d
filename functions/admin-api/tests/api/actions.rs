//! Test, resend, recover, switching off, deleting: what is written and what is sent, in which order.

use domain::delivery::{Delivery, FailedBecause, Pending, Plan, Purpose, Resume, State, WokenBy};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::support::{Api, WORKSPACE};

fn path(webhook: &Value) -> String {
    format!("/webhooks/{}", webhook["id"].as_str().unwrap())
}

async fn stored(api: &Api, webhook: &Value, id: &str) -> Delivery {
    let key = domain::delivery::DeliveryKey {
        workspace: WORKSPACE.parse().unwrap(),
        webhook: webhook["id"].as_str().unwrap().parse().unwrap(),
        id: id.parse().unwrap(),
    };
    api.store.delivery(&key).await.unwrap().unwrap().value
}

fn wake_up(webhook: &Value, id: &str) -> Value {
    json!({ "workspace": WORKSPACE, "webhook": webhook["id"], "delivery": id })
}

#[tokio::test(start_paused = true)]
async fn a_test_writes_one_pending_attempt_and_wakes_it() {
    let api = Api::new().await;
    let webhook = api
        .webhook(json!({ "events": ["label.created", "comment.created"] }))
        .await;
    let answer = api
        .send("POST", &format!("{}/test", path(&webhook)), None)
        .await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let id = answer.json()["delivery_id"].as_str().unwrap().to_owned();
    assert_eq!(answer.json(), json!({ "delivery_id": id }));
    assert_eq!(
        api.receive_json("WebhookSlowQueue").await,
        [wake_up(&webhook, &id)]
    );

    let delivery = stored(&api, &webhook, &id).await;
    assert_eq!(delivery.purpose, Purpose::Test);
    assert_eq!(delivery.state, State::single_attempt(api.now()));
    assert!(delivery.event_id.as_str().starts_with("test_"));
    assert_eq!(
        delivery.expires_at,
        api.now() + SignedDuration::from_hours(30 * 24)
    );
    let body: Value = serde_json::from_str(delivery.body.as_str()).unwrap();
    assert_eq!(
        (&body["event"], &body["workspace"]["id"]),
        (&json!("comment.created"), &json!(WORKSPACE))
    );
    let entry = api
        .get(&format!("{}/deliveries/{id}", path(&webhook)))
        .await
        .json();
    assert_eq!(
        (&entry["test"], &entry["event"]),
        (&json!(true), &json!("comment.created"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_test_may_name_its_event_and_runs_while_the_webhook_is_off() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({ "active": false })).await;
    let test = format!("{}/test", path(&webhook));
    let answer = api.post(&test, json!({ "event": "page.deleted" })).await;
    assert_eq!(answer.status, 202);
    let id = answer.json()["delivery_id"].as_str().unwrap().to_owned();
    assert_eq!(
        stored(&api, &webhook, &id).await.event_type.as_str(),
        "page.deleted"
    );
    let again = api
        .post(&test, json!({ "event": "page.deleted" }))
        .await
        .json();
    assert_ne!(
        again["delivery_id"],
        json!(id),
        "each test is a delivery of its own"
    );
    for (body, field, told) in [
        (json!({ "event": "page.delete" }), "event", "page.deleted"),
        (json!({ "event": "*" }), "event", "not an event type"),
        (json!({ "event": null }), "event", "null"),
        (json!({ "evnt": "page.deleted" }), "evnt", "event"),
    ] {
        let answer = api.post(&test, body).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec![field.to_owned()])
        );
        assert!(answer.text().contains(told), "{}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn a_resend_makes_one_more_attempt_due_and_wakes_it() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    for (number, state) in [State::Success, State::Failed(FailedBecause::Exhausted)]
        .into_iter()
        .enumerate()
    {
        let id = api
            .delivery(&webhook, i64::try_from(number).unwrap(), |delivery| {
                delivery.state = state;
            })
            .await;
        let answer = api
            .send(
                "POST",
                &format!("{}/deliveries/{id}/resend", path(&webhook)),
                None,
            )
            .await;
        assert_eq!(
            (answer.status, answer.json()),
            (202, json!({ "delivery_id": id }))
        );
        assert_eq!(
            stored(&api, &webhook, &id).await.state,
            State::single_attempt(api.now())
        );
        assert_eq!(
            api.receive_json("WebhookSlowQueue").await,
            [wake_up(&webhook, &id)]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_resend_that_is_repeated_wakes_again_and_changes_nothing() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let id = api.delivery(&webhook, 1, |_| {}).await;
    let resend = format!("{}/deliveries/{id}/resend", path(&webhook));
    api.send("POST", &resend, None).await;
    let state = stored(&api, &webhook, &id).await.state;
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(api.send("POST", &resend, None).await.status, 202);
    assert_eq!(stored(&api, &webhook, &id).await.state, state);
    assert_eq!(api.receive_json("WebhookSlowQueue").await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_resend_keeps_the_schedule_that_it_interrupts() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let at = api.now() + SignedDuration::from_hours(2);
    let waiting = Pending {
        plan: Plan::Schedule { failures: 4 },
        next_attempt_at: at,
        lease: None,
        woken_by: WokenBy::Message,
    };
    let id = api
        .delivery(&webhook, 1, |delivery| {
            delivery.state = State::Pending(waiting);
        })
        .await;
    api.send(
        "POST",
        &format!("{}/deliveries/{id}/resend", path(&webhook)),
        None,
    )
    .await;
    let State::Pending(pending) = stored(&api, &webhook, &id).await.state else {
        panic!("not pending")
    };
    assert_eq!(
        pending.plan,
        Plan::Once {
            resume: Some(Resume { failures: 4, at })
        }
    );
    assert_eq!(pending.next_attempt_at, api.now());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_resent_while_an_attempt_is_under_way_or_the_webhook_is_off() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let claimed = Pending {
        plan: Plan::NEW,
        next_attempt_at: api.now(),
        lease: None,
        woken_by: WokenBy::Message,
    }
    .claim(api.now(), std::time::Duration::from_secs(45));
    let under_way = api
        .delivery(&webhook, 1, |delivery| {
            delivery.state = State::Pending(claimed);
        })
        .await;
    let resend = |id: &str| format!("{}/deliveries/{id}/resend", path(&webhook));
    let answer = api.send("POST", &resend(&under_way), None).await;
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("under way"));

    let failed = api.delivery(&webhook, 2, |_| {}).await;
    api.patch(&path(&webhook), json!({ "active": false })).await;
    let answer = api.send("POST", &resend(&failed), None).await;
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("switch it on"));
    let missing = "dlv_000000000000000000000000000000";
    assert_eq!(api.send("POST", &resend(missing), None).await.status, 404);
    assert!(api.receive("WebhookSlowQueue").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_resend_whose_wake_up_was_lost_can_be_repeated() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let id = api.delivery(&webhook, 1, |_| {}).await;
    let resend = format!("{}/deliveries/{id}/resend", path(&webhook));
    let queue = api.aws.queue_url("WebhookSlowQueue");
    api.sqs
        .delete_queue()
        .queue_url(&queue)
        .send()
        .await
        .unwrap();
    assert_eq!(api.send("POST", &resend, None).await.status, 503);
    assert_eq!(
        stored(&api, &webhook, &id).await.state,
        State::single_attempt(api.now())
    );
    // SQS wants a minute between deleting a queue and making one of its name.
    tokio::time::advance(std::time::Duration::from_secs(61)).await;
    api.sqs
        .create_queue()
        .queue_name("WebhookSlowQueue")
        .send()
        .await
        .unwrap();
    assert_eq!(api.send("POST", &resend, None).await.status, 202);
    assert_eq!(
        api.receive_json("WebhookSlowQueue").await,
        [wake_up(&webhook, &id)]
    );
}

#[tokio::test(start_paused = true)]
async fn recover_counts_what_failed_since_then_and_asks_for_the_job() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    for number in -5..5 {
        api.delivery(&webhook, number * 60, |_| {}).await;
    }
    api.delivery(&webhook, 601, |delivery| delivery.state = State::Success)
        .await;
    api.delivery(&webhook, 602, |delivery| delivery.purpose = Purpose::Test)
        .await;
    let recover = format!("{}/recover", path(&webhook));
    let since = json!({ "since": "2026-03-29T16:29:00+02:00", "dry_run": true });
    let answer = api.post(&recover, since).await;
    assert_eq!((answer.status, answer.json()), (202, json!({ "count": 6 })));
    assert!(api.jobs().await.is_empty(), "a dry run asks for nothing");

    let answer = api
        .post(&recover, json!({ "since": "2026-03-29T14:29:00Z" }))
        .await;
    assert_eq!((answer.status, answer.json()), (202, json!({ "count": 6 })));
    let jobs = api.receive_json("BulkQueue").await;
    assert_eq!(jobs.len(), 1, "at once");
    assert_eq!(
        (&jobs[0]["workspace"], &jobs[0]["webhook"]),
        (&json!(WORKSPACE), &webhook["id"])
    );
    let task = &jobs[0]["task"]["recover"];
    assert_eq!(task["since"], "2026-03-29T14:29:00Z");
    assert_eq!(task["job"].as_str().unwrap().len(), 32);
}

#[tokio::test(start_paused = true)]
async fn recover_needs_a_time_that_is_past() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let recover = format!("{}/recover", path(&webhook));
    for (body, field) in [
        (json!({}), "since"),
        (json!({ "since": null }), "since"),
        (json!({ "since": 1_774_794_600 }), "since"),
        (json!({ "since": "yesterday" }), "since"),
        (json!({ "since": "2026-03-29" }), "since"),
        (json!({ "since": "2026-03-29T14:00:00" }), "since"),
        (json!({ "since": "2026-03-29T14:30:01Z" }), "since"),
        (
            json!({ "since": "2026-03-29T00:00:00Z", "dry_run": "yes" }),
            "dry_run",
        ),
    ] {
        let answer = api.post(&recover, body.clone()).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec![field.to_owned()]),
            "{body}"
        );
    }
    assert!(api.jobs().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_off_is_not_recovered_and_is_told_the_way_out() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({ "active": false })).await;
    api.delivery(&webhook, -60, |_| {}).await;
    let recover = format!("{}/recover", path(&webhook));
    let answer = api
        .post(&recover, json!({ "since": "2026-03-29T00:00:00Z" }))
        .await;
    assert_eq!(answer.status, 409);
    assert!(answer.text().contains("switch it on"));
    assert!(api.jobs().await.is_empty());
    let counted = api
        .post(
            &recover,
            json!({ "since": "2026-03-29T00:00:00Z", "dry_run": true }),
        )
        .await;
    assert_eq!(
        (counted.status, counted.json()),
        (202, json!({ "count": 1 }))
    );
}

#[tokio::test(start_paused = true)]
async fn switching_off_asks_for_the_end_of_what_is_pending() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    api.patch(&path(&webhook), json!({ "description": "another field" }))
        .await;
    api.patch(&path(&webhook), json!({ "active": true })).await;
    assert!(api.jobs().await.is_empty());
    api.patch(&path(&webhook), json!({ "active": false })).await;
    assert!(
        api.receive("BulkQueue").await.is_empty(),
        "the job gives the change time to come"
    );
    let jobs = api.jobs().await;
    assert_eq!(jobs.len(), 1);
    assert_eq!(
        (&jobs[0]["webhook"], &jobs[0]["task"]),
        (&webhook["id"], &json!("end_pending"))
    );
}

#[tokio::test(start_paused = true)]
async fn deleting_asks_for_the_end_of_the_log_and_hides_it_at_once() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let id = api.delivery(&webhook, 1, |_| {}).await;
    let answer = api.delete(&path(&webhook)).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let jobs = api.jobs().await;
    assert_eq!(jobs.len(), 1);
    assert_eq!(
        (&jobs[0]["webhook"], &jobs[0]["task"]),
        (&webhook["id"], &json!("delete_log"))
    );
    for path in [
        path(&webhook),
        format!("{}/deliveries", path(&webhook)),
        format!("{}/deliveries/{id}", path(&webhook)),
    ] {
        assert_eq!(api.get(&path).await.status, 404);
    }
    assert_eq!(api.delete(&path(&webhook)).await.status, 404);
    assert_eq!(api.get("/webhooks").await.json()["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_job_that_can_not_be_asked_for_leaves_the_webhook_where_it_is() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    api.sqs
        .delete_queue()
        .queue_url(api.aws.queue_url("BulkQueue"))
        .send()
        .await
        .unwrap();
    assert_eq!(api.delete(&path(&webhook)).await.status, 503);
    assert_eq!(
        api.patch(&path(&webhook), json!({ "active": false }))
            .await
            .status,
        503
    );
    assert_eq!(api.get(&path(&webhook)).await.json(), webhook);
}
