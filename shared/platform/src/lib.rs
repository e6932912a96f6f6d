//! What the functions stand on: the table, the queues, KMS secrets, the guarded HTTP client, settings and logs.
//!
//! # Layout
//! * [`store`] — the DynamoDB table: configuration, deliveries and their log, API keys
//! * [`queue`] — the SQS queues: messages, sending, visibility
//! * [`secrets`] — KMS ciphertexts
//! * [`http`] — the one way out to customers' endpoints
//! * [`twilio`] — Twilio's REST API, through the same way out
//! * [`batch`] — what every handler of an SQS batch does alike
//! * [`logging`], [`metrics`] — what a function tells of its work
//! * [`aws`], [`settings`], [`clock`], [`entropy`] — what `main.rs` hands to a handler

pub mod aws;
pub mod aws_error;
pub mod batch;
pub mod clock;
pub mod entropy;
pub mod http;
pub mod logging;
pub mod metrics;
pub mod queue;
pub mod secrets;
pub mod settings;
pub mod store;
pub mod twilio;
