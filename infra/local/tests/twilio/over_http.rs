//! The simulator as the outside world serves it.

use std::collections::BTreeMap;
use std::time::Duration;

use local::clock;
use local::outside::Outside;
use local::outside::twilio::MAX_REQUEST_BYTES;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::signature::sign;
use crate::support;
use crate::world::{ACCOUNT, FROM, TO, TOKEN};

struct World {
    _outside: Outside,
    client: Client,
    url: String,
}

async fn world() -> World {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    World {
        _outside: Outside::start(listener, clock::system()),
        client: Client::builder().no_proxy().build().unwrap(),
        url,
    }
}

impl World {
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, self.at(path));
        request.basic_auth(ACCOUNT, Some(TOKEN))
    }

    fn create(&self, body: &str, status_callback: &str) -> RequestBuilder {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("To", TO),
                ("From", FROM),
                ("Body", body),
                ("StatusCallback", status_callback),
            ])
            .finish();
        let path = format!("/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
        let request = self.request(Method::POST, &path).body(form);
        request.header("Content-Type", "application/x-www-form-urlencoded")
    }

    async fn send(&self, body: &str, status_callback: &str) -> Value {
        let response = self.create(body, status_callback).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED);
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }

    async fn put(&self, path: &str, body: &Value) -> (StatusCode, String) {
        let request = self.client.put(self.at(path)).body(body.to_string());
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.request(Method::GET, path).send().await.unwrap();
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }

    async fn inbox(&self, name: &str) -> Vec<Value> {
        let requests = self.get(&format!("/inbox/{name}/requests")).await;
        requests.as_array().unwrap().clone()
    }

    async fn until_inbox_has(&self, name: &str, count: usize) -> Vec<Value> {
        support::until("callbacks in the inbox", async || {
            self.inbox(name).await.len() >= count
        })
        .await;
        self.inbox(name).await
    }
}

fn form(request: &Value) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(request["body"].as_str().unwrap().as_bytes())
        .into_owned()
        .collect()
}

#[tokio::test]
async fn a_messages_callbacks_arrive_signed() {
    let world = world().await;
    let url = world.at("/inbox/status?d=dlv_1&x=%20");
    let message = world.send("Hello", &format!("{url}#rc=5&rp=all")).await;
    let requests = world.until_inbox_has("status", 4).await;
    for (request, status) in requests
        .iter()
        .zip(["queued", "sending", "sent", "delivered"])
    {
        let form = form(request);
        assert_eq!(form["MessageStatus"], status);
        assert_eq!(form["MessageSid"], message["sid"].as_str().unwrap());
        assert_eq!(request["method"], "POST");
        assert_eq!(request["query"], "d=dlv_1&x=%20");
        assert_eq!(
            request["headers"]["x-twilio-signature"],
            sign(TOKEN, &url, &form)
        );
    }
    let sid = message["sid"].as_str().unwrap();
    let path = format!("/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json");
    assert_eq!(world.get(&path).await["status"], "delivered");
    let kept = world.get("/twilio/messages").await;
    assert_eq!(kept[0]["status_callback"], format!("{url}#rc=5&rp=all"));
    assert_eq!(kept[0]["history"][3]["status"], "delivered");
}

#[tokio::test]
async fn a_failing_receiver_gets_retries_where_the_url_asks_for_them() {
    let world = world().await;
    let failing = json!({ "fail_first": 2 });
    for name in ["asked", "default"] {
        world
            .put(&format!("/inbox/{name}/behaviour"), &failing)
            .await;
    }
    world.send("x", &world.at("/inbox/asked#rc=2&rp=5xx")).await;
    world.send("x", &world.at("/inbox/default")).await;
    let asked = world.until_inbox_has("asked", 6).await;
    let statuses: Vec<_> = asked
        .iter()
        .map(|request| form(request)["SmsStatus"].clone())
        .collect();
    assert_eq!(
        statuses,
        ["queued", "queued", "queued", "sending", "sent", "delivered"]
    );
    let default = world.until_inbox_has("default", 4).await;
    assert_eq!(form(&default[3])["SmsStatus"], "delivered");
}

#[tokio::test]
async fn a_message_is_delivered_though_nobody_takes_its_callbacks() {
    let world = world().await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", closed.local_addr().unwrap());
    drop(closed);
    world.send("x", &url).await;
    support::until("delivered", async || {
        let kept = world.get("/twilio/messages").await;
        kept[0]["history"][3]["status"] == "delivered"
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_never_answered_is_held_open_and_its_message_accepted() {
    let world = world().await;
    let (status, _) = world
        .put("/twilio/behaviour", &json!({ "timeout_after_accept": 1 }))
        .await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let call = world.create("x", &world.at("/inbox/a"));
    let error = call
        .timeout(Duration::from_millis(300))
        .send()
        .await
        .unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(
        world
            .get("/twilio/messages")
            .await
            .as_array()
            .unwrap()
            .len(),
        1
    );
    world.until_inbox_has("a", 4).await;
}

#[tokio::test]
async fn a_text_from_a_phone_arrives_signed() {
    let world = world().await;
    world.send("x", &world.at("/inbox/status")).await;
    let url = world.at("/inbox/inbound");
    let text =
        json!({ "account_sid": ACCOUNT, "from": TO, "to": FROM, "body": "STOP", "url": url });
    world
        .put("/inbox/inbound/behaviour", &json!({ "status": 403 }))
        .await;
    assert_eq!(
        world.put("/twilio/inbound", &text).await,
        (StatusCode::OK, r#"{"status":403}"#.to_owned())
    );
    let request = &world.inbox("inbound").await[0];
    let form = form(request);
    assert_eq!((&*form["Body"], &*form["From"]), ("STOP", TO));
    assert_eq!(
        request["headers"]["x-twilio-signature"],
        sign(TOKEN, &url, &form)
    );
}

#[tokio::test]
async fn lists_refusals_and_bounds_are_the_same_over_http() {
    let world = world().await;
    for body in ["1", "2"] {
        world.send(body, &world.at("/inbox/a")).await;
    }
    let list = format!("/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
    let page = world
        .get(&format!("{list}?PageSize=1&To=%2B14155552671"))
        .await;
    assert_eq!(page["messages"][0]["body"], "2");
    let next = page["next_page_uri"].as_str().unwrap();
    assert_eq!(
        world.get(&format!("/twilio{next}")).await["messages"][0]["body"],
        "1"
    );

    let anonymous = world.client.get(world.at(&list)).send().await.unwrap();
    assert_eq!(anonymous.status(), StatusCode::UNAUTHORIZED);
    let large = world
        .request(Method::POST, &list)
        .body(vec![b'x'; MAX_REQUEST_BYTES + 1]);
    assert_eq!(
        large.send().await.unwrap().status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(world.get("/twilio/").await["code"], 20404);
}

#[tokio::test]
async fn a_stacks_functions_find_the_simulator() {
    let output = tempfile::tempdir().unwrap();
    let stack = support::start(output.path(), &[]).await;
    let function = &stack.template().functions[0];
    let base = &function.environment["TWILIO_BASE_URL"];
    assert_eq!(*base, format!("{}/twilio", stack.addresses().outside_url()));
    let answer = reqwest::get(format!("{base}/messages")).await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "[]");
    stack.stop().await;
}
