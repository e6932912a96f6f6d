//! Whose request it is.

use domain::ids::WorkspaceId;
use domain::twilio::credentials::AuthToken;
use domain::twilio::receipt;
use domain::twilio::sids::AccountSid;
use platform::secrets::Purpose;

use crate::{App, Posted, Refusal};

impl App {
    /// Those of the workspaces whose auth token for this account signed the request: the current one, or one that was
    /// replaced lately.
    ///
    /// # Errors
    /// [`Refusal::Forbidden`] where there is none.
    pub(crate) async fn verified(
        &self,
        posted: &Posted,
        account: &AccountSid,
        workspaces: Vec<WorkspaceId>,
    ) -> Result<Vec<WorkspaceId>, Refusal> {
        let Some(base) = &self.public_base_url else {
            tracing::warn!("PublicBaseUrl is not set: no signature can be checked");
            return Err(Refusal::Forbidden);
        };
        let url = format!("{base}{}", posted.path_and_query);
        let mut verified = Vec::new();
        for workspace in workspaces {
            if self.signed(posted, &url, account, &workspace).await? {
                verified.push(workspace);
            }
        }
        if verified.is_empty() {
            Err(Refusal::Forbidden)
        } else {
            Ok(verified)
        }
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
