//! Webhook deliveries from the events queue to their end, on a virtual clock.

mod bulk;
mod crashes;
mod endings;
mod lanes;
mod samples;
mod schedule;
mod world;
