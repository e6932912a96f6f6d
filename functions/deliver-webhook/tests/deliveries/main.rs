//! Webhook deliveries from the events queue to their end, on a virtual clock.

mod bulk;
#[path = "../../../../shared/platform/tests/support/captured_log.rs"]
mod captured_log;
#[path = "../../../../shared/platform/tests/support/captured_metrics.rs"]
mod captured_metrics;
mod crashes;
mod crowds;
mod down_for_long;
mod endings;
mod hot_workspace;
mod in_flight_wall;
mod isolation;
mod lanes;
mod load;
mod observability;
mod parking;
mod samples;
mod schedule;
mod world;
