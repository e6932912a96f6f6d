//! CloudWatch's embedded metric format: JSON objects that say which of their members are metrics.
//! Source: [the specification](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).

use jiff::Timestamp;
use serde_json::{Map, json};

/// Where CloudWatch files the metrics.
pub const NAMESPACE: &str = "SetGetDelivery";

/// The most values that a metric may have in one document.
const MOST_VALUES: usize = 100;

/// What has the same dimensions.
pub(super) struct Document<'a> {
    pub(super) stack: &'a str,
    pub(super) channel: Option<&'static str>,
    pub(super) at: Timestamp,
    pub(super) series: Vec<Series>,
}

/// A metric with its values.
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) value: Value,
}

pub(super) enum Value {
    Count(u64),
    Seconds(u64),
    Milliseconds(Vec<u64>),
}

impl Document<'_> {
    /// The document; further ones with the values that are too many for one.
    pub(super) fn lines(&self) -> Vec<String> {
        let parts = self.series.iter().map(|series| series.value.parts());
        let most = parts.max().unwrap_or(0);
        (0..most).map(|part| self.line(part)).collect()
    }

    fn line(&self, part: usize) -> String {
        let mut dimensions = vec!["Stack"];
        dimensions.extend(self.channel.map(|_| "Channel"));
        let mut members = Map::new();
        members.insert("Stack".to_owned(), json!(self.stack));
        if let Some(channel) = self.channel {
            members.insert("Channel".to_owned(), json!(channel));
        }
        let mut metrics = Vec::new();
        for Series { name, value } in &self.series {
            if let Some(values) = value.part(part) {
                members.insert((*name).to_owned(), values);
                metrics.push(json!({ "Name": name, "Unit": value.unit() }));
            }
        }
        let directive =
            json!({ "Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics });
        let metadata =
            json!({ "Timestamp": self.at.as_millisecond(), "CloudWatchMetrics": [directive] });
        members.insert("_aws".to_owned(), metadata);
        serde_json::Value::Object(members).to_string()
    }
}

impl Value {
    fn unit(&self) -> &'static str {
        match self {
            Value::Count(_) => "Count",
            Value::Seconds(_) => "Seconds",
            Value::Milliseconds(_) => "Milliseconds",
        }
    }

    /// How many documents it needs.
    fn parts(&self) -> usize {
        match self {
            Value::Count(_) | Value::Seconds(_) => 1,
            Value::Milliseconds(values) => values.len().div_ceil(MOST_VALUES),
        }
    }

    fn part(&self, part: usize) -> Option<serde_json::Value> {
        match self {
            Value::Count(number) | Value::Seconds(number) => (part == 0).then(|| json!(number)),
            Value::Milliseconds(values) => {
                values.chunks(MOST_VALUES).nth(part).map(|part| json!(part))
            }
        }
    }
}
