//! Good signatures for what is another workspace's.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use domain::twilio::receipt::callback_url;

use crate::world::{Form, STATUS, Tenant, World};

/// The items that have to do with a workspace.
fn of<'a>(tenant: &'a Tenant, dump: &'a BTreeSet<String>) -> Vec<&'a String> {
    let marks = [tenant.workspace.as_str(), &tenant.message, &tenant.account];
    let is_theirs = |item: &&String| marks.iter().any(|mark| item.contains(mark));
    dump.iter().filter(is_theirs).collect()
}

/// Where a receipt is posted to, and the workspace that it names there.
fn callbacks<'a>(a: &'a Tenant, b: &'a Tenant) -> Vec<(String, Option<&'a Tenant>)> {
    let url = |workspace: &Tenant, delivery: &Tenant| {
        let url = callback_url("", &workspace.workspace, &delivery.delivery);
        url.split('#').next().unwrap().to_owned()
    };
    let own = url(a, a);
    vec![
        (STATUS.to_owned(), None),
        (format!("{STATUS}?w=&d="), None),
        (format!("{STATUS}?w=zzz&d={}", a.delivery), None),
        (format!("{STATUS}?d={}", a.delivery), None),
        (own.replace("d=dlv_", "d=DLV_"), None),
        (own, Some(a)),
        (url(b, b), Some(b)),
        (url(a, b), Some(a)),
        (url(b, a), Some(b)),
        (format!("{}&w=x&d=y", url(b, b)), Some(b)),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_token_is_good_for_its_own_workspace_whatever_the_receipt_names() {
    let (mut tried, mut taken) = (0, 0);
    for (signer, other) in [('a', 'b'), ('b', 'a')] {
        let world = World::new().await;
        let tenant = |letter| if letter == 'a' { &world.a } else { &world.b };
        let (signer, other) = (tenant(signer), tenant(other));
        for (path_and_query, named) in callbacks(&world.a, &world.b) {
            for account in [&signer.account, &other.account] {
                for (message, owner) in [
                    (&signer.message, Some(signer)),
                    (&other.message, Some(other)),
                    (&format!("SM{}", "0".repeat(32)), None),
                ] {
                    let fields = [
                        ("AccountSid", account.as_str()),
                        ("MessageSid", message),
                        ("MessageStatus", "undelivered"),
                        ("ErrorCode", "21610"),
                    ];
                    let form = Form::new(&path_and_query, &fields, &signer.token);
                    let before = world.dump().await;
                    let status = world.post(form.request()).await;
                    let after = world.dump().await;
                    let about = named.or(owner).unwrap_or(signer);
                    let good = *account == signer.account && about.workspace == signer.workspace;
                    let what = format!("{path_and_query} {account} {message}");
                    if good {
                        assert_eq!(status, StatusCode::OK, "{what}");
                        taken += 1;
                    } else {
                        assert_eq!(status, StatusCode::FORBIDDEN, "{what}");
                        assert_eq!(after, before, "{what}");
                    }
                    let untouched = world.delivery(other).await;
                    assert_eq!(untouched.status().as_str(), "sent", "{what}");
                    assert_eq!(untouched.timeline.entries().len(), 1, "{what}");
                    let others = |dump| {
                        let items = of(other, dump);
                        items
                            .into_iter()
                            .filter(|item| !item.contains("RECEIPT#"))
                            .cloned()
                            .collect::<Vec<_>>()
                    };
                    assert_eq!(others(&after), others(&before), "{what}");
                    tried += 1;
                }
            }
        }
    }
    assert_eq!((tried, taken > 20), (120, true), "{taken}");
}

#[tokio::test(start_paused = true)]
async fn a_workspace_that_claims_anothers_account_gets_none_of_its_receipts() {
    let world = World::new().await;
    let thief = Tenant {
        account: world.a.account.clone(),
        ..world.b.clone()
    };
    world.use_twilio(&thief, &thief.token).await;
    let unknown = format!("SM{}", "0".repeat(32));
    for (message, path) in [
        (&world.a.message, world.a.callback()),
        (&world.a.message, STATUS.to_owned()),
    ] {
        let fields = [
            ("AccountSid", world.a.account.as_str()),
            ("MessageSid", message),
            ("MessageStatus", "undelivered"),
        ];
        let before = world.dump().await;
        let forged = Form::new(&path, &fields, &thief.token);
        assert_eq!(world.post(forged.request()).await, StatusCode::FORBIDDEN);
        assert_eq!(world.dump().await, before);
    }
    let fields = [
        ("AccountSid", world.a.account.as_str()),
        ("MessageSid", &unknown),
        ("MessageStatus", "undelivered"),
    ];
    let early = Form::new(STATUS, &fields, &thief.token);
    assert_eq!(world.post(early.request()).await, StatusCode::OK);
    let kept = world.store.early_receipts(&world.a.workspace, &unknown);
    assert!(kept.await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_stop_counts_in_the_workspaces_whose_token_signed_it_alone() {
    let world = World::new().await;
    let thief = Tenant {
        account: world.a.account.clone(),
        ..world.b.clone()
    };
    world.use_twilio(&thief, &thief.token).await;
    let posted = async |form: Form| assert_eq!(world.post(form.request()).await, StatusCode::OK);
    posted(thief.text(1, "STOP")).await;
    assert!(!world.opted_out(&world.a).await && world.opted_out(&thief).await);
    // That the thief has used its SID up takes nothing from it.
    posted(world.a.text(1, "STOP")).await;
    posted(thief.text(2, "START")).await;
    assert!(world.opted_out(&world.a).await && !world.opted_out(&thief).await);
}

#[tokio::test(start_paused = true)]
async fn a_message_counts_once_in_each_workspace_that_shares_the_token() {
    let world = World::new().await;
    let sharing = Tenant {
        account: world.a.account.clone(),
        token: world.a.token.clone(),
        ..world.b.clone()
    };
    world.use_twilio(&sharing, &sharing.token).await;
    let texts = [(1, "STOP", true), (2, "START", false), (3, "STOP", true)];
    for (number, word, out) in texts.into_iter().chain([(2, "START", true)]) {
        let status = world.post(world.a.text(number, word).request()).await;
        assert_eq!(status, StatusCode::OK);
        for tenant in [&world.a, &sharing] {
            assert_eq!(world.opted_out(tenant).await, out, "{number} {word}");
        }
    }
}
