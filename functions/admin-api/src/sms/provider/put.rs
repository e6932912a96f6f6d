//! `PUT /sms/provider`.
//!
//! # Steps, and what a death between them means
//! 1. Encrypt new secrets, ask Twilio where a check is wanted. Nothing is changed yet.
//! 2. Save, the token that is given up among those that receipts are still taken with. *Killed before it:* nothing has
//!    changed, the caller repeats. *Killed after it:* all is done; repeating changes nothing.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use platform::store::StoreError;

use super::CheckParams;
use super::body::{NewCarrier, NewProvider, ProviderBody};
use super::check::{Checked, check};
use super::draft::Draft;
use super::view::ProviderView;
use crate::auth::{Access, Configure};
use crate::body::JsonBody;
use crate::params::Params;
use crate::path::{At, WorkspacePath};
use crate::problem::{Guarded, Problem, WithBody, WithParams};
use crate::{App, WRITE_TRIES, endpoint};

/// Configures who carries messages; the next message finds it changed. With `check=true` nothing is saved unless the
/// provider confirms it; what does not stop messages is saved and reported.
#[utoipa::path(
    put, path = "/sms/provider", tag = "sms", params(WorkspacePath, CheckParams), request_body = ProviderBody,
    responses(
        (status = 200, description = "The provider as it is now.", body = ProviderView),
        (status = 201, description = "The provider, where there was none.", body = ProviderView),
        Guarded, WithBody, WithParams
    ),
    security(("api_key" = []))
)]
pub(crate) async fn put_provider(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(WorkspacePath { workspace_id }): At<WorkspacePath>,
    Params(CheckParams { check: wanted }): Params<CheckParams>,
    JsonBody(body): JsonBody<NewProvider>,
) -> Result<(StatusCode, Json<ProviderView>), Problem> {
    if let NewCarrier::Http(gateway) = &body.carrier
        && let Some(url) = &gateway.url
    {
        endpoint::check_host(&app, url).await?;
    }
    let draft = Draft {
        app: &app,
        workspace: &workspace_id,
    };
    for _ in 0..WRITE_TRIES {
        let mut config = app.store.provider(&workspace_id).await?;
        let old = config.value.current.clone();
        let new = draft.of(&body, old.as_ref()).await?;
        let checked = match wanted {
            true => Some(check(&app, &workspace_id, &new.carrier).await?.passed()?),
            false => None,
        };
        let status = match old {
            Some(_) => StatusCode::OK,
            None => StatusCode::CREATED,
        };
        let view = Json(ProviderView::new(&new, checked));
        if old.as_ref() == Some(&new) {
            return Ok((status, view));
        }
        config.value.replace(Some(new), app.now());
        match app.store.save_provider(&workspace_id, &config).await {
            Err(StoreError::Conflict) => app.pause().await,
            saved => return Ok(saved.map(|()| (status, view))?),
        }
    }
    Err(Problem::contended())
}

impl Checked {
    /// Refuses what the provider did not confirm.
    fn passed(self) -> Result<Checked, Problem> {
        if self.problems.is_empty() {
            Ok(self)
        } else {
            Err(Problem::invalid(self.problems))
        }
    }
}
