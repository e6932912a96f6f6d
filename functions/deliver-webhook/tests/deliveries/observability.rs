//! What can be seen of an event from outside: its trace, its log lines, its numbers.

use std::time::Duration;

use aws_lambda_events::event::sqs::SqsMessage;
use axum::body::Body;
use axum::http::Request;
use domain::secret::SealedSecret;
use domain::webhook::Webhook;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::captured_log::Log;
use crate::world::{Answer, OPERATOR, World};

const MINUTE: Duration = Duration::from_secs(60);
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const XRAY: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
const XRAYS_TRACE_ID: &str = "5759e988bd862e3fe1be46a994272793";
const HOST: &str = "hooks.example.com";

/// Posts an event to the HTTP API.
async fn post(world: &World, event: String, traceparent: &str) {
    let request = Request::post("/v1/workspaces/ws_1/events")
        .header("authorization", format!("Bearer {OPERATOR}"))
        .header("content-type", "application/json")
        .header("traceparent", traceparent)
        .body(Body::from(event))
        .unwrap();
    let response = world.api.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 202);
}

/// A record of the slow lane with a webhook's first message.
fn record(world: &World, webhook: &Webhook, event: &str) -> SqsMessage {
    serde_json::from_value(json!({
        "messageId": "m_1", "receiptHandle": "r_1", "body": world.first_attempt(webhook, event),
        "attributes": { "ApproximateReceiveCount": "1" }, "messageAttributes": {},
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:WebhookSlowQueue",
    }))
    .unwrap()
}

