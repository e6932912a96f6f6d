//! What Twilio posts: receipts, and what recipients text back.

use std::time::Duration;

use axum::body::Body;
use domain::secret::SecretText;
use domain::sms::delivery::{Found, SmsDelivery, Source, Stage, Status};
use domain::sms::member::NotSent;
use domain::twilio::credentials::AuthToken;
use domain::twilio::receipt::callback_url;
use domain::twilio::signature::{Params, sign};
use http::{Request, StatusCode};

use crate::carriers::Answer;
use crate::faults::{Fault, Strike};
use crate::sending::MINUTE;
use crate::world::{SENDER, TOKEN, World, account};

const PUBLIC: &str = "https://setget.example.com";
const PHONE: &str = "+14155551234";
/// The first message that the simulator accepts, in every run.
const FIRST_MESSAGE: &str = "SMca378003755c34da6da3aa03989bb3f5";

/// A form as Twilio posts one, signed with a token.
pub struct Form<'a> {
    pub path_and_query: String,
    pub fields: Vec<(&'a str, &'a str)>,
    pub token: &'a str,
}

impl Form<'_> {
    pub fn request(&self) -> Request<Body> {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.fields)
            .finish();
        let params = Params::parse(body.as_bytes()).unwrap();
        let token = AuthToken(SecretText::new(self.token));
        let url = format!("{PUBLIC}{}", self.path_and_query);
        Request::post(&self.path_and_query)
            .header("X-Twilio-Signature", sign(&url, &params, &token))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap()
    }
}

pub fn receipt<'a>(account: &'a str, message: &'a str, status: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("AccountSid", account),
        ("MessageSid", message),
        ("MessageStatus", status),
        ("To", PHONE),
        ("From", SENDER),
        ("ErrorMessage", ""),
    ]
}

fn callback_path(delivery: &SmsDelivery) -> String {
    let url = callback_url("", &delivery.key.workspace, &delivery.key.id);
    url.split('#').next().unwrap().to_owned()
}

/// Posts a receipt of a delivery as Twilio would.
pub async fn post(world: &World, delivery: &SmsDelivery, status: &str) {
    let (account, message) = (account(), delivery.provider_message_id.as_deref());
    let form = Form {
        path_and_query: callback_path(delivery),
        fields: receipt(&account, message.unwrap(), status),
        token: TOKEN,
    };
    assert_eq!(world.post(form.request()).await, StatusCode::OK);
}

async fn sent() -> (World, SmsDelivery) {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.twilio_behaves(r#"{"callbacks": "none"}"#).await;
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Sent);
    (world, delivery)
}

#[tokio::test(start_paused = true)]
async fn a_receipt_set_by_number_finds_its_delivery_by_the_message() {
    let (world, delivery) = sent().await;
    let account = account();
    let form = Form {
        path_and_query: "/webhooks/twilio/status".to_owned(),
        fields: receipt(
            &account,
            delivery.provider_message_id.as_deref().unwrap(),
            "delivered",
        ),
        token: TOKEN,
    };
    assert_eq!(world.post(form.request()).await, StatusCode::OK);
    assert_eq!(world.only().await.status(), Status::Delivered);
    world.check("by number").await;
}

#[tokio::test(start_paused = true)]
async fn a_bad_signature_gets_403_and_changes_nothing() {
    let (world, delivery) = sent().await;
    let account = account();
    let message = delivery.provider_message_id.clone().unwrap();
    let good = || Form {
        path_and_query: callback_path(&delivery),
        fields: receipt(&account, &message, "undelivered"),
        token: TOKEN,
    };
    let mut forged = vec![
        Form {
            token: "another token",
            ..good()
        }
        .request(),
    ];
    let mut missing = good().request();
    missing.headers_mut().remove("X-Twilio-Signature");
    forged.push(missing);
    let mut elsewhere = good().request();
    *elsewhere.uri_mut() = format!("{}&x=1", callback_path(&delivery)).parse().unwrap();
    forged.push(elsewhere);
    let other_account = format!("AC{}", "b".repeat(32));
    forged.push(
        Form {
            fields: receipt(&other_account, &message, "undelivered"),
            ..good()
        }
        .request(),
    );
    let mut altered = good().request();
    let signature = altered.headers()["X-Twilio-Signature"].clone();
    altered = Form {
        fields: receipt(&account, &message, "failed"),
        ..good()
    }
    .request();
    altered
        .headers_mut()
        .insert("X-Twilio-Signature", signature);
    forged.push(altered);
    for request in forged {
        assert_eq!(world.post(request).await, StatusCode::FORBIDDEN);
    }
    assert_eq!(world.only().await, delivery);
    assert_eq!(world.post(good().request()).await, StatusCode::OK);
    assert_eq!(world.only().await.status(), Status::Undelivered);
}

