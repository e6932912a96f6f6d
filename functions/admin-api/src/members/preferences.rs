//! `/members/{user_id}/preferences`: the alert types that a member is told about by SMS.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::catalogue::AlertType;
use domain::ids::UserId;
use domain::sms::member::Preferences;
use platform::store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

use super::{find, may_see};
use crate::auth::{Access, Caller, TakePart};
use crate::body::{Fields, JsonBody};
use crate::object::{self, Object};
use crate::path::{At, MemberPath};
use crate::problem::{Guarded, Problem, WithBody};
use crate::{App, WRITE_TRIES};

/// What a member wants to be told.
#[derive(Serialize, ToSchema)]
#[schema(as = Preferences)]
pub(crate) struct PreferencesView {
    /// Every alert type, and whether it is switched on.
    #[schema(schema_with = all_types)]
    sms: BTreeMap<&'static str, bool>,
}

/// What a member is to be told: all of it, what is left out is switched off.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPreferences)]
pub(crate) struct PreferencesBody {
    /// Alert types, and whether each is switched on.
    #[schema(schema_with = any_types)]
    sms: Preferences,
}

fn all_types() -> RefOr<Schema> {
    types(|object, name| object.required(name))
}

fn any_types() -> RefOr<Schema> {
    types(|object, _| object)
}

/// A flag for each type, besides what `with` does.
fn types(with: impl Fn(ObjectBuilder, &str) -> ObjectBuilder) -> RefOr<Schema> {
    let flag = || ObjectBuilder::new().schema_type(SchemaType::Type(Type::Boolean));
    let object = AlertType::ALL
        .iter()
        .fold(ObjectBuilder::new(), |object, alert_type| {
            let name = alert_type.as_str();
            with(object.property(name, flag()), name)
        });
    RefOr::T(
        object
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
            .build()
            .into(),
    )
}

impl From<&Preferences> for PreferencesView {
    fn from(preferences: &Preferences) -> PreferencesView {
        let types = AlertType::ALL.iter();
        PreferencesView {
            sms: types
                .map(|alert_type| (alert_type.as_str(), preferences.wants(*alert_type)))
                .collect(),
        }
    }
}

impl Fields for PreferencesBody {
    fn read(object: &mut Object, _: &App) -> Option<Self> {
        let sms = object.nested("sms", switched_on)?;
        Some(PreferencesBody {
            sms: Preferences(sms),
        })
    }
}

fn switched_on(object: &mut Object) -> Option<BTreeSet<AlertType>> {
    let entries = object.each(|name, value| {
        let alert_type: AlertType = name.parse().map_err(|unknown| format!("{unknown}"))?;
        Ok((alert_type, object::flag(value)?))
    })?;
    let on = entries.into_iter().filter(|(_, on)| *on);
    Some(on.map(|(alert_type, _)| alert_type).collect())
}

/// Shows what a member wants to be told by SMS. A member's key sees its own user's alone.
#[utoipa::path(
    get, path = "/members/{user_id}/preferences", tag = "members", params(MemberPath),
    responses((status = 200, description = "All alert types.", body = PreferencesView), Guarded),
    security(("api_key" = []))
)]
pub(crate) async fn read_preferences(
    State(app): State<Arc<App>>,
    access: Access<TakePart>,
    At(path): At<MemberPath>,
) -> Result<Json<PreferencesView>, Problem> {
    may_see(&access.caller, &path.user_id)?;
    let member = find(&app, &path.workspace_id, &path.user_id).await?;
    Ok(Json(PreferencesView::from(&member.value.preferences)))
}

/// Replaces what a member wants to be told by SMS: types that are left out are off. Nobody but the member and the
/// operator may.
#[utoipa::path(
    put, path = "/members/{user_id}/preferences", tag = "members", params(MemberPath), request_body = PreferencesBody,
    responses(
        (status = 200, description = "All alert types, as they are now.", body = PreferencesView), Guarded, WithBody
    ),
    security(("api_key" = []))
)]
pub(crate) async fn put_preferences(
    State(app): State<Arc<App>>,
    access: Access<TakePart>,
    At(path): At<MemberPath>,
    JsonBody(body): JsonBody<PreferencesBody>,
) -> Result<Json<PreferencesView>, Problem> {
    may_edit(&access.caller, &path.user_id)?;
    for _ in 0..WRITE_TRIES {
        let mut member = find(&app, &path.workspace_id, &path.user_id).await?;
        if member.value.preferences != body.sms {
            member.value.preferences = body.sms.clone();
            member.value.updated_at = app.now();
            match app.store.save_member(&member).await {
                Err(StoreError::Conflict) => {
                    app.pause().await;
                    continue;
                }
                saved => saved?,
            }
        }
        return Ok(Json(PreferencesView::from(&body.sms)));
    }
    Err(Problem::contended())
}

fn may_edit(caller: &Caller, user: &UserId) -> Result<(), Problem> {
    may_see(caller, user)?;
    if caller.is(user) || caller.is_operator() {
        Ok(())
    } else {
        Err(Problem::forbidden_because(
            "an administrator may see others' preferences, not change them: each message is theirs to ask for",
        ))
    }
}
