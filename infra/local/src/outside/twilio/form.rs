//! Form parameters, of bodies and queries.

use url::form_urlencoded;

/// Parameters in the order they came.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn parse(encoded: &[u8]) -> Self {
        Self(form_urlencoded::parse(encoded).into_owned().collect())
    }

    /// The first value of that name that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(found, _)| found == name);
        values
            .find(|(_, value)| !value.is_empty())
            .map(|(_, value)| value.as_str())
    }
}
