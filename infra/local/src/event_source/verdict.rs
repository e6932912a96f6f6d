//! What a function's answer means for its batch. A pure function, so that every rule can be tested by itself.

use std::collections::BTreeSet;

use serde_json::Value;

/// What becomes of a batch's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All are deleted but those with these ids.
    DeleteAllBut(BTreeSet<String>),
    /// None is deleted.
    DeleteNothing,
}

/// Reads the answer of an invocation that did not fail.
///
/// Without `ReportBatchItemFailures` any answer means success. With it
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>, "Success and failure conditions"):
/// - complete success: an empty or null `batchItemFailures` list, an empty or null answer;
/// - complete failure: an answer that is not valid JSON (or not an object), an `itemIdentifier` that is an empty
///   string, null, under another key, or not the id of a message of the batch;
/// - else the messages that are named stay, the others are deleted.
#[must_use]
pub fn verdict(report_item_failures: bool, answer: &[u8], message_ids: &[&str]) -> Verdict {
    if !report_item_failures {
        return Verdict::DeleteAllBut(BTreeSet::new());
    }
    failed(answer, message_ids).map_or(Verdict::DeleteNothing, Verdict::DeleteAllBut)
}

/// The ids of the messages that failed; `None` if all did.
fn failed(answer: &[u8], message_ids: &[&str]) -> Option<BTreeSet<String>> {
    if answer.is_empty() {
        return Some(BTreeSet::new());
    }
    let failures = match serde_json::from_slice(answer).ok()? {
        Value::Null => Value::Null,
        Value::Object(mut answer) => answer.remove("batchItemFailures").unwrap_or_default(),
        _ => return None,
    };
    match failures {
        Value::Null => Some(BTreeSet::new()),
        Value::Array(failures) => failures
            .iter()
            .map(|failure| named(failure, message_ids))
            .collect(),
        _ => None,
    }
}

fn named(failure: &Value, message_ids: &[&str]) -> Option<String> {
    let id = failure.get("itemIdentifier")?.as_str()?;
    message_ids.contains(&id).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IDS: [&str; 3] = ["a", "b", "c"];

    fn reported(answer: &str) -> Verdict {
        verdict(true, answer.as_bytes(), &IDS)
    }

    fn all_but<const N: usize>(ids: [&str; N]) -> Verdict {
        Verdict::DeleteAllBut(ids.map(str::to_owned).into())
    }

    #[test]
    fn an_empty_or_null_list_or_answer_is_success() {
        for answer in [
            r#"{"batchItemFailures":[]}"#,
            r#"{"batchItemFailures":null}"#,
            "{}",
            "null",
            "",
        ] {
            assert_eq!(reported(answer), all_but([]), "{answer}");
        }
    }

    #[test]
    fn the_named_messages_stay_and_the_others_are_deleted() {
        let answer = r#"{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"b"},{"itemIdentifier":"c"}]}"#;
        assert_eq!(reported(answer), all_but(["b", "c"]));
    }

    #[test]
    fn an_answer_that_is_not_json_deletes_nothing() {
        for answer in ["{", "ok", r#"{"batchItemFailures":[}"#] {
            assert_eq!(reported(answer), Verdict::DeleteNothing, "{answer}");
        }
    }

    #[test]
    fn an_answer_of_another_shape_deletes_nothing() {
        for answer in [
            r#""ok""#,
            "7",
            "[]",
            r#"{"batchItemFailures":"a"}"#,
            r#"{"batchItemFailures":["a"]}"#,
        ] {
            assert_eq!(reported(answer), Verdict::DeleteNothing, "{answer}");
        }
    }

    #[test]
    fn an_empty_identifier_deletes_nothing() {
        assert_eq!(
            reported(r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#),
            Verdict::DeleteNothing
        );
    }

    #[test]
    fn a_null_identifier_deletes_nothing() {
        assert_eq!(
            reported(r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#),
            Verdict::DeleteNothing
        );
    }

    #[test]
    fn an_identifier_under_another_key_deletes_nothing() {
        assert_eq!(
            reported(r#"{"batchItemFailures":[{"itemId":"a"}]}"#),
            Verdict::DeleteNothing
        );
    }

    #[test]
    fn an_unknown_identifier_deletes_nothing_even_beside_a_known_one() {
        let answer = r#"{"batchItemFailures":[{"itemIdentifier":"a"},{"itemIdentifier":"z"}]}"#;
        assert_eq!(reported(answer), Verdict::DeleteNothing);
    }

    #[test]
    fn without_report_batch_item_failures_every_answer_is_success() {
        for answer in [
            "",
            "ok",
            r#"{"batchItemFailures":[{"itemIdentifier":"a"}]}"#,
        ] {
            assert_eq!(
                verdict(false, answer.as_bytes(), &IDS),
                all_but([]),
                "{answer}"
            );
        }
    }

    proptest! {
        #[test]
        fn exactly_the_reported_messages_stay(failed in proptest::collection::btree_set(0_usize..3, 0..3)) {
            let items: Vec<_> = failed.iter().map(|i| serde_json::json!({ "itemIdentifier": IDS[*i] })).collect();
            let answer = serde_json::json!({ "batchItemFailures": items }).to_string();
            let kept = failed.iter().map(|i| IDS[*i].to_owned()).collect();
            prop_assert_eq!(reported(&answer), Verdict::DeleteAllBut(kept));
        }

        #[test]
        fn no_answer_makes_a_batch_lose_a_message_it_did_not_name_right(answer in ".{0,40}") {
            if let Verdict::DeleteAllBut(kept) = reported(&answer) {
                prop_assert!(kept.iter().all(|id| IDS.contains(&id.as_str())));
                prop_assert!(answer.is_empty() || serde_json::from_str::<Value>(&answer).is_ok());
            }
        }
    }
}
