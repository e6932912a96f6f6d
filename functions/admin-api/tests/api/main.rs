//! The HTTP API, in-process, on the embedded AWS.
//!
//! * [`access`] — every route, every role
//! * [`description`] — the OpenAPI document
//! * [`boundary`] — panics and the log
//! * [`requests`] — what is refused before it reaches a handler, and how errors look
//! * [`webhooks`], [`webhook_fields`], [`webhook_secrets`] — the resource, its rules, its secret
//! * [`deliveries`], [`actions`] — the log; test, resend, recover, switching off, deleting
//! * [`events`], [`api_keys`] — the other resources
//! * [`any_body`] — properties that hold for any input

mod access;
mod actions;
mod any_body;
mod api_keys;
mod boundary;
mod deliveries;
mod description;
mod events;
mod requests;
mod support;
mod webhook_fields;
mod webhook_secrets;
mod webhooks;
