//! How the simulator behaves, faults included.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

/// How the simulator behaves. The module's documentation describes each field.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Behaviour {
    timeout_before_accept: u32,
    reject_429: u32,
    error_500: u32,
    timeout_after_accept: u32,
    error_500_after_accept: u32,
    list_errors: u32,
    list_lag_ms: u64,
    pub(super) redact_numbers: bool,
    pub(super) callbacks: Callbacks,
    pub(super) account_type: AccountType,
    pub(super) auth_tokens: BTreeMap<String, AuthToken>,
}

/// How status callbacks come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Callbacks {
    /// One for each status, in order.
    #[default]
    Normal,
    /// Each twice.
    Repeated,
    /// The last one first, once the message is through.
    Reordered,
    /// All before the create call is answered.
    Early,
    None,
}

/// What kind of account every account is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum AccountType {
    #[default]
    Full,
    Trial,
}

/// What goes wrong with a create call before its message is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultBefore {
    Timeout,
    TooManyRequests,
    Error,
}

/// What goes wrong with a create call after its message was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultAfter {
    Timeout,
    Error,
}

impl Behaviour {
    /// Reads a behaviour. Unknown fields are refused by name: a typo must not pass for the default.
    pub(super) fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }

    /// The fault of the next create call, if any.
    pub(super) fn fault_before(&mut self) -> Option<FaultBefore> {
        if used(&mut self.timeout_before_accept) {
            Some(FaultBefore::Timeout)
        } else if used(&mut self.reject_429) {
            Some(FaultBefore::TooManyRequests)
        } else if used(&mut self.error_500) {
            Some(FaultBefore::Error)
        } else {
            None
        }
    }

    /// The fault of the next create call whose message is accepted, if any.
    pub(super) fn fault_after(&mut self) -> Option<FaultAfter> {
        if used(&mut self.timeout_after_accept) {
            Some(FaultAfter::Timeout)
        } else if used(&mut self.error_500_after_accept) {
            Some(FaultAfter::Error)
        } else {
            None
        }
    }

    /// Whether the next list call fails.
    pub(super) fn list_fails(&mut self) -> bool {
        used(&mut self.list_errors)
    }

    /// How long after it was accepted a message shows in lists.
    pub(super) fn list_lag(&self) -> Duration {
        Duration::from_millis(self.list_lag_ms)
    }
}

fn used(counter: &mut u32) -> bool {
    let left = *counter > 0;
    *counter = counter.saturating_sub(1);
    left
}

/// An account's auth token. Prints and serialises as `***`.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct AuthToken(String);

impl AuthToken {
    pub(super) fn new(token: &str) -> Self {
        Self(token.to_owned())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AuthToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for AuthToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behaviour(text: &str) -> Behaviour {
        Behaviour::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn faults_before_and_after_acceptance_come_in_the_documented_order() {
        let mut behaviour = behaviour(
            r#"{"error_500": 1, "reject_429": 2, "timeout_before_accept": 1,
                "error_500_after_accept": 1, "timeout_after_accept": 1}"#,
        );
        let before: Vec<_> = (0..5).map(|_| behaviour.fault_before()).collect();
        use FaultBefore::{Error, Timeout, TooManyRequests};
        assert_eq!(
            before,
            [
                Some(Timeout),
                Some(TooManyRequests),
                Some(TooManyRequests),
                Some(Error),
                None
            ]
        );
        let after: Vec<_> = (0..3).map(|_| behaviour.fault_after()).collect();
        assert_eq!(
            after,
            [Some(FaultAfter::Timeout), Some(FaultAfter::Error), None]
        );
    }

    #[test]
    fn mistakes_are_refused_by_name() {
        for (wrong, named) in [
            (r#"{"reject_492": 1}"#, "reject_492"),
            (r#"{"callbacks": "twice"}"#, "twice"),
            (r#"{"account_type": "full"}"#, "full"),
            (r#"{"error_500": -1}"#, "-1"),
        ] {
            let error = Behaviour::parse(wrong.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn tokens_are_never_shown() {
        let behaviour = behaviour(r#"{"auth_tokens": {"AC1": "canary"}}"#);
        assert_eq!(behaviour.auth_tokens["AC1"].expose(), "canary");
        let shown = serde_json::to_string(&behaviour).unwrap() + &format!("{behaviour:?}");
        assert!(
            shown.contains("***") && !shown.contains("canary"),
            "{shown}"
        );
    }
}
