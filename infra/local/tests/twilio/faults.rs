//! Faults, under paused time.

use http::StatusCode;
use local::outside::twilio::Status;
use serde_json::json;
use tokio::time::sleep;

use crate::world::{A_WHILE, CALLBACK, FROM, TO, World, form};

#[tokio::test(start_paused = true)]
async fn a_fault_before_acceptance_accepts_nothing_and_one_after_it_accepts() {
    for (fault, status, code, accepted) in [
        ("timeout_before_accept", None, None, 0),
        ("reject_429", Some(429), Some(20429), 0),
        ("error_500", Some(500), Some(20500), 0),
        ("timeout_after_accept", None, None, 1),
        ("error_500_after_accept", Some(500), Some(20500), 1),
    ] {
        let world = World::new();
        world.behave(json!({ fault: 1 })).await;
        let answer = world.create(&form("x")).await;
        assert_eq!(
            answer.as_ref().map(|(status, _)| status.as_u16()),
            status,
            "{fault}"
        );
        assert_eq!(
            answer.and_then(|(_, body)| body["code"].as_u64()),
            code,
            "{fault}"
        );
        assert_eq!(world.twilio.accepted().len(), accepted, "{fault}");

        world.send(&form("x")).await;
        sleep(A_WHILE).await;
        let messages = world.twilio.accepted();
        assert_eq!(messages.len(), accepted + 1, "{fault}");
        assert!(
            messages
                .iter()
                .all(|message| message.status() == Status::Delivered)
        );
        assert_eq!(
            world.receiver.received().len(),
            4 * (accepted + 1),
            "{fault}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_has_one_fault_at_most_and_a_refused_message_none_of_those_after_acceptance() {
    let world = World::new();
    world
        .behave(json!({ "timeout_after_accept": 1, "error_500": 1, "reject_429": 1 }))
        .await;
    let mut refused = form("x");
    refused[0].1 = "nobody";
    let mut outcomes = Vec::new();
    for form in [form("x"), form("x"), refused, form("x"), form("x")] {
        let answer = world.create(&form).await;
        outcomes.push(answer.map(|(status, _)| status.as_u16()));
    }
    assert_eq!(outcomes, [Some(429), Some(500), Some(400), None, Some(201)]);
    assert_eq!(world.twilio.accepted().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn callbacks_come_repeated_reordered_or_not_at_all() {
    for (callbacks, expected) in [
        (
            "repeated",
            &[
                "queued",
                "queued",
                "sending",
                "sending",
                "sent",
                "sent",
                "delivered",
                "delivered",
            ] as &[_],
        ),
        ("reordered", &["delivered", "sent", "sending", "queued"]),
        ("none", &[]),
    ] {
        let world = World::new();
        world.behave(json!({ "callbacks": callbacks })).await;
        world.send(&form("x")).await;
        sleep(A_WHILE).await;
        assert_eq!(world.receiver.statuses(), expected, "{callbacks}");
        assert_eq!(world.only_message().status(), Status::Delivered);
    }
}

#[tokio::test(start_paused = true)]
async fn early_callbacks_come_before_the_answer() {
    let world = World::new();
    world
        .behave(json!({ "callbacks": "early", "timeout_after_accept": 1 }))
        .await;
    assert!(world.create(&form("x")).await.is_none());
    assert_eq!(
        world.receiver.statuses(),
        ["queued", "sending", "sent", "delivered"]
    );
    let (_, answer) = world.create(&form("x")).await.unwrap();
    assert_eq!(answer["status"], "queued");
    assert_eq!(world.receiver.received().len(), 8);
    sleep(A_WHILE).await;
    assert_eq!(world.receiver.received().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_gives_up_does_not_stop_the_callbacks() {
    let world = World::new();
    world.behave(json!({ "callbacks": "early" })).await;
    let refused = || Err("refused".to_owned());
    world.receiver.will_answer([refused(), refused()]);
    let body = form("x");
    let call = world.create(&body);
    let gone = tokio::time::timeout(std::time::Duration::from_millis(1), call).await;
    assert!(gone.is_err());
    sleep(A_WHILE).await;
    assert_eq!(
        world.receiver.statuses(),
        ["queued", "queued", "sending", "sent", "delivered"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_callback_is_retried_as_its_url_asks_under_one_idempotency_token() {
    let world = World::new();
    let target = format!("{CALLBACK}#rc=3&rp=5xx,ct");
    world
        .receiver
        .will_answer([Ok(500), Err("refused".into()), Ok(204), Ok(404)]);
    world
        .send(&[
            ("To", TO),
            ("From", FROM),
            ("Body", "x"),
            ("StatusCallback", &target),
        ])
        .await;
    sleep(A_WHILE).await;
    assert_eq!(
        world.receiver.statuses(),
        ["queued", "queued", "queued", "sending", "sent", "delivered"]
    );
    let received = world.receiver.received();
    let tokens: Vec<_> = received
        .iter()
        .map(|callback| &callback.idempotency_token)
        .collect();
    assert!(tokens[0] == tokens[1] && tokens[1] == tokens[2]);
    assert!(tokens[2] != tokens[3] && tokens[3] != tokens[4]);
}

#[tokio::test(start_paused = true)]
async fn a_behaviour_replaces_the_one_before_and_shows_what_is_left() {
    let world = World::new();
    world
        .behave(json!({ "error_500": 2, "callbacks": "none", "auth_tokens": { "AC1": "canary" } }))
        .await;
    world.create(&form("x")).await;
    let (_, shown) = world.get_path("/behaviour").await;
    assert_eq!(
        (&shown["error_500"], &shown["callbacks"]),
        (&json!(1), &json!("none"))
    );
    assert_eq!(shown["auth_tokens"], json!({ "AC1": "***" }));

    world.behave(json!({})).await;
    let (_, shown) = world.get_path("/behaviour").await;
    assert_eq!(
        (&shown["error_500"], &shown["callbacks"]),
        (&json!(0), &json!("normal"))
    );

    let (status, words) = world
        .put("/behaviour", &json!({ "reject_492": 1, "error_500": 1 }))
        .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(words.to_string().contains("reject_492"), "{words}");
    assert_eq!(world.get_path("/behaviour").await.1["error_500"], 0);
}
