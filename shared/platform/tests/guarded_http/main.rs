//! The guarded HTTP client against real sockets on 127.0.0.1.

mod address_attacks;
mod connections;
mod deadlines;
mod dns_answers;
mod environment;
#[path = "../support/hostile.rs"]
mod hostile;
mod hostile_responses;
mod injection;
mod packed_bodies;
mod redirects;
mod responses;
mod slow_drips;
mod support;
mod tls;
mod tls_failures;
mod twilio_injection;
