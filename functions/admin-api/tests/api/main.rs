//! The HTTP API, in-process, on the embedded AWS.

mod description;
mod support;
