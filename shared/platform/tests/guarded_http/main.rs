//! The guarded HTTP client against real sockets on 127.0.0.1.

mod address_attacks;
mod connections;
mod deadlines;
mod environment;
mod responses;
mod support;
mod tls;
