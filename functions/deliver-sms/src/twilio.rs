//! One request to Twilio, and what signs in there.

use domain::ids::WorkspaceId;
use domain::secret::SealedSecret;
use domain::sms::delivery::{Found, Outcome, SmsDelivery, Stage};
use domain::sms::provider::TwilioAccount;
use domain::sms::provider_error::ProviderError;
use domain::sms::sender::TwilioSender;
use domain::twilio::answer::{Answer, judge, judge_head};
use domain::twilio::listing::ListedMessage;
use domain::twilio::receipt::callback_url;
use domain::twilio::sids::AccountSid;
use platform::http::SendError;
use platform::secrets::{Purpose, SecretsError};
use platform::twilio::{Login, NewMessage};

use crate::attempt::Sent;
use crate::step::StepError;
use crate::{Batch, DeliverSms};

/// An account with its secrets open.
pub(crate) struct OpenTwilio<'a> {
    login: Login,
    sender: &'a TwilioSender,
}

impl DeliverSms {
    pub(crate) async fn open_twilio<'a>(
        &self,
        workspace: &WorkspaceId,
        twilio: &'a TwilioAccount,
    ) -> Result<OpenTwilio<'a>, SecretsError> {
        let TwilioAccount {
            account,
            sender,
            auth_token,
            api_key,
        } = twilio;
        let login = match api_key {
            None => self.login(workspace, account, auth_token).await?,
            Some(key) => {
                let purpose = Purpose::TwilioApiKeySecret;
                let password = self
                    .secrets
                    .open_text(workspace, purpose, &key.secret)
                    .await?;
                Login {
                    account: account.clone(),
                    user: key.sid.to_string(),
                    password,
                }
            }
        };
        Ok(OpenTwilio { login, sender })
    }

    /// What signs in to an account that the workspace has sent through, also where the provider was replaced since;
    /// `None` where nobody knows its token any more.
    pub(crate) async fn login_to(
        &self,
        batch: &Batch,
        workspace: &WorkspaceId,
        account: &AccountSid,
    ) -> Result<Option<Login>, StepError> {
        let Some(config) = batch.config.provider(workspace)? else {
            return Ok(None);
        };
        let Some(token) = config.auth_tokens(account, (self.clock)()).next() else {
            return Ok(None);
        };
        Ok(Some(self.login(workspace, account, token).await?))
    }

    /// Signs in with the account's own token.
    async fn login(
        &self,
        workspace: &WorkspaceId,
        account: &AccountSid,
        auth_token: &SealedSecret,
    ) -> Result<Login, SecretsError> {
        let password = self
            .secrets
            .open_text(workspace, Purpose::TwilioAuthToken, auth_token)
            .await?;
        Ok(Login {
            account: account.clone(),
            user: account.to_string(),
            password,
        })
    }

    pub(crate) async fn send_by_twilio(
        &self,
        twilio: &OpenTwilio<'_>,
        delivery: &SmsDelivery,
    ) -> Sent {
        let callback = self
            .public_base_url
            .as_deref()
            .map(|base| callback_url(base, &delivery.key.workspace, &delivery.key.id));
        let message = NewMessage {
            to: &delivery.recipient.phone,
            sender: twilio.sender,
            body: &delivery.text,
            status_callback: callback.as_deref(),
        };
        let sent = self.request_of_twilio(twilio, message).await;
        if !is_about_the_callback(&sent) {
            return sent;
        }
        // A public base URL that Twilio does not take must not stop an alert: better without receipts than not at all.
        tracing::warn!(workspace_id = %delivery.key.workspace, delivery_id = %delivery.key.id, "Twilio does not take PublicBaseUrl; sent without receipts");
        let without = NewMessage {
            status_callback: None,
            ..message
        };
        self.request_of_twilio(twilio, without).await
    }

    async fn request_of_twilio(&self, twilio: &OpenTwilio<'_>, message: NewMessage<'_>) -> Sent {
        match self.twilio.create_message(&twilio.login, message).await {
            Ok(response) => what_became(judge(response.status, &response.body), twilio.sender),
            Err(error @ SendError::BodyIncomplete { head, .. }) => {
                what_became(judge_head(head.status), twilio.sender).cut_short(&error)
            }
            Err(error) => without_response(&error),
        }
    }
}

fn what_became(answer: Answer, sender: &TwilioSender) -> Sent {
    match answer {
        Answer::Accepted { sid } => Sent::of(Outcome::Accepted {
            message_id: Some(sid.to_string()),
        }),
        Answer::TryAgain { error } => Sent::of(Outcome::TryAgain { error }),
        Answer::Refused { error } => Sent::of(Outcome::Refused { error }),
        Answer::Ambiguous { error } => Sent::of(Outcome::NoAnswer { error }),
        Answer::OptedOut { error } => Sent {
            outcome: Outcome::Refused { error },
            opted_out_of: Some(sender.as_str().to_owned()),
            fault: None,
        },
    }
}

/// Refused for certain because of the `StatusCallback`.
/// Source: [error 21609](https://www.twilio.com/docs/api/errors/21609).
fn is_about_the_callback(sent: &Sent) -> bool {
    matches!(&sent.outcome, Outcome::Refused { error } if error.code == Some(21609))
}

/// What the API shows of a message of this account, which has come so far.
pub(crate) fn found(message: &ListedMessage, stage: Stage, account: &AccountSid) -> Found {
    Found {
        message_id: message.sid.to_string(),
        account: Some(account.clone()),
        stage,
        error: message.error(),
    }
}

/// What follows where not even the head of a response came.
pub(crate) fn without_response(error: &SendError) -> Sent {
    let written = error.request_may_have_been_written();
    let remedy = if written {
        "it may have been sent, and is not sent again unless it is certain that it was not; the provider's log tells"
    } else {
        "check that the provider can be reached"
    };
    let fault = error.to_string();
    let error = ProviderError {
        code: None,
        message: fault.clone(),
        remedy: remedy.to_owned(),
    };
    let outcome = if written {
        Outcome::NoAnswer { error }
    } else {
        Outcome::TryAgain { error }
    };
    Sent {
        fault: Some(fault),
        ..Sent::of(outcome)
    }
}
