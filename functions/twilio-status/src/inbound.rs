//! `POST /webhooks/twilio/inbound`: what recipients text back. STOP and START count, anything else does not.
//!
//! # Steps, and what a death between them means
//! 1. Read the form, find the workspaces whose token may have signed it, check. Nothing is changed yet.
//! 2. For each of these workspaces, one after the other: write that the message was applied to it, on the condition that this
//!    does not stand there yet, and with it, in one transaction, put or delete the opt-outs. *Killed between two of them:* when
//!    the message comes again, the first ones have it, and the others get it then.
//! 3. Answer 200, also where all have had it before; 503 where one of them could not be checked, so that the message comes
//!    again for that one. *Killed before it, or the table failed:* Twilio posts the message again
//!    if the address that is set there asks it to (`docs/operations.md`). If it does not, a STOP is learned from the next
//!    message, which Twilio refuses (21610), and a START has to be texted again, or an administrator clears the opt-out.
//!
//! # What it does not see
//! * Of two messages that come in the wrong order the later one to *come* counts: Twilio tells no time of a message, and its
//!   SIDs have no order.
//! * A workspace that began to use the account after a message was texted has not had it. A copy of that one counts there,
//!   once.

use domain::twilio::inbound::{Inbound, Keyword};
use platform::store::inbound::Applied;

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
        let mut taken = Applied::Before;
        for workspace in &verified.workspaces {
            let now = (self.clock)();
            match self.store.apply_inbound(workspace, &inbound, now).await? {
                Applied::Now => taken = Applied::Now,
                Applied::Before => {}
            }
        }
        verified.all_checked()?;
        Ok(match (taken, inbound.word) {
            (Applied::Before, _) => "had been taken before",
            (Applied::Now, Keyword::Stop) => "opted out",
            (Applied::Now, Keyword::Start) => "opted in",
            (Applied::Now, Keyword::Other) => "no keyword",
        })
    }
}
