use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// Metrics, and the lines that they print.
fn recorded() -> (Metrics, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    let clock: Clock = Arc::new(|| "2026-03-29T14:30:00.123Z".parse().unwrap());
    let stack = "delivery-prod".parse().unwrap();
    let metrics = Metrics::new(stack, clock, move |line| {
        kept.lock().unwrap().push(line.to_owned());
    });
    (metrics, lines)
}

fn emitted(metrics: &Metrics, lines: &Mutex<Vec<String>>) -> Vec<Value> {
    metrics.emit();
    let lines = std::mem::take(&mut *lines.lock().unwrap());
    lines.iter().map(|line| checked(line)).collect()
}

/// The rules of the
/// [specification's schema](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html),
/// and those of its text.
fn checked(line: &str) -> Value {
    assert!(line.len() <= 256 * 1024 && !line.contains('\n'), "{line}");
    let document: Value = serde_json::from_str(line).unwrap();
    let metadata = &document["_aws"];
    assert!(metadata["Timestamp"].is_u64(), "{line}");
    let directives = metadata["CloudWatchMetrics"].as_array().unwrap();
    assert!(!directives.is_empty());
    for directive in directives {
        let members = directive.as_object().unwrap().keys();
        assert!(members.eq(["Dimensions", "Metrics", "Namespace"]), "{line}");
        assert_text(&directive["Namespace"], 1024);
        let sets = directive["Dimensions"].as_array().unwrap();
        assert!(!sets.is_empty(), "{line}");
        for set in sets {
            assert_dimensions(&document, set.as_array().unwrap());
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert!((1..=100).contains(&metrics.len()), "{line}");
        for metric in metrics {
            assert_metric(&document, metric);
        }
    }
    document
}

fn assert_text(value: &Value, most: usize) {
    let text = value.as_str().unwrap();
    assert!(
        (1..=most).contains(&text.len()) && text.is_ascii(),
        "{text}"
    );
}

fn assert_dimensions(document: &Value, set: &[Value]) {
    assert!((1..=30).contains(&set.len()));
    for name in set {
        assert_text(name, 250);
        assert_text(&document[name.as_str().unwrap()], 1024);
    }
}

fn assert_metric(document: &Value, metric: &Value) {
    assert_text(&metric["Name"], 1024);
    assert!(["Count", "Milliseconds", "Seconds"].contains(&metric["Unit"].as_str().unwrap()));
    match &document[metric["Name"].as_str().unwrap()] {
        Value::Number(_) => {}
        Value::Array(values) => {
            assert!((1..=100).contains(&values.len()));
            assert!(values.iter().all(Value::is_number));
        }
        other => panic!("no metric: {other}"),
    }
}

#[test]
fn what_was_counted_is_one_line_of_each_set_of_dimensions() {
    let (metrics, lines) = recorded();
    metrics.add(Count::Deliveries(Channel::Webhook, Ended::Succeeded), 2);
    let other_half = metrics.clone();
    other_half.add(Count::Deliveries(Channel::Webhook, Ended::Succeeded), 1);
    metrics.record(
        Timing::AttemptDuration(Channel::Webhook),
        Duration::from_micros(12_900),
    );
    metrics.record(Timing::AttemptDuration(Channel::Webhook), Duration::ZERO);
    metrics.add(Count::KmsThrottled, 4);
    let expected = [
        json!({
            "_aws": {
                "Timestamp": 1_774_794_600_123_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "SetGetDelivery", "Dimensions": [["Stack"]],
                    "Metrics": [{ "Name": "KmsThrottled", "Unit": "Count" }],
                }],
            },
            "Stack": "delivery-prod", "KmsThrottled": 4,
        }),
        json!({
            "_aws": {
                "Timestamp": 1_774_794_600_123_u64,
                "CloudWatchMetrics": [{
                    "Namespace": "SetGetDelivery", "Dimensions": [["Stack", "Channel"]],
                    "Metrics": [
                        { "Name": "DeliveriesSucceeded", "Unit": "Count" },
                        { "Name": "AttemptDuration", "Unit": "Milliseconds" },
                    ],
                }],
            },
            "Stack": "delivery-prod", "Channel": "webhook", "DeliveriesSucceeded": 3, "AttemptDuration": [12, 0],
        }),
    ];
    assert_eq!(emitted(&metrics, &lines), expected);
}

