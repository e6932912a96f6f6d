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
        // Gathered first: a lazy stream of calls would not be `Send`.
        let checks: Vec<_> = workspaces
            .iter()
            .map(|workspace| self.signed(posted, &url, account, workspace))
            .collect();
        let checked: Vec<_> = stream::iter(checks).buffered(CHECKS).collect().await;
        let (mut verified, mut failed) = (Vec::new(), None);
        for (workspace, signed) in workspaces.into_iter().zip(checked) {
            match signed {
                Ok(true) => verified.push(workspace),
                Ok(false) => {}
                Err(error) => failed = Some(error),
            }
        }
        // One workspace whose token cannot be had must not keep others from their receipts.
        match failed {
            Some(error) if verified.is_empty() => Err(error),
            _ if verified.is_empty() => Err(Refusal::Forbidden),
            _ => Ok(verified),
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
