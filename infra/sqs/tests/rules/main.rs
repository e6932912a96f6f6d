//! The rules of SQS, one file per subject: each test is one rule and names the page that states it, or what this engine
//! decides where SQS leaves room.

#![allow(unreachable_pub, reason = "a test program exports nothing")]

mod attributes;
mod batches;
mod delay;
mod deletion;
mod errors;
mod fairness;
mod limits;
mod messages;
mod model;
mod polling;
mod queues;
mod receive;
mod redrive;
mod retention;
mod support;
mod visibility;
