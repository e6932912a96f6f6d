//! What became of a message that Twilio has accepted and of which no receipt brings the last word.
//!
//! The index of what waits holds such deliveries by when Twilio is to be asked next
//! ([`Inquiry`]), and `sweep` wakes each in time. Asking changes nothing at Twilio: whatever fails in between, it is
//! asked again.

use std::time::Duration;

use domain::sms::delivery::{Answer, Inquiry, SmsDelivery};
use domain::twilio::receipt::ReceiptStatus;
use platform::batch::wake_ups::Arrival;
use platform::queue::message::SmsWakeUp;
use platform::store::StoredSms;
use platform::twilio::AskError;

use crate::attempt::TIME_TO_ATTEMPT;
use crate::step::StepError;
use crate::twilio::found;
use crate::{Batch, DeliverSms, Disposition, elapsed};

/// What came of asking.
pub(crate) struct Asked {
    /// For the delivery.
    pub(crate) answer: Answer,
    /// Why there is no answer, in our own words.
    pub(crate) fault: Option<String>,
    /// How long it took.
    pub(crate) took: Duration,
}

impl DeliverSms {
    /// It is time to ask about the message.
    pub(crate) async fn inquire(
        &self,
        batch: &Batch,
        arrival: &Arrival<SmsWakeUp>,
        stored: StoredSms,
        inquiry: &Inquiry,
    ) -> Result<Disposition, StepError> {
        let now = (self.clock)();
        if now + TIME_TO_ATTEMPT > batch.deadline {
            return Ok(Disposition::SleepUntil(now));
        }
        let (answer, fault) = self.ask(batch, &stored.value, inquiry).await?;
        let asked_at = (self.clock)();
        if let Answer::Told(found) = &answer
            && let Some(sender) = stored.value.opted_out_of(found)
        {
            self.remember_opt_out(&stored.value, sender).await?;
        }
        let stepped = self
            .change(stored, |delivery| {
                delivery.answer(inquiry, answer.clone(), asked_at);
            })
            .await?;
        let took = elapsed(now, asked_at);
        let asked = Asked {
            answer,
            fault,
            took,
        };
        if let Some(after) = stepped.delivery().filter(|_| stepped.written) {
            self.report_inquiry(arrival, &asked, after);
        }
        self.go_on(&stepped).await
    }

    async fn ask(
        &self,
        batch: &Batch,
        delivery: &SmsDelivery,
        inquiry: &Inquiry,
    ) -> Result<(Answer, Option<String>), StepError> {
        let (workspace, account) = (&delivery.key.workspace, inquiry.account());
        let message = delivery.provider_message_id.as_deref().map(str::parse);
        let Some(Ok(sid)) = message else {
            return Ok((Answer::Gone, None));
        };
        let Some(login) = self.login_to(batch, workspace, account).await? else {
            return Ok((Answer::NoCredentials, None));
        };
        let told = self.twilio.message(&login, &sid).await.and_then(|message| {
            // A status that Twilio did not have when this was written says nothing to us.
            let status = message.status.ok_or(AskError::NotUnderstood)?;
            Ok(found(&message, ReceiptStatus::stage(status), account))
        });
        Ok(match told {
            Ok(found) => (Answer::Told(found), None),
            Err(AskError::NotFound) => (Answer::Gone, None),
            Err(error) => (Answer::Unavailable, Some(error.to_string())),
        })
    }
}
