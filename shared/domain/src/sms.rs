//! SMS alerts: who gets one, what it says, and what becomes of it.
//!
//! - [`phone`], [`sender`]: numbers and who a message comes from
//! - [`member`]: people, their phones and preferences
//! - [`provider`], [`provider_error`]: who carries a workspace's messages, and what went wrong there
//! - [`text`], [`segments`]: what a message says, and what it costs
//! - [`delivery`]: one alert to one phone, its states and timeline

pub mod delivery;
pub mod member;
pub mod phone;
pub mod provider;
pub mod provider_error;

pub mod segments;
pub mod sender;
pub mod text;
