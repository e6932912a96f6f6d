//! Twilio's REST API: sending a message, and the questions about a message and an account.
//!
//! Source: [Message resource](https://www.twilio.com/docs/messaging/api/message-resource).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use domain::endpoint_url::{EndpointUrl, UrlError, UrlRules};
use domain::secret::SecretText;
use domain::sms::phone::PhoneNumber;
use domain::sms::sender::TwilioSender;
use domain::twilio::listing::{ListedMessage, Page};
use domain::twilio::sids::{AccountSid, MessageSid};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;
use url::form_urlencoded::Serializer;

use crate::http::{HttpSend, InboundResponse, OutboundRequest, SendError};

/// How long Twilio may take for an answer.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// Messages on a page of the list, and the most bytes that such a page takes: a message of 1,600 characters is some
/// 8 KiB of JSON at worst.
const PAGE_SIZE: usize = 100;
const MOST_PAGE_BYTES: usize = 1024 * 1024;
/// Where messaging services are asked for, when the rest is at `api.twilio.com`.
const API_HOST: &str = "api.twilio.com";
const MESSAGING_BASE: &str = "https://messaging.twilio.com";

/// Twilio's REST API at a base URL. Cheap to clone.
#[derive(Clone)]
pub struct TwilioApi {
    http: Arc<dyn HttpSend>,
    base: String,
    rules: UrlRules,
}

/// A list of what an account may send from.
struct List {
    /// Its path below the account.
    resource: &'static str,
    /// The parameter that narrows it down.
    filter: &'static str,
    /// The answer's field with the entries.
    name: &'static str,
    /// The entries' field with the number.
    field: &'static str,
}

/// Source: [IncomingPhoneNumber resource](https://www.twilio.com/docs/phone-numbers/api/incomingphonenumber-resource).
const PHONE_NUMBERS: List = List {
    resource: "IncomingPhoneNumbers",
    filter: "PhoneNumber",
    name: "incoming_phone_numbers",
    field: "phone_number",
};

/// Source: [ShortCode resource](https://www.twilio.com/docs/messaging/api/short-code-resource).
const SHORT_CODES: List = List {
    resource: "SMS/ShortCodes",
    filter: "ShortCode",
    name: "short_codes",
    field: "short_code",
};

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The account.
    pub account: AccountSid,
    /// The account's SID, or that of an API key.
    pub user: String,
    /// The auth token, or the API key's secret.
    pub password: SecretText,
}

/// A message to be sent.
#[derive(Debug, Clone, Copy)]
pub struct NewMessage<'a> {
    /// Where to.
    pub to: &'a PhoneNumber,
    /// Where from.
    pub sender: &'a TwilioSender,
    /// What it says.
    pub body: &'a str,
    /// Where receipts go; none where the deployment has no public address.
    pub status_callback: Option<&'a str>,
}

/// Which of an account's messages are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// Those to this phone. Twilio does not say that those are among them whose number it has redacted.
    To(&'a PhoneNumber),
    /// Those from this sender, whomever to: from a number its own, from a messaging service the whole account's, since
    /// there is no such filter.
    From(&'a TwilioSender),
}

impl Asked<'_> {
    fn query(self) -> String {
        let mut query = Serializer::new(String::new());
        match self {
            Asked::To(phone) => query.append_pair("To", phone.as_str()),
            Asked::From(TwilioSender::Number(number)) => query.append_pair("From", number.as_str()),
            Asked::From(TwilioSender::MessagingService(_)) => &mut query,
        };
        query.append_pair("PageSize", &PAGE_SIZE.to_string());
        query.finish()
    }
}

/// What an account is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountStatus {
    /// Neither suspended nor closed.
    pub active: bool,
    /// Sends to verified numbers only, and prefixes each message.
    pub trial: bool,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// No answer came.
    #[error("Twilio did not answer: {0}")]
    Unanswered(#[from] SendError),
    /// Account SID and token do not belong together.
    #[error("Twilio does not know the account or its credentials")]
    Unauthorized,
    /// There is no such thing in the account.
    #[error("Twilio does not know it")]
    NotFound,
    /// Another refusal.
    #[error("Twilio answered {0}")]
    Refused(u16),
    /// An answer of another shape than documented.
    #[error("Twilio's answer was not understood")]
    NotUnderstood,
}

impl TwilioApi {
    /// The API below this base URL, such as `https://api.twilio.com`.
    ///
    /// # Errors
    /// [`UrlError`] where the deployment's rules do not allow that URL.
    pub fn new(
        http: Arc<dyn HttpSend>,
        base: &str,
        rules: UrlRules,
    ) -> Result<TwilioApi, UrlError> {
        EndpointUrl::parse(base, rules)?;
        Ok(TwilioApi {
            http,
            base: base.trim_end_matches('/').to_owned(),
            rules,
        })
    }

    /// Sends a message. Whatever the answer says, it is for `domain::twilio::answer` to judge.
    ///
    /// # Errors
    /// [`SendError`] where no whole answer came; of [`SendError::BodyIncomplete`] the head is for
    /// `domain::twilio::answer` to judge as well.
    pub async fn create_message(
        &self,
        login: &Login,
        message: NewMessage<'_>,
    ) -> Result<InboundResponse, SendError> {
        let url = self.url(&self.base, &format!("{}.json", messages(login)))?;
        let mut headers = authorization(login);
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let body = Bytes::from(form(message));
        self.http
            .send(OutboundRequest::post(url, headers, body), DEADLINE)
            .await
    }

