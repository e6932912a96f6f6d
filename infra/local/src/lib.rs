//! The whole product on one machine: `cargo run -p local`.
//!
//! # Layout
//!
//! | module | plays |
//! |---|---|
//! | [`aws`] | SQS, DynamoDB and KMS in memory, over HTTP or straight from the SDK |
//! | [`clock`] | the time they read: the system's, or tokio's paused time in tests |
//! | [`template`] | reads `template.yaml` |
//! | [`lambda`] | runs the function binaries against the Runtime API |
//! | [`event_source`] | polls queues and invokes functions with batches |
//! | [`gateway`] | the HTTP API |
//! | [`schedule`] | scheduled functions |
//! | [`outside`] | the outside world: inboxes that receive webhooks, and a Twilio simulator |
//! | [`stack`] | all of it together; tests embed this |
//! | [`cli`] | the command |
//!
//! A test of a handler needs [`aws::Aws`] alone: the SDK's clients work on it in-process, under paused time as well.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use local::{aws::Aws, clock};
//!
//! let aws = Aws::new(clock::virtual_from("2026-03-29T14:30:00Z".parse()?), "http://127.0.0.1:4566");
//! let sqs = aws_sdk_sqs::Client::new(&aws.sdk_config());
//! sqs.create_queue().queue_name("waits").send().await?;
//! # Ok(())
//! # }
//! ```

pub mod aws;
pub mod cli;
pub mod clock;
pub mod event_source;
pub mod gateway;
mod http_server;
mod ids;
pub mod lambda;
pub mod outside;
pub mod schedule;
pub mod stack;
pub mod template;
