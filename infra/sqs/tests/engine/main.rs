//! The engine against a naive model of it, and the rules of the actions around the messages. Each test of a rule names
//! the page of AWS's documentation that says so.

#![allow(unreachable_pub, reason = "a test program exports nothing")]

mod attributes;
mod content;
mod deletion;
mod determinism;
mod fairness;
mod model;
mod polling;
mod protocol;
mod queues;
mod receive;
mod redrive;
mod support;
