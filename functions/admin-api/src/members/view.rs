//! How a member is shown.

use std::collections::{BTreeSet, HashSet};

use domain::ids::WorkspaceId;
use domain::sms::member::Member;
use domain::sms::phone::PhoneNumber;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::problem::Problem;

/// A member.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub(crate) struct MemberView {
    /// Who it is upstream.
    #[schema(pattern = "^[A-Za-z0-9_.@+-]{1,64}$")]
    user_id: String,
    /// For people: what the history calls them.
    name: String,
    /// Where their messages go, in E.164; null = they get none.
    #[schema(required, pattern = r"^\+[1-9][0-9]{6,14}$")]
    phone: Option<String>,
    /// Whether the phone's owner told the current sender to stop: nothing is sent there.
    opted_out: bool,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was changed last, preferences included.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

/// The phones whose owners told the workspace's sender to stop.
pub(super) struct OptedOut(HashSet<PhoneNumber>);

impl OptedOut {
    /// Those of the members.
    pub(super) async fn of(
        app: &App,
        workspace: &WorkspaceId,
        members: &[Member],
    ) -> Result<OptedOut, Problem> {
        let phones: BTreeSet<_> = members.iter().filter_map(|m| m.phone.clone()).collect();
        if phones.is_empty() {
            return Ok(OptedOut(HashSet::new()));
        }
        let Some(provider) = app.store.provider(workspace).await?.value.current else {
            return Ok(OptedOut(HashSet::new()));
        };
        let Some(sender) = provider.carrier.opt_out_sender() else {
            return Ok(OptedOut(HashSet::new()));
        };
        let phones: Vec<_> = phones.into_iter().collect();
        Ok(OptedOut(
            app.store.opted_out(workspace, sender, &phones).await?,
        ))
    }

    /// The member as it is shown.
    pub(super) fn view(&self, member: &Member) -> MemberView {
        let phone = member.phone.as_ref();
        MemberView {
            user_id: member.id.to_string(),
            name: member.name.clone(),
            phone: phone.map(|phone| phone.as_str().to_owned()),
            opted_out: phone.is_some_and(|phone| self.0.contains(phone)),
            created_at: member.created_at,
            updated_at: member.updated_at,
        }
    }
}

/// One member as it is shown.
pub(super) async fn view(app: &App, member: &Member) -> Result<MemberView, Problem> {
    let members = std::slice::from_ref(member);
    let opted_out = OptedOut::of(app, &member.workspace, members).await?;
    Ok(opted_out.view(member))
}