    /// A page of the account's messages that are asked for, newest first: the first one, or the one that `next` of the
    /// page before names.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn messages(
        &self,
        login: &Login,
        asked: Asked<'_>,
        next: Option<&str>,
    ) -> Result<Page, AskError> {
        let first = format!("{}.json?{}", messages(login), asked.query());
        let body = self.ask(&self.base, login, next.unwrap_or(&first)).await?;
        Page::parse(&body).map_err(|_| AskError::NotUnderstood)
    }

    /// One of the account's messages as it stands.
    /// Source: [Fetch a Message resource](https://www.twilio.com/docs/messaging/api/message-resource#fetch-a-message-resource).
    ///
    /// # Errors
    /// [`AskError`]; [`AskError::NotFound`] where the account has it no more.
    pub async fn message(
        &self,
        login: &Login,
        sid: &MessageSid,
    ) -> Result<ListedMessage, AskError> {
        let path = format!("{}/{sid}.json", messages(login));
        let body = self.ask(&self.base, login, &path).await?;
        let message = ListedMessage::parse(&body).map_err(|_| AskError::NotUnderstood)?;
        if message.sid == *sid {
            Ok(message)
        } else {
            Err(AskError::NotUnderstood)
        }
    }

    /// What the account is like.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn account(&self, login: &Login) -> Result<AccountStatus, AskError> {
        let account = self
            .ask_json(&self.base, login, &format!("{}.json", account(login)))
            .await?;
        let text = |name| {
            account
                .get(name)
                .and_then(Value::as_str)
                .ok_or(AskError::NotUnderstood)
        };
        Ok(AccountStatus {
            active: text("status")? == "active",
            trial: text("type")? == "Trial",
        })
    }

    /// Whether the account may send from this sender.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn owns(&self, login: &Login, sender: &TwilioSender) -> Result<bool, AskError> {
        match sender {
            TwilioSender::MessagingService(service) => {
                let path = format!("/v1/Services/{service}");
                match self.ask(self.messaging_base(), login, &path).await {
                    Ok(_) => Ok(true),
                    Err(AskError::NotFound) => Ok(false),
                    Err(other) => Err(other),
                }
            }
            TwilioSender::Number(number) if number.is_short_code() => {
                self.has(login, &SHORT_CODES, number.as_str()).await
            }
            TwilioSender::Number(number) => self.has(login, &PHONE_NUMBERS, number.as_str()).await,
        }
    }

    /// Whether the list has this very entry: the filter of numbers also finds those that a number is a part of.
    async fn has(&self, login: &Login, list: &List, value: &str) -> Result<bool, AskError> {
        let query = Serializer::new(String::new())
            .append_pair(list.filter, value)
            .finish();
        let path = format!("{}/{}.json?{query}", account(login), list.resource);
        let answer = self.ask_json(&self.base, login, &path).await?;
        let found = answer.get(list.name).and_then(Value::as_array);
        let is_it = |entry: &Value| entry.get(list.field).and_then(Value::as_str) == Some(value);
        Ok(found.ok_or(AskError::NotUnderstood)?.iter().any(is_it))
    }

    async fn ask_json(&self, base: &str, login: &Login, path: &str) -> Result<Value, AskError> {
        let body = self.ask(base, login, path).await?;
        serde_json::from_slice(&body).map_err(|_| AskError::NotUnderstood)
    }

    async fn ask(&self, base: &str, login: &Login, path: &str) -> Result<Vec<u8>, AskError> {
        let url = self.url(base, path)?;
        let request = OutboundRequest::get(url, authorization(login), MOST_PAGE_BYTES);
        let response = self.http.send(request, DEADLINE).await?;
        match response.status {
            200..=299 if response.body_truncated => Err(AskError::NotUnderstood),
            200..=299 => Ok(response.body),
            401 => Err(AskError::Unauthorized),
            404 => Err(AskError::NotFound),
            other => Err(AskError::Refused(other)),
        }
    }

    fn url(&self, base: &str, path: &str) -> Result<EndpointUrl, SendError> {
        Ok(EndpointUrl::parse(&format!("{base}{path}"), self.rules)?)
    }

    fn messaging_base(&self) -> &str {
        if self.base.ends_with(&format!("//{API_HOST}")) {
            MESSAGING_BASE
        } else {
            &self.base
        }
    }
}

fn account(login: &Login) -> String {
    format!("/2010-04-01/Accounts/{}", login.account)
}

fn messages(login: &Login) -> String {
    format!("{}/Messages", account(login))
}

fn form(message: NewMessage<'_>) -> String {
    let mut form = Serializer::new(String::new());
    form.append_pair("To", message.to.as_str());
    match message.sender {
        TwilioSender::Number(number) => form.append_pair("From", number.as_str()),
        TwilioSender::MessagingService(service) => {
            form.append_pair("MessagingServiceSid", service.as_str())
        }
    };
    form.append_pair("Body", message.body);
    // Links are the customer's own: never wrapped.
    form.append_pair("ShortenUrls", "false");
    // The text goes as it was counted, also where a messaging service would replace characters.
    form.append_pair("SmartEncoded", "false");
    if let Some(url) = message.status_callback {
        form.append_pair("StatusCallback", url);
    }
    form.finish()
}

/// HTTP basic authentication (RFC 7617).
fn authorization(login: &Login) -> HeaderMap {
    let Login { user, password, .. } = login;
    let credentials = BASE64.encode(format!("{user}:{}", password.expose()));
    let mut headers = HeaderMap::new();
    // Base64 is always a header value; were it not, Twilio would refuse the request.
    if let Ok(mut value) = HeaderValue::try_from(format!("Basic {credentials}")) {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    headers
}
