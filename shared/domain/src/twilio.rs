//! What Twilio says and how it is understood; pure functions over its texts.
//!
//! - [`sids`]: its identifiers
//! - [`credentials`]: what signs in and what verifies
//! - [`signature`]: the signature of its requests to us
//! - [`answer`], [`errors`]: what it answers to a send, and what each error code means for a delivery
//! - [`receipt`], [`inbound`]: what it posts to us
//! - [`listing`]: the account's messages, to find out what became of a send that got no answer, or of a message without
//!   receipts

pub mod answer;
pub mod credentials;
pub mod errors;
pub mod inbound;
pub mod listing;
pub mod receipt;
pub mod sids;
pub mod signature;
