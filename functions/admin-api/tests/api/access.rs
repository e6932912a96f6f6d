//! Every route, every role: what `docs/api.md` says is what holds.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::description::operations;
use crate::provider::twilio;
use crate::support::{Answer, Api, OPERATOR, WORKSPACE};

const FOREIGN: &str = "ws_2";
/// The user of the keys.
const OWN_USER: &str = "user_1";
const OWN_PHONE: &str = "+14155551234";
const OTHER_USER: &str = "user_2";
const OTHER_PHONE: &str = "+33612345678";

/// A row of the table in `docs/api.md`.
struct Row {
    method: String,
    path: String,
    /// Role (or `no key`) and `✓`, `own` or the status that refuses it.
    cells: Vec<(&'static str, String)>,
}

fn documented() -> Vec<Row> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().filter(|line| line.contains("| `/v1/"));
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let roles = ["operator", "admin", "publisher", "member", "no key"];
        Row {
            method: cells[0].to_owned(),
            path: cells[1].trim_matches('`').to_owned(),
            cells: roles
                .into_iter()
                .zip(cells[2..].iter().map(|&cell| cell.to_owned()))
                .collect(),
        }
    })
    .collect()
}

impl Row {
    fn is_of_a_workspace(&self) -> bool {
        self.path.contains("{workspace_id}")
    }

    /// The path with names in it, of things that exist; the member is the keys' own.
    async fn real_path(&self, api: &Api) -> String {
        for (user, phone) in [(OWN_USER, OWN_PHONE), (OTHER_USER, OTHER_PHONE)] {
            let member = json!({ "name": user, "phone": phone });
            api.put(&format!("/members/{user}"), member).await;
        }
        api.put("/sms/provider", twilio(json!({}))).await;
        let mut path = self
            .path
            .replace("{workspace_id}", WORKSPACE)
            .replace("{user_id}", OWN_USER);
        if path.contains("{webhook_id}") {
            let webhook = api.webhook(json!({})).await;
            path = path
                .replace("{webhook_id}", webhook["id"].as_str().unwrap())
                .replace("{delivery_id}", &api.delivery(&webhook, 1, |_| {}).await);
        }
        if path.contains("{delivery_id}") {
            let sms = api
                .post("/sms/test", json!({ "to": OWN_PHONE }))
                .await
                .json();
            path = path.replace("{delivery_id}", sms["delivery_id"].as_str().unwrap());
        }
        if path.contains("{key_id}") {
            let key = json!({ "role": "publisher", "name": "to be deleted" });
            let key = api.post("/api-keys", key).await.json();
            path = path.replace("{key_id}", key["id"].as_str().unwrap());
        }
        path
    }

    fn body(&self) -> Option<Value> {
        let last = self.path.rsplit('/').next().unwrap_or_default();
        match (self.method.as_str(), last) {
            ("POST", "webhooks") => Some(json!({ "url": "https://example.com", "events": ["*"] })),
            ("POST", "api-keys") => Some(json!({ "role": "publisher", "name": "new" })),
            ("POST", "recover") => Some(json!({ "since": "2026-03-29T00:00:00Z" })),
            ("POST", "events") => Some(json!({
                "id": "evt_1", "event": "label.created", "timestamp": "2026-03-29T14:30:00Z",
                "workspace": { "id": WORKSPACE, "slug": "one" }, "data": {}
            })),
            ("POST", "preview") => Some(json!({
                "event_type": "mentioned", "summary": "mentions you",
                "item": { "identifier": "ENG-1", "title": "", "url": "https://example.com" }
            })),
            ("POST", "test") if self.path.ends_with("sms/test") => Some(json!({ "to": OWN_PHONE })),
            ("PUT", "provider") => Some(twilio(json!({}))),
            ("PUT", "preferences") => Some(json!({ "sms": {} })),
            ("POST" | "PATCH" | "PUT", _) => Some(json!({})),
            _ => None,
        }
    }

    /// The same asked about somebody else.
    async fn call_for_another(&self, api: &Api, path: &str) -> Answer {
        let body = self.body().map(|body| {
            let text = body.to_string().replace(OWN_PHONE, OTHER_PHONE);
            serde_json::from_str(&text).unwrap()
        });
        let path = path.replace(OWN_USER, OTHER_USER);
        api.send(&self.method, &path, body).await
    }

