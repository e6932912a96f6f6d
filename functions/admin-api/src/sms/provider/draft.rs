//! The provider that a request makes of the one that is configured.

use domain::ids::WorkspaceId;
use domain::secret::{SealedSecret, SecretText};
use domain::sms::provider::{Carrier, Gateway, Provider, SealedApiKey, TwilioAccount};
use platform::secrets::{Purpose, SecretsError};

use super::body::{NewApiKey, NewCarrier, NewGateway, NewProvider, NewTwilio};
use crate::App;
use crate::object::Given;
use crate::problem::Problem;

/// Encrypts for one workspace.
pub(super) struct Draft<'a> {
    pub(super) app: &'a App,
    pub(super) workspace: &'a WorkspaceId,
}

impl Draft<'_> {
    /// The provider to be. Secrets that are left out are those of `old`, where it is the same carrier and account.
    /// Where nothing differs from `old` it is `old`.
    pub(super) async fn of(
        &self,
        new: &NewProvider,
        old: Option<&Provider>,
    ) -> Result<Provider, Problem> {
        let carrier = match (&new.carrier, old.map(|old| &old.carrier)) {
            (NewCarrier::Twilio(new), Some(Carrier::Twilio(old))) => {
                let old = (old.account == new.account).then_some(old);
                Carrier::Twilio(self.twilio(new, old).await?)
            }
            (NewCarrier::Twilio(new), _) => Carrier::Twilio(self.twilio(new, None).await?),
            (NewCarrier::Http(new), Some(Carrier::Http(old))) => {
                Carrier::Http(self.gateway(new, Some(old)).await?)
            }
            (NewCarrier::Http(new), _) => Carrier::Http(self.gateway(new, None).await?),
        };
        let now = self.app.now();
        let as_before = Provider {
            carrier,
            max_segments: new.max_segments,
            created_at: old.map_or(now, |old| old.created_at),
            updated_at: old.map_or(now, |old| old.updated_at),
        };
        if old.is_none_or(|old| *old == as_before) {
            return Ok(as_before);
        }
        Ok(Provider {
            updated_at: now,
            ..as_before
        })
    }

    async fn twilio(
        &self,
        new: &NewTwilio,
        old: Option<&TwilioAccount>,
    ) -> Result<TwilioAccount, Problem> {
        let purpose = Purpose::TwilioAuthToken;
        let old_token = old.map(|old| &old.auth_token);
        let auth_token = match (&new.auth_token, old_token) {
            (Some(token), old) => self.sealed(purpose, token, old).await?,
            (None, Some(old)) => old.clone(),
            (None, None) => {
                return Err(Problem::invalid_field(
                    "auth_token",
                    "is required: nothing is configured for this account yet",
                ));
            }
        };
        let old_key = old.and_then(|old| old.api_key.as_ref());
        Ok(TwilioAccount {
            account: new.account.clone(),
            sender: new.sender.clone(),
            auth_token,
            api_key: self.api_key(&new.api_key, old_key).await?,
        })
    }

    async fn api_key(
        &self,
        new: &NewApiKey,
        old: Option<&SealedApiKey>,
    ) -> Result<Option<SealedApiKey>, Problem> {
        let (sid, secret) = match new {
            NewApiKey::Keep => return Ok(old.cloned()),
            NewApiKey::Remove => return Ok(None),
            NewApiKey::Set { sid, secret } => (sid, secret),
        };
        let old = old.filter(|old| old.sid == *sid).map(|old| &old.secret);
        let secret = match (secret, old) {
            (Some(secret), old) => {
                self.sealed(Purpose::TwilioApiKeySecret, secret, old)
                    .await?
            }
            (None, Some(old)) => old.clone(),
            (None, None) => {
                return Err(Problem::invalid_field(
                    "api_key_secret",
                    "is required: nothing is configured for this API key yet",
                ));
            }
        };
        Ok(Some(SealedApiKey {
            sid: sid.clone(),
            secret,
        }))
    }

    async fn gateway(&self, new: &NewGateway, old: Option<&Gateway>) -> Result<Gateway, Problem> {
        let (url, shown_url) = match (&new.url, old) {
            (Some(url), old) => {
                let text = SecretText::new(url.as_str());
                let old = old.map(|old| &old.url);
                let sealed = self.sealed(Purpose::GatewayUrl, &text, old).await?;
                (sealed, url.masked())
            }
            (None, Some(old)) => (old.url.clone(), old.shown_url.clone()),
            (None, None) => {
                return Err(Problem::invalid_field(
                    "url",
                    "is required: no gateway is configured yet",
                ));
            }
        };
        let old_secret = old.and_then(|old| old.signing_secret.as_ref());
        let signing_secret = match &new.signing_secret {
            Given::Absent => old_secret.cloned(),
            Given::Null => None,
            Given::Value(secret) => Some(
                self.sealed(Purpose::GatewaySecret, secret, old_secret)
                    .await?,
            ),
        };
        Ok(Gateway {
            url,
            shown_url,
            idempotent: new.idempotent,
            signing_secret,
        })
    }

    /// The secret encrypted; the ciphertext that there is where it is of the same secret. So a repeated request changes
    /// nothing, and retires no token that is still in use.
    async fn sealed(
        &self,
        purpose: Purpose,
        secret: &SecretText,
        old: Option<&SealedSecret>,
    ) -> Result<SealedSecret, Problem> {
        let secrets = &self.app.secrets;
        if let Some(old) = old {
            match secrets.open_text(self.workspace, purpose, old).await {
                Ok(opened) if opened == *secret => return Ok(old.clone()),
                // What cannot be read any more can still be replaced.
                Ok(_) | Err(SecretsError::Damaged) => {}
                Err(unavailable) => return Err(unavailable.into()),
            }
        }
        Ok(secrets.seal_text(self.workspace, purpose, secret).await?)
    }
}
