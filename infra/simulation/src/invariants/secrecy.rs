//! No secret in plain text.

use crate::play::End;

/// No secret was seen in the table, in a message, in a log line, in a metric or in an answer of the API.
#[must_use]
pub fn no_leaks(end: &End) -> Vec<String> {
    end.leaks.iter().cloned().collect()
}
