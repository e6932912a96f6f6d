//! The `Events` of a function: what triggers it.

use std::time::Duration;

use serde_json::Value as Json;

use super::{Properties, TemplateError};
use crate::aws::{ACCOUNT_ID, REGION};

/// An SQS event source mapping
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueTrigger {
    /// The queue's name.
    pub queue: String,
    /// The most records in a batch, 1 to 10,000.
    pub batch_size: usize,
    /// How long to gather a batch; zero invokes with what the first receive brings.
    pub batching_window: Duration,
    /// Whether the function's answer names the records that failed.
    pub report_item_failures: bool,
    /// The most batches at work at a time, 2 to 1,000.
    pub maximum_concurrency: Option<u32>,
}

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `GET`, …, or `ANY`.
    pub method: String,
    /// `/path/{parameter}`, `/path/{rest+}`, or `$default`.
    pub path: String,
}

/// A schedule in the form `rate(5 minutes)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The event's name in the template.
    pub name: String,
    /// The time between two runs.
    pub every: Duration,
    /// The payload instead of EventBridge's own, as JSON.
    pub input: Option<String>,
}

/// All events of a function.
#[derive(Default)]
pub(super) struct Events {
    pub(super) queues: Vec<QueueTrigger>,
    pub(super) routes: Vec<Route>,
    pub(super) schedules: Vec<Schedule>,
}

impl Events {
    pub(super) fn of(function: &str, events: Option<Json>) -> Result<Self, TemplateError> {
        let mut all = Self::default();
        let events = match events {
            None => return Ok(all),
            Some(Json::Object(events)) => events,
            Some(_) => {
                return Err(TemplateError::invalid(
                    function,
                    "Events",
                    "must be a mapping",
                ));
            }
        };
        for (name, event) in events {
            all.add(function, &name, event)?;
        }
        Ok(all)
    }

    fn add(&mut self, function: &str, name: &str, event: Json) -> Result<(), TemplateError> {
        let at = format!("Events.{name}");
        let Json::Object(event) = event else {
            return Err(TemplateError::invalid(function, &at, "must be a mapping"));
        };
        let mut event = Properties::plain(function, &format!("{at}."), event);
        let mut properties = event.take_map("Properties")?;
        match event.take_text("Type")?.as_deref() {
            Some("SQS") => self.queues.extend(QueueTrigger::of(&mut properties)?),
            Some("HttpApi") => self.routes.push(Route::of(&mut properties)?),
            Some("Schedule") => {
                self.schedules
                    .extend(Schedule::of(name, "Schedule", &mut properties)?);
            }
            Some("ScheduleV2") => {
                self.schedules
                    .extend(Schedule::of(name, "ScheduleExpression", &mut properties)?);
            }
            _ => {
                return Err(event.invalid("Type", "is not SQS, HttpApi, Schedule or ScheduleV2"));
            }
        }
        properties.finish()?;
        event.finish()
    }
}