#[test]
fn a_gauge_says_its_latest_value_also_where_that_is_zero() {
    let (metrics, lines) = recorded();
    metrics.measure(Gauge::RetriesWaiting(Channel::Sms), 7);
    metrics.measure(Gauge::RetriesWaiting(Channel::Sms), 0);
    metrics.measure(Gauge::Overdue(Channel::Sms), 301);
    let [document] = &emitted(&metrics, &lines)[..] else {
        panic!("one line")
    };
    assert_eq!(
        (&document["RetriesWaiting"], &document["Overdue"]),
        (&json!(0), &json!(301))
    );
    let units = &document["_aws"]["CloudWatchMetrics"][0]["Metrics"];
    assert_eq!(
        units,
        &json!([{ "Name": "RetriesWaiting", "Unit": "Count" }, { "Name": "Overdue", "Unit": "Seconds" }])
    );
    assert!(emitted(&metrics, &lines).is_empty(), "said once");
}

#[test]
fn where_there_is_nothing_to_say_nothing_is_said() {
    let (metrics, lines) = recorded();
    metrics.add(Count::DeadLettered, 0);
    assert!(emitted(&metrics, &lines).is_empty());
    metrics.add(Count::DeadLettered, 1);
    assert_eq!(emitted(&metrics, &lines).len(), 1);
    assert!(emitted(&metrics, &lines).is_empty(), "said once");
}

#[test]
fn only_names_that_cloudformation_takes_are_stack_names() {
    for name in ["a", "Delivery-2", &"x".repeat(128)] {
        assert_eq!(name.parse::<StackName>().unwrap().to_string(), name);
    }
    for text in ["", "2nd", "-a", "a b", "a_b", "ä", &"x".repeat(129)] {
        assert_eq!(text.parse::<StackName>(), Err(InvalidStackName), "{text}");
    }
}

fn any_count() -> impl Strategy<Value = Count> {
    prop_oneof![
        Just(Count::Deliveries(Channel::Sms, Ended::Sent)),
        Just(Count::Deliveries(Channel::Sms, Ended::Delivered)),
        Just(Count::Deliveries(Channel::Sms, Ended::Undelivered)),
        Just(Count::Deliveries(Channel::Sms, Ended::Unknown)),
        Just(Count::Deliveries(Channel::Webhook, Ended::Failed)),
        Just(Count::RetriesScheduled(Channel::Webhook)),
        Just(Count::SmsSegments),
        Just(Count::EventsAccepted),
        Just(Count::EventsRejected),
    ]
}

fn any_timing() -> impl Strategy<Value = Timing> {
    prop_oneof![
        Just(Timing::AttemptDuration(Channel::Webhook)),
        Just(Timing::FirstAttemptLag(Channel::Webhook)),
        Just(Timing::FirstAttemptLag(Channel::Sms)),
    ]
}

proptest! {
    #[test]
    fn whatever_is_counted_keeps_to_the_format_and_nothing_of_it_is_lost(
        counts in prop::collection::vec((any_count(), 0u64..1_000), 0..40),
        timings in prop::collection::vec((any_timing(), 0u64..100_000), 0..700),
    ) {
        let (metrics, lines) = recorded();
        for (count, number) in &counts {
            metrics.add(*count, *number);
        }
        for (timing, millis) in &timings {
            metrics.record(*timing, Duration::from_millis(*millis));
        }
        let (mut counted, mut measured) = (0, Vec::new());
        for document in emitted(&metrics, &lines) {
            for metric in document["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap() {
                match &document[metric["Name"].as_str().unwrap()] {
                    Value::Array(values) => measured.extend(values.iter().filter_map(Value::as_u64)),
                    number => counted += number.as_u64().unwrap(),
                }
            }
        }
        let mut expected: Vec<u64> = timings.iter().map(|(_, millis)| *millis).collect();
        expected.sort_unstable();
        measured.sort_unstable();
        prop_assert_eq!(measured, expected);
        prop_assert_eq!(counted, counts.iter().map(|(_, number)| number).sum::<u64>());
    }
}
