//! `POST /webhooks/twilio/status`: receipts.

use domain::sms::delivery::{Found, SmsDelivery, SmsKey, Source};
use domain::twilio::receipt::{CallbackQuery, NotAReceipt, Receipt, STATUS_PATH};
use platform::store::{Saved, StoredSms};

use crate::report::Known;
use crate::verified::Verified;
use crate::{App, Posted, Refusal};

/// The route.
pub const PATH: &str = STATUS_PATH;

/// How often a receipt is put to its delivery anew because that has moved on meanwhile.
const TRIES: u32 = 10;

impl App {
    pub(crate) async fn status(
        &self,
        posted: &Posted,
        noted: &mut Known,
    ) -> Result<&'static str, Refusal> {
        let receipt = match Receipt::try_from(&posted.params) {
            Ok(receipt) => receipt,
            Err(error) => return self.not_understood(posted, &error).await,
        };
        let code = receipt.error.as_ref().and_then(|error| error.code);
        noted.receipt(receipt.status, code);
        let named = CallbackQuery::parse(&posted.query).map(key_of);
        let known = match named {
            Some(key) => Some(key),
            None => self.store.message_owner(receipt.message.as_str()).await?,
        };
        let asked = match &known {
            Some(key) => {
                noted.delivery(key);
                vec![key.workspace.clone()]
            }
            None => self.store.workspaces_of_account(&receipt.account).await?,
        };
        let verified = self.verified(posted, &receipt.account, asked).await?;
        noted.signed_by(&verified.workspaces);
        let found = found(receipt);
        if let Some(key) = &known
            && self.put_to(key, &found, noted).await?
        {
            return Ok("kept with its delivery");
        }
        self.keep(&found, verified, noted).await
    }

    /// A signed one deserves an answer that keeps Twilio from sending it again.
    async fn not_understood(
        &self,
        posted: &Posted,
        error: &NotAReceipt,
    ) -> Result<&'static str, Refusal> {
        let account = posted.account()?;
        let asked = self.store.workspaces_of_account(&account).await?;
        self.verified(posted, &account, asked).await?;
        tracing::warn!(%error, "receipt not understood");
        Ok("not understood")
    }

    /// The message is not known. It may become known at this moment; or it is that of a workspace which could not be
    /// checked, and for which the receipt is not kept.
    async fn keep(
        &self,
        found: &Found,
        verified: Verified,
        noted: &mut Known,
    ) -> Result<&'static str, Refusal> {
        let random = u64::from_le_bytes(self.entropy.bytes());
        self.store
            .keep_early_receipt(found, &verified.workspaces, (self.clock)(), random)
            .await?;
        match self.store.message_owner(&found.message_id).await? {
            Some(owner) if verified.workspaces.contains(&owner.workspace) => {
                noted.delivery(&owner);
                self.put_to(&owner, found, noted).await?;
                Ok("kept with its delivery, which has just become known")
            }
            _ => {
                verified.all_checked()?;
                Ok("kept until its message is known")
            }
        }
    }

    /// Puts the receipt to the delivery; `false` where there is none.
    async fn put_to(
        &self,
        key: &SmsKey,
        found: &Found,
        noted: &mut Known,
    ) -> Result<bool, Refusal> {
        for _ in 0..TRIES {
            let Some(stored) = self.store.sms(key).await? else {
                return Ok(false);
            };
            self.remember_opt_out(&stored.value, found).await?;
            if let Some(after) = self.put_once(&stored, found).await? {
                self.metrics.add_sms_step(&stored.value, &after);
                noted.became(&after);
                return Ok(true);
            }
        }
        Err(Refusal::KeepsChanging)
    }

    /// Twilio may find out after it has accepted a message that its recipient has told the sender to stop. A message of
    /// another delivery says nothing of this one's recipient and sender, also where its receipt names this one.
    async fn remember_opt_out(&self, delivery: &SmsDelivery, found: &Found) -> Result<(), Refusal> {
        let Some(sender) = delivery.opted_out_of(found) else {
            return Ok(());
        };
        let SmsDelivery { key, recipient, .. } = delivery;
        let owner = self.store.message_owner(&found.message_id).await?;
        if owner.is_some_and(|owner| owner != *key) {
            return Ok(());
        }
        let now = (self.clock)();
        self.store
            .add_opt_out(&key.workspace, &recipient.phone, sender, now)
            .await?;
        Ok(())
    }

    /// The delivery as it was written; `None` where it has moved on meanwhile.
    async fn put_once(
        &self,
        stored: &StoredSms,
        found: &Found,
    ) -> Result<Option<SmsDelivery>, Refusal> {
        let now = (self.clock)();
        let mut after = stored.value.clone();
        after.receive(found.clone(), Source::Receipt, now);
        match self.store.save_sms(stored, &after).await? {
            Saved::Written(_) => Ok(Some(after)),
            Saved::Overtaken | Saved::TextInFlight => Ok(None),
            // It names this delivery, but the message is another's: worth a line in the timeline, no more.
            Saved::MessageOwned => {
                let mut after = stored.value.clone();
                after.receive_foreign(found, now);
                let saved = self.store.save_sms(stored, &after).await?;
                Ok(matches!(saved, Saved::Written(_)).then_some(after))
            }
        }
    }
}

fn key_of(named: CallbackQuery) -> SmsKey {
    SmsKey {
        workspace: named.workspace,
        id: named.delivery,
    }
}

fn found(receipt: Receipt) -> Found {
    Found {
        message_id: receipt.message.to_string(),
        account: Some(receipt.account),
        stage: receipt.status.stage(),
        error: receipt.error,
    }
}
