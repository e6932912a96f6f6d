//! Secrets at rest: KMS ciphertexts, bound to their workspace and purpose by the encryption context.
//!
//! Source: [KMS encryption context](https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html):
//! decryption fails unless the same context is given again, so that a ciphertext copied to another workspace's item
//! is useless there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_kms::Client;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use domain::ids::WorkspaceId;
use domain::secret::{SealedSecret, SecretText, WebhookSecret};
use domain::signing::SigningKeys;
use domain::webhook::Webhook;
use futures::future::try_join_all;
use jiff::Timestamp;
use tokio::sync::OnceCell;

use crate::metrics::{Count, Metrics};

/// What a secret is for; part of the encryption context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signs a webhook's requests.
    WebhookSecret,
    /// Signs in to Twilio, and verifies what Twilio posts to us.
    TwilioAuthToken,
    /// Signs in to Twilio.
    TwilioApiKeySecret,
    /// Where a gateway is; its query may carry a token.
    GatewayUrl,
    /// Signs the requests to a gateway.
    GatewaySecret,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Purpose::WebhookSecret => "webhook-secret",
            Purpose::TwilioAuthToken => "twilio-auth-token",
            Purpose::TwilioApiKeySecret => "twilio-api-key-secret",
            Purpose::GatewayUrl => "gateway-url",
            Purpose::GatewaySecret => "gateway-secret",
        }
    }
}

/// A secret could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// KMS did not do it: throttled, unreachable, or the key is disabled. Worth trying again.
    #[error("KMS is unavailable: {0}")]
    Unavailable(String),
    /// What came out is no secret that was put in.
    #[error("the stored secret is damaged")]
    Damaged,
}

/// KMS's error code for calls beyond a request quota.
/// Source: [throttling](https://docs.aws.amazon.com/kms/latest/developerguide/throttling.html).
const THROTTLED: &str = "ThrottlingException";

/// Plain texts kept in memory at most; beyond it the cache starts over.
const CACHED: usize = 10_000;

/// Seals and opens secrets. Cheap to clone; clones share the cache.
#[derive(Clone)]
pub struct Secrets {
    client: Client,
    key_id: String,
    opened: Arc<Mutex<Cells>>,
    metrics: Metrics,
}

type CacheKey = (WorkspaceId, Purpose, Vec<u8>);
type Cells = HashMap<CacheKey, Arc<OnceCell<SecretText>>>;

impl Secrets {
    /// Secrets under this KMS key (id, ARN or alias). Calls that KMS refuses for their rate are counted.
    pub fn new(client: Client, key_id: impl Into<String>, metrics: Metrics) -> Secrets {
        Secrets {
            client,
            key_id: key_id.into(),
            opened: Arc::default(),
            metrics,
        }
    }

    /// Encrypts a webhook's secret for its workspace.
    ///
    /// # Errors
    /// [`SecretsError::Unavailable`].
    pub async fn seal(
        &self,
        workspace: &WorkspaceId,
        secret: &WebhookSecret,
    ) -> Result<SealedSecret, SecretsError> {
        let text = SecretText::new(secret.expose());
        let sealed = self
            .seal_text(workspace, Purpose::WebhookSecret, &text)
            .await?;
        Ok(SealedSecret {
            hint: secret.hint(),
            ..sealed
        })
    }

    /// Decrypts a webhook's secret; from memory when the same ciphertext was opened before.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub async fn open(
        &self,
        workspace: &WorkspaceId,
        sealed: &SealedSecret,
    ) -> Result<WebhookSecret, SecretsError> {
        let text = self
            .open_text(workspace, Purpose::WebhookSecret, sealed)
            .await?;
        WebhookSecret::parse(text.expose()).map_err(|_| SecretsError::Damaged)
    }

    /// Encrypts a secret of this purpose for its workspace, without a hint.
    ///
    /// # Errors
    /// [`SecretsError::Unavailable`].
    pub async fn seal_text(
        &self,
        workspace: &WorkspaceId,
        purpose: Purpose,
        secret: &SecretText,
    ) -> Result<SealedSecret, SecretsError> {
        let sealed = self
            .client
            .encrypt()
            .key_id(&self.key_id)
            .plaintext(Blob::new(secret.expose()))
            .encryption_context("workspace", workspace.as_str())
            .encryption_context("purpose", purpose.as_str())
            .send()
            .await
            .map_err(|error| self.unavailable(&error))?;
        let ciphertext = sealed
            .ciphertext_blob
            .ok_or(SecretsError::Damaged)?
            .into_inner();
        Ok(SealedSecret {
            ciphertext,
            hint: None,
        })
    }

    /// Decrypts a secret of this purpose; from memory when the same ciphertext was opened before.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub async fn open_text(
        &self,
        workspace: &WorkspaceId,
        purpose: Purpose,
        sealed: &SealedSecret,
    ) -> Result<SecretText, SecretsError> {
        let cell = self.cell((workspace.clone(), purpose, sealed.ciphertext.clone()));
        let secret = cell
            .get_or_try_init(|| self.decrypt(workspace, purpose, sealed))
            .await?;
        Ok(secret.clone())
    }

    /// The keys that sign a webhook's requests at `now`; `None` where it has no secret.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub async fn signing_keys(
        &self,
        webhook: &Webhook,
        now: Timestamp,
    ) -> Result<Option<SigningKeys>, SecretsError> {
        let Some(sealed) = &webhook.secret else {
            return Ok(None);
        };
        let current = self.open(&webhook.workspace, sealed).await?;
        let retiring = webhook.retiring_secrets.iter();
        let signing = retiring.filter(|retiring| now < retiring.until);
        let opened = signing.map(|retiring| self.open(&webhook.workspace, &retiring.secret));
        let retiring = try_join_all(opened).await?;
        Ok(Some(SigningKeys { current, retiring }))
    }

    async fn decrypt(
        &self,
        workspace: &WorkspaceId,
        purpose: Purpose,
        sealed: &SealedSecret,
    ) -> Result<SecretText, SecretsError> {
        let opened = self
            .client
            .decrypt()
            .key_id(&self.key_id)
            .ciphertext_blob(Blob::new(sealed.ciphertext.clone()))
            .encryption_context("workspace", workspace.as_str())
            .encryption_context("purpose", purpose.as_str())
            .send()
            .await
            .map_err(|error| self.unavailable(&error))?;
        let plain = opened.plaintext.ok_or(SecretsError::Damaged)?.into_inner();
        let text = String::from_utf8(plain).map_err(|_| SecretsError::Damaged)?;
        Ok(SecretText::new(text))
    }

    /// What a failed call means, after the SDK's own tries.
    fn unavailable<E: ProvideErrorMetadata, R>(&self, error: &SdkError<E, R>) -> SecretsError {
        let code = error.as_service_error().and_then(|error| error.code());
        if code == Some(THROTTLED) {
            self.metrics.add(Count::KmsThrottled, 1);
        }
        SecretsError::Unavailable(crate::aws_error::words(error))
    }

    /// Where the plain text is, or will be: the first who asks decrypts, the others wait for it.
    fn cell(&self, key: CacheKey) -> Arc<OnceCell<SecretText>> {
        // A panic elsewhere cannot leave the map half changed.
        let mut cells = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if cells.len() >= CACHED {
            cells.clear();
        }
        Arc::clone(cells.entry(key).or_default())
    }
}
