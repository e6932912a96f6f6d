//! `PUT /members/{user_id}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::sms::member::{Member, Preferences};
use domain::sms::phone::PhoneNumber;
use platform::store::{StoreError, Versioned};
use serde_json::Value;
use utoipa::ToSchema;

use super::may_see;
use super::view::{MemberView, view};
use crate::auth::{Access, Caller, TakePart};
use crate::body::{Fields, JsonBody};
use crate::object::{self, Given, Object};
use crate::path::{At, MemberPath};
use crate::problem::{Guarded, Problem, WithBody};
use crate::{App, WRITE_TRIES, number_plan};

const MAX_NAME_CHARACTERS: usize = 200;

/// A member as it is to be; what is absent stays.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MemberBody {
    /// For people: what the history calls them. Required for a new member; a member's key cannot change it.
    #[schema(nullable = false, min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Where their messages go: E.164, and a valid number of its country; null removes it.
    #[schema(value_type = Option<String>, pattern = r"^\+[1-9][0-9]{6,14}$", example = "+14155551234")]
    phone: Given<PhoneNumber>,
}

impl Fields for MemberBody {
    fn read(object: &mut Object, _: &App) -> Option<Self> {
        let name = object.optional("name", name);
        let phone = object.nullable("phone", number_plan::phone);
        Some(MemberBody {
            name: name.ok()?,
            phone: phone.ok()?,
        })
    }
}

fn name(value: Value) -> Result<String, String> {
    let name = object::text(value)?;
    let fits = (1..=MAX_NAME_CHARACTERS).contains(&name.chars().count());
    if fits && !name.trim().is_empty() {
        Ok(name)
    } else {
        Err(format!(
            "must have 1 to {MAX_NAME_CHARACTERS} characters, not blanks alone"
        ))
    }
}

/// Adds a member, or changes one: what is absent stays. A member's key changes its own user's phone.
#[utoipa::path(
    put, path = "/members/{user_id}", tag = "members", params(MemberPath), request_body = MemberBody,
    responses(
        (status = 200, description = "The member as it is now.", body = MemberView),
        (status = 201, description = "The member, who is new.", body = MemberView), Guarded, WithBody
    ),
    security(("api_key" = []))
)]
pub(crate) async fn put_member(
    State(app): State<Arc<App>>,
    access: Access<TakePart>,
    At(path): At<MemberPath>,
    JsonBody(body): JsonBody<MemberBody>,
) -> Result<(StatusCode, Json<MemberView>), Problem> {
    may_see(&access.caller, &path.user_id)?;
    for _ in 0..WRITE_TRIES {
        let found = app.store.member(&path.workspace_id, &path.user_id).await?;
        let written = match found {
            None => add(&app, &access.caller, &path, &body).await?,
            Some(found) => change(&app, &access.caller, found, &body).await?,
        };
        if let Some((status, member)) = written {
            return Ok((status, Json(view(&app, &member).await?)));
        }
        app.pause().await;
    }
    Err(Problem::contended())
}

/// What became of the member; `None` where somebody else was faster.
type Written = Option<(StatusCode, Member)>;

async fn add(
    app: &App,
    caller: &Caller,
    path: &MemberPath,
    body: &MemberBody,
) -> Result<Written, Problem> {
    if !caller.administers() {
        return Err(Problem::not_found());
    }
    let Some(name) = body.name.clone() else {
        return Err(Problem::invalid_field(
            "name",
            "is required for a new member",
        ));
    };
    let now = app.now();
    let member = Member {
        workspace: path.workspace_id.clone(),
        id: path.user_id.clone(),
        name,
        phone: body.phone.clone().value(),
        preferences: Preferences::default(),
        created_at: now,
        updated_at: now,
    };
    match app.store.create_member(&member).await {
        Err(StoreError::Conflict) => Ok(None),
        created => Ok(created.map(|()| Some((StatusCode::CREATED, member)))?),
    }
}

async fn change(
    app: &App,
    caller: &Caller,
    found: Versioned<Member>,
    body: &MemberBody,
) -> Result<Written, Problem> {
    let mut changed = found.clone();
    if let Some(name) = &body.name {
        changed.value.name.clone_from(name);
    }
    match &body.phone {
        Given::Absent => {}
        Given::Null => changed.value.phone = None,
        Given::Value(phone) => changed.value.phone = Some(phone.clone()),
    }
    if changed.value.name != found.value.name && !caller.administers() {
        return Err(Problem::forbidden_because(
            "a member's key changes the phone; the name is an administrator's to change",
        ));
    }
    if changed == found {
        return Ok(Some((StatusCode::OK, found.value)));
    }
    changed.value.updated_at = app.now();
    match app.store.save_member(&changed).await {
        Err(StoreError::Conflict) => Ok(None),
        saved => Ok(saved.map(|()| Some((StatusCode::OK, changed.value)))?),
    }
}
