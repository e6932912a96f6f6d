//! Lists of messages, under paused time.

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::world::{A_WHILE, ACCOUNT, FROM, SERVICE, TO, World, form};

fn bodies(page: &Value) -> Vec<&str> {
    let messages = page["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["body"].as_str().unwrap())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn pages_lead_on_newest_first_whatever_arrives_meanwhile() {
    let world = World::new();
    for body in ["1", "2", "3", "4", "5"] {
        world.send(&form(body)).await;
    }
    let (_, mut page) = world
        .get("/Messages.json?To=%2B14155552671&PageSize=2")
        .await;
    let mut seen = Vec::new();
    loop {
        assert!(bodies(&page).len() <= 2);
        seen.extend(bodies(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next_page_uri"].as_str().map(str::to_owned) else {
            break;
        };
        assert!(next.starts_with(&format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json?")));
        world.send(&form("later")).await;
        page = world.get_path(&next).await.1;
    }
    assert_eq!(seen, ["5", "4", "3", "2", "1"]);
    assert_eq!(
        (&page["page"], &page["start"], &page["end"]),
        (&json!(2), &json!(4), &json!(4))
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_has_the_accounts_own_messages_that_pass_the_filters() {
    let world = World::new();
    world
        .send(&[("To", TO), ("From", FROM), ("Body", "a")])
        .await;
    world
        .send(&[("To", "+14155552672"), ("From", FROM), ("Body", "b")])
        .await;
    world
        .send(&[("To", TO), ("MessagingServiceSid", SERVICE), ("Body", "c")])
        .await;
    sleep(Duration::from_secs(86_400)).await;
    world
        .send(&[("To", TO), ("From", FROM), ("Body", "d")])
        .await;
    let to = "To=%2B14155552671";
    for (query, expected) in [
        ("", &["d", "c", "b", "a"] as &[_]),
        (to, &["d", "c", "a"]),
        ("From=%2B14155238886", &["d", "b", "a"]),
        ("From=%2B15005550006", &["c"]),
        (&format!("{to}&From=%2B14155238886"), &["d", "a"]),
        ("DateSent=2026-03-29", &["c", "b", "a"]),
        ("DateSent%3E=2026-03-30", &["d"]),
        ("DateSent<=2026-03-29", &["c", "b", "a"]),
        ("DateSent>=2026-03-29T15:00:00Z", &["d"]),
        (
            "DateSent>=2026-03-29&DateSent<=2026-03-29",
            &["c", "b", "a"],
        ),
        ("DateSent=2026-03-28", &[]),
    ] {
        let uri = format!(
            "/Messages.json?{}",
            query.replace('<', "%3C").replace('>', "%3E")
        );
        let (_, page) = world.get(&uri).await;
        assert_eq!(bodies(&page), expected, "{query}");
        // A page's own address leads to the same page.
        let again = world.get_path(page["uri"].as_str().unwrap()).await.1;
        assert_eq!(again, page);
    }
    let other = "AC".to_owned() + &"9".repeat(32);
    let path = format!("/2010-04-01/Accounts/{other}/Messages.json");
    let theirs = world
        .call(Method::GET, Some((&other, "x")), &path, "")
        .await;
    assert!(bodies(&theirs.unwrap().1).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_cannot_be_is_refused() {
    let world = World::new();
    for (query, code) in [
        ("PageSize=0", 20001),
        ("PageSize=x", 20001),
        ("PageSize=1001", 20007),
        ("Page=1", 20001),
        ("PageToken=SM1", 20001),
        ("PageToken=PASM1", 20001),
        ("DateSent=yesterday", 20001),
    ] {
        let (status, answer) = world.get(&format!("/Messages.json?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(answer["code"], code, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_may_lag_and_fail_while_the_message_itself_is_there() {
    let world = World::new();
    world
        .behave(json!({ "list_lag_ms": 60_000, "list_errors": 1 }))
        .await;
    let sid = world.send(&form("x")).await;
    let (status, answer) = world.get("/Messages.json").await;
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!(20503))
    );
    sleep(A_WHILE).await;
    assert!(bodies(&world.get("/Messages.json").await.1).is_empty());
    assert_eq!(
        world.get(&format!("/Messages/{sid}.json")).await.0,
        StatusCode::OK
    );
    sleep(Duration::from_secs(58)).await;
    assert_eq!(bodies(&world.get("/Messages.json").await.1), ["x"]);
}

#[tokio::test(start_paused = true)]
async fn a_redacted_number_is_masked_and_not_listed_once_its_message_has_left() {
    let world = World::new();
    world.behave(json!({ "redact_numbers": true })).await;
    let sid = world.send(&form("x")).await;
    let listed = "/Messages.json?To=%2B14155552671";
    assert_eq!(bodies(&world.get(listed).await.1), ["x"]);
    sleep(A_WHILE).await;
    assert!(bodies(&world.get(listed).await.1).is_empty());
    let alone = world.get(&format!("/Messages/{sid}.json")).await.1;
    let all = world.get("/Messages.json").await.1;
    for shown in [&alone, &all["messages"][0]] {
        assert_eq!(shown["to"], "+1415555XXXX");
    }
}