    async fn call(&self, api: &Api, path: &str) -> Answer {
        api.send(&self.method, path, self.body()).await
    }
}

async fn key_of(api: &Api, workspace: &str, role: &str) -> Option<String> {
    match role {
        "operator" => Some(OPERATOR.to_owned()),
        "no key" => None,
        _ => Some(api.key(workspace, role).await),
    }
}

#[test]
fn the_table_in_the_docs_has_every_route() {
    let documented: BTreeSet<_> = documented()
        .into_iter()
        .map(|row| (row.method, row.path))
        .collect();
    assert_eq!(documented, operations());
}

#[tokio::test(start_paused = true)]
async fn each_role_may_do_in_its_workspace_what_the_table_says() {
    let api = Api::new().await;
    for row in documented() {
        for (role, cell) in &row.cells {
            let key = key_of(&api, WORKSPACE, role).await;
            let path = row.real_path(&api).await;
            let answer = row.call(&api.with_key(key.as_deref()), &path).await;
            let what = format!("{role}: {} {path}: {}", row.method, answer.status);
            if cell == "own" {
                let caller = api.with_key(key.as_deref());
                let others = row.call_for_another(&caller, &path).await;
                assert_eq!(others.status, 403, "{what} {}", others.text());
            }
            match cell.as_str() {
                "✓" | "own" => assert!(
                    (200..300).contains(&answer.status),
                    "{what} {}",
                    answer.text()
                ),
                refused => assert_eq!(answer.status.to_string(), refused, "{what}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_of_another_workspace_learns_nothing_about_this_one() {
    let api = Api::new().await;
    for row in documented().iter().filter(|row| row.is_of_a_workspace()) {
        for role in ["admin", "publisher", "member"] {
            let foreign = api.with_key(key_of(&api, FOREIGN, role).await.as_deref());
            let path = row.real_path(&api).await;
            let answer = row.call(&foreign, &path).await;
            let nowhere = row
                .call(&foreign, &path.replace(WORKSPACE, "ws_of_nobody"))
                .await;
            assert_eq!(answer.status, 404, "{role} {} {path}", row.method);
            assert_eq!(answer.body, nowhere.body, "{role} {} {path}", row.method);
            assert_eq!(
                answer.headers, nowhere.headers,
                "{role} {} {path}",
                row.method
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_key_gets_the_answer_that_an_own_one_gets_for_what_does_not_exist() {
    let api = Api::new().await;
    let webhook = api.webhook(json!({})).await;
    let path = format!("/webhooks/{}", webhook["id"].as_str().unwrap());
    let foreign = api.with_key(Some(&api.key(FOREIGN, "admin").await));
    let own = api.with_key(Some(&api.key(WORKSPACE, "admin").await));
    let missing = own.get("/webhooks/wh_00000000000000000000000000").await;
    assert_eq!(foreign.get(&path).await.body, missing.body);
    assert_eq!(own.get("/webhooks/nonsense").await.body, missing.body);
    assert_eq!(own.get(&path).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_or_malformed_key_is_refused_with_a_challenge() {
    let api = Api::new().await;
    let key = api.key(WORKSPACE, "admin").await;
    let cut = &key[..key.len() - 1];
    let forged = format!("sk_{}", "A".repeat(43));
    for authorization in [
        format!("Bearer {cut}"),
        format!("Bearer {forged}"),
        format!("Bearer {key}x"),
        format!("Basic {key}"),
        format!("Bearer{key}"),
        "Bearer ".to_owned(),
        key.clone(),
    ] {
        let request = axum::http::Request::get(format!("/v1/workspaces/{WORKSPACE}/webhooks"))
            .header("authorization", &authorization)
            .body(axum::body::Body::empty());
        let answer = api.call(request.unwrap()).await;
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (401, Some("Bearer")),
            "{authorization}"
        );
    }
    let request = axum::http::Request::get(format!("/v1/workspaces/{WORKSPACE}/webhooks"))
        .header("authorization", format!("bearer  {key}"))
        .body(axum::body::Body::empty());
    assert_eq!(api.call(request.unwrap()).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_key_can_not_be_used_as_if_its_hash_were_the_key() {
    let api = Api::new().await;
    let hash = domain::access::KeyHash::of(OPERATOR);
    assert_eq!(
        api.with_key(Some(hash.as_str()))
            .get("/webhooks")
            .await
            .status,
        401
    );
}
