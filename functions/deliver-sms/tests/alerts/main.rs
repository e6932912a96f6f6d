//! The way of an alert, from the event to the last receipt, on a virtual clock.
//!
//! * [`world`] — handlers, queues, table, Twilio and a gateway in one process; what must hold whatever happens
//! * [`functions`] — what the handlers are made of, and how they are run
//! * [`carriers`] — Twilio and a gateway, as the handlers meet them
//! * [`faults`] — functions that die at any of their calls, calls that fail
//! * `sending` — who gets what
//! * `never_twice` — never twice, never lost, whatever call fails
//! * `doubt` — sends without an answer
//! * `identical` — equal texts to one phone
//! * `receipts` — what Twilio posts
//! * `shared_account` — what Twilio posts for several workspaces at once
//! * `inquiries` — messages without receipts
//! * [`sweep`] — who wakes what waits for receipts
//! * `gateways` — the other carrier
//! * `injection` — what a gateway receives over a socket where every text is hostile
//! * `observability` — what can be seen of it: traces, log lines, numbers
//! * `samples` — the samples of `events/`

#[path = "../../../../shared/platform/tests/support/captured_log.rs"]
mod captured_log;
#[path = "../../../../shared/platform/tests/support/captured_metrics.rs"]
mod captured_metrics;
mod carriers;
mod doubt;
mod faults;
mod functions;
mod gateways;
#[path = "../../../../shared/platform/tests/support/hostile.rs"]
mod hostile;
mod hot_workspace;
mod identical;
mod injection;
mod inquiries;
mod never_twice;
mod observability;
mod receipts;
mod samples;
mod sending;
mod shared_account;
mod sweep;
mod world;
