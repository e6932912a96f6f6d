//! What the path names. A path that names something impossible names nothing: 404.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use domain::ids::{DeliveryId, KeyId, UserId, WebhookId, WorkspaceId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use crate::App;
use crate::problem::Problem;

/// The path's parameters.
pub(crate) struct At<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<App>> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, app).await;
        path.map(|Path(path)| At(path))
            .map_err(|_| Problem::not_found())
    }
}

/// A workspace.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct WorkspacePath {
    /// The workspace.
    #[param(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub(crate) workspace_id: WorkspaceId,
}

/// A webhook.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct WebhookPath {
    /// The workspace.
    #[param(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub(crate) workspace_id: WorkspaceId,
    /// The webhook.
    #[param(value_type = String, pattern = "^wh_[0-9a-v]{26}$")]
    pub(crate) webhook_id: WebhookId,
}

/// A delivery.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct DeliveryPath {
    /// The workspace.
    #[param(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub(crate) workspace_id: WorkspaceId,
    /// The webhook.
    #[param(value_type = String, pattern = "^wh_[0-9a-v]{26}$")]
    pub(crate) webhook_id: WebhookId,
    /// The delivery.
    #[param(value_type = String, pattern = "^dlv_[0-9a-v]{30}$")]
    pub(crate) delivery_id: DeliveryId,
}

/// An API key.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct KeyPath {
    /// The workspace.
    #[param(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub(crate) workspace_id: WorkspaceId,
    /// The key's id.
    #[param(value_type = String, pattern = "^key_[0-9a-v]{26}$")]
    pub(crate) key_id: KeyId,
}

/// A member.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct MemberPath {
    /// The workspace.
    #[param(value_type = String, pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub(crate) workspace_id: WorkspaceId,
    /// The member, as the upstream names users.
    #[param(value_type = String, pattern = "^[A-Za-z0-9_.@+-]{1,64}$")]
    pub(crate) user_id: UserId,
}
