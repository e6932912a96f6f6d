//! How an inbox answers.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// How an inbox answers: `{"status", "delay_ms", "body", "fail_first", "headers"}`, all optional.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Behaviour {
    /// The status, 200 to 599.
    status: u16,
    /// How long each answer takes, at most [`MAX_DELAY_MS`].
    delay_ms: u64,
    body: String,
    /// How many requests, counted from when this was set, are answered with 500 before `status` holds.
    fail_first: u64,
    headers: BTreeMap<String, String>,
}

const FIELDS: [&str; 5] = ["status", "delay_ms", "body", "fail_first", "headers"];
const MAX_DELAY_MS: u64 = 600_000;

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            status: 200,
            delay_ms: 0,
            body: String::new(),
            fail_first: 0,
            headers: BTreeMap::new(),
        }
    }
}

/// Why a behaviour is refused, in words.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) String);

impl Behaviour {
    /// Reads a behaviour. Unknown fields are refused by name: a typo must not pass for the default.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Refused> {
        let fields: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|error| Refused(format!("not a JSON object: {error}")))?;
        let unknown: Vec<_> = fields
            .keys()
            .map(String::as_str)
            .filter(|name| !FIELDS.contains(name))
            .collect();
        if !unknown.is_empty() {
            return Err(Refused(format!(
                "unknown fields: {}; known: {}",
                unknown.join(", "),
                FIELDS.join(", ")
            )));
        }
        let behaviour: Self = serde_json::from_value(Value::Object(fields))
            .map_err(|error| Refused(error.to_string()))?;
        behaviour.check()?;
        Ok(behaviour)
    }

    fn check(&self) -> Result<(), Refused> {
        if !(200..=599).contains(&self.status) {
            return Err(Refused("status: must be 200 to 599".into()));
        }
        if self.delay_ms > MAX_DELAY_MS {
            return Err(Refused(format!("delay_ms: must be at most {MAX_DELAY_MS}")));
        }
        let invalid = self
            .headers
            .iter()
            .find(|(name, value)| header(name, value).is_none());
        invalid.map_or(Ok(()), |(name, _)| {
            Err(Refused(format!("headers: {name} is not a valid header")))
        })
    }

    /// The answer to the next request, and how long it takes.
    pub(super) fn next(&mut self) -> (Duration, Response<Bytes>) {
        let mut response = Response::new(Bytes::from(self.body.clone()));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        response.headers_mut().extend(
            self.headers
                .iter()
                .filter_map(|(name, value)| header(name, value)),
        );
        if self.fail_first > 0 {
            self.fail_first -= 1;
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        (Duration::from_millis(self.delay_ms), response)
    }
}

fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((
        HeaderName::from_bytes(name.as_bytes()).ok()?,
        HeaderValue::from_str(value).ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(behaviour: &str, requests: usize) -> Vec<u16> {
        let mut behaviour = Behaviour::parse(behaviour.as_bytes()).unwrap();
        (0..requests)
            .map(|_| behaviour.next().1.status().as_u16())
            .collect()
    }

    #[test]
    fn the_first_requests_fail_and_then_the_status_holds() {
        assert_eq!(
            statuses(r#"{"status":202,"fail_first":2}"#, 4),
            [500, 500, 202, 202]
        );
        assert_eq!(statuses("{}", 1), [200]);
    }

    #[test]
    fn unknown_fields_are_refused_by_name() {
        let Refused(words) =
            Behaviour::parse(br#"{"stauts":500,"status":500,"delay":1}"#).unwrap_err();
        assert!(
            words.contains("stauts") && words.contains("delay,") || words.contains("delay;"),
            "{words}"
        );
    }

    #[test]
    fn what_cannot_be_answered_is_refused() {
        for wrong in [
            "[]",
            "{",
            r#"{"status":42}"#,
            r#"{"delay_ms":600001}"#,
            r#"{"headers":{"a b":"c"}}"#,
        ] {
            assert!(Behaviour::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
