//! The attributes of a queue as `GetQueueAttributes` tells them
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html>).

use std::collections::BTreeMap;

use super::Queue;
use crate::queue_attributes::{QueueAttributeError, SETTABLE};

const READ_ONLY: [&str; 6] = [
    "QueueArn",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
];

impl Queue {
    pub(crate) fn all_attributes(&self) -> BTreeMap<String, String> {
        let names = READ_ONLY.into_iter().chain(SETTABLE);
        names
            .filter_map(|name| Some((name.to_owned(), self.attribute(name)?)))
            .collect()
    }

    /// Those of `names`, which may hold `All`. What is not set is left out.
    pub(crate) fn attributes(
        &self,
        names: &[String],
    ) -> Result<BTreeMap<String, String>, QueueAttributeError> {
        let is_known =
            |name: &str| name == "All" || READ_ONLY.contains(&name) || SETTABLE.contains(&name);
        if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
            return Err(QueueAttributeError::Unknown(unknown.clone()));
        }
        let mut attributes = self.all_attributes();
        if !names.iter().any(|name| name == "All") {
            attributes.retain(|name, _| names.contains(name));
        }
        Ok(attributes)
    }

    fn attribute(&self, name: &str) -> Option<String> {
        let counts = self.told_counts();
        match name {
            "QueueArn" => Some(self.arn.clone()),
            "ApproximateNumberOfMessages" => Some(counts.visible.to_string()),
            "ApproximateNumberOfMessagesNotVisible" => Some(counts.in_flight.to_string()),
            "ApproximateNumberOfMessagesDelayed" => Some(counts.delayed.to_string()),
            "CreatedTimestamp" => Some(self.created_at.as_second().to_string()),
            "LastModifiedTimestamp" => Some(self.modified_at.as_second().to_string()),
            _ => self.attributes.value(name),
        }
    }
}
