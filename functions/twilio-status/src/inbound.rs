//! `POST /webhooks/twilio/inbound`: what recipients text back. STOP and START count, anything else does not.

use domain::ids::WorkspaceId;
use domain::twilio::inbound::{Inbound, Keyword};
use platform::store::StoreError;

use crate::report::Known;
use crate::{App, Posted, Refusal};

/// The route.
pub const PATH: &str = "/webhooks/twilio/inbound";

impl App {
    pub(crate) async fn inbound(
        &self,
        posted: &Posted,
        known: &mut Known,
    ) -> Result<&'static str, Refusal> {
        let account = posted.account()?;
        let asked = self.store.workspaces_of_account(&account).await?;
        let verified = self.verified(posted, &account, asked).await?;
        known.signed_by(&verified.workspaces);
        let inbound = match Inbound::try_from(&posted.params) {
            Ok(inbound) => inbound,
            Err(error) => {
                tracing::warn!(%error, "inbound message not understood");
                return Ok("not understood");
            }
        };
        for workspace in &verified.workspaces {
            self.remember(workspace, &inbound).await?;
        }
        verified.all_checked()?;
        Ok(match inbound.word {
            Keyword::Stop => "opted out",
            Keyword::Start => "opted in",
            Keyword::Other => "no keyword",
        })
    }

    /// Opt-outs are kept by what messages are sent from: the number that was texted, or its messaging service.
    async fn remember(&self, workspace: &WorkspaceId, inbound: &Inbound) -> Result<(), StoreError> {
        let Inbound {
            from,
            to,
            messaging_service,
            ..
        } = inbound;
        let service = messaging_service.as_ref().map(|service| service.as_str());
        for sender in std::iter::once(to.as_str()).chain(service) {
            match inbound.word {
                Keyword::Stop => {
                    let now = (self.clock)();
                    self.store.add_opt_out(workspace, from, sender, now).await?;
                }
                Keyword::Start => self.store.remove_opt_out(workspace, from, sender).await?,
                Keyword::Other => {}
            }
        }
        Ok(())
    }
}
