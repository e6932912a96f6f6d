//! The way of an alert, from the event to the last receipt, on a virtual clock.
//!
//! * [`world`] — handlers, queues, table, Twilio and a gateway in one process; what must hold whatever happens
//! * [`faults`] — functions that die at any of their calls
//! * `sending` — who gets what
//! * `kills` — never twice, never lost
//! * `doubt` — sends without an answer
//! * `identical` — equal texts to one phone
//! * `receipts` — what Twilio posts
//! * `gateways` — the other carrier
//! * `samples` — the samples of `events/`

mod doubt;
mod faults;
mod gateways;
mod identical;
mod kills;
mod receipts;
mod samples;
mod sending;
mod world;
