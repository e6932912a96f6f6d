//! Twilio, as far as sending texts goes: a simulator.
//!
//! It is used over HTTP, as `/twilio/…` of the [outside world](super), and in-process, as [`Twilio`]: there a request
//! is answered without a socket, callbacks leave through a [`DeliverCallback`] of the test's own, and all waiting is
//! tokio's, so that it runs under paused time. Paths below are those below `/twilio`.
//!
//! # Twilio's API
//!
//! HTTP basic authentication: any account SID with any token, or any API key (`SK…`) with any secret. No credentials
//! or garbled ones, or another account's: 401, code 20003.
//!
//! | call | answer |
//! |---|---|
//! | `POST /2010-04-01/Accounts/{account}/Messages.json` | 201 with the Message resource. Status `queued`, or `accepted` where `MessagingServiceSid` is given; the service chooses `+15005550006` as its sender, unless `From` names one. Parameters other than `To`, `From`, `MessagingServiceSid`, `Body` and `StatusCallback` are ignored |
//! | `GET …/Messages/{sid}.json` | the message |
//! | `GET …/Messages.json` | the account's messages, newest first; filters `To`, `From`, `DateSent`, `DateSent<`, `DateSent>` (a day or an instant, both ends inclusive; by the time of acceptance until a message is sent), `PageSize` (1 to 1000, 50 unless given). `next_page_uri` leads on; there is no way back |
//! | `GET /2010-04-01/Accounts/{account}.json` | the account: `active`, `Full` unless the behaviour says `Trial` |
//! | `GET …/IncomingPhoneNumbers.json?PhoneNumber=` | the number: the account owns every one but `+15005550007` |
//! | `GET …/SMS/ShortCodes.json?ShortCode=` | the short code: the account owns every one |
//! | `GET /v1/Services/{sid}` | the messaging service: there is every one but `MG` and 32 zeros |
//!
//! Refusals are Twilio's, `{"code", "message", "more_info", "status"}`. A message is refused by what it lacks (`To`
//! 21604, sender 21603, `Body` 21602), by what is malformed (`To` 21211, `From` 21212, messaging service 21701,
//! `StatusCallback` 21609), by a body of over 1600 characters (21617), and by
//! [Twilio's numbers for tests](https://www.twilio.com/docs/iam/test-credentials):
//!
//! | `To` | code | | `From` | code |
//! |---|---|---|---|---|
//! | `+15005550001` | 21211 | | `+15005550001` | 21212 |
//! | `+15005550002` | 21612 | | `+15005550000` | 21606 |
//! | `+15005550003` | 21408 | | `+15005550007` | 21606 |
//! | `+15005550004` | 21610 | | `+15005550008` | 21611 |
//! | `+15005550009` | 21614 | | | |
//!
//! # What becomes of a message
//!
//! `queued` → `sending` → `sent` → `delivered`, 50 to 200 ms apart. Among the numbers that are kept for fiction,
//! 555-0100 to 555-0199 of any area, some fail:
//!
//! | `To` ends in | ends as | error |
//! |---|---|---|
//! | `5550101` | `undelivered` | 30005, unknown destination handset |
//! | `5550102` | `failed` (instead of `sent`) | 30006, landline or unreachable carrier |
//! | `5550103` | `undelivered` | 30003, unreachable destination handset |
//!
//! Each status is posted to the message's `StatusCallback`, one after the other. (Twilio leaves out the status that
//! the message was created with, `queued` without a messaging service, and may leave out `sending`; here all of them
//! come.) The form is Twilio's; `X-Twilio-Signature` is made with the token that created the message. An API key has
//! no such token: there it is the account's in `auth_tokens`, else the one that the account itself used last, else
//! none, and no receiver will take the signature.
//!
//! The URL's fragment is not sent, not signed, and holds the
//! [connection overrides](https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides): `rc`, `rp`, `rt`
//! and `tt` are obeyed, others are ignored. Without them a callback without a connection is tried once more, any other
//! failure not at all. Twilio does not say how long it waits in between; here it is 100 ms, doubled each time. A
//! connection that breaks before an answer counts as none.
//!
//! # For tests
//!
//! | call | |
//! |---|---|
//! | `PUT /behaviour` | sets the behaviour: what is left out goes back to its default, `{}` resets all. 204, or 422 with the mistake |
//! | `GET /behaviour` | the behaviour, with what is left of the counters; tokens show as `***` |
//! | `GET /messages` | every message that was accepted, oldest first, as [`AcceptedMessage`] has it |
//! | `PUT /inbound` | `{"account_sid", "from", "to", "messaging_service_sid"?, "body", "opt_out_type"?, "url"}`: posts a text from a phone (STOP, START) to `url`, signed with the account's token as for an API key. 200 with `{"status"}` that the URL answered; 502 where it did not, 422 where no token is known. It stops nobody from being texted |
//!
//! The behaviour:
//!
//! | field | default | |
//! |---|---|---|
//! | `timeout_before_accept` | 0 | the next n create calls are never answered, and their messages not accepted |
//! | `reject_429` | 0 | the next n create calls are refused with 429, code 20429 |
//! | `error_500` | 0 | the next n create calls are refused with 500, code 20500 |
//! | `timeout_after_accept` | 0 | the next n messages are accepted, and the calls never answered |
//! | `error_500_after_accept` | 0 | the next n messages are accepted, and the calls answered with 500 |
//! | `list_errors` | 0 | the next n list calls are answered with 503 |
//! | `list_lag_ms` | 0 | how long after its acceptance a message shows in lists |
//! | `redact_numbers` | `false` | the API shows the last four digits of the phones as `XXXX`, once a message is with the carrier, and lists it under its number no more |
//! | `callbacks` | `normal` | `repeated`: each twice. `reordered`: the last one first, after the last status. `early`: all at once, before the create call is answered. `none` |
//! | `account_type` | `Full` | `Trial`: bodies get the trial account's prefix |
//! | `auth_tokens` | `{}` | `{"AC…": "token"}`: what signs where no account's own token does |
//!
//! A create call has one fault at most, the first one in this order whose counter is not used up. The first three
//! strike whatever is sent (with credentials), the other two only messages that are accepted.
//!
//! Over HTTP, a call that is never answered is held open until the client gives up; after 30 seconds it gets 504.
//!
//! # Bounds
//! [`MAX_MESSAGES`] messages, [`MAX_REQUEST_BYTES`] a request (413). SIDs are the same on every run.
//!
//! # Layout
//! - `api`: the calls of Twilio's API. `state`: what is known, and how a message is taken; `new_message` checks it, `refusal` has the refusals, `login`
//!   the credentials, `form` the parameters, `behaviour` the faults.
//! - `message`, `messages`, `listing`, `account`: what the API shows; `segments` counts.
//! - `lifecycle` and `fate`: what happens next; `callback` signs, `overrides` retries, `http_callbacks` posts,
//!   `inbound` is the other direction.