#[tokio::test(start_paused = true)]
async fn forms_that_are_no_receipts_are_refused_or_taken_without_effect() {
    let (world, delivery) = sent().await;
    let account = account();
    let post = |fields: Vec<(&'static str, String)>| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        Form {
            path_and_query: "/webhooks/twilio/status".to_owned(),
            fields,
            token: TOKEN,
        }
        .request()
    };
    let message = delivery.provider_message_id.clone().unwrap();
    let no_account = post(vec![("MessageSid", message.clone())]);
    assert_eq!(world.post(no_account).await, StatusCode::BAD_REQUEST);
    let bad_account = post(vec![("AccountSid", "AC1".to_owned())]);
    assert_eq!(world.post(bad_account).await, StatusCode::BAD_REQUEST);
    let new_status = post(vec![
        ("AccountSid", account.clone()),
        ("MessageSid", message),
        ("MessageStatus", "teleported".to_owned()),
    ]);
    assert_eq!(world.post(new_status).await, StatusCode::OK);
    let large = Request::post("/webhooks/twilio/status")
        .body(Body::from(vec![b'a'; 70_000]))
        .unwrap();
    assert_eq!(world.post(large).await, StatusCode::PAYLOAD_TOO_LARGE);
    let not_utf_8 = Request::post("/webhooks/twilio/status")
        .body(Body::from(&b"AccountSid=%ff"[..]))
        .unwrap();
    assert_eq!(world.post(not_utf_8).await, StatusCode::BAD_REQUEST);
    assert_eq!(world.only().await, delivery);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_for_an_unknown_message_is_kept_and_joined_when_our_own_write_arrives() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    let account = account();
    for status in ["delivered", "sent"] {
        let form = Form {
            path_and_query: "/webhooks/twilio/status".to_owned(),
            fields: receipt(&account, FIRST_MESSAGE, status),
            token: TOKEN,
        };
        assert_eq!(world.post(form.request()).await, StatusCode::OK);
    }
    world.twilio_behaves(r#"{"callbacks": "none"}"#).await;
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE).await;
    let delivery = world.only().await;
    assert_eq!(delivery.provider_message_id.as_deref(), Some(FIRST_MESSAGE));
    assert_eq!(delivery.status(), Status::Delivered);
    world.check("joined").await;
}

/// Receipts that do not name their delivery, each posted at some moment of the send; the functions that send and that
/// take receipts are killed at any of their calls. The last word of the receipts is in the history all the same.
#[tokio::test(start_paused = true)]
async fn receipts_that_cross_the_send_are_joined_also_where_any_call_fails() {
    let probe = run_crossing(Duration::ZERO, None).await;
    let message = probe.only().await.provider_message_id.unwrap();
    let mut struck = 0;
    for delay in [0, 10_000].map(Duration::from_millis) {
        for function in ["DeliverSms", "TwilioStatus"] {
            for call in 0..probe.faults.calls(function) {
                for fault in Fault::ALL {
                    let strike = Strike {
                        function,
                        call,
                        fault,
                    };
                    let world = run_crossing(delay, Some(strike)).await;
                    struck += world.faults.struck();
                    let delivery = world.only().await;
                    let context = format!("{delay:?} {strike:?}: {delivery:#?}");
                    assert_eq!(delivery.provider_message_id, Some(message.clone()));
                    assert_eq!(delivery.status(), Status::Delivered, "{context}");
                    assert_eq!(world.twilio.accepted().len(), 1, "{context}");
                }
            }
        }
    }
    assert!(struck >= 40, "{struck}");
}

