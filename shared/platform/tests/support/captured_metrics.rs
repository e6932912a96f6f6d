//! What metrics print in a test.

use std::sync::{Arc, Mutex};

use platform::clock::Clock;
use platform::metrics::Metrics;
use serde_json::Value;

/// The lines printed so far.
#[derive(Clone, Default)]
pub struct Printed(Arc<Mutex<Vec<String>>>);

impl Printed {
    /// Metrics that print here.
    pub fn metrics(&self, clock: &Clock) -> Metrics {
        let lines = Arc::clone(&self.0);
        let print = move |line: &str| lines.lock().unwrap().push(line.to_owned());
        Metrics::new("test".parse().unwrap(), Arc::clone(clock), print)
    }

    pub fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }

    /// What was counted of a metric, in all lines of a channel, or of none.
    pub fn count(&self, channel: Option<&str>, name: &str) -> u64 {
        self.values(channel, name)
            .iter()
            .filter_map(Value::as_u64)
            .sum()
    }

    /// What was measured of a metric, in all lines of a channel.
    #[allow(dead_code, reason = "some functions only count")]
    pub fn measured(&self, channel: &str, name: &str) -> Vec<u64> {
        let values = self.values(Some(channel), name);
        let arrays = values.iter().filter_map(Value::as_array).flatten();
        arrays.filter_map(Value::as_u64).collect()
    }

    fn values(&self, channel: Option<&str>, name: &str) -> Vec<Value> {
        let lines = self.0.lock().unwrap();
        let lines = lines
            .iter()
            .map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines
            .filter(|line| line.get("Channel").and_then(Value::as_str) == channel)
            .filter_map(|line| line.get(name).cloned())
            .collect()
    }
}
