//! Placeholder during build-up.

pub mod aws;
pub mod clock;
pub mod event_source;
pub mod gateway;
mod http_server;
mod ids;
pub mod lambda;
pub mod outside;
pub mod template;
