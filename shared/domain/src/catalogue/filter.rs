//! Which event types a webhook asks for.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{EventType, UnknownEventType};

const EVERY_TYPE: &str = "*";

/// A webhook's choice of event types; never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub enum EventFilter {
    /// Every type, those that the catalogue gains later included; written `"*"`.
    All,
    /// These types.
    Only(BTreeSet<EventType>),
}

/// Why a list is not a choice of event types.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFilter {
    /// The list is empty.
    #[error("name at least one event type, or \"*\" for all")]
    Empty,
    /// A name is not in the catalogue.
    #[error(transparent)]
    Unknown(#[from] UnknownEventType),
}

impl EventFilter {
    /// Reads a list of event types. `"*"` absorbs the others, which must be known all the same; duplicates collapse.
    ///
    /// # Errors
    /// [`InvalidFilter`] for an empty list or an unknown type.
    pub fn parse<S: AsRef<str>>(names: &[S]) -> Result<Self, InvalidFilter> {
        if names.is_empty() {
            return Err(InvalidFilter::Empty);
        }
        let (stars, names): (Vec<&str>, Vec<&str>) = names
            .iter()
            .map(AsRef::as_ref)
            .partition(|&name| name == EVERY_TYPE);
        let types = names
            .into_iter()
            .map(str::parse)
            .collect::<Result<BTreeSet<EventType>, _>>()?;
        Ok(if stars.is_empty() {
            Self::Only(types)
        } else {
            Self::All
        })
    }

    /// The list that reads back as this choice.
    #[must_use]
    pub fn to_names(&self) -> Vec<String> {
        match self {
            Self::All => vec![EVERY_TYPE.to_owned()],
            Self::Only(types) => types.iter().map(ToString::to_string).collect(),
        }
    }

    /// Whether events of this type are asked for.
    #[must_use]
    pub fn matches(&self, event_type: EventType) -> bool {
        match self {
            Self::All => true,
            Self::Only(types) => types.contains(&event_type),
        }
    }

    /// The first type of the choice, in the catalogue's order: what a test sends by default.
    #[must_use]
    pub fn first(&self) -> EventType {
        match self {
            Self::All => EventType::ALL[0],
            Self::Only(types) => types.first().copied().unwrap_or(EventType::ALL[0]),
        }
    }
}

impl TryFrom<Vec<String>> for EventFilter {
    type Error = InvalidFilter;

    fn try_from(names: Vec<String>) -> Result<Self, Self::Error> {
        Self::parse(&names)
    }
}

impl From<EventFilter> for Vec<String> {
    fn from(filter: EventFilter) -> Self {
        filter.to_names()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{prelude::*, sample::subsequence};

    #[test]
    fn an_empty_list_is_refused_with_the_way_out() {
        let error = EventFilter::parse::<&str>(&[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "name at least one event type, or \"*\" for all"
        );
    }

    #[test]
    fn the_star_absorbs_known_types_and_excuses_no_unknown_one() {
        assert_eq!(
            EventFilter::parse(&["label.created", "*"]),
            Ok(EventFilter::All)
        );
        assert!(EventFilter::parse(&["*", "label.craeted"]).is_err());
    }

    #[test]
    fn the_first_type_follows_the_catalogue_and_not_the_list() {
        let filter = EventFilter::parse(&["page.created", "comment.created"]).unwrap();
        assert_eq!(filter.first(), EventType::CommentCreated);
        assert_eq!(EventFilter::All.first(), EventType::WorkItemCreated);
    }

    #[test]
    fn duplicates_collapse() {
        let filter = EventFilter::parse(&["page.created", "page.created"]).unwrap();
        assert_eq!(filter.to_names(), ["page.created"]);
    }

    proptest! {
        #[test]
        fn a_choice_reads_back_and_matches_its_types_alone(types in subsequence(EventType::ALL, 1..EventType::ALL.len())) {
            let filter = EventFilter::Only(types.iter().copied().collect());
            let json = serde_json::to_string(&filter).unwrap();
            prop_assert_eq!(&serde_json::from_str::<EventFilter>(&json).unwrap(), &filter);
            for event_type in EventType::ALL {
                prop_assert_eq!(filter.matches(*event_type), types.contains(event_type));
            }
        }
    }
}