mod account;
mod api;
mod behaviour;
mod callback;
mod fate;
mod form;
mod http_callbacks;
mod inbound;
mod lifecycle;
mod listing;
mod login;
mod message;
mod messages;
mod new_message;
mod overrides;
mod refusal;
mod segments;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde::Serialize;
use serde_json::json;
use sqs::Clock;
use tokio::task::JoinSet;

use crate::http_server::{empty, json};

pub use callback::{Callback, DeliverCallback, IDEMPOTENCY_TOKEN, SIGNATURE};
pub use message::{AcceptedMessage, Status, StatusChange};
pub use messages::MAX_MESSAGES;

pub(super) use http_callbacks::HttpCallbacks;

use behaviour::Behaviour;
use inbound::InboundText;
use messages::Number;
use overrides::{Outcome, Overrides};
use state::State;

/// The longest request that the simulator takes.
pub const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// The simulator. Clones share all; when the last one goes, callbacks stop.
#[derive(Clone)]
pub struct Twilio {
    desk: Arc<Desk>,
    /// The lifecycles under way. They hold the desk and not these.
    lifecycles: Arc<Mutex<JoinSet<()>>>,
}

/// What calls and lifecycles share.
struct Desk {
    clock: Clock,
    deliver: Arc<dyn DeliverCallback>,
    state: Mutex<State>,
}

/// What a caller gets.
#[derive(Debug)]
pub enum Reply {
    /// An answer.
    Response(Response<Bytes>),
    /// None, ever: the caller times out.
    Silence,
}

