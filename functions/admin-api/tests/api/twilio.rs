//! Twilio as far as the API asks it: one account, what it owns, and how it answers.

use std::sync::Mutex;
use std::time::Duration;

use axum::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::FutureExt;
use futures::future::BoxFuture;
use platform::http::{HttpSend, InboundResponse, OutboundRequest, SendError};
use serde_json::{Value, json};

pub(crate) const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
pub(crate) const TOKEN: &str = "canary-auth-token-of-the-account";
pub(crate) const API_KEY: &str = "SK0123456789abcdef0123456789abcdef";
pub(crate) const API_KEY_SECRET: &str = "canary-api-key-secret";
pub(crate) const NUMBER: &str = "+14155550100";
pub(crate) const SHORT_CODE: &str = "72345";
pub(crate) const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";

/// The account [`ACCOUNT`], signed in to with [`TOKEN`] or [`API_KEY`], which owns [`NUMBER`], [`SHORT_CODE`] and
/// [`SERVICE`].
pub(crate) struct FakeTwilio {
    behaviour: Mutex<Behaviour>,
    asked: Mutex<Vec<String>>,
}

#[derive(Clone, Copy)]
pub(crate) struct Behaviour {
    /// `active`, `suspended` or `closed`.
    pub(crate) status: &'static str,
    /// `Full` or `Trial`.
    pub(crate) kind: &'static str,
    /// Answers every question with this status.
    pub(crate) refuses_with: Option<u16>,
    /// Does not answer.
    pub(crate) silent: bool,
}

impl Default for FakeTwilio {
    fn default() -> FakeTwilio {
        let behaviour = Behaviour {
            status: "active",
            kind: "Full",
            refuses_with: None,
            silent: false,
        };
        FakeTwilio {
            behaviour: Mutex::new(behaviour),
            asked: Mutex::default(),
        }
    }
}

impl FakeTwilio {
    pub(crate) fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().unwrap());
    }

    /// The paths that were asked for, queries included.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn answer(&self, request: &OutboundRequest) -> Result<InboundResponse, SendError> {
        let url = request.url.as_url();
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        self.asked.lock().unwrap().push(path.clone());
        let behaviour = *self.behaviour.lock().unwrap();
        if behaviour.silent {
            return Err(SendError::ConnectionRefused);
        }
        let status = behaviour.refuses_with.unwrap_or_else(|| login(request));
        let found = (status == 200).then(|| resource(&path, behaviour));
        Ok(match found {
            Some(Some(body)) => response(200, &body),
            Some(None) => response(404, &json!({ "code": 20404 })),
            None => response(status, &json!({ "code": 20003 })),
        })
    }
}

impl HttpSend for FakeTwilio {
    fn send(
        &self,
        request: OutboundRequest,
        _: Duration,
    ) -> BoxFuture<'_, Result<InboundResponse, SendError>> {
        let answer = self.answer(&request);
        async move { answer }.boxed()
    }
}

fn login(request: &OutboundRequest) -> u16 {
    let given = request.headers[AUTHORIZATION].to_str().unwrap();
    let of = |user: &str, password: &str| {
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
    };
    if given == of(ACCOUNT, TOKEN) || given == of(API_KEY, API_KEY_SECRET) {
        200
    } else {
        401
    }
}

fn resource(path: &str, behaviour: Behaviour) -> Option<Value> {
    let account = format!("/2010-04-01/Accounts/{ACCOUNT}");
    if path == format!("/v1/Services/{SERVICE}") {
        return Some(json!({ "sid": SERVICE }));
    }
    let below = path.strip_prefix(&account)?;
    if below == ".json" {
        Some(json!({ "status": behaviour.status, "type": behaviour.kind }))
    } else if let Some(number) = below.strip_prefix("/IncomingPhoneNumbers.json?PhoneNumber=") {
        // Twilio looks for the digits anywhere in a number.
        let found = NUMBER.contains(&number.replace("%2B", "+"));
        let numbers = found.then(|| json!({ "phone_number": NUMBER }));
        Some(json!({ "incoming_phone_numbers": Vec::from_iter(numbers) }))
    } else {
        let code = below.strip_prefix("/SMS/ShortCodes.json?ShortCode=")?;
        let codes = (code == SHORT_CODE).then(|| json!({ "short_code": SHORT_CODE }));
        Some(json!({ "short_codes": Vec::from_iter(codes) }))
    }
}

fn response(status: u16, body: &Value) -> InboundResponse {
    InboundResponse {
        status,
        retry_after: None,
        body: body.to_string().into_bytes(),
        body_truncated: false,
    }
}
