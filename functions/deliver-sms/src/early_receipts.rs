//! Receipts that came before it was known whose message they tell of.

use domain::sms::delivery::{SmsDelivery, Source};
use platform::store::receipts::EarlyReceipt;
use platform::store::{Saved, StoreError};

use crate::step::StepError;
use crate::{DeliverSms, report};

/// How often they are put to the delivery anew because it has moved on meanwhile.
const TRIES: u32 = 8;

impl DeliverSms {
    /// Puts the kept receipts of the delivery's message to it, and forgets them then. The delivery's message is known
    /// in the table by now, so that later receipts find it themselves. The answer is the delivery as it stands then;
    /// `None` where there were no such receipts.
    pub(crate) async fn take_in_early_receipts(
        &self,
        delivery: &SmsDelivery,
    ) -> Result<Option<SmsDelivery>, StepError> {
        let Some(message) = &delivery.provider_message_id else {
            return Ok(None);
        };
        let early = self
            .store
            .early_receipts(&delivery.key.workspace, message)
            .await?;
        if early.is_empty() {
            return Ok(None);
        }
        let sender = |early: &EarlyReceipt| delivery.opted_out_of(&early.found);
        if let Some(sender) = early.iter().find_map(sender) {
            self.remember_opt_out(delivery, sender).await?;
        }
        let after = self.put_to(delivery, &early).await?;
        self.store.forget_early_receipts(&early).await?;
        Ok(Some(after))
    }

    async fn put_to(
        &self,
        delivery: &SmsDelivery,
        early: &[EarlyReceipt],
    ) -> Result<SmsDelivery, StepError> {
        for _ in 0..TRIES {
            let stored = self.store.sms(&delivery.key).await?;
            let stored = stored.ok_or(StoreError::Damaged("delivery"))?;
            let mut after = stored.value.clone();
            for EarlyReceipt { found, at, .. } in early {
                after.receive(found.clone(), Source::Receipt, *at);
            }
            if let Saved::Written(_) = self.store.save_sms(&stored, &after).await? {
                self.metrics.add_sms_step(&stored.value, &after);
                report::early_receipts(&after, early.len());
                return Ok(after);
            }
        }
        Err(StepError::KeepsChanging)
    }
}
