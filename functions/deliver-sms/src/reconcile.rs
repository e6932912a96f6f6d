//! What became of a send to Twilio that got no answer.
//!
//! Twilio has no idempotency key, so the account's list of messages is looked at. While this delivery has the say over
//! its text, no other one sends the same from there to the same phone: a message in the list that belongs to no other
//! delivery is this one's.
//!
//! An account may have phone numbers redacted: a message that was sent goes to `+1415555XXXX` there, and Twilio does not
//! say that it is still listed under its number. So none is missing before the messages from the sender were looked at as
//! well, which are more.

use std::collections::HashSet;
use std::time::Duration;

use domain::sms::delivery::{Checked, Doubt, SmsDelivery, Stage};
use domain::twilio::listing::{Likeness, ListedMessage, Sought};
use domain::twilio::receipt::ReceiptStatus;
use domain::twilio::sids::{AccountSid, MessageSid};
use platform::batch::wake_ups::Arrival;
use platform::queue::message::SmsWakeUp;
use platform::store::{Saved, StoreError, StoredSms};
use platform::twilio::{AskError, Asked, Login};
use tokio::time::{Instant, timeout_at};

use crate::attempt::TIME_TO_ATTEMPT;
use crate::step::StepError;
use crate::twilio::found;
use crate::{Batch, DeliverSms, Disposition, elapsed};

/// Pages that one look goes through of the messages to the phone; the list is newest first, and the message is minutes
/// old.
const MOST_PAGES: usize = 10;
/// Pages that it goes through of the messages from the sender.
const MOST_PAGES_FROM_SENDER: usize = 5;
/// How long all pages together may take.
const LONGEST_LOOK: Duration = Duration::from_secs(12);
/// What is so much older than the attempt is not looked at, whatever the clocks say.
const FAR_BEFORE: Duration = Duration::from_secs(60);

/// A message that may be the one.
type Candidate = (Likeness, ListedMessage);

/// Why the list was not had.
enum NoList {
    Ask(AskError),
    /// More messages since the attempt than a look goes through.
    TooLong,
}

impl DeliverSms {
    /// It is time to look whether the doubtful attempt was accepted.
    pub(crate) async fn reconcile(
        &self,
        batch: &Batch,
        arrival: &Arrival<SmsWakeUp>,
        stored: StoredSms,
        doubt: &Doubt,
    ) -> Result<Disposition, StepError> {
        let now = (self.clock)();
        if now + TIME_TO_ATTEMPT > batch.deadline {
            return Ok(Disposition::SleepUntil(now));
        }
        let checked = self.look(batch, &stored.value, doubt).await?;
        if matches!(&checked, Checked::Found(found) if found.is_opt_out()) {
            self.remember_opt_out(&stored.value, doubt.sender.as_str())
                .await?;
        }
        let looked_at = (self.clock)();
        let mut after = stored.value.clone();
        after.check(checked.clone(), looked_at, self.retries());
        if let Saved::Written(_) = self.store.save_sms(&stored, &after).await? {
            self.metrics.add_sms_step(&stored.value, &after);
            let took = elapsed(now, looked_at);
            self.report_look(arrival, doubt, (&checked, took), &after);
            return self.after(&after).await;
        }
        // A receipt came in between, or the message was claimed: the next look sees how it stands.
        match self.store.sms(&stored.value.key).await? {
            Some(read) => self.after(&read.value).await,
            None => Ok(Disposition::Done),
        }
    }

    async fn look(
        &self,
        batch: &Batch,
        delivery: &SmsDelivery,
        doubt: &Doubt,
    ) -> Result<Checked, StepError> {
        let workspace = &delivery.key.workspace;
        let Some(login) = self.login_to(batch, workspace, &doubt.account).await? else {
            return Ok(Checked::NoCredentials);
        };
        let sought = Sought {
            to: &delivery.recipient.phone,
            sender: &doubt.sender,
            body: &delivery.text,
            since: doubt.since,
        };
        let until = Instant::now() + LONGEST_LOOK;
        for asked in [Asked::To(sought.to), Asked::From(sought.sender)] {
            let candidates = match timeout_at(until, self.candidates(&login, &sought, asked)).await
            {
                Ok(Ok(candidates)) => candidates,
                Err(_) => return Ok(Checked::Unavailable),
                Ok(Err(NoList::TooLong)) => return Ok(Checked::Several),
                Ok(Err(NoList::Ask(error))) => {
                    tracing::warn!(workspace_id = %delivery.key.workspace, delivery_id = %delivery.key.id, %error, "list not had");
                    return Ok(Checked::Unavailable);
                }
            };
            let free = self.free(candidates).await?;
            if !free.is_empty() {
                return Ok(concluded(&free, &doubt.account));
            }
        }
        Ok(Checked::Missing)
    }

    /// Those that belong to no delivery, each once: a message may move from one page to the next meanwhile.
    async fn free(&self, mut candidates: Vec<Candidate>) -> Result<Vec<Candidate>, StoreError> {
        let mut seen = HashSet::new();
        candidates.retain(|(_, message)| seen.insert(message.sid.clone()));
        let ids: Vec<String> = seen.iter().map(MessageSid::to_string).collect();
        let owned = self.store.owned_messages(&ids).await?;
        let owned: HashSet<&str> = owned.iter().map(|(id, _)| id.as_str()).collect();
        candidates.retain(|(_, message)| !owned.contains(message.sid.as_str()));
        Ok(candidates)
    }

    /// The account's messages that may be the one, among those that are asked for.
    async fn candidates(
        &self,
        login: &Login,
        sought: &Sought<'_>,
        asked: Asked<'_>,
    ) -> Result<Vec<Candidate>, NoList> {
        let most = match asked {
            Asked::To(_) => MOST_PAGES,
            Asked::From(_) => MOST_PAGES_FROM_SENDER,
        };
        let (mut candidates, mut masks) = (Vec::new(), false);
        let mut next: Option<String> = None;
        for _ in 0..most {
            let page = self.twilio.messages(login, asked, next.as_deref());
            let page = page.await.map_err(NoList::Ask)?;
            let older = page
                .messages
                .last()
                .is_some_and(|oldest| oldest.created + FAR_BEFORE < sought.since);
            masks |= page.messages.iter().any(ListedMessage::is_masked);
            let like = |message: ListedMessage| Some((sought.likeness(&message)?, message));
            candidates.extend(page.messages.into_iter().filter_map(like));
            next = page.next_page_uri;
            if older || next.is_none() {
                return Ok(candidates);
            }
        }
        match asked {
            // So many, and none is masked: the account's numbers are not redacted, and what was sent to this one is
            // listed under it. A sender that is so busy must not leave its doubtful sends unknown.
            Asked::From(_) if !masks => Ok(candidates),
            Asked::From(_) | Asked::To(_) => Err(NoList::TooLong),
        }
    }
}

/// What follows from the messages that may be the one; there are some.
fn concluded(free: &[Candidate], account: &AccountSid) -> Checked {
    match free {
        [(Likeness::Same, message)] => {
            let stage = message.status.map_or(Stage::Sent, ReceiptStatus::stage);
            Checked::Found(found(message, stage, account))
        }
        _ => Checked::Several,
    }
}
