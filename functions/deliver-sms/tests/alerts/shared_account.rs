//! Two workspaces with one Twilio account, and a call that fails while it is found out whose a request is.

use domain::ids::WorkspaceId;
use domain::secret::SecretText;
use domain::sms::provider::Carrier;
use http::StatusCode;
use platform::secrets::Purpose;

use crate::faults::{Fault, Strike};
use crate::receipts::{Form, receipt};
use crate::world::{SENDER, TOKEN, World, account};

const PHONE: &str = "+14155551234";
const MESSAGE: &str = "SMffffffffffffffffffffffffffffffff";
const FUNCTION: &str = "TwilioStatus";
/// What Twilio posts at most: once, and what the connection overrides ask for.
const POSTS: usize = 6;

fn workspaces() -> [WorkspaceId; 2] {
    ["ws_1", "ws_2"].map(|workspace| workspace.parse().unwrap())
}

/// The other workspace uses the account as well, with the same token.
async fn sharing() -> World {
    let world = World::new().await;
    world.use_twilio().await;
    let [first, second] = workspaces();
    let mut stored = world.store.provider(&first).await.unwrap();
    stored.rev = 0;
    let provider = stored.value.current.as_mut().unwrap();
    let Carrier::Twilio(twilio) = &mut provider.carrier else {
        panic!("Twilio")
    };
    let token = SecretText::new(TOKEN);
    let sealed = world
        .secrets
        .seal_text(&second, Purpose::TwilioAuthToken, &token);
    twilio.auth_token = sealed.await.unwrap();
    world.store.save_provider(&second, &stored).await.unwrap();
    world
}

/// The owner of the phone has told both workspaces to stop.
async fn opt_out(world: &World) {
    let phone = PHONE.parse().unwrap();
    for workspace in workspaces() {
        let now = world.now();
        let added = world.store.add_opt_out(&workspace, &phone, SENDER, now);
        added.await.unwrap();
    }
}

/// Posts until it is taken, and tells how often that was.
async fn post_until_taken(world: &World, form: &Form<'_>) -> usize {
    for posts in 1..=POSTS {
        match world.post(form.request()).await {
            StatusCode::OK => return posts,
            StatusCode::SERVICE_UNAVAILABLE => {}
            other => panic!("{other}"),
        }
    }
    panic!("not taken")
}

/// Has each of the function's calls fail in turn, and looks at what it has come to.
async fn at_every_call(
    form: &Form<'_>,
    prepare: impl AsyncFn(&World),
    check: impl AsyncFn(&World, &str),
) {
    let probe = sharing().await;
    prepare(&probe).await;
    assert_eq!(post_until_taken(&probe, form).await, 1);
    check(&probe, "without a fault").await;
    let calls = probe.faults.calls(FUNCTION);
    assert!(
        calls > 5,
        "the accounts, two providers, two tokens: {calls}"
    );
    for call in 0..calls {
        let world = sharing().await;
        prepare(&world).await;
        world.faults.strike_at(Strike {
            function: FUNCTION,
            call,
            fault: Fault::Refused,
        });
        let posts = post_until_taken(&world, form).await;
        assert_eq!((world.faults.struck(), posts), (1, 2), "call {call}");
        check(&world, &format!("call {call}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_and_a_start_reach_every_workspace_of_the_account_whatever_call_fails() {
    let account = account();
    for (word, out) in [("STOP", true), ("START", false)] {
        let form = Form {
            path_and_query: "/webhooks/twilio/inbound".to_owned(),
            fields: vec![
                ("AccountSid", account.as_str()),
                ("From", PHONE),
                ("To", SENDER),
                ("Body", word),
                ("MessageSid", MESSAGE),
            ],
            token: TOKEN,
        };
        let prepare = async |world: &World| {
            if word == "START" {
                opt_out(world).await;
            }
        };
        at_every_call(&form, prepare, async |world, context| {
            for workspace in workspaces() {
                let phones = [PHONE.parse().unwrap()];
                let opted_out = world.store.opted_out(&workspace, SENDER, &phones).await;
                let is_out = !opted_out.unwrap().is_empty();
                assert_eq!(is_out, out, "{word}, {workspace}, {context}");
            }
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_without_a_name_is_kept_for_every_workspace_of_the_account_whatever_call_fails() {
    let account = account();
    let form = Form {
        path_and_query: "/webhooks/twilio/status".to_owned(),
        fields: receipt(&account, MESSAGE, "delivered"),
        token: TOKEN,
    };
    at_every_call(
        &form,
        async |_| {},
        async |world, context| {
            for workspace in workspaces() {
                let kept = world.store.early_receipts(&workspace, MESSAGE).await;
                assert!(!kept.unwrap().is_empty(), "{workspace}, {context}");
            }
        },
    )
    .await;
}
