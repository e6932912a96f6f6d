//! The part of an event that people are told about by SMS.

use std::collections::HashSet;

use serde_json::value::RawValue;
use url::Url;

use super::{EventError, fields::Fields};
use crate::{catalogue::AlertType, ids::UserId};

/// The most recipients of one alert, duplicates counted once.
pub const MAX_RECIPIENTS: usize = 500;
const MAX_URL_CHARACTERS: usize = 2_048;
/// Messages are never shortened by it.
const MAX_IDENTIFIER_CHARACTERS: usize = 128;

/// What people are told by SMS, and who.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What it is about; preferences switch each type on its own.
    pub event_type: AlertType,
    /// What happened, in words; not empty.
    pub summary: String,
    /// What it happened to.
    pub item: AlertItem,
    /// Who is named, each once, in the order of the event; at most [`MAX_RECIPIENTS`].
    pub recipients: Vec<UserId>,
}

/// The work item of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertItem {
    /// How people call it, e.g. `ENG-42`; not empty, at most 128 characters.
    pub identifier: String,
    /// Its title.
    pub title: String,
    /// Its page: an absolute http or https URL of at most 2,048 characters, as it was given.
    pub url: String,
}

impl Alert {
    pub(super) fn read(alert: &Fields<'_>) -> Result<Self, EventError> {
        Ok(Self {
            event_type: alert
                .text("event_type")?
                .parse()
                .map_err(EventError::UnknownAlert)?,
            summary: non_empty(alert, "summary")?,
            item: AlertItem::read(&alert.required_object("item")?)?,
            recipients: recipients(alert)?,
        })
    }
}

impl AlertItem {
    /// Whether the text may be an item's [`url`](AlertItem::url).
    #[must_use]
    pub fn is_link(text: &str) -> bool {
        let short = text.chars().take(MAX_URL_CHARACTERS + 1).count() <= MAX_URL_CHARACTERS;
        short && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
    }

    fn read(item: &Fields<'_>) -> Result<Self, EventError> {
        Ok(Self {
            identifier: identifier(item)?,
            title: item.text("title")?,
            url: link(item)?,
        })
    }
}

fn non_empty(fields: &Fields<'_>, name: &str) -> Result<String, EventError> {
    let text = fields.text(name)?;
    if text.trim().is_empty() {
        Err(fields.error(name, "must not be empty"))
    } else {
        Ok(text)
    }
}

fn identifier(item: &Fields<'_>) -> Result<String, EventError> {
    let text = non_empty(item, "identifier")?;
    if text.chars().take(MAX_IDENTIFIER_CHARACTERS + 1).count() <= MAX_IDENTIFIER_CHARACTERS {
        Ok(text)
    } else {
        Err(item.error("identifier", "must have at most 128 characters"))
    }
}

fn link(item: &Fields<'_>) -> Result<String, EventError> {
    let text = item.text("url")?;
    if AlertItem::is_link(&text) {
        Ok(text)
    } else {
        Err(item.error(
            "url",
            "must be an http or https URL of at most 2048 characters",
        ))
    }
}

fn recipients(alert: &Fields<'_>) -> Result<Vec<UserId>, EventError> {
    let list = alert
        .value("recipients")?
        .and_then(|value| serde_json::from_str::<Vec<&RawValue>>(value.get()).ok());
    let list = list.ok_or_else(|| alert.error("recipients", "is required, a list of user ids"))?;
    let mut seen = HashSet::new();
    let mut recipients = Vec::new();
    for (place, value) in list.into_iter().enumerate() {
        let user = recipient(value).map_err(|rule| {
            EventError::field_rule(format!("{}[{place}]", alert.path_of("recipients")), rule)
        })?;
        if seen.insert(user.clone()) {
            recipients.push(user);
        }
    }
    if recipients.len() <= MAX_RECIPIENTS {
        Ok(recipients)
    } else {
        Err(alert.error("recipients", "must name at most 500 users"))
    }
}

fn recipient(value: &RawValue) -> Result<UserId, String> {
    let text: String =
        serde_json::from_str(value.get()).map_err(|_| "must be a string, a user id".to_owned())?;
    text.parse()
        .map_err(|error: crate::ids::InvalidId| error.to_string())
}
