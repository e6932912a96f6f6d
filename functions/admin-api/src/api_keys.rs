//! `/api-keys`: a workspace's keys to this API.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::access::{ApiKey, KeySecret, Role};
use domain::ids::{KeyId, UserId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::auth::{Access, Configure};
use crate::body::{Fields, JsonBody};
use crate::object::{self, Object};
use crate::pagination::{Page, PageParams, Position};
use crate::params::Params;
use crate::path::{At, KeyPath, WorkspacePath};
use crate::problem::{Guarded, Problem, WithBody, WithParams};

/// Keys that a workspace may have. Of keys created at the same moment a few more may come to be.
const MAX_KEYS: usize = 200;
const MAX_NAME_CHARACTERS: usize = 100;

/// The routes below a workspace.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(list_api_keys, create_api_key))
        .routes(routes!(delete_api_key))
}

/// What a key may do in its workspace.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Role)]
enum KeyRole {
    /// Everything.
    Admin,
    /// One user's own phone and preferences.
    Member,
    /// Post events.
    Publisher,
}

/// A key to be.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewApiKey {
    role: KeyRole,
    /// For people.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// The user that the key stands for; required for a member's.
    #[schema(value_type = Option<String>, pattern = "^[A-Za-z0-9_.@+-]{1,64}$")]
    user_id: Option<UserId>,
}

/// A key, without the key itself.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub(crate) struct ApiKeyView {
    /// Its id.
    #[schema(pattern = "^key_[0-9a-v]{26}$")]
    id: String,
    /// What it may do.
    #[schema(value_type = KeyRole)]
    role: Role,
    /// For people.
    name: String,
    /// The user that it stands for.
    #[schema(required)]
    user_id: Option<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// A key as it is shown when it is made.
#[derive(Serialize, ToSchema)]
pub(crate) struct ApiKeyWithKey {
    #[serde(flatten)]
    api_key: ApiKeyView,
    /// The key itself, shown this once.
    #[schema(pattern = "^sk_[A-Za-z0-9_-]{43}$")]
    key: String,
}

impl From<&ApiKey> for ApiKeyView {
    fn from(key: &ApiKey) -> ApiKeyView {
        ApiKeyView {
            id: key.id.to_string(),
            role: key.role,
            name: key.name.clone(),
            user_id: key.user_id.as_ref().map(ToString::to_string),
            created_at: key.created_at,
        }
    }
}

impl From<KeyRole> for Role {
    fn from(role: KeyRole) -> Role {
        match role {
            KeyRole::Admin => Role::Admin,
            KeyRole::Member => Role::Member,
            KeyRole::Publisher => Role::Publisher,
        }
    }
}

impl Fields for NewApiKey {
    fn read(object: &mut Object, _: &App) -> Option<Self> {
        let role = object.required("role", role);
        let name = object.required("name", name);
        let user_id = object.nullable("user_id", object::parsed).ok();
        let (role, user_id) = (role?, user_id?.value());
        if matches!(role, KeyRole::Member) && user_id.is_none() {
            return object.refuse("user_id", "is required for a member's key");
        }
        Some(NewApiKey {
            role,
            name: name?,
            user_id,
        })
    }
}

fn role(value: Value) -> Result<KeyRole, String> {
    match object::text(value)?.as_str() {
        "admin" => Ok(KeyRole::Admin),
        "member" => Ok(KeyRole::Member),
        "publisher" => Ok(KeyRole::Publisher),
        "operator" => Err("operator keys are set at deployment: OperatorKeyHash".to_owned()),
        _ => Err("must be one of admin, member, publisher".to_owned()),
    }
}

fn name(value: Value) -> Result<String, String> {
    let name = object::text(value)?;
    if (1..=MAX_NAME_CHARACTERS).contains(&name.chars().count()) {
        Ok(name)
    } else {
        Err(format!("must have 1 to {MAX_NAME_CHARACTERS} characters"))
    }
}

/// Lists the workspace's keys, oldest first.
#[utoipa::path(
    get, path = "/api-keys", tag = "api keys", params(WorkspacePath, PageParams),
    responses((status = 200, description = "A page of keys.", body = Page<ApiKeyView>), Guarded, WithParams),
    security(("api_key" = []))
)]
pub(crate) async fn list_api_keys(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(WorkspacePath { workspace_id }): At<WorkspacePath>,
    Params(page): Params<PageParams>,
) -> Result<Json<Page<ApiKeyView>>, Problem> {
    let keys = app.store.api_keys(&workspace_id).await?;
    let position = |key: &ApiKey| Position::new(key.created_at, &key.id);
    Ok(Json(page.of(&keys, position)))
}

/// Creates a key. It is shown in the answer, and never again.
#[utoipa::path(
    post, path = "/api-keys", tag = "api keys", params(WorkspacePath), request_body = NewApiKey,
    responses((status = 201, description = "The key.", body = ApiKeyWithKey), Guarded, WithBody),
    security(("api_key" = []))
)]
pub(crate) async fn create_api_key(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(WorkspacePath { workspace_id }): At<WorkspacePath>,
    JsonBody(new): JsonBody<NewApiKey>,
) -> Result<(StatusCode, Json<ApiKeyWithKey>), Problem> {
    if app.store.api_keys(&workspace_id).await?.len() >= MAX_KEYS {
        return Err(Problem::broken_rule(format!(
            "a workspace has at most {MAX_KEYS} keys; delete one first"
        )));
    }
    let secret = KeySecret::from_random(app.entropy.bytes());
    let api_key = ApiKey {
        id: KeyId::from_random(app.entropy.bytes()),
        workspace: workspace_id,
        role: new.role.into(),
        name: new.name,
        user_id: new.user_id,
        created_at: app.now(),
    };
    app.store.create_api_key(&api_key, &secret.hash()).await?;
    let answer = ApiKeyWithKey {
        api_key: ApiKeyView::from(&api_key),
        key: secret.reveal().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Deletes a key, which stops working at once.
#[utoipa::path(
    delete, path = "/api-keys/{key_id}", tag = "api keys", params(KeyPath),
    responses((status = 204, description = "It is gone."), Guarded),
    security(("api_key" = []))
)]
pub(crate) async fn delete_api_key(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(path): At<KeyPath>,
) -> Result<StatusCode, Problem> {
    if app
        .store
        .delete_api_key(&path.workspace_id, &path.key_id)
        .await?
    {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}
