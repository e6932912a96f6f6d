//! The HTTP API, in-process, on the embedded AWS.
//!
//! * [`access`] — every route, every role; [`key_attacks`] — keys that are none
//! * [`description`] — the OpenAPI document
//! * [`boundary`] — panics and the log; [`observability`] — traces and what is counted
//! * [`requests`] — what is refused before it reaches a handler, and how errors look
//! * [`webhooks`], [`webhook_fields`], [`webhook_secrets`] — the resource, its rules, its secret
//! * [`deliveries`], [`actions`] — the log; test, resend, recover, switching off, deleting
//! * [`events`], [`api_keys`] — the other resources
//! * [`sms_test`], [`history`], [`stats`] — a test message; what became of messages and deliveries
//! * [`provider`], [`provider_check`], [`preview`] — who carries messages, what Twilio says of it, what they look like
//! * [`members`], [`preferences`] — phones, opt-outs, what people want to be told
//! * [`any_body`] — properties that hold for any input; [`injection`] — texts that try to be more than a value

mod access;
mod actions;
mod any_body;
mod api_keys;
mod boundary;
#[path = "../../../../shared/platform/tests/support/captured_metrics.rs"]
mod captured_metrics;
mod deliveries;
mod description;
mod events;
mod history;
#[path = "../../../../shared/platform/tests/support/hostile.rs"]
mod hostile;
mod injection;
mod key_attacks;
mod members;
mod observability;
mod preferences;
mod preview;
mod provider;
mod provider_check;
mod requests;
mod sms_test;
mod stats;
mod support;
mod twilio;
mod webhook_fields;
mod webhook_secrets;
mod webhooks;
