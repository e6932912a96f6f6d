//! What the simulator knows, and how it takes a message.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::Value;

use super::behaviour::{AccountType, AuthToken, Behaviour, Callbacks, FaultAfter, FaultBefore};
use super::fate::Fate;
use super::form::Form;
use super::lifecycle::{self, Lifecycle};
use super::login::Login;
use super::message::{AcceptedMessage, Status, StatusChange};
use super::messages::{Messages, sid};
use super::new_message::NewMessage;
use super::refusal::Refusal;

/// What Twilio puts before every text of a trial account.
/// Source: [Free trial account](https://www.twilio.com/docs/usage/tutorials/how-to-use-your-free-trial-account).
const TRIAL_PREFIX: &str = "Sent from your Twilio trial account - ";

/// What the simulator knows.
#[derive(Default)]
pub(super) struct State {
    pub(super) behaviour: Behaviour,
    pub(super) messages: Messages,
    /// The token that each account used last.
    tokens: HashMap<String, AuthToken>,
    inbound_texts: u64,
}

/// What becomes of a create call.
pub(super) enum Verdict {
    Refused(Refusal),
    /// Not accepted, and not answered.
    Silence,
    Accepted(Box<Acceptance>),
}

/// A message that was accepted just now.
pub(super) struct Acceptance {
    pub(super) resource: Value,
    pub(super) lifecycle: Lifecycle,
    pub(super) fault: Option<FaultAfter>,
    /// Whether the callbacks come before the answer.
    pub(super) early: bool,
}

impl State {
    /// Remembers the token that the account uses.
    pub(super) fn learn(&mut self, login: &Login) {
        if let Login::Account { sid, token } = login {
            self.tokens.insert(sid.clone(), token.clone());
        }
    }

    /// The token that signs for the account when no call of its own brings one.
    pub(super) fn token(&self, account: &str) -> Option<AuthToken> {
        let set = self.behaviour.auth_tokens.get(account);
        set.or_else(|| self.tokens.get(account)).cloned()
    }

    /// Counts the inbound texts, from 0.
    pub(super) fn next_inbound_text(&mut self) -> u64 {
        self.inbound_texts += 1;
        self.inbound_texts - 1
    }

    /// Judges a create call.
    pub(super) fn create(
        &mut self,
        account: &str,
        login: &Login,
        form: &Form,
        now: Timestamp,
    ) -> Verdict {
        match self.behaviour.fault_before() {
            Some(FaultBefore::Timeout) => return Verdict::Silence,
            Some(FaultBefore::TooManyRequests) => {
                return Verdict::Refused(Refusal::TooManyRequests);
            }
            Some(FaultBefore::Error) => return Verdict::Refused(Refusal::Internal),
            None => {}
        }
        match NewMessage::read(form) {
            Ok(new) => Verdict::Accepted(Box::new(self.accept(account, login, new, now))),
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    fn accept(
        &mut self,
        account: &str,
        login: &Login,
        new: NewMessage,
        now: Timestamp,
    ) -> Acceptance {
        let number = self.messages.next();
        let token = match login {
            Login::Account { token, .. } => token.clone(),
            Login::ApiKey => self.token(account).unwrap_or_default(),
        };
        let callbacks = self.behaviour.callbacks;
        let lifecycle = Lifecycle {
            number,
            token,
            steps: lifecycle::steps(Fate::of(&new.to), callbacks, number),
        };
        let sid = sid("SM", &number.0.to_string());
        let message = self.message(sid, account, new, now);
        let resource = message.resource();
        self.messages.keep(message);
        Acceptance {
            resource,
            lifecycle,
            fault: self.behaviour.fault_after(),
            early: callbacks == Callbacks::Early,
        }
    }

    fn message(
        &self,
        sid: String,
        account: &str,
        new: NewMessage,
        now: Timestamp,
    ) -> AcceptedMessage {
        let status = if new.messaging_service.is_some() {
            Status::Accepted
        } else {
            Status::Queued
        };
        let prefix = match self.behaviour.account_type {
            AccountType::Full => "",
            AccountType::Trial => TRIAL_PREFIX,
        };
        AcceptedMessage {
            sid,
            account: account.to_owned(),
            to: new.to,
            from: new.from,
            messaging_service: new.messaging_service,
            body: format!("{prefix}{}", new.body),
            status_callback: new.status_callback,
            history: vec![StatusChange { status, at: now }],
            error_code: None,
            created: now,
        }
    }
}
