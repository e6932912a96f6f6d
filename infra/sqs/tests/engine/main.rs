//! What this engine decides where SQS leaves room: the exact order of messages, who counts as noisy, and handles, names
//! and policies that outlive their queue. The rules themselves are tested in the files beside this folder.

#![allow(unreachable_pub, reason = "a test program exports nothing")]

mod attributes;
mod deletion;
mod fairness;
mod model;
mod polling;
mod queues;
mod receive;
mod redrive;
mod support;
