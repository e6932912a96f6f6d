//! Members: their phones, and who sees and changes them.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Api, WORKSPACE};
use crate::twilio::{ACCOUNT, NUMBER, TOKEN};

const PHONE: &str = "+14155551234";
const OTHER_PHONE: &str = "+33612345678";

async fn member_key(api: &Api, user: &str) -> Api {
    api.with_key(Some(&api.key_of(WORKSPACE, "member", Some(user)).await))
}

#[tokio::test(start_paused = true)]
async fn a_member_is_added_changed_and_deleted() {
    let api = Api::new().await;
    let added = api.member("carol+sms@example.com", Some(PHONE)).await;
    let view = json!({
        "user_id": "carol+sms@example.com", "name": "Name of carol+sms@example.com", "phone": PHONE,
        "opted_out": false, "created_at": "2026-03-29T14:30:00Z", "updated_at": "2026-03-29T14:30:00Z"
    });
    assert_eq!(added, view);
    let path = "/members/carol+sms@example.com";
    assert_eq!(api.get(path).await.json(), view);

    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    let changed = api.put(path, json!({ "phone": OTHER_PHONE })).await;
    assert_eq!(changed.status, 200);
    assert_eq!(
        (
            &changed.json()["name"],
            &changed.json()["phone"],
            &changed.json()["updated_at"]
        ),
        (
            &view["name"],
            &json!(OTHER_PHONE),
            &json!("2026-03-29T14:31:00Z")
        )
    );
    let unchanged = api.put(path, json!({ "name": "Carol" })).await.json();
    assert_eq!(
        (&unchanged["name"], &unchanged["phone"]),
        (&json!("Carol"), &json!(OTHER_PHONE))
    );
    let without = api.put(path, json!({ "phone": null })).await.json();
    assert_eq!(without["phone"], json!(null));

    assert_eq!(api.delete(path).await.status, 204);
    assert_eq!(api.get(path).await.status, 404);
    assert_eq!(api.delete(path).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn what_changes_nothing_leaves_the_time_of_the_last_change() {
    let api = Api::new().await;
    let added = api.member("user_1", Some(PHONE)).await;
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    for body in [json!({}), json!({ "phone": PHONE, "name": added["name"] })] {
        assert_eq!(api.put("/members/user_1", body).await.json(), added);
    }
}

#[tokio::test(start_paused = true)]
async fn members_are_listed_by_user_id_a_page_at_a_time() {
    let api = Api::new().await;
    for user in ["user_3", "user_1", "user_2"] {
        api.member(user, Some(PHONE)).await;
    }
    let (mut seen, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let page = api.get(&format!("/members{query}")).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|member| member["user_id"].clone()));
        match page["next_cursor"].as_str() {
            Some(cursor) => query = format!("?limit=2&cursor={cursor}"),
            None => break,
        }
    }
    assert_eq!(seen, ["user_1", "user_2", "user_3"]);
    assert_eq!(
        api.get("/members?cursor=nonsense!").await.blamed(),
        ["cursor"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_phone_is_strict_e_164_and_valid_for_its_country() {
    let api = Api::new().await;
    let refused = |phone: &'static str| {
        let api = api.clone();
        async move {
            let body = json!({ "name": "A", "phone": phone });
            let answer = api.put("/members/user_1", body).await;
            assert_eq!(
                (answer.status, answer.blamed()),
                (422, vec!["phone".to_owned()])
            );
            assert!(!answer.text().contains(phone), "{}", answer.text());
            answer.text().to_owned()
        }
    };
    for phone in [
        "14155559876",
        "(415) 555-9876",
        "+1 415 555 9876",
        "+14155 ",
    ] {
        refused(phone).await;
    }
    assert!(refused("14155559876").await.contains("+14155551234"));
    for phone in [
        "+19999999999",
        "+15555550100",
        "+491511234567",
        "+9991234567",
    ] {
        assert!(
            refused(phone)
                .await
                .contains("is no valid number of its country")
        );
    }
    let answer = refused("+330612345678").await;
    assert!(answer.contains("+33612345678"), "{answer}");
    for phone in [PHONE, "+15005550006", "+390612345678", "+5491123456789"] {
        let body = json!({ "name": "A", "phone": phone });
        let answer = api.put("/members/user_1", body).await;
        assert!(answer.status < 300, "{phone}: {}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_member_has_a_name_of_1_to_200_characters() {
    let api = Api::new().await;
    for body in [
        json!({ "phone": PHONE }),
        json!({ "name": "" }),
        json!({ "name": null }),
        json!({ "name": "é".repeat(201) }),
    ] {
        let answer = api.put("/members/user_1", body).await;
        assert_eq!(
            (answer.status, answer.blamed()),
            (422, vec!["name".to_owned()])
        );
    }
    let longest = json!({ "name": "é".repeat(200) });
    assert_eq!(api.put("/members/user_1", longest).await.status, 201);
    assert_eq!(
        api.put("/members/a%2Fb", json!({ "name": "A" }))
            .await
            .status,
        404
    );
}

#[tokio::test(start_paused = true)]
async fn a_members_key_sees_and_changes_its_own_phone_alone() {
    let api = Api::new().await;
    let own = member_key(&api, "user_1").await;
    assert_eq!(
        own.put("/members/user_1", json!({ "name": "Me" }))
            .await
            .status,
        404
    );
    let added = api.member("user_1", None).await;
    api.member("user_2", Some(OTHER_PHONE)).await;

    let changed = own.put("/members/user_1", json!({ "phone": PHONE })).await;
    assert_eq!(
        (changed.status, &changed.json()["phone"]),
        (200, &json!(PHONE))
    );
    assert_eq!(own.get("/members/user_1").await.json()["phone"], PHONE);
    let same_name = json!({ "name": added["name"], "phone": null });
    assert_eq!(own.put("/members/user_1", same_name).await.status, 200);
    assert_eq!(
        own.put("/members/user_1", json!({ "name": "Boss" }))
            .await
            .status,
        403
    );

    for user in ["user_2", "user_of_nobody"] {
        let path = format!("/members/{user}");
        let answers = [
            own.get(&path).await,
            own.put(&path, json!({ "phone": PHONE })).await,
            own.get(&format!("{path}/preferences")).await,
            own.put(&format!("{path}/preferences"), json!({ "sms": {} }))
                .await,
        ];
        for answer in answers {
            assert_eq!(answer.status, 403, "{}", answer.text());
            assert!(!answer.text().contains(OTHER_PHONE));
        }
    }
    assert_eq!(
        api.get("/members/user_2").await.json()["phone"],
        OTHER_PHONE
    );
}

#[tokio::test(start_paused = true)]
async fn members_of_another_workspace_are_not_there() {
    let api = Api::new().await;
    api.member("user_1", Some(PHONE)).await;
    for role in ["admin", "member"] {
        let foreign = api.with_key(Some(&api.key("ws_2", role).await));
        assert_eq!(foreign.get("/members/user_1").await.status, 404);
        assert_eq!(foreign.get("/members/user_1/preferences").await.status, 404);
        let here = foreign.get("/v1/workspaces/ws_2/members/user_1").await;
        assert_eq!(here.status, 404);
    }
}

#[tokio::test(start_paused = true)]
async fn members_written_at_the_same_time_end_as_one_of_them_whole() {
    let api = Api::new().await;
    let put = |number: usize| {
        let api = api.clone();
        async move {
            let phone = format!("+1415555{:04}", 1000 + number);
            let body = json!({ "name": format!("Name {}", 1000 + number), "phone": phone });
            api.put("/members/user_1", body).await.status
        }
    };
    let mut statuses = join_all((0..8).map(put)).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
    let member = api.get("/members/user_1").await.json();
    let last_four = |value: &Value| {
        let text = value.as_str().unwrap();
        text[text.len() - 4..].to_owned()
    };
    assert_eq!(last_four(&member["name"]), last_four(&member["phone"]));
}

#[tokio::test(start_paused = true)]
async fn a_phone_and_preferences_changed_at_the_same_time_are_both_kept() {
    let api = Api::new().await;
    api.member("user_1", None).await;
    let phone = api.put("/members/user_1", json!({ "phone": PHONE }));
    let preferences = api.put(
        "/members/user_1/preferences",
        json!({ "sms": { "mentioned": true } }),
    );
    let (phone, preferences) = tokio::join!(phone, preferences);
    assert_eq!((phone.status, preferences.status), (200, 200));
    assert_eq!(api.get("/members/user_1").await.json()["phone"], PHONE);
    let preferences = api.get("/members/user_1/preferences").await.json();
    assert_eq!(preferences["sms"]["mentioned"], true);
}

#[tokio::test(start_paused = true)]
async fn an_opt_out_shows_for_the_current_sender_and_an_administrator_clears_it() {
    let api = Api::new().await;
    let workspace = WORKSPACE.parse().unwrap();
    api.member("user_1", Some(PHONE)).await;
    api.member("user_2", Some(PHONE)).await;
    api.member("user_3", Some(OTHER_PHONE)).await;
    let opt_out = |sender: &'static str| {
        let phone = PHONE.parse().unwrap();
        let (store, workspace) = (api.store.clone(), &workspace);
        async move {
            let now = "2026-03-29T14:30:00Z".parse().unwrap();
            store
                .add_opt_out(workspace, &phone, sender, now)
                .await
                .unwrap();
        }
    };
    let shown = || async {
        let list = api.get("/members").await.json();
        let flags = list["items"].as_array().unwrap().iter();
        flags
            .map(|member| member["opted_out"].as_bool().unwrap())
            .collect::<Vec<_>>()
    };
    opt_out(NUMBER).await;
    assert_eq!(shown().await, [false, false, false], "there is no sender");
    let provider = json!({ "type": "twilio", "account_sid": ACCOUNT, "auth_token": TOKEN, "from_number": NUMBER });
    api.put("/sms/provider", provider).await;
    assert_eq!(shown().await, [true, true, false]);
    assert_eq!(api.get("/members/user_1").await.json()["opted_out"], true);

    let own = member_key(&api, "user_1").await;
    assert_eq!(own.delete("/members/user_1/opt-out").await.status, 403);
    opt_out("+14155550199").await;
    let admin = api.with_key(Some(&api.key(WORKSPACE, "admin").await));
    assert_eq!(admin.delete("/members/user_1/opt-out").await.status, 204);
    assert_eq!(shown().await, [false, false, false]);
    let other_sender = api
        .store
        .opted_out(&workspace, "+14155550199", &[PHONE.parse().unwrap()])
        .await
        .unwrap();
    assert!(other_sender.is_empty());
    assert_eq!(admin.delete("/members/user_1/opt-out").await.status, 204);
    assert_eq!(admin.delete("/members/nobody/opt-out").await.status, 404);
}
