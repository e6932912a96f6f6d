//! What the product decides: events, signatures, retries and delivery states, as pure functions and values.
//!
//! Nothing in here reaches for AWS, the network, a clock or randomness: the time and the random bytes are arguments.
//!
//! # Layout
//! - [`ids`]: identifiers, with their rules in the constructors
//! - [`catalogue`]: event types, a webhook's choice among them, sample payloads
//! - [`event`]: reading an event off the queue, and the body that goes out
//! - [`secret`], [`rotation`], [`signing`]: a webhook's secret, its overlap while rotating, a request's headers
//! - [`retry`]: how long to wait after which failure
//! - [`webhook`], [`delivery`]: a configured endpoint; one event to it, its attempts and states
//! - [`sms`], [`twilio`]: SMS alerts, and the provider that carries them
//! - [`channel`]: webhook or SMS
//! - [`waiting`]: what a delivery waits for
//! - [`access`]: API keys and roles
//! - [`endpoint_url`], [`address`], [`retry_after`]: where requests may go, and the wait that an endpoint asks for
//! - [`allowance`]: how often something may be done
//! - [`compression`]: bodies at rest
//! - [`time`]: times as the outside writes them
//! - [`trace`]: which trace an event belongs to

pub mod access;
pub mod address;
pub mod allowance;
pub mod catalogue;
pub mod channel;
pub mod compression;
pub mod delivery;
pub mod endpoint_url;
pub mod event;
pub mod ids;
pub mod retry;
pub mod retry_after;
pub mod rotation;
pub mod secret;
pub mod signing;
pub mod sms;
pub mod time;
pub mod trace;
pub mod twilio;
pub mod waiting;
pub mod webhook;
