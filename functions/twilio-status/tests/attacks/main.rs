//! Requests that are not Twilio's, or not for what they name: each gets a 4xx, at most, and changes nothing.
//!
//! * [`world`] — two workspaces that have each sent a message, and what the table holds
//! * [`forged`] — signatures that are none, another's, or over something else
//! * [`replayed`] — good receipts and texts that come again, late, or out of order
//! * [`bodies`] — forms that are cut off, altered, too large or no forms
//! * [`strangers`] — good signatures for what is another workspace's
//!
//! What good receipts do is in `deliver-sms`' tests, with the sends that they belong to.

mod bodies;
#[allow(dead_code, reason = "the log is read as one text here")]
#[path = "../../../../shared/platform/tests/support/captured_log.rs"]
mod captured_log;
mod forged;
mod replayed;
mod strangers;
mod world;
