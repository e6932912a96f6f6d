//! Identifiers that others choose: workspaces, projects, events and users.

use super::{InvalidId, identifier};

identifier! {
    /// A workspace: 1 to 64 characters of `A-Z a-z 0-9 _ -`.
    WorkspaceId
}

identifier! {
    /// A project of a workspace: 1 to 128 visible ASCII characters.
    ProjectId
}

identifier! {
    /// The upstream's idempotency key of an event: 1 to 256 characters, none of them a control character.
    EventId
}

identifier! {
    /// A member of a workspace: 1 to 64 characters of `A-Z a-z 0-9 _ - . @ +`, so that an e-mail address will do.
    UserId
}

impl WorkspaceId {
    fn check(text: &str) -> Result<(), InvalidId> {
        let rule = "1 to 64 characters of A-Z, a-z, 0-9, _ and -";
        let fits = every_char(text, 64, |c| {
            c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
        });
        require(fits, "a workspace id", rule)
    }
}

impl ProjectId {
    fn check(text: &str) -> Result<(), InvalidId> {
        let rule = "1 to 128 visible ASCII characters";
        require(
            every_char(text, 128, |c| c.is_ascii_graphic()),
            "a project id",
            rule,
        )
    }
}

impl EventId {
    fn check(text: &str) -> Result<(), InvalidId> {
        let rule = "1 to 256 characters without control characters";
        require(
            every_char(text, 256, |c| !c.is_control()),
            "an event id",
            rule,
        )
    }
}

impl UserId {
    fn check(text: &str) -> Result<(), InvalidId> {
        let rule = "1 to 64 characters of A-Z, a-z, 0-9, _, -, ., @ and +";
        let allowed =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '+');
        require(every_char(text, 64, allowed), "a user id", rule)
    }
}

fn every_char(text: &str, most: usize, allowed: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().take(most + 1).count() <= most && text.chars().all(allowed)
}

fn require(fits: bool, what: &'static str, rule: &'static str) -> Result<(), InvalidId> {
    if fits {
        Ok(())
    } else {
        Err(InvalidId { what, rule })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_are_counted_in_characters_and_bounded() {
        assert!(
            WorkspaceId::parse(&"w".repeat(64)).is_ok()
                && WorkspaceId::parse(&"w".repeat(65)).is_err()
        );
        assert!(
            ProjectId::parse(&"p".repeat(128)).is_ok()
                && ProjectId::parse(&"p".repeat(129)).is_err()
        );
        assert!(
            EventId::parse(&"é".repeat(256)).is_ok() && EventId::parse(&"é".repeat(257)).is_err()
        );
        assert!(UserId::parse(&"u".repeat(64)).is_ok() && UserId::parse(&"u".repeat(65)).is_err());
        assert!(WorkspaceId::parse("").is_err() && EventId::parse("").is_err());
    }

    #[test]
    fn foreign_characters_are_refused() {
        for text in ["a b", "a/b", "a.b", "é", "a#b", "a\n"] {
            assert!(WorkspaceId::parse(text).is_err(), "{text:?}");
        }
        assert!(ProjectId::parse("a b").is_err() && ProjectId::parse("é").is_err());
        assert!(EventId::parse("a\u{85}b").is_err() && EventId::parse("a b").is_ok());
        assert!(UserId::parse("a/b").is_err() && UserId::parse("carol+sms@example.com").is_ok());
    }

    #[test]
    fn the_error_names_the_rule_and_not_the_value() {
        let error = WorkspaceId::parse("secret value").unwrap_err().to_string();
        assert_eq!(
            error,
            "a workspace id must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"
        );
    }

    #[test]
    fn reading_json_checks_the_rule() {
        assert!(serde_json::from_str::<WorkspaceId>(r#""ws_1""#).is_ok());
        assert!(serde_json::from_str::<WorkspaceId>(r#""ws 1""#).is_err());
        assert_eq!(
            serde_json::to_string(&WorkspaceId::parse("ws_1").unwrap()).unwrap(),
            r#""ws_1""#
        );
    }

    proptest! {
        #[test]
        fn what_is_taken_reads_back_and_keeps_its_rule(text in ".{0,300}") {
            if let Ok(id) = EventId::parse(&text) {
                prop_assert_eq!(EventId::parse(id.as_str()).unwrap(), id);
                prop_assert!((1..=256).contains(&text.chars().count()) && !text.contains(char::is_control));
            }
        }

        #[test]
        fn workspace_ids_are_exactly_their_pattern(text in "[A-Za-z0-9_-]{1,64}", other in "[^A-Za-z0-9_-]") {
            prop_assert!(WorkspaceId::parse(&text).is_ok());
            let longer = text + &other;
            prop_assert!(WorkspaceId::parse(&longer).is_err());
        }
    }
}
