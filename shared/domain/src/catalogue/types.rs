//! The closed lists of event types and alert types.

use super::near::{Unknown, nearest};

/// Declares an enum that is written as text: `as_str`, `ALL`, `FromStr` with the near misses in the error, serde.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident, $unknown:ident, $what:literal, { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`")] $variant,)+
        }

        impl $name {
            /// Every type, in the catalogue's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The type's name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        #[doc = concat!("A text that names no ", $what, ", with up to three that it may have meant.")]
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error("{}", Unknown { what: $what, given, near })]
        pub struct $unknown {
            /// The text, cut to 64 characters.
            pub given: String,
            /// Types with a similar name, the most similar first.
            pub near: Vec<$name>,
        }

        impl std::str::FromStr for $name {
            type Err = $unknown;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($unknown { given: text.chars().take(64).collect(), near: nearest(text, Self::ALL) }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $unknown;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for &'static str {
            fn from(named: $name) -> Self {
                named.as_str()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

named! {
    /// Something that can happen upstream and be told to a webhook.
    EventType, UnknownEventType, "event type", {
        WorkItemCreated = "work_item.created",
        WorkItemUpdated = "work_item.updated",
        WorkItemDeleted = "work_item.deleted",
        WorkItemArchived = "work_item.archived",
        WorkItemUnarchived = "work_item.unarchived",
        CommentCreated = "comment.created",
        CommentUpdated = "comment.updated",
        CommentDeleted = "comment.deleted",
        CycleCreated = "cycle.created",
        CycleUpdated = "cycle.updated",
        CycleStarted = "cycle.started",
        CycleCompleted = "cycle.completed",
        CycleDeleted = "cycle.deleted",
        ModuleCreated = "module.created",
        ModuleUpdated = "module.updated",
        ModuleDeleted = "module.deleted",
        ProjectCreated = "project.created",
        ProjectUpdated = "project.updated",
        ProjectDeleted = "project.deleted",
        MemberInvited = "member.invited",
        MemberJoined = "member.joined",
        MemberRemoved = "member.removed",
        MemberRoleChanged = "member.role_changed",
        LabelCreated = "label.created",
        LabelUpdated = "label.updated",
        LabelDeleted = "label.deleted",
        PageCreated = "page.created",
        PageUpdated = "page.updated",
        PageDeleted = "page.deleted",
        IntakeSubmitted = "intake.submitted",
        IntakeAccepted = "intake.accepted",
        IntakeDeclined = "intake.declined",
    }
}

named! {
    /// What an SMS alert is about; members switch SMS on for each type on its own.
    AlertType, UnknownAlertType, "alert type", {
        StateChanged = "state_changed",
        AssigneeChanged = "assignee_changed",
        PriorityChanged = "priority_changed",
        CommentAdded = "comment_added",
        IssueCreated = "issue_created",
        DueDatePassed = "due_date_passed",
        LabelChanged = "label_changed",
        PropertyChanged = "property_changed",
        IssueCompleted = "issue_completed",
        Mentioned = "mentioned",
        DateChanged = "date_changed",
        CycleChanged = "cycle_changed",
        ModuleChanged = "module_changed",
        LinkChanged = "link_changed",
        RelationChanged = "relation_changed",
        ArchiveChanged = "archive_changed",
    }
}

impl EventType {
    /// Whether the event tells of a change to an entity (`*.updated`), so that its data may carry `changes`.
    #[must_use]
    pub fn is_update(self) -> bool {
        self.as_str().ends_with(".updated")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_type_reads_back_from_its_name() {
        for event_type in EventType::ALL {
            assert_eq!(event_type.as_str().parse(), Ok(*event_type));
            let json = serde_json::to_string(event_type).unwrap();
            assert_eq!(
                serde_json::from_str::<EventType>(&json).unwrap(),
                *event_type
            );
        }
        for alert_type in AlertType::ALL {
            assert_eq!(alert_type.as_str().parse(), Ok(*alert_type));
        }
        assert_eq!((EventType::ALL.len(), AlertType::ALL.len()), (32, 16));
    }

    #[test]
    fn an_unknown_type_is_met_with_the_near_ones() {
        let near = |text: &str| text.parse::<EventType>().unwrap_err().near;
        assert_eq!(near("work_item.craeted")[0], EventType::WorkItemCreated);
        assert_eq!(near("workitem.created")[0], EventType::WorkItemCreated);
        assert_eq!(near("member.role")[0], EventType::MemberRoleChanged);
        assert_eq!(near("Label.Created")[0], EventType::LabelCreated);
        assert_eq!(
            near("cycle"),
            [
                EventType::CycleCreated,
                EventType::CycleUpdated,
                EventType::CycleStarted
            ]
        );
        assert_eq!(near("issue.archived")[0], EventType::WorkItemArchived);
        assert_eq!(near("xyz"), []);
        assert_eq!(
            "priority".parse::<AlertType>().unwrap_err().near,
            [AlertType::PriorityChanged]
        );
    }

    #[test]
    fn the_message_lists_the_near_ones() {
        let error = "cycle.start".parse::<EventType>().unwrap_err().to_string();
        assert_eq!(
            error,
            "\"cycle.start\" is not an event type; near ones: cycle.started, cycle.created, cycle.updated"
        );
        let error = "xyz".parse::<EventType>().unwrap_err().to_string();
        assert_eq!(error, "\"xyz\" is not an event type");
    }

    proptest! {
        #[test]
        fn any_text_is_a_name_of_the_catalogue_or_a_short_error(text in ".{0,2000}") {
            match text.parse::<EventType>() {
                Ok(event_type) => prop_assert_eq!(event_type.as_str(), text),
                Err(error) => prop_assert!(error.near.len() <= 3 && error.given.chars().count() <= 64),
            }
        }

        #[test]
        fn one_slip_still_finds_the_type(index in 0..EventType::ALL.len(), place: prop::sample::Index) {
            let event_type = EventType::ALL[index];
            let mut slipped = event_type.as_str().to_owned();
            slipped.remove(place.index(slipped.len()));
            let near = slipped.parse::<EventType>().unwrap_err().near;
            prop_assert!(near.contains(&event_type), "{} gives {:?}", slipped, near);
        }
    }
}