impl From<Response<Bytes>> for Reply {
    fn from(response: Response<Bytes>) -> Self {
        Self::Response(response)
    }
}

impl Twilio {
    /// A simulator without messages. Times are `clock`'s; callbacks leave through `deliver`.
    #[must_use]
    pub fn new(clock: Clock, deliver: Arc<dyn DeliverCallback>) -> Self {
        Self {
            desk: Arc::new(Desk {
                clock,
                deliver,
                state: Mutex::default(),
            }),
            lifecycles: Arc::default(),
        }
    }

    /// Answers a request; its path is that below `/twilio`. Must be called inside a tokio runtime, where the callbacks
    /// then run.
    pub async fn answer(&self, request: Request<Bytes>) -> Reply {
        let (parts, body) = request.into_parts();
        if body.len() > MAX_REQUEST_BYTES {
            return empty(StatusCode::PAYLOAD_TOO_LARGE).into();
        }
        let path: Vec<_> = parts
            .uri
            .path()
            .trim_start_matches('/')
            .split('/')
            .collect();
        match (&parts.method, path.as_slice()) {
            (&Method::PUT, ["behaviour"]) => self.behave(&body).into(),
            (&Method::GET, ["behaviour"]) => {
                shown(&self.desk.with(|state| state.behaviour.clone())).into()
            }
            (&Method::GET, ["messages"]) => shown(&self.accepted()).into(),
            (&Method::PUT, ["inbound"]) => self.text(&body).await.into(),
            (_, path) => match self.api(path, &parts, &body).await {
                Ok(reply) => reply,
                Err(refusal) => refusal.response().into(),
            },
        }
    }

    /// All messages that were ever accepted, oldest first; the newest [`MAX_MESSAGES`] of them.
    #[must_use]
    pub fn accepted(&self) -> Vec<AcceptedMessage> {
        self.desk.with(|state| state.messages.all())
    }

    fn behave(&self, body: &[u8]) -> Response<Bytes> {
        match Behaviour::parse(body) {
            Ok(behaviour) => {
                self.desk.with(|state| state.behaviour = behaviour);
                empty(StatusCode::NO_CONTENT)
            }
            Err(mistake) => unprocessable(&mistake.to_string()),
        }
    }

    async fn text(&self, body: &[u8]) -> Response<Bytes> {
        let text = match InboundText::parse(body) {
            Ok(text) => text,
            Err(mistake) => return unprocessable(&mistake.to_string()),
        };
        if !new_message::is_callback_url(&text.url) {
            return unprocessable("url: must be an absolute http or https URL");
        }
        let callback = self.desk.with(|state| {
            let token = state.token(&text.account_sid)?;
            Some(text.callback(state.next_inbound_text(), &token))
        });
        let Some(callback) = callback else {
            return unprocessable(
                "no token is known for account_sid: let it make a call, or set auth_tokens",
            );
        };
        let overrides = Overrides::of(&text.url);
        match overrides.post(&*self.desk.deliver, &callback).await {
            Outcome::Answered(status) => shown(&json!({ "status": status })),
            Outcome::NotConnected(words) => bad_gateway(&words),
            Outcome::Silence => bad_gateway("no answer came in time"),
        }
    }
}

impl fmt::Debug for Twilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twilio").finish_non_exhaustive()
    }
}

impl Desk {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn message(&self, number: Number) -> Option<AcceptedMessage> {
        self.with(|state| state.messages.get_mut(number).cloned())
    }

    fn change(&self, number: Number, status: Status) {
        let now = (self.clock)();
        self.with(|state| {
            if let Some(message) = state.messages.get_mut(number) {
                message.change(status, now);
            }
        });
    }
}

fn shown(value: &impl Serialize) -> Response<Bytes> {
    serde_json::to_vec(value).map_or_else(
        |_| empty(StatusCode::INTERNAL_SERVER_ERROR),
        |body| json(StatusCode::OK, body),
    )
}

fn unprocessable(words: &str) -> Response<Bytes> {
    in_words(StatusCode::UNPROCESSABLE_ENTITY, words)
}

fn bad_gateway(words: &str) -> Response<Bytes> {
    in_words(StatusCode::BAD_GATEWAY, words)
}

fn in_words(status: StatusCode, words: &str) -> Response<Bytes> {
    json(status, json!({ "message": words }).to_string())
}
