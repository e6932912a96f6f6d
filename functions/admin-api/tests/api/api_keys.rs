//! API keys.

use serde_json::{Value, json};

use crate::support::{Api, WORKSPACE};

#[tokio::test(start_paused = true)]
async fn a_key_is_shown_once_works_and_stops_working_when_it_is_deleted() {
    let api = Api::new().await;
    let answer = api
        .post("/api-keys", json!({ "role": "admin", "name": "tracker" }))
        .await;
    assert_eq!(answer.status, 201);
    let mut created = answer.json();
    let key = created["key"].as_str().unwrap().to_owned();
    assert!(key.starts_with("sk_") && key.len() == 46, "{key}");
    created.as_object_mut().unwrap().remove("key");
    let expected = json!({
        "id": created["id"], "role": "admin", "name": "tracker", "user_id": null, "created_at": "2026-03-29T14:30:00Z"
    });
    assert_eq!(created, expected);
    assert_eq!(
        api.get("/api-keys").await.json(),
        json!({ "items": [expected], "next_cursor": null })
    );

    let holder = api.with_key(Some(&key));
    assert_eq!(holder.get("/webhooks").await.status, 200);
    let path = format!("/api-keys/{}", created["id"].as_str().unwrap());
    assert_eq!(api.delete(&path).await.status, 204);
    assert_eq!(holder.get("/webhooks").await.status, 401);
    assert_eq!(api.delete(&path).await.status, 404);
    assert_eq!(api.get("/api-keys").await.json()["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_key_may_stand_for_a_user_and_a_members_must() {
    let api = Api::new().await;
    let member = json!({ "role": "member", "name": "Bob", "user_id": "bob@example.com" });
    assert_eq!(
        api.post("/api-keys", member).await.json()["user_id"],
        "bob@example.com"
    );
    for user_id in [None, Some(Value::Null)] {
        let mut body = json!({ "role": "member", "name": "Bob" });
        if let Some(user_id) = user_id {
            body["user_id"] = user_id;
        }
        let answer = api.post("/api-keys", body).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec!["user_id".to_owned()])
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_breaks_a_rule_is_refused_with_its_field() {
    let api = Api::new().await;
    for (field, value, told) in [
        ("role", json!("operator"), "OperatorKeyHash"),
        ("role", json!("owner"), "admin, member, publisher"),
        ("role", json!(null), "null"),
        ("name", json!(""), "1 to 100"),
        ("name", json!("é".repeat(101)), "1 to 100"),
        ("name", json!(7), "string"),
        ("user_id", json!("a b"), "1 to 64"),
        ("key", json!("sk_mine"), "not known"),
    ] {
        let mut body = json!({ "role": "admin", "name": "n" });
        body[field] = value.clone();
        let answer = api.post("/api-keys", body).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec![field.to_owned()]),
            "{field} = {value}"
        );
        assert!(answer.text().contains(told), "{}", answer.text());
    }
    assert_eq!(
        api.post("/api-keys", json!({})).await.blamed(),
        ["role", "name"]
    );
    assert_eq!(
        api.post(
            "/api-keys",
            json!({ "role": "admin", "name": "é".repeat(100) })
        )
        .await
        .status,
        201
    );
}

#[tokio::test(start_paused = true)]
async fn the_201st_key_is_refused() {
    let api = Api::new().await;
    for _ in 0..200 {
        api.key(WORKSPACE, "publisher").await;
    }
    let answer = api
        .post("/api-keys", json!({ "role": "publisher", "name": "n" }))
        .await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.text().contains("at most 200 keys"),
        "{}",
        answer.text()
    );
    let page = api.get("/api-keys?limit=100").await.json();
    let rest = api
        .get(&format!(
            "/api-keys?limit=100&cursor={}",
            page["next_cursor"].as_str().unwrap()
        ))
        .await
        .json();
    assert_eq!(
        (
            rest["items"].as_array().unwrap().len(),
            &rest["next_cursor"]
        ),
        (100, &Value::Null)
    );
}

#[tokio::test(start_paused = true)]
async fn an_admin_deletes_keys_of_the_own_workspace_only() {
    let api = Api::new().await;
    let foreign = api
        .post(
            "/v1/workspaces/ws_2/api-keys",
            json!({ "role": "admin", "name": "theirs" }),
        )
        .await
        .json();
    let admin = api.with_key(Some(&api.key(WORKSPACE, "admin").await));
    let id = foreign["id"].as_str().unwrap();
    assert_eq!(admin.delete(&format!("/api-keys/{id}")).await.status, 404);
    assert_eq!(
        admin
            .delete(&format!("/v1/workspaces/ws_2/api-keys/{id}"))
            .await
            .status,
        404
    );
    let theirs = api.with_key(foreign["key"].as_str());
    assert_eq!(theirs.get("/v1/workspaces/ws_2/webhooks").await.status, 200);
}
