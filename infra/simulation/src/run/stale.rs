//! Reads that are not strong may be answered from an earlier state: by DynamoDB's own word usually of less than a second
//! ago (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.ReadConsistency.html>); here of up to
//! a minute.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use http::Response;
use jiff::{SignedDuration, Timestamp};
use local::aws::Aws;
use serde_json::Value;

use super::Run;
use crate::call::contains;
use crate::happening::Happening;
use crate::world;

/// No answer is older than this.
const MOST_BEHIND: SignedDuration = SignedDuration::from_mins(1);
/// Nor than so many writes.
const MOST_WRITES_BEHIND: u64 = 4;

/// What the table has been through.
#[derive(Default)]
pub(super) struct TableHistory {
    /// Its writes, in order: when, what, and the request.
    writes: Vec<(Timestamp, String, Bytes)>,
    /// The partitions, of the table and its indexes, that ever held anything.
    partitions: BTreeSet<String>,
}

impl Run {
    /// The table took a write.
    pub fn wrote(&self, target: &str, body: Bytes) {
        let mut found = BTreeSet::new();
        let request = serde_json::from_slice(&body).unwrap_or_default();
        partitions(&request, &mut found);
        let now = self.now();
        let history = &mut self.state().history;
        history.partitions.append(&mut found);
        history.writes.push((now, target.to_owned(), body));
    }

    /// How many writes the table has taken.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.state().history.writes.len()
    }

    /// Whether this query is for a partition in which nothing ever was.
    pub(super) fn never_held_any(&self, query: &[u8]) -> bool {
        let state = self.state();
        let mut partitions = state.history.partitions.iter();
        !partitions.any(|partition| contains(query, &format!("\"{partition}\"")))
    }

    /// Whether this read, by chance, is answered from an earlier state.
    pub(super) fn is_to_be_stale(&self) -> bool {
        if !self.dice.mischief.percent(self.scenario.mischief.stale) {
            return false;
        }
        let young = self.now() - MOST_BEHIND;
        let state = self.state();
        let latest = state.history.writes.last();
        latest.is_some_and(|(at, ..)| *at > young)
    }

    /// Answers from the state before the latest one to four writes, those of the last minute.
    pub(super) async fn stale(&self, target: &str, body: Bytes) -> Response<Bytes> {
        let behind = usize::try_from(1 + self.dice.fault.below(MOST_WRITES_BEHIND)).unwrap_or(1);
        let old = self.now() - MOST_BEHIND;
        let writes = self.state().history.writes.clone();
        let certain = writes.partition_point(|(at, ..)| *at <= old);
        let taken = writes.len().saturating_sub(behind).max(certain);
        let earlier = Aws::seeded(Arc::clone(&self.clock), world::ENDPOINT, 0);
        world::resources(&earlier).await;
        for (_, target, body) in &writes[..taken] {
            earlier.call(target, body.clone()).await;
        }
        let answer = earlier.call(target, body.clone()).await;
        let truth = self.aws.call(target, body).await;
        let mut state = self.state();
        if truth.body() != answer.body() {
            *state.happened.entry(Happening::StaleRead).or_default() += 1;
        }
        drop(state);
        answer
    }
}

/// The attributes that say in which partition something is, and the value that an update gives one of them.
const PARTITION: [&str; 4] = ["pk", "due_shard", ":shard", "unsettled"];

/// The partitions that a write puts something into.
fn partitions(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field["S"].as_str() {
                    Some(partition) if PARTITION.contains(&name.as_str()) => {
                        found.insert(partition.to_owned());
                    }
                    _ => partitions(field, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| partitions(value, found)),
        _ => {}
    }
}
