//! The calls of Twilio's API.

use std::sync::{Arc, PoisonError};

use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::Value;
use tokio::sync::oneshot;

use super::behaviour::FaultAfter;
use super::form::Form;
use super::lifecycle::Lifecycle;
use super::listing::ListCall;
use super::login::{self, Login};
use super::refusal::Refusal;
use super::state::{Acceptance, Verdict};
use super::{Desk, Reply, Twilio, account, shown};
use crate::http_server::json;

/// A call below an account.
#[derive(Debug, Clone, Copy)]
enum Resource<'a> {
    Account,
    Messages,
    Message(&'a str),
    PhoneNumbers,
    ShortCodes,
}

impl Twilio {
    pub(super) async fn api(
        &self,
        path: &[&str],
        parts: &Parts,
        body: &[u8],
    ) -> Result<Reply, Refusal> {
        let login = Login::read(&parts.headers)?;
        self.desk.with(|state| state.learn(&login));
        match path {
            ["2010-04-01", "Accounts", below @ ..] => {
                self.account_call(&login, below, parts, body).await
            }
            ["v1", "Services", service] if account::has_service(service) => {
                only_get(parts)?;
                Ok(shown(&account::service(service, login.account())).into())
            }
            _ => Err(not_found(parts)),
        }
    }

    async fn account_call(
        &self,
        login: &Login,
        path: &[&str],
        parts: &Parts,
        body: &[u8],
    ) -> Result<Reply, Refusal> {
        let (account, resource) = resource(path).ok_or_else(|| not_found(parts))?;
        if !login.is_for(account) {
            return Err(Refusal::Unauthorized);
        }
        if matches!(resource, Resource::Messages) && parts.method == Method::POST {
            return Ok(self.create(account, login, &Form::parse(body)).await);
        }
        only_get(parts)?;
        Ok(shown(&self.desk.show(account, resource, parts)?).into())
    }

    async fn create(&self, account: &str, login: &Login, form: &Form) -> Reply {
        let now = (self.desk.clock)();
        let verdict = self
            .desk
            .with(|state| state.create(account, login, form, now));
        match verdict {
            Verdict::Refused(refusal) => refusal.response().into(),
            Verdict::Silence => Reply::Silence,
            Verdict::Accepted(acceptance) => self.accept(*acceptance).await,
        }
    }

    async fn accept(&self, acceptance: Acceptance) -> Reply {
        let done = self.start(acceptance.lifecycle);
        if acceptance.early {
            // Whether it went through or was cut off: nothing more comes before the answer.
            let _ = done.await;
        }
        match acceptance.fault {
            Some(FaultAfter::Timeout) => Reply::Silence,
            Some(FaultAfter::Error) => Refusal::Internal.response().into(),
            None => json(StatusCode::CREATED, acceptance.resource.to_string()).into(),
        }
    }

    /// Lets a message go its way, whatever becomes of the call that brought it.
    fn start(&self, lifecycle: Lifecycle) -> oneshot::Receiver<()> {
        let (done, ended) = oneshot::channel();
        let run = lifecycle.run(Arc::clone(&self.desk));
        let mut lifecycles = self
            .lifecycles
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while lifecycles.try_join_next().is_some() {}
        lifecycles.spawn(async move {
            run.await;
            let _ = done.send(());
        });
        ended
    }
}

impl Desk {
    fn show(&self, account: &str, resource: Resource<'_>, parts: &Parts) -> Result<Value, Refusal> {
        let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
        match resource {
            Resource::Account => {
                let kind = self.with(|state| state.behaviour.account_type);
                Ok(account::account(account, kind))
            }
            Resource::Messages => self.list(account, &query),
            Resource::Message(sid) => self
                .with(|state| {
                    let message = state.messages.find(account, sid)?;
                    Some(message.shown(state.behaviour.redact_numbers))
                })
                .ok_or_else(|| not_found(parts)),
            Resource::PhoneNumbers => Ok(account::phone_numbers(account, &query, &parts.uri)),
            Resource::ShortCodes => Ok(account::short_codes(account, &query, &parts.uri)),
        }
    }

    fn list(&self, account: &str, query: &Form) -> Result<Value, Refusal> {
        let now = (self.clock)();
        self.with(|state| {
            if state.behaviour.list_fails() {
                return Err(Refusal::Unavailable);
            }
            let accepted_until = now
                .checked_sub(state.behaviour.list_lag())
                .unwrap_or(jiff::Timestamp::MIN);
            let mut call = ListCall::read(account, query, accepted_until)?;
            call.redacts = state.behaviour.redact_numbers;
            call.answer(&state.messages)
        })
    }
}

/// The account and what of it, from a path below `/2010-04-01/Accounts`.
fn resource<'a>(below: &[&'a str]) -> Option<(&'a str, Resource<'a>)> {
    let (account, resource) = match below {
        [account] => (account.strip_suffix(".json")?, Resource::Account),
        [account, "Messages.json"] => (*account, Resource::Messages),
        [account, "Messages", file] => (*account, Resource::Message(file.strip_suffix(".json")?)),
        [account, "IncomingPhoneNumbers.json"] => (*account, Resource::PhoneNumbers),
        [account, "SMS", "ShortCodes.json"] => (*account, Resource::ShortCodes),
        _ => return None,
    };
    login::is_sid(account, "AC").then_some((account, resource))
}

fn only_get(parts: &Parts) -> Result<(), Refusal> {
    if parts.method == Method::GET {
        Ok(())
    } else {
        Err(Refusal::MethodNotAllowed)
    }
}

fn not_found(parts: &Parts) -> Refusal {
    Refusal::NotFound(parts.uri.path().to_owned())
}
