//! What is refused before it reaches a handler, and how errors look.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, Api};

fn assert_is_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    let problem = answer.json();
    let title = StatusCode::from_u16(status)
        .unwrap()
        .canonical_reason()
        .unwrap();
    assert_eq!(problem["type"], "about:blank");
    assert_eq!(problem["title"], title);
    assert_eq!(problem["status"], status);
    assert!(!problem["detail"].as_str().unwrap().is_empty());
    for error in problem
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        assert!(
            !error["field"].as_str().unwrap().is_empty()
                && !error["rule"].as_str().unwrap().is_empty()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_error_is_a_problem_document() {
    let api = Api::new().await;
    assert_is_problem(
        &api.send_bytes("POST", "/webhooks", Some(b"{".to_vec()), None)
            .await,
        400,
    );
    assert_is_problem(&api.with_key(None).get("/webhooks").await, 401);
    let member = api.with_key(Some(&api.key("ws_1", "member").await));
    assert_is_problem(&member.get("/webhooks").await, 403);
    assert_is_problem(&api.get("/nothing").await, 404);
    assert_is_problem(&api.get("/v1").await, 404);
    assert_is_problem(&api.send("PUT", "/webhooks", None).await, 405);
    let huge = json!({ "description": "x".repeat(70_000) });
    assert_is_problem(&api.post("/webhooks", huge).await, 413);
    let as_text = api
        .send_bytes(
            "POST",
            "/webhooks",
            Some(b"{}".to_vec()),
            Some("text/plain"),
        )
        .await;
    assert_is_problem(&as_text, 415);
    assert_is_problem(&api.post("/webhooks", json!({})).await, 422);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_method_is_told_the_right_ones() {
    let api = Api::new().await;
    let answer = api.send("PUT", "/webhooks", None).await;
    let allowed: Vec<&str> = answer
        .header("allow")
        .unwrap()
        .split(',')
        .map(str::trim)
        .collect();
    assert!(
        allowed.contains(&"GET") && allowed.contains(&"POST") && !allowed.contains(&"PUT"),
        "{allowed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_table_that_does_not_answer_is_503_without_internals() {
    let api = Api::new().await;
    api.db
        .delete_table()
        .table_name("Table")
        .send()
        .await
        .unwrap();
    for answer in [
        api.get("/v1/health").await,
        api.get("/webhooks").await,
        api.with_key(Some("sk_x")).get("/webhooks").await,
    ] {
        assert_is_problem(&answer, 503);
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(!answer.text().contains("Dynamo") && !answer.text().contains("ResourceNotFound"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_does_not_answer_is_503_without_internals() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let id = webhook["id"].as_str().unwrap();
    for queue in ["BulkQueue", "WebhookSlowQueue"] {
        api.sqs
            .delete_queue()
            .queue_url(api.aws.queue_url(queue))
            .send()
            .await
            .unwrap();
    }
    let refused = [
        api.delete(&format!("/webhooks/{id}")).await,
        api.patch(&format!("/webhooks/{id}"), json!({ "active": false }))
            .await,
        api.post(&format!("/webhooks/{id}/test"), json!({})).await,
    ];
    for answer in refused {
        assert_is_problem(&answer, 503);
        assert!(!answer.text().contains("SQS") && !answer.text().contains("Queue"));
    }
    let after = api.get(&format!("/webhooks/{id}")).await;
    assert_eq!(
        (after.status, &after.json()["active"]),
        (200, &json!(true)),
        "nothing was changed before the job was sent"
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_is_taken_up_to_64_kib_and_no_further() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let path = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
    let mut body = br#"{"description":"x"}"#.to_vec();
    body.resize(64 * 1024, b' ');
    assert_eq!(
        api.send_bytes("PATCH", &path, Some(body.clone()), None)
            .await
            .status,
        200
    );
    body.push(b' ');
    assert_eq!(
        api.send_bytes("PATCH", &path, Some(body), None)
            .await
            .status,
        413
    );
}

#[tokio::test(start_paused = true)]
async fn json_may_be_called_by_its_name_or_by_none() {
    let api = Api::new().await;
    let body = || {
        Some(
            json!({ "url": "https://example.com", "events": ["*"] })
                .to_string()
                .into_bytes(),
        )
    };
    for content_type in [
        None,
        Some("application/json"),
        Some("application/json; charset=utf-8"),
        Some("Application/JSON"),
    ] {
        assert_eq!(
            api.send_bytes("POST", "/webhooks", body(), content_type)
                .await
                .status,
            201,
            "{content_type:?}"
        );
    }
    for content_type in [
        "text/json",
        "application/jsonx",
        "application/x-www-form-urlencoded",
        "",
        "multipart/form-data; boundary=x",
    ] {
        assert_eq!(
            api.send_bytes("POST", "/webhooks", body(), Some(content_type))
                .await
                .status,
            415,
            "{content_type}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_json_is_400_and_what_is_no_object_is_422() {
    let api = Api::new().await;
    let invalid: [&[u8]; 8] = [
        b"",
        b"{",
        b"nope",
        b"{\"url\":}",
        b"{}{}",
        b"{'a':1}",
        b"{\"a\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
    ];
    for body in invalid {
        let answer = api
            .send_bytes("POST", "/webhooks", Some(body.to_vec()), None)
            .await;
        assert_is_problem(&answer, 400);
    }
    let deep = format!("{{\"url\":{}{}}}", "[".repeat(500), "]".repeat(500));
    assert_is_problem(
        &api.send_bytes("POST", "/webhooks", Some(deep.into_bytes()), None)
            .await,
        400,
    );
    assert_is_problem(
        &api.send_bytes("POST", "/webhooks", Some(b"[}".to_vec()), None)
            .await,
        400,
    );
    for body in ["[]", "null", "7", "\"text\"", "true", "[{}]"] {
        assert_is_problem(
            &api.send_bytes("POST", "/webhooks", Some(body.into()), None)
                .await,
            422,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_path_that_names_something_impossible_names_nothing() {
    let api = Api::new().await;
    for path in [
        "/v1/workspaces/a%20b/webhooks",
        "/v1/workspaces/%ff/webhooks",
        "/v1/workspaces//webhooks",
        "/webhooks/wh_x",
        "/webhooks/wh_00000000000000000000000000/deliveries/dlv_x",
        "/webhooks/",
    ] {
        assert_is_problem(&api.get(path).await, 404);
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_and_repeated_query_parameters_are_refused() {
    let api = Api::new().await;
    for (query, field) in [
        ("limt=3", "limt"),
        ("limit=3&limit=4", "limit"),
        ("cursor=a&cursor=b", "cursor"),
    ] {
        let answer = api.get(&format!("/webhooks?{query}")).await;
        assert_is_problem(&answer, 422);
        assert_eq!(answer.blamed(), [field]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_a_whole_number_from_1_to_100() {
    let api = Api::new().await;
    for limit in [
        "0",
        "101",
        "-1",
        "1.5",
        "x",
        "",
        "%2B5",
        "99999999999999999999",
    ] {
        let answer = api.get(&format!("/webhooks?limit={limit}")).await;
        assert_is_problem(&answer, 422);
        assert_eq!(answer.blamed(), ["limit"]);
    }
    for limit in ["1", "100"] {
        assert_eq!(
            api.get(&format!("/webhooks?limit={limit}")).await.status,
            200
        );
    }
}
