//! `POST /sms/test`.
//!
//! A test costs money and goes to a number that the caller chose, members among others: so each of them has so many, and
//! those who administer the workspace so many together.
//!
//! # Steps, and what a death between them means
//! 1. Take one of the caller's tests. *Killed behind it:* there is one less, for a while.
//! 2. Send the delivery's wake-up, delayed by [`HEAD_START`]. *Killed before it:* nothing has happened.
//! 3. Write the delivery, queued. *Killed before it:* the wake-up finds no item, waits for two minutes in case the write
//!    is but slow, and is dropped; nothing is sent, and the caller, who got no answer, asks for another test. The other
//!    order would leave a delivery that shows as queued and that nothing wakes.
//! 4. Answer. *Killed before it:* the message goes out, and the history shows it.
//!
//! Where the write fails without telling whether it took effect, the answer is 503: the history shows what became of it.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::allowance::{Allowance, UsedUp};
use domain::catalogue::AlertType;
use domain::ids::{DeliveryId, EventId, UserId, WorkspaceId};
use domain::sms::delivery::{
    Entry, Purpose, Recipient, SmsDelivery, SmsKey, Source, Stage, State as SmsState, Timeline,
};
use domain::sms::phone::PhoneNumber;
use domain::sms::provider::Provider;
use domain::sms::text::{self, Message};
use jiff::SignedDuration;
use platform::queue::message::SmsWakeUp;
use platform::queue::sending::Outgoing;
use platform::store::StoreError;
use platform::store::allowances::Tester;
use utoipa::ToSchema;

use crate::auth::{Access, Caller, TakePart};
use crate::body::{Fields, JsonBody};
use crate::deliveries::Accepted;
use crate::number_plan;
use crate::object::Object;
use crate::path::{At, WorkspacePath};
use crate::problem::{Guarded, Problem, WithAllowance, WithBody, WithConflict};
use crate::{App, WRITE_TRIES};

/// The wake-up comes so long after it was sent: the delivery is then written.
const HEAD_START: Duration = Duration::from_secs(2);
/// The tests of those who administer a workspace, all together: to set up a provider takes a few.
const OF_ADMINISTRATORS: Allowance = Allowance {
    at_once: NonZeroU32::new(20).unwrap(),
    every: Duration::from_secs(60),
};
/// The tests of a member, who may set the number.
const OF_A_MEMBER: Allowance = Allowance {
    at_once: NonZeroU32::new(5).unwrap(),
    every: Duration::from_secs(10 * 60),
};
/// What the text is about.
const ENTITY: &str = "ENG-42: Fix login redirect";

/// Where to send the test.
#[derive(ToSchema)]
#[schema(as = SmsTestRequest)]
#[serde(deny_unknown_fields)]
pub(crate) struct TestRequest {
    /// A phone number in E.164; absent = that of the member whom the key stands for.
    #[schema(value_type = Option<String>, nullable = false, example = "+14155551234")]
    to: Option<PhoneNumber>,
}

impl Fields for TestRequest {
    const MAY_BE_ABSENT: bool = true;

    fn read(object: &mut Object, _: &App) -> Option<Self> {
        let to = object.optional("to", number_plan::phone);
        Some(TestRequest { to: to.ok()? })
    }
}

/// Sends the test message, through the whole path, to a number or to the caller's own. Members send to their own only.
#[utoipa::path(
    post, path = "/sms/test", tag = "sms", params(WorkspacePath), request_body = Option<TestRequest>,
    responses(
        (status = 202, description = "The test is on its way.", body = Accepted), Guarded, WithBody, WithConflict, WithAllowance
    ),
    security(("api_key" = []))
)]
pub(crate) async fn test_sms(
    State(app): State<Arc<App>>,
    Access { caller, .. }: Access<TakePart>,
    At(WorkspacePath { workspace_id }): At<WorkspacePath>,
    JsonBody(TestRequest { to }): JsonBody<TestRequest>,
) -> Result<(StatusCode, Json<Accepted>), Problem> {
    let recipient = recipient(&app, &workspace_id, &caller, to).await?;
    let provider = app.store.provider(&workspace_id).await?.value.current;
    let provider = provider.ok_or_else(|| {
        Problem::conflict(
            "the workspace has no SMS provider; configure one first: PUT …/sms/provider",
        )
    })?;
    take_one(&app, &workspace_id, &caller).await?;
    let delivery = delivery(&app, workspace_id, &provider, recipient)?;
    wake(&app, &delivery.key).await?;
    app.store.create_sms(&delivery).await?;
    Ok((StatusCode::ACCEPTED, Json(Accepted::new(&delivery.key.id))))
}

