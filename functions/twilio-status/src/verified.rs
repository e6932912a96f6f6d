//! Whose request it is.

use domain::ids::WorkspaceId;
use domain::twilio::credentials::AuthToken;
use domain::twilio::receipt;
use domain::twilio::sids::AccountSid;
use futures::StreamExt;
use futures::stream;
use platform::secrets::Purpose;

use crate::{App, Posted, Refusal};

/// Workspaces checked at a time.
const CHECKS: usize = 16;

/// Whose a request turned out to be.
pub(crate) struct Verified {
    /// Those whose token signed it: one at least.
    pub(crate) workspaces: Vec<WorkspaceId>,
    /// Why another one could not be checked, whose it may be as well.
    unchecked: Option<Refusal>,
}

impl Verified {
    /// To be asked once all is done for those that are known: Twilio has to come again for one that could not be checked,
    /// and the others take what comes twice. What is answered with a 2xx does not come again, and that workspace would
    /// miss it for good.
    ///
    /// # Errors
    /// Why a workspace could not be checked.
    pub(crate) fn all_checked(self) -> Result<(), Refusal> {
        self.unchecked.map_or(Ok(()), Err)
    }
}

impl App {
    /// Those of the workspaces whose auth token for this account signed the request: the current one, or one that was
    /// replaced lately. One whose token cannot be had for the moment does not keep others from what is theirs.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] where there is none; where one could not be checked, why.
    pub(crate) async fn verified(
        &self,
        posted: &Posted,
        account: &AccountSid,
        workspaces: Vec<WorkspaceId>,
    ) -> Result<Verified, Refusal> {
        let Some(base) = &self.public_base_url else {
            tracing::warn!("PublicBaseUrl is not set: no signature can be checked");
            return Err(Refusal::Forbidden);
        };
        let url = format!("{base}{}", posted.path_and_query);
        // Gathered first: a lazy stream of calls would not be `Send`.
        let checks: Vec<_> = workspaces
            .iter()
            .map(|workspace| self.signed(posted, &url, account, workspace))
            .collect();
        let checked: Vec<_> = stream::iter(checks).buffered(CHECKS).collect().await;
        let mut verified = Verified {
            workspaces: Vec::new(),
            unchecked: None,
        };
        for (workspace, signed) in workspaces.into_iter().zip(checked) {
            match signed {
                Ok(true) => verified.workspaces.push(workspace),
                Ok(false) => {}
                Err(error) => verified.unchecked = Some(error),
            }
        }
        if verified.workspaces.is_empty() {
            return Err(verified.unchecked.unwrap_or(Refusal::Forbidden));
        }
        Ok(verified)
    }

    async fn signed(
        &self,
        posted: &Posted,
        url: &str,
        account: &AccountSid,
        workspace: &WorkspaceId,
    ) -> Result<bool, Refusal> {
        let config = self.store.provider(workspace).await?.value;
        for sealed in config.auth_tokens(account, (self.clock)()) {
            let token = self
                .secrets
                .open_text(workspace, Purpose::TwilioAuthToken, sealed)
                .await?;
            if receipt::verify(&posted.signature, url, &posted.params, &AuthToken(token)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
