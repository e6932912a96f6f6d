//! Twilio's API and a message's way to its end, under paused time.

use http::{Method, StatusCode};
use local::outside::twilio::{MAX_REQUEST_BYTES, Status};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::world::{A_WHILE, ACCOUNT, CALLBACK, FROM, SERVICE, TO, TOKEN, World, form};

const LIFECYCLE: [&str; 4] = ["queued", "sending", "sent", "delivered"];

fn statuses(world: &World) -> Vec<Status> {
    let message = world.only_message();
    message.history.iter().map(|change| change.status).collect()
}

#[tokio::test(start_paused = true)]
async fn a_message_is_answered_with_its_resource() {
    let world = World::new();
    let (status, message) = world.create(&form("Grüße €")).await.unwrap();
    assert_eq!(status, StatusCode::CREATED);
    let sid = message["sid"].as_str().unwrap();
    assert!(sid.starts_with("SM") && sid.len() == 34, "{sid}");
    let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}");
    let expected = json!({
        "account_sid": ACCOUNT,
        "api_version": "2010-04-01",
        "body": "Grüße €",
        "date_created": "Sun, 29 Mar 2026 14:30:00 +0000",
        "date_sent": null,
        "date_updated": "Sun, 29 Mar 2026 14:30:00 +0000",
        "direction": "outbound-api",
        "error_code": null,
        "error_message": null,
        "from": FROM,
        "messaging_service_sid": null,
        "num_media": "0",
        "num_segments": "1",
        "price": null,
        "price_unit": "USD",
        "sid": sid,
        "status": "queued",
        "subresource_uris": { "media": format!("{path}/Media.json") },
        "tags": null,
        "to": TO,
        "uri": format!("{path}.json"),
    });
    assert_eq!(message, expected);
    assert_eq!(
        world.get_path(&format!("{path}.json")).await,
        (StatusCode::OK, expected)
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_goes_its_way_and_each_status_is_posted_signed() {
    let world = World::new();
    let target = format!("{CALLBACK}#rc=5&rp=all");
    let sid = world
        .send(&[
            ("To", TO),
            ("From", FROM),
            ("Body", "Hello"),
            ("StatusCallback", &target),
        ])
        .await;
    assert!(world.receiver.received().is_empty());
    sleep(A_WHILE).await;

    let received = world.receiver.received();
    assert_eq!(world.receiver.statuses(), LIFECYCLE);
    for callback in &received {
        assert_eq!(callback.url, CALLBACK);
        assert!(callback.is_signed_with(TOKEN) && !callback.is_signed_with("another"));
        for (name, expected) in [
            ("MessageSid", sid.as_str()),
            ("SmsSid", &sid),
            ("SmsStatus", &callback.form["MessageStatus"]),
            ("AccountSid", ACCOUNT),
            ("From", FROM),
            ("To", TO),
            ("ApiVersion", "2010-04-01"),
        ] {
            assert_eq!(callback.form[name], expected, "{name}");
        }
        assert!(!callback.form.contains_key("ErrorCode"));
    }
    assert_eq!(received[3].form["RawDlrDoneDate"], "2603291430");
    let message = world.only_message();
    assert_eq!(
        (&message.sid, message.status_callback.as_deref()),
        (&sid, Some(&*target))
    );
    use Status::{Delivered, Queued, Sending, Sent};
    assert_eq!(statuses(&world), [Queued, Sending, Sent, Delivered]);
}

#[tokio::test(start_paused = true)]
async fn statuses_follow_each_other_within_their_bounds() {
    let world = World::new();
    for i in 0..50 {
        world.send(&form(&i.to_string())).await;
    }
    let start = Instant::now();
    sleep(A_WHILE).await;
    assert_eq!(start.elapsed(), A_WHILE);
    for message in world.twilio.accepted() {
        assert_eq!(message.status(), Status::Delivered);
        for pair in message.history[1..].windows(2) {
            let between = pair[1].at.duration_since(pair[0].at).as_millis();
            assert!((50..=200).contains(&between), "{between} ms");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_kept_for_fiction_fail_with_their_codes() {
    for (to, last, code) in [
        ("+12025550101", "undelivered", "30005"),
        ("+12025550102", "failed", "30006"),
        ("+12025550103", "undelivered", "30003"),
    ] {
        let world = World::new();
        let sid = world
            .send(&[
                ("To", to),
                ("From", FROM),
                ("Body", "x"),
                ("StatusCallback", CALLBACK),
            ])
            .await;
        sleep(A_WHILE).await;
        let received = world.receiver.received();
        let (end, before) = received.split_last().unwrap();
        assert_eq!(
            (&*end.form["MessageStatus"], &*end.form["ErrorCode"]),
            (last, code)
        );
        assert!(
            before
                .iter()
                .all(|callback| !callback.form.contains_key("ErrorCode"))
        );
        let (_, message) = world.get(&format!("/Messages/{sid}.json")).await;
        assert_eq!(message["status"], last);
        assert_eq!(message["error_code"].to_string(), code);
    }
}

#[tokio::test(start_paused = true)]
async fn a_messaging_service_takes_the_message_and_chooses_the_sender() {
    let world = World::new();
    let (_, message) = world
        .create(&[
            ("To", TO),
            ("MessagingServiceSid", SERVICE),
            ("Body", "x"),
            ("StatusCallback", CALLBACK),
        ])
        .await
        .unwrap();
    assert_eq!(
        (&message["status"], &message["from"]),
        (&json!("accepted"), &Value::Null)
    );
    assert_eq!(message["messaging_service_sid"], SERVICE);
    sleep(A_WHILE).await;
    assert_eq!(world.receiver.statuses(), LIFECYCLE);
    let callback = &world.receiver.received()[0];
    assert_eq!(callback.form["MessagingServiceSid"], SERVICE);
    assert_eq!(callback.form["From"], "+15005550006");
    assert_eq!(statuses(&world)[0], Status::Accepted);
    assert_eq!(world.only_message().from.as_deref(), Some("+15005550006"));
}

#[tokio::test(start_paused = true)]
async fn refusals_come_with_twilios_code_and_leave_nothing_behind() {
    let world = World::new();
    let mut refused = form("x");
    refused[0].1 = "+15005550004";
    let (status, answer) = world.create(&refused).await.unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(
        answer,
        json!({
            "code": 21610,
            "message": "Attempt to send to unsubscribed recipient",
            "more_info": "https://www.twilio.com/docs/errors/21610",
            "status": 400,
        })
    );
    sleep(A_WHILE).await;
    assert!(world.twilio.accepted().is_empty() && world.receiver.received().is_empty());
}

#[tokio::test(start_paused = true)]
async fn only_the_accounts_own_login_gets_in() {
    let world = World::new();
    let other = "AC".to_owned() + &"9".repeat(32);
    for login in [
        None,
        Some((&*other, "x")),
        Some((ACCOUNT, "")),
        Some(("someone", "x")),
    ] {
        for method in [Method::GET, Method::POST] {
            let path = format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
            let (status, answer) = world.call(method, login, &path, "").await.unwrap();
            assert_eq!(
                (status, &answer["code"]),
                (StatusCode::UNAUTHORIZED, &json!(20003))
            );
        }
    }
    let sid = world.send(&form("x")).await;
    let path = format!("/2010-04-01/Accounts/{other}/Messages/{sid}.json");
    let theirs = world
        .call(Method::GET, Some((&other, "x")), &path, "")
        .await;
    assert_eq!(theirs.unwrap().0, StatusCode::NOT_FOUND);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_or_not_done_so_is_refused() {
    let world = World::new();
    let login = Some((ACCOUNT, TOKEN));
    let account = format!("/2010-04-01/Accounts/{ACCOUNT}");
    for (method, path, code) in [
        (Method::GET, "/2010-04-01".to_owned(), 20404),
        (
            Method::GET,
            "/2010-04-01/Accounts/AC1.json".to_owned(),
            20404,
        ),
        (Method::GET, format!("{account}/Messages/SM1.json"), 20404),
        (Method::POST, format!("{account}/Messages"), 20404),
        (Method::DELETE, format!("{account}/Messages.json"), 20004),
        (Method::POST, format!("{account}.json"), 20004),
        (Method::POST, format!("/v1/Services/{SERVICE}"), 20004),
        (Method::GET, "/v1/Services/MG1".to_owned(), 20404),
        (
            Method::GET,
            format!("/v1/Services/MG{}", "0".repeat(32)),
            20404,
        ),
    ] {
        let (_, answer) = world.call(method, login, &path, "").await.unwrap();
        assert_eq!(answer["code"], code, "{path}");
    }
    let large = vec![b'x'; MAX_REQUEST_BYTES + 1];
    let path = format!("{account}/Messages.json");
    let (status, _) = world.call(Method::POST, login, &path, large).await.unwrap();
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn an_account_tells_what_it_is_and_what_it_owns() {
    let world = World::new();
    let (_, account) = world.get(".json").await;
    assert_eq!(
        (&account["status"], &account["type"]),
        (&json!("active"), &json!("Full"))
    );
    for (query, list, owned) in [
        (
            "/IncomingPhoneNumbers.json?PhoneNumber=%2B14155238886",
            "incoming_phone_numbers",
            1,
        ),
        (
            "/IncomingPhoneNumbers.json?PhoneNumber=%2B15005550007",
            "incoming_phone_numbers",
            0,
        ),
        ("/SMS/ShortCodes.json?ShortCode=12345", "short_codes", 1),
        ("/SMS/ShortCodes.json?ShortCode=x", "short_codes", 0),
    ] {
        let (status, answer) = world.get(query).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(answer[list].as_array().unwrap().len(), owned, "{query}");
    }
    let (status, service) = world.get_path(&format!("/v1/Services/{SERVICE}")).await;
    assert_eq!((status, &service["sid"]), (StatusCode::OK, &json!(SERVICE)));
    assert_eq!(service["account_sid"], ACCOUNT);
}

#[tokio::test(start_paused = true)]
async fn a_trial_account_says_so_in_every_text() {
    let world = World::new();
    world.behave(json!({ "account_type": "Trial" })).await;
    let (_, message) = world.create(&form("Hello")).await.unwrap();
    assert_eq!(
        message["body"],
        "Sent from your Twilio trial account - Hello"
    );
    assert_eq!(world.get(".json").await.1["type"], "Trial");
}

#[tokio::test(start_paused = true)]
async fn an_api_keys_messages_are_signed_with_the_accounts_token() {
    let key = format!("SK{}", "a".repeat(32));
    let world = World::new();
    world
        .create_as((&key, "secret"), &form("nobody knows the token"))
        .await;
    sleep(A_WHILE).await;
    world.get(".json").await;
    world
        .create_as((&key, "secret"), &form("the account used it"))
        .await;
    sleep(A_WHILE).await;
    world
        .behave(json!({ "auth_tokens": { ACCOUNT: "set" } }))
        .await;
    world.create_as((&key, "secret"), &form("it was set")).await;
    world.send(&form("the account's own")).await;
    sleep(A_WHILE).await;
    let received = world.receiver.received();
    assert_eq!(received.len(), 16);
    for callback in &received {
        assert!(!callback.is_signed_with("secret"));
    }
    assert!(!received[0].is_signed_with(TOKEN) && received[4].is_signed_with(TOKEN));
    let accepted = world.twilio.accepted();
    for callback in &received[8..] {
        let own = callback.form["MessageSid"] == accepted[3].sid;
        assert!(callback.is_signed_with(if own { TOKEN } else { "set" }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_from_a_phone_is_posted_signed() {
    let world = World::new();
    let url = "https://example.com/webhooks/twilio/inbound#rc=0";
    let mut text =
        json!({ "account_sid": ACCOUNT, "from": TO, "to": FROM, "body": "STOP", "url": url });
    let (status, words) = world.put("/inbound", &text).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(words.to_string().contains("auth_tokens"), "{words}");

    world
        .behave(json!({ "auth_tokens": { ACCOUNT: "set" } }))
        .await;
    text["opt_out_type"] = json!("STOP");
    text["messaging_service_sid"] = json!(SERVICE);
    world.receiver.will_answer([Ok(403), Err("refused".into())]);
    assert_eq!(
        world.put("/inbound", &text).await,
        (StatusCode::OK, json!({ "status": 403 }))
    );
    assert_eq!(
        world.put("/inbound", &text).await.0,
        StatusCode::BAD_GATEWAY
    );

    let received = world.receiver.received();
    assert_eq!(received.len(), 2);
    assert!(received[0].is_signed_with("set"));
    assert_eq!(
        received[0].url,
        "https://example.com/webhooks/twilio/inbound"
    );
    for (name, expected) in [
        ("From", TO),
        ("To", FROM),
        ("Body", "STOP"),
        ("OptOutType", "STOP"),
        ("MessagingServiceSid", SERVICE),
        ("AccountSid", ACCOUNT),
        ("SmsStatus", "received"),
        ("FromCity", ""),
    ] {
        assert_eq!(received[0].form[name], expected, "{name}");
    }
    assert_ne!(
        received[0].form["MessageSid"],
        received[1].form["MessageSid"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_mistaken_inbound_text_is_refused_by_name() {
    let world = World::new();
    world.get(".json").await;
    let text =
        json!({ "account_sid": ACCOUNT, "from": TO, "to": FROM, "body": "x", "url": "/inbound" });
    let mut typo = text.clone();
    typo["opt_out"] = json!("STOP");
    for (text, named) in [(typo, "opt_out"), (text, "url"), (json!({}), "account_sid")] {
        let (status, words) = world.put("/inbound", &text).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(words.to_string().contains(named), "{words}");
    }
    assert!(world.receiver.received().is_empty());
}

#[tokio::test(start_paused = true)]
async fn every_run_has_the_same_sids_and_no_message_another_ones() {
    let (one, other) = (World::new(), World::new());
    let (first, second) = (one.send(&form("a")).await, one.send(&form("a")).await);
    assert_ne!(first, second);
    assert_eq!(other.send(&form("b")).await, first);
}

#[tokio::test(start_paused = true)]
async fn callbacks_stop_with_the_last_clone() {
    let world = World::new();
    let (receiver, clone) = (world.receiver.clone(), world.twilio.clone());
    world.send(&form("x")).await;
    drop(world);
    sleep(A_WHILE).await;
    assert_eq!(receiver.received().len(), 4);

    let world = World {
        twilio: clone,
        receiver,
    };
    world.send(&form("x")).await;
    let World { twilio, receiver } = world;
    drop(twilio);
    sleep(A_WHILE).await;
    assert_eq!(receiver.received().len(), 4);
}