fn fields(line: &Value) -> Vec<&str> {
    line.as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn an_event_has_one_trace_from_its_http_request_to_its_last_attempt() {
    let (world, log) = (World::new().await, Log::start());
    let webhook = world.webhook(HOST).await;
    let mut answers = [503, 503, 200].into_iter();
    world.answer(HOST, move |_| Answer::Status(answers.next().unwrap()));
    post(&world, world.event("evt_1", world.now()), TRACEPARENT).await;
    let delivery = world.settled(&webhook, MINUTE * 10).await;

    for line in [log.only("request answered"), log.only("event fanned out")] {
        assert_eq!(line["trace_id"], TRACE_ID, "{line}");
        assert_eq!(
            (&line["workspace_id"], &line["event_id"]),
            (&json!("ws_1"), &json!("evt_1"))
        );
    }
    let attempts = log.of("attempt made");
    assert_eq!(attempts.len(), 3);
    for (line, number) in attempts.iter().zip(1..) {
        assert_eq!(
            (&line["trace_id"], &line["attempt"]),
            (&json!(TRACE_ID), &json!(number))
        );
        assert_eq!(line["delivery_id"], delivery.key.id.as_str());
    }
}

#[tokio::test(start_paused = true)]
async fn the_trace_goes_along_from_the_fast_lane_to_the_slow_one() {
    let (world, log) = (World::new().await, Log::start());
    let webhook = world
        .webhook_with(HOST, |webhook| webhook.lane = domain::webhook::Lane::Fast)
        .await;
    let mut answers = [500, 200].into_iter();
    world.answer(HOST, move |_| Answer::Status(answers.next().unwrap()));
    world.publish_later("evt_1", Duration::ZERO, XRAY).await;
    world.settled(&webhook, MINUTE * 3).await;
    let attempts = log.of("attempt made");
    let traces: Vec<_> = attempts.iter().map(|line| &line["trace_id"]).collect();
    assert_eq!(traces, [XRAYS_TRACE_ID; 2]);
    let lanes: Vec<_> = log
        .of("webhook batch handled")
        .iter()
        .filter(|line| line["deliveries"] != json!(0))
        .map(|line| line["lane"].clone())
        .collect();
    assert!(
        lanes.contains(&json!("Fast")) && lanes.contains(&json!("Slow")),
        "{lanes:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failing_delivery_is_a_line_each_attempt_with_what_is_next() {
    let (world, log) = (World::new().await, Log::start());
    let webhook = world.webhook(HOST).await;
    world.answer(HOST, |_| Answer::After(Duration::from_secs(11), 200));
    world.publish("evt_1").await;
    let delivery = world.settled(&webhook, MINUTE * 60 * 17).await;

    let lines = log.of("attempt made");
    assert_eq!(lines.len(), 6);
    let common = ["attempt", "delivery_id", "duration_ms", "error", "event_id"];
    for line in &lines {
        assert!(
            common.iter().all(|name| fields(line).contains(name)),
            "{line}"
        );
        assert_eq!(line["error"], "no response within 10 s");
        assert_eq!(
            (&line["duration_ms"], &line["level"]),
            (&json!(10_000), &json!("INFO"))
        );
        assert_eq!(line["webhook_id"], webhook.id.as_str());
        assert!(
            line.get("response_code").is_none() && line.get("trace_id").is_none(),
            "{line}"
        );
    }
    for (line, next) in lines.iter().zip(&delivery.history.attempts()[1..]) {
        assert_eq!(line["outcome"], "pending_retry");
        let planned: jiff::Timestamp = line["next_attempt_at"].as_str().unwrap().parse().unwrap();
        assert!(
            planned <= next.at && next.at < planned + Duration::from_secs(3),
            "{line}"
        );
    }
    let last = &lines[5];
    assert_eq!(
        (&last["outcome"], &last["reason"]),
        (&json!("failed"), &json!("every attempt failed"))
    );
    assert!(last.get("next_attempt_at").is_none());
    assert!(
        lines[0]["lag_ms"].as_u64().is_some_and(|lag| lag < 5_000),
        "{}",
        lines[0]
    );
    assert!(lines[1..].iter().all(|line| line.get("lag_ms").is_none()));

    assert_eq!(world.printed.count(Some("webhook"), "RetriesScheduled"), 5);
    assert_eq!(world.printed.count(Some("webhook"), "DeliveriesFailed"), 1);
    assert_eq!(
        world.printed.count(Some("webhook"), "DeliveriesSucceeded"),
        0
    );
    assert_eq!(
        world.printed.measured("webhook", "AttemptDuration"),
        [10_000; 6]
    );
    assert_eq!(
        world.printed.measured("webhook", "FirstAttemptLag").len(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn the_lag_counts_from_when_the_queue_took_the_event() {
    let (world, log) = (World::new().await, Log::start());
    let webhook = world.webhook(HOST).await;
    world.answer(HOST, |_| Answer::Status(200));
    let delay = Duration::from_secs(40);
    world.publish_later("evt_1", delay, "garbage").await;
    world.settled(&webhook, MINUTE).await;
    let line = log.only("attempt made");
    let lag = line["lag_ms"].as_u64().unwrap();
    assert!((40_000..45_000).contains(&lag), "{line}");
    assert_eq!(
        (&line["outcome"], &line["response_code"]),
        (&json!("success"), &json!(200))
    );
    assert!(line.get("trace_id").is_none(), "{line}");
    assert_eq!(world.printed.measured("webhook", "FirstAttemptLag"), [lag]);
    assert_eq!(
        world.printed.count(Some("webhook"), "DeliveriesSucceeded"),
        1
    );
    assert_eq!(world.printed.count(None, "EventsAccepted"), 1);
}

#[tokio::test(start_paused = true)]
async fn of_two_attempts_at_the_same_time_one_is_counted() {
    let (world, log) = (World::new().await, Log::start());
    let webhook = world.webhook(HOST).await;
    world.answer(HOST, |_| Answer::After(Duration::from_secs(1), 200));
    let deadline = world.now() + Duration::from_secs(30);
    let record = record(&world, &webhook, "evt_1");
    let run = || world.deliver.handle(vec![record.clone()], deadline);
    tokio::join!(run(), run());
    let mut outcomes: Vec<_> = log
        .of("attempt made")
        .iter()
        .map(|line| line["outcome"].as_str().unwrap().to_owned())
        .collect();
    outcomes.sort();
    assert_eq!(outcomes, ["overtaken", "success"]);
    assert_eq!(
        world.printed.count(Some("webhook"), "DeliveriesSucceeded"),
        1
    );
    assert_eq!(
        world.printed.measured("webhook", "AttemptDuration").len(),
        1
    );
    assert!(
        world
            .printed
            .measured("webhook", "FirstAttemptLag")
            .is_empty(),
        "nobody knows it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_event_is_a_line_with_its_reason_and_none_of_its_content() {
    let (world, log) = (World::new().await, Log::start());
    let unknown = world
        .event("evt_1", world.now())
        .replace("work_item.created", "canary");
    for body in [
        unknown,
        r#"{"id":"canary"}"#.to_owned(),
        "canary".to_owned(),
    ] {
        world.send("EventsQueue", body).await;
    }
    world.until_quiet(MINUTE).await;
    let reasons: Vec<_> = log
        .of("event rejected")
        .iter()
        .map(|line| line["reason"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(reasons.len(), 3);
    assert!(
        reasons.contains(&"event: not an event type".to_owned()),
        "{reasons:?}"
    );
    assert!(!log.text().contains("canary"), "{}", log.text());
    assert_eq!(world.printed.count(None, "EventsRejected"), 3);
    assert_eq!(world.printed.count(None, "DeadLettered"), 3);
    assert_eq!(world.printed.count(None, "EventsAccepted"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_no_wake_up_is_counted_when_it_is_dead_lettered() {
    let (world, log) = (World::new().await, Log::start());
    for queue in ["WebhookSlowQueue", "BulkQueue"] {
        world.send(queue, "canary".to_owned()).await;
    }
    world.until_quiet(MINUTE).await;
    assert_eq!(log.of("message dead-lettered").len(), 2);
    assert_eq!(world.printed.count(None, "DeadLettered"), 2);
    assert!(!log.text().contains("canary"), "{}", log.text());
}

#[tokio::test(start_paused = true)]
async fn what_a_service_refuses_is_counted_each_time_it_comes_back() {
    let (world, log) = (World::new().await, Log::start());
    let webhook = world.webhook(HOST).await;
    let damaged = |webhook: &mut Webhook| {
        webhook.secret = Some(SealedSecret {
            ciphertext: b"not of this key".to_vec(),
            hint: None,
        });
    };
    world.edit(&webhook, damaged).await;
    world.publish("evt_1").await;
    world.pass(MINUTE * 5).await;
    let lines = log.of("not decided; it comes back");
    assert!(lines.len() >= 3, "{}", log.text());
    assert_eq!(world.printed.count(None, "Undecided"), lines.len() as u64);
    assert_eq!(world.calls(HOST).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn deliveries_that_end_with_their_webhook_are_counted_where_they_end() {
    let (world, log) = (World::new().await, Log::start());
    let webhook = world.webhook(HOST).await;
    let mut answers = [500, 500, 410].into_iter();
    world.answer(HOST, move |_| Answer::Status(answers.next().unwrap()));
    for number in 1..=2 {
        world.publish(&format!("evt_{number}")).await;
        world.pass(Duration::from_secs(2)).await;
    }
    world.publish("evt_3").await;
    world.until_quiet(MINUTE * 20).await;
    let gone = log.of("attempt made").pop().unwrap();
    assert_eq!(
        (&gone["outcome"], &gone["webhook_disabled"]),
        (&json!("failed"), &json!(true))
    );
    let job = log.only("bulk job handled");
    let unattempted = log.of("delivery ended without an attempt").len() as u64;
    assert_eq!(
        (&job["task"], &job["webhook_id"]),
        (&json!("end_pending"), &json!(webhook.id.as_str()))
    );
    assert_eq!(
        job["touched"].as_u64().unwrap() + unattempted,
        2,
        "{}",
        log.text()
    );
    assert_eq!(world.printed.count(Some("webhook"), "DeliveriesFailed"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_recovery_says_how_many_it_woke() {
    let (world, log) = (World::new().await, Log::start());
    let webhook = world.webhook(HOST).await;
    world.answer(HOST, |_| Answer::Status(410));
    world.publish("evt_1").await;
    world.until_quiet(MINUTE).await;
    world
        .edit(&webhook, |webhook| {
            webhook.activity = domain::webhook::Activity::Active;
        })
        .await;
    world.answer(HOST, |_| Answer::Status(200));
    let job = json!({
        "workspace": "ws_1", "webhook": webhook.id, "asked_at": world.now(),
        "task": { "recover": { "job": "job_1", "since": "2026-03-29T00:00:00Z" } },
    });
    world.send("BulkQueue", job.to_string()).await;
    world.until_quiet(MINUTE).await;
    let lines = log.of("bulk job handled");
    let recovery = lines.iter().find(|line| line["task"] == "recover").unwrap();
    assert_eq!(
        (&recovery["touched"], &recovery["outcome"]),
        (&json!(1), &json!("finished"))
    );
    assert_eq!(
        world.printed.count(Some("webhook"), "DeliveriesSucceeded"),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn neither_logs_nor_metrics_hold_a_body_a_url_or_an_answer() {
    let (world, log) = (World::new().await, Log::start());
    let rules = domain::endpoint_url::UrlRules::default();
    let url = format!("https://{HOST}/canary?token=canary");
    let webhook = world
        .webhook_with(HOST, |webhook| {
            webhook.url = domain::endpoint_url::EndpointUrl::parse(&url, rules).unwrap();
            webhook.description = Some("canary".to_owned());
        })
        .await;
    let mut answers = [
        Answer::Status(500),
        Answer::RetryAfter(429, 60),
        Answer::After(Duration::from_secs(11), 200),
        Answer::Panic,
        Answer::Killed,
        Answer::Status(200),
    ]
    .into_iter();
    world.answer(HOST, move |_| answers.next().unwrap_or(Answer::Status(200)));
    let event = world.event("evt_1", world.now()).replace("wi_1", "canary");
    post(&world, event, TRACEPARENT).await;
    world.settled(&webhook, MINUTE * 60 * 4).await;
    assert!(log.of("attempt made").len() >= 4, "{}", log.text());
    assert!(
        !log.of("not decided; it comes back").is_empty(),
        "{}",
        log.text()
    );
    let seen = log.text() + &world.printed.text();
    assert!(seen.contains("DeliveriesSucceeded"));
    for private in ["canary", OPERATOR, HOST, "\"ok\""] {
        assert!(!seen.contains(private), "{private}: {seen}");
    }
}
