//! The Twilio simulator, over HTTP and in-process.

mod faults;
mod in_process;
mod lists;
mod over_http;
mod signature;
#[path = "../support/mod.rs"]
mod support;
mod world;