/// An alert whose receipt comes by number, `delay` after it was published, and again until it is taken.
async fn run_crossing(delay: Duration, strike: Option<Strike>) -> World {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.twilio_behaves(r#"{"callbacks": "none"}"#).await;
    if let Some(strike) = strike {
        world.faults.strike_at(strike);
    }
    let account = account();
    world.alert("evt_1", &["u1"]).await;
    world.pass(delay).await;
    let form = || Form {
        path_and_query: "/webhooks/twilio/status".to_owned(),
        fields: receipt(&account, FIRST_MESSAGE, "delivered"),
        token: TOKEN,
    };
    for _ in 0..5 {
        let answer = tokio::time::timeout(MINUTE / 6, world.post(form().request())).await;
        if answer.is_ok_and(|status| status == StatusCode::OK) {
            break;
        }
    }
    world.until_quiet(MINUTE * 10).await;
    world
}

#[tokio::test(start_paused = true)]
async fn an_early_receipt_counts_for_the_workspaces_whose_token_it_bears() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    let found = Found {
        message_id: FIRST_MESSAGE.to_owned(),
        account: None,
        stage: Stage::Undelivered,
        error: None,
    };
    let other = ["ws_2".parse().unwrap()];
    let kept = world
        .store
        .keep_early_receipt(&found, &other, world.now(), 1);
    kept.await.unwrap();
    world.twilio_behaves(r#"{"callbacks": "none"}"#).await;
    world.alert("evt_1", &["u1"]).await;
    world.until_quiet(MINUTE).await;
    let delivery = world.only().await;
    assert_eq!(delivery.provider_message_id.as_deref(), Some(FIRST_MESSAGE));
    assert_eq!(delivery.status(), Status::Sent);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_for_anothers_message_that_names_a_delivery_joins_its_timeline_alone() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world.member("u2", "+14155551235").await;
    world
        .twilio_behaves(r#"{"timeout_before_accept": 1, "callbacks": "none"}"#)
        .await;
    world.alert("evt_1", &["u1"]).await;
    world.pass(Duration::from_secs(20)).await;
    let doubtful = world.only().await;
    world.alert("evt_2", &["u2"]).await;
    world.pass(Duration::from_secs(10)).await;
    let account = account();
    let form = Form {
        path_and_query: callback_path(&doubtful),
        fields: receipt(&account, FIRST_MESSAGE, "delivered"),
        token: TOKEN,
    };
    assert_eq!(world.post(form.request()).await, StatusCode::OK);
    let [doubtful, owner] = &world.history().await[..] else {
        panic!("two deliveries")
    };
    assert_eq!(owner.provider_message_id.as_deref(), Some(FIRST_MESSAGE));
    assert_eq!(owner.status(), Status::Sent);
    assert_eq!(doubtful.status(), Status::Sending);
    let last = doubtful.timeline.entries().last().unwrap();
    assert_eq!(last.source, Source::ForeignReceipt);
    world.until_quiet(MINUTE * 20).await;
    world.check("another's message").await;
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_tells_of_an_opt_out_is_remembered() {
    let (world, delivery) = sent().await;
    let account = account();
    let mut fields = receipt(
        &account,
        delivery.provider_message_id.as_deref().unwrap(),
        "failed",
    );
    fields.push(("ErrorCode", "21610"));
    let form = Form {
        path_and_query: callback_path(&delivery),
        fields,
        token: TOKEN,
    };
    assert_eq!(world.post(form.request()).await, StatusCode::OK);
    world.alert("evt_2", &["u1"]).await;
    world.until_quiet(MINUTE).await;
    assert_eq!(world.only().await.status(), Status::Failed);
    assert_eq!(world.not_sent().await, [(NotSent::OptedOut, 1)].into());
}

/// Accepted in silence and not listed for long, so that it is sent again, through a gateway by then.
#[tokio::test(start_paused = true)]
async fn a_late_receipt_that_tells_of_an_opt_out_is_none_of_the_provider_that_came_after() {
    let world = World::new().await;
    world.use_twilio().await;
    world.member("u1", PHONE).await;
    world
        .twilio_behaves(
            r#"{"timeout_after_accept": 1, "callbacks": "none", "list_lag_ms": 900000}"#,
        )
        .await;
    world.alert("evt_1", &["u1"]).await;
    world.pass(MINUTE).await;
    world.use_gateway(false, None).await;
    world.answer(|| Answer::Status(200));
    world.until_quiet(MINUTE * 20).await;
    let delivery = world.only().await;
    assert_eq!(delivery.status(), Status::Sent);
    let account = account();
    let mut fields = receipt(&account, FIRST_MESSAGE, "failed");
    fields.push(("ErrorCode", "21610"));
    let form = Form {
        path_and_query: callback_path(&delivery),
        fields,
        token: TOKEN,
    };
    assert_eq!(world.post(form.request()).await, StatusCode::OK);
    let workspace = world.workspace();
    let phones = [PHONE.parse().unwrap()];
    let opted_out = world.store.opted_out(&workspace, &delivery.sender, &phones);
    assert!(opted_out.await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_names_a_delivery_of_another_workspace_is_forged() {
    let (world, delivery) = sent().await;
    let account = account();
    // Another workspace uses the same account with a token of its own.
    let other: domain::ids::WorkspaceId = "ws_2".parse().unwrap();
    let mut stored = world.store.provider(&world.workspace()).await.unwrap();
    stored.rev = 0;
    let provider = stored.value.current.as_mut().unwrap();
    let domain::sms::provider::Carrier::Twilio(twilio) = &mut provider.carrier else {
        panic!("Twilio")
    };
    twilio.auth_token = world
        .secrets
        .seal_text(
            &other,
            platform::secrets::Purpose::TwilioAuthToken,
            &SecretText::new("the other's token"),
        )
        .await
        .unwrap();
    world.store.save_provider(&other, &stored).await.unwrap();
    let message = delivery.provider_message_id.clone().unwrap();
    for path_and_query in [
        callback_path(&delivery),
        "/webhooks/twilio/status".to_owned(),
    ] {
        let form = Form {
            path_and_query,
            fields: receipt(&account, &message, "undelivered"),
            token: "the other's token",
        };
        assert_eq!(world.post(form.request()).await, StatusCode::FORBIDDEN);
    }
    assert_eq!(world.only().await, delivery);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_token_is_good_for_receipts_for_72_hours() {
    let (world, delivery) = sent().await;
    let account = account();
    let message = delivery.provider_message_id.clone().unwrap();
    let form = |status: &'static str| Form {
        path_and_query: callback_path(&delivery),
        fields: receipt(&account, &message, status),
        token: TOKEN,
    };
    world.remove_provider().await;
    world.pass(Duration::from_secs(71 * 3600)).await;
    assert_eq!(world.post(form("sent").request()).await, StatusCode::OK);
    world.pass(Duration::from_secs(2 * 3600)).await;
    let late = world.post(form("delivered").request()).await;
    assert_eq!(late, StatusCode::FORBIDDEN);
}

#[tokio::test(start_paused = true)]
async fn callbacks_repeated_reordered_or_early_end_alike() {
    for callbacks in ["normal", "repeated", "reordered", "early"] {
        let world = World::new().await;
        world.use_twilio().await;
        world.member("u1", PHONE).await;
        world.member("u2", "+14155550101").await;
        world.member("u3", "+14155550102").await;
        let behaviour = format!(r#"{{"callbacks": "{callbacks}"}}"#);
        world.twilio_behaves(&behaviour).await;
        world.alert("evt_1", &["u1", "u2", "u3"]).await;
        world.until_quiet(MINUTE * 5).await;
        let mut ends = Vec::new();
        for delivery in world.history().await {
            let user = delivery.recipient.user_id.clone().unwrap().to_string();
            let code = delivery.error.as_ref().and_then(|error| error.code);
            ends.push((user, delivery.status(), code));
        }
        ends.sort();
        let expected = [
            ("u1".to_owned(), Status::Delivered, None),
            ("u2".to_owned(), Status::Undelivered, Some(30005)),
            ("u3".to_owned(), Status::Failed, Some(30006)),
        ];
        assert_eq!(ends, expected, "{callbacks}");
        world.check(callbacks).await;
    }
}

/// What the recipient texts back, as the message of this number.
async fn text(world: &World, message: usize, body: &str, token: &str) -> StatusCode {
    let (account, sid) = (account(), format!("SM{message:032x}"));
    let form = Form {
        path_and_query: "/webhooks/twilio/inbound".to_owned(),
        fields: vec![
            ("AccountSid", account.as_str()),
            ("From", PHONE),
            ("To", SENDER),
            ("Body", body),
            ("MessageSid", &sid),
        ],
        token,
    };
    world.post(form.request()).await
}

async fn opted_out(world: &World) -> bool {
    let phones = [PHONE.parse().unwrap()];
    let workspace = world.workspace();
    let opted_out = world.store.opted_out(&workspace, SENDER, &phones).await;
    !opted_out.unwrap().is_empty()
}

#[tokio::test(start_paused = true)]
async fn stop_and_start_count_for_the_sender_that_was_texted() {
    let (world, _) = sent().await;
    let forged = text(&world, 0, "STOP", "forged").await;
    assert_eq!(forged, StatusCode::FORBIDDEN);
    assert!(!opted_out(&world).await);
    let bodies = [
        ("hello", false),
        (" stop ", true),
        ("please", true),
        ("START", false),
        ("unsubscribe", true),
        ("Unstop", false),
    ];
    for (number, (body, out)) in bodies.into_iter().enumerate() {
        assert_eq!(text(&world, number, body, TOKEN).await, StatusCode::OK);
        assert_eq!(opted_out(&world).await, out, "{body}");
    }
}

/// Texts as Twilio does where the address asks for it: again while there is no good answer. A function that is dead gives
/// none.
async fn text_until_taken(world: &World, message: usize, body: &str) {
    for _ in 0..6 {
        let answer = tokio::time::timeout(MINUTE / 6, text(world, message, body, TOKEN)).await;
        if answer == Ok(StatusCode::OK) {
            return;
        }
    }
    panic!("{body} is not taken");
}

/// The function is killed, or loses a call, at each of its calls for a STOP and a START. When both have been taken it is as
/// it should be, and neither counts again.
#[tokio::test(start_paused = true)]
async fn a_stop_and_a_start_count_once_also_where_any_call_fails() {
    let probe = texted_twice(None).await;
    let mut struck = 0;
    for call in 0..probe.faults.calls("TwilioStatus") {
        for fault in Fault::ALL {
            let world = texted_twice(Some(Strike {
                function: "TwilioStatus",
                call,
                fault,
            }));
            struck += world.await.faults.struck();
        }
    }
    assert!(struck >= 20, "{struck}");
}

async fn texted_twice(strike: Option<Strike>) -> World {
    let (world, _) = sent().await;
    if let Some(strike) = strike {
        world.faults.strike_at(strike);
    }
    text_until_taken(&world, 1, "STOP").await;
    assert!(opted_out(&world).await, "{strike:?}");
    text_until_taken(&world, 2, "START").await;
    for (message, body) in [(1, "STOP"), (2, "START"), (1, "STOP")] {
        text_until_taken(&world, message, body).await;
        assert!(!opted_out(&world).await, "{strike:?} {body}");
    }
    text_until_taken(&world, 3, "STOP").await;
    text_until_taken(&world, 2, "START").await;
    assert!(opted_out(&world).await, "{strike:?}");
    world
}
