//! `/members`: people, their phones, what they want to be told by SMS, and who told the sender to stop.
//!
//! * [`list`], [`read`], [`mod@write`], [`delete`] — the resource
//! * [`preferences`], [`opt_out`] — what belongs to one
//! * [`view`] — how one is shown
//!
//! Administrators see and change every member but nobody else's preferences; a member's key sees and changes its own
//! user's phone and preferences ([`may_see`]); to everybody else there are no members.

mod delete;
mod list;
mod opt_out;
mod preferences;
mod read;
mod view;
mod write;

use std::sync::Arc;

use domain::ids::{UserId, WorkspaceId};
use domain::sms::member::Member;
use platform::store::Versioned;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::auth::Caller;
use crate::problem::Problem;

/// The routes below a workspace.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default()
        .routes(routes!(list::list_members))
        .routes(routes!(
            read::read_member,
            write::put_member,
            delete::delete_member
        ))
        .routes(routes!(opt_out::clear_opt_out))
        .routes(routes!(
            preferences::read_preferences,
            preferences::put_preferences
        ))
}

/// Refuses a member's key for anybody but its own user, whether there is such a member or not.
fn may_see(caller: &Caller, user: &UserId) -> Result<(), Problem> {
    if caller.administers() || caller.is(user) {
        Ok(())
    } else {
        Err(Problem::forbidden())
    }
}

/// The member, or 404.
async fn find(
    app: &App,
    workspace: &WorkspaceId,
    user: &UserId,
) -> Result<Versioned<Member>, Problem> {
    app.store
        .member(workspace, user)
        .await?
        .ok_or_else(Problem::not_found)
}