async fn take_one(app: &App, workspace: &WorkspaceId, caller: &Caller) -> Result<(), Problem> {
    let (tester, allowance) = match caller.user_id() {
        Some(user) if !caller.administers() => (Tester::Member(user), OF_A_MEMBER),
        _ => (Tester::Administrators, OF_ADMINISTRATORS),
    };
    for _ in 0..WRITE_TRIES {
        let taken = app
            .store
            .take_sms_test(workspace, tester, allowance, (app.clock)());
        match taken.await {
            Err(StoreError::Conflict) => app.pause().await,
            taken => return taken?.map_err(too_many),
        }
    }
    Err(Problem::contended())
}

fn too_many(UsedUp { again_in }: UsedUp) -> Problem {
    let detail = "too many tests of late; Retry-After says when the next one may be sent";
    Problem::too_many(detail, again_in)
}

/// Whom the test goes to: by name where the number is the caller's own.
async fn recipient(
    app: &App,
    workspace: &WorkspaceId,
    caller: &Caller,
    to: Option<PhoneNumber>,
) -> Result<Recipient, Problem> {
    let own = own(app, workspace, caller.user_id()).await?;
    let Some(to) = to else {
        return own.ok_or_else(|| Problem::invalid_field("to", without_own(caller)));
    };
    match own {
        Some(own) if own.phone == to => Ok(own),
        _ if !caller.administers() => Err(Problem::forbidden()),
        _ => Ok(Recipient {
            user_id: None,
            name: None,
            phone: to,
        }),
    }
}

/// The caller's own phone, if there is one.
async fn own(
    app: &App,
    workspace: &WorkspaceId,
    user: Option<&UserId>,
) -> Result<Option<Recipient>, Problem> {
    let Some(user) = user else { return Ok(None) };
    let member = app.store.member(workspace, user).await?;
    Ok(member.and_then(|member| {
        Some(Recipient {
            phone: member.value.phone?,
            user_id: Some(member.value.id),
            name: Some(member.value.name),
        })
    }))
}

fn without_own(caller: &Caller) -> &'static str {
    match caller.user_id() {
        None => "is required: the key stands for no member; give a number in E.164",
        Some(_) if caller.administers() => {
            "is required: the key's member has no phone; give a number in E.164, or register one: PUT …/members/{user_id}"
        }
        Some(_) => "there is no phone of yours; register one first: PUT …/members/{user_id}",
    }
}

fn delivery(
    app: &App,
    workspace: WorkspaceId,
    provider: &Provider,
    recipient: Recipient,
) -> Result<SmsDelivery, Problem> {
    let now = app.now();
    let event_id = format!("test_{:032x}", u128::from_be_bytes(app.entropy.bytes()));
    let event_id: EventId = event_id.parse().map_err(Problem::internal)?;
    let retention = SignedDuration::try_from(app.log_retention).map_err(Problem::internal)?;
    // The event is this test's alone, so that the recipient need not tell its id from others.
    let id = DeliveryId::for_sms(&workspace, &event_id, now, "");
    let Message { text, count } = text::test(&app.brand, provider.max_segments);
    let mut timeline = Timeline::default();
    timeline.push(Entry {
        at: now,
        status: Stage::Queued,
        source: Source::Service,
        code: None,
    });
    Ok(SmsDelivery {
        key: SmsKey { workspace, id },
        purpose: Purpose::Test,
        event_id,
        event_time: now,
        alert_type: AlertType::PriorityChanged,
        recipient,
        entity: ENTITY.to_owned(),
        text,
        encoding: count.encoding,
        segments: count.segments,
        carrier: provider.carrier.kind(),
        sender: provider.carrier.sender().to_owned(),
        state: SmsState::new(now),
        provider_message_id: None,
        inquiry: None,
        error: None,
        timeline,
        created_at: now,
        expires_at: now.saturating_add(retention).map_err(Problem::internal)?,
    })
}

async fn wake(app: &App, key: &SmsKey) -> Result<(), Problem> {
    let wake_up = Outgoing::json(&SmsWakeUp::of(key), key.workspace.as_str());
    Ok(app.queues.sms.send(wake_up.delayed(HEAD_START)).await?)
}