impl QueueTrigger {
    /// The mapping, unless it is switched off.
    fn of(properties: &mut Properties) -> Result<Option<Self>, TemplateError> {
        let arn = properties.take_text("Queue")?;
        let arn = properties.require("Queue", arn)?;
        let queue = arn.strip_prefix(&format!("arn:aws:sqs:{REGION}:{ACCOUNT_ID}:"));
        let mut scaling = properties.take_map("ScalingConfig")?;
        let maximum = scaling.take_number("MaximumConcurrency", 2..=1000)?;
        scaling.finish()?;
        let trigger = Self {
            queue: queue
                .ok_or_else(|| properties.invalid("Queue", "is not the ARN of a queue"))?
                .to_owned(),
            batch_size: whole(
                properties
                    .take_number("BatchSize", 1..=10_000)?
                    .unwrap_or(10),
            ),
            batching_window: Duration::from_secs(
                properties
                    .take_number("MaximumBatchingWindowInSeconds", 0..=300)?
                    .unwrap_or(0),
            ),
            report_item_failures: item_failures(properties)?,
            maximum_concurrency: maximum.and_then(|limit| u32::try_from(limit).ok()),
        };
        if trigger.batch_size > 10 && trigger.batching_window.is_zero() {
            let rule = "must be at least 1 where BatchSize is over 10";
            return Err(properties.invalid("MaximumBatchingWindowInSeconds", rule));
        }
        Ok(properties.take_flag("Enabled", true)?.then_some(trigger))
    }
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn item_failures(properties: &mut Properties) -> Result<bool, TemplateError> {
    match properties.take("FunctionResponseTypes") {
        None => Ok(false),
        Some(Json::Array(types)) if types.iter().all(|kind| kind == "ReportBatchItemFailures") => {
            Ok(!types.is_empty())
        }
        Some(_) => Err(properties.invalid(
            "FunctionResponseTypes",
            "may only hold ReportBatchItemFailures",
        )),
    }
}

impl Route {
    fn of(properties: &mut Properties) -> Result<Self, TemplateError> {
        // One HTTP API serves every route, whichever resource it is bound to; throttling is left out.
        for name in ["ApiId", "RouteSettings"] {
            properties.take(name);
        }
        if properties
            .take_text("PayloadFormatVersion")?
            .is_some_and(|version| version != "2.0")
        {
            return Err(properties.invalid("PayloadFormatVersion", "must be 2.0"));
        }
        match (
            properties.take_text("Method")?,
            properties.take_text("Path")?,
        ) {
            (None, None) => Ok(Self {
                method: "ANY".into(),
                path: "$default".into(),
            }),
            (method, path) => {
                let method = properties.require("Method", method)?.to_uppercase();
                let path = properties.require("Path", path)?;
                if path != "$default" && !path.starts_with('/') {
                    return Err(properties.invalid("Path", "must start with /"));
                }
                Ok(Self { method, path })
            }
        }
    }
}

impl Schedule {
    fn of(
        name: &str,
        expression: &str,
        properties: &mut Properties,
    ) -> Result<Option<Self>, TemplateError> {
        for ignored in ["Description", "FlexibleTimeWindow", "Name", "RetryPolicy"] {
            properties.take(ignored);
        }
        let rate = properties.take_text(expression)?;
        let rate = properties.require(expression, rate)?;
        let every = rate_of(&rate)
            .ok_or_else(|| properties.invalid(expression, "must have the form rate(5 minutes)"))?;
        let input = properties.take_text("Input")?;
        let schedule = Self {
            name: name.into(),
            every,
            input,
        };
        let on = properties.take_flag("Enabled", true)?;
        let on = on
            && properties
                .take_text("State")?
                .is_none_or(|state| state == "ENABLED");
        Ok(on.then_some(schedule))
    }
}

/// `rate(value unit)`, units minute, hour and day, in the plural unless the value is 1
/// (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html>).
fn rate_of(expression: &str) -> Option<Duration> {
    let (value, unit) = expression
        .strip_prefix("rate(")?
        .strip_suffix(')')?
        .split_once(' ')?;
    let value: u64 = value.parse().ok().filter(|value| *value > 0)?;
    let unit = if value == 1 {
        unit
    } else {
        unit.strip_suffix('s')?
    };
    let seconds = match unit {
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(value.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_a_singular_unit_for_one_and_a_plural_one_for_more() {
        assert_eq!(rate_of("rate(1 minute)"), Some(Duration::from_secs(60)));
        assert_eq!(rate_of("rate(5 minutes)"), Some(Duration::from_secs(300)));
        assert_eq!(rate_of("rate(2 days)"), Some(Duration::from_secs(172_800)));
        for wrong in [
            "rate(5 minute)",
            "rate(1 minutes)",
            "rate(0 minutes)",
            "rate(5 seconds)",
            "cron(0 1 * * ? *)",
        ] {
            assert_eq!(rate_of(wrong), None, "{wrong}");
        }
    }
}
