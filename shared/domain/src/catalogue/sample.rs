//! A complete sample of every event type: what a test sends.

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::EventType;
use crate::event::{ActorRef, Body, Payload, ProjectRef, WorkspaceRef};
use crate::ids::{EventId, ProjectId, UserId};

/// Made-up ids for one sample, so that nobody takes it for an entity that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleIds {
    suffix: String,
}

impl SampleIds {
    /// Ids that 128 random bits name.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        Self {
            suffix: format!("sample{:012x}", u128::from_be_bytes(random) >> 80),
        }
    }

    /// The event's own id.
    #[must_use]
    pub fn event(&self) -> EventId {
        EventId::parse(&self.with_prefix("evt")).expect("letters and digits")
    }

    /// The project's id.
    #[must_use]
    pub fn project(&self) -> ProjectId {
        ProjectId::parse(&self.with_prefix("proj")).expect("letters and digits")
    }

    /// The actor's id.
    #[must_use]
    pub fn actor(&self) -> UserId {
        UserId::parse(&self.with_prefix("user")).expect("letters and digits")
    }

    fn with_prefix(&self, prefix: &str) -> String {
        format!("{prefix}_{}", self.suffix)
    }
}

/// The body of a sample event of this type, as if it had occurred at `now` , in whole seconds.
#[must_use]
pub fn sample_body(
    event_type: EventType,
    now: Timestamp,
    workspace: &WorkspaceRef,
    ids: &SampleIds,
) -> Body {
    let timestamp = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let data = sample_data(event_type, timestamp, ids);
    let project = is_of_a_project(event_type).then(|| ProjectRef {
        id: ids.project(),
        name: "Web App".to_owned(),
        identifier: "WEB".to_owned(),
    });
    let actor = ActorRef {
        id: ids.actor(),
        email: "bob@example.com".to_owned(),
        display_name: "Bob".to_owned(),
    };
    let payload = Payload {
        event: event_type,
        timestamp,
        workspace,
        project: project.as_ref(),
        data: &data,
        actor: Some(&actor),
    };
    payload.to_body()
}

/// Members belong to the workspace; all else belongs to a project.
fn is_of_a_project(event_type: EventType) -> bool {
    use EventType as E;
    !matches!(
        event_type,
        E::MemberInvited | E::MemberJoined | E::MemberRemoved | E::MemberRoleChanged
    )
}

fn sample_data(event_type: EventType, at: Timestamp, ids: &SampleIds) -> Box<RawValue> {
    let (entity, changes) = sample_of(event_type);
    let separator = if changes.is_empty() { "" } else { "," };
    let text = format!("{{{entity}{separator}{changes}}}")
        .replace("$id", &ids.suffix)
        .replace("$now", &at.to_string());
    RawValue::from_string(text).expect("the samples are JSON")
}

/// The entity's fields after the event, and the `changes` of an update. `$id` stands for the made-up part of an id,
/// `$now` for the time.
fn sample_of(event_type: EventType) -> (&'static str, &'static str) {
    use EventType as E;
    match event_type {
        E::WorkItemCreated | E::WorkItemDeleted | E::WorkItemUnarchived => (WORK_ITEM, ""),
        E::WorkItemArchived => (WORK_ITEM_ARCHIVED, ""),
        E::WorkItemUpdated => (WORK_ITEM_STARTED, WORK_ITEM_CHANGES),
        E::CommentCreated | E::CommentDeleted => (COMMENT, ""),
        E::CommentUpdated => (
            COMMENT,
            r#""changes":{"text":{"old":"Reproduced on staging.","new":"Reproduced on staging and production."}}"#,
        ),
        E::CycleCreated => (CYCLE_PLANNED, ""),
        E::CycleStarted => (CYCLE_STARTED, ""),
        E::CycleCompleted | E::CycleDeleted => (CYCLE_COMPLETED, ""),
        E::CycleUpdated => (
            CYCLE_PLANNED,
            r#""changes":{"ends_on":{"old":"2026-04-08","new":"2026-04-10"}}"#,
        ),
        E::ModuleCreated | E::ModuleDeleted => (MODULE, ""),
        E::ModuleUpdated => (
            MODULE,
            r#""changes":{"status":{"old":"planned","new":"in_progress"}}"#,
        ),
        E::ProjectCreated | E::ProjectDeleted => (PROJECT, ""),
        E::ProjectUpdated => (
            PROJECT,
            r#""changes":{"name":{"old":"Website","new":"Web App"}}"#,
        ),
        E::MemberInvited => (MEMBER_INVITED, ""),
        E::MemberJoined | E::MemberRemoved => (MEMBER, ""),
        E::MemberRoleChanged => (MEMBER_PROMOTED, ""),
        E::LabelCreated | E::LabelDeleted => (LABEL, ""),
        E::LabelUpdated => (
            LABEL,
            r##""changes":{"color":{"old":"#aa0000","new":"#d73a4a"}}"##,
        ),
        E::PageCreated | E::PageDeleted => (PAGE, ""),
        E::PageUpdated => (
            PAGE,
            r#""changes":{"title":{"old":"Releases","new":"Release checklist"}}"#,
        ),
        E::IntakeSubmitted => (INTAKE_PENDING, ""),
        E::IntakeAccepted => (INTAKE_ACCEPTED, ""),
        E::IntakeDeclined => (INTAKE_DECLINED, ""),
    }
}

const WORK_ITEM: &str = r#""id":"wi_$id","title":"Fix dashboard loading issue","state":"Backlog","priority":"High","assignees":["alice@example.com"],"labels":["bug","frontend"],"created_at":"$now","updated_at":"$now""#;
const WORK_ITEM_STARTED: &str = r#""id":"wi_$id","title":"Fix dashboard loading issue","state":"In Progress","priority":"High","assignees":["alice@example.com"],"labels":["bug","frontend"],"created_at":"$now","updated_at":"$now""#;
const WORK_ITEM_CHANGES: &str = r#""changes":{"state":{"old":"Backlog","new":"In Progress"},"assignees":{"old":[],"new":["alice@example.com"]}}"#;
const WORK_ITEM_ARCHIVED: &str = r#""id":"wi_$id","title":"Fix dashboard loading issue","state":"Done","priority":"High","assignees":["alice@example.com"],"labels":["bug","frontend"],"archived_at":"$now","created_at":"$now","updated_at":"$now""#;
const COMMENT: &str = r#""id":"com_$id","work_item_id":"wi_$id","text":"Reproduced on staging and production.","author":"bob@example.com","created_at":"$now","updated_at":"$now""#;
const CYCLE_PLANNED: &str = r#""id":"cyc_$id","name":"Sprint 14","description":"Dashboard performance","status":"planned","starts_on":"2026-03-30","ends_on":"2026-04-10","created_at":"$now","updated_at":"$now""#;
const CYCLE_STARTED: &str = r#""id":"cyc_$id","name":"Sprint 14","description":"Dashboard performance","status":"started","starts_on":"2026-03-30","ends_on":"2026-04-10","created_at":"$now","updated_at":"$now""#;
const CYCLE_COMPLETED: &str = r#""id":"cyc_$id","name":"Sprint 14","description":"Dashboard performance","status":"completed","starts_on":"2026-03-30","ends_on":"2026-04-10","created_at":"$now","updated_at":"$now""#;
const MODULE: &str = r#""id":"mod_$id","name":"Dashboard","description":"Charts and widgets","status":"in_progress","lead":"alice@example.com","created_at":"$now","updated_at":"$now""#;
const PROJECT: &str = r#""id":"proj_$id","name":"Web App","identifier":"WEB","description":"The customer-facing application","lead":"alice@example.com","created_at":"$now","updated_at":"$now""#;
const MEMBER_INVITED: &str = r#""id":"mem_$id","email":"carol@example.com","role":"member","invited_by":"bob@example.com","invited_at":"$now""#;
const MEMBER: &str = r#""id":"mem_$id","email":"carol@example.com","display_name":"Carol","role":"member","joined_at":"$now""#;
const MEMBER_PROMOTED: &str = r#""id":"mem_$id","email":"carol@example.com","display_name":"Carol","role":"admin","previous_role":"member","joined_at":"$now""#;
const LABEL: &str =
    r##""id":"lbl_$id","name":"bug","color":"#d73a4a","created_at":"$now","updated_at":"$now""##;
const PAGE: &str = r#""id":"page_$id","title":"Release checklist","access":"public","owner":"bob@example.com","created_at":"$now","updated_at":"$now""#;
const INTAKE_PENDING: &str = r#""id":"int_$id","title":"Dark mode for the dashboard","status":"pending","source":"form","submitted_by":"carol@example.com","created_at":"$now","updated_at":"$now""#;
const INTAKE_ACCEPTED: &str = r#""id":"int_$id","title":"Dark mode for the dashboard","status":"accepted","source":"form","submitted_by":"carol@example.com","work_item_id":"wi_$id","created_at":"$now","updated_at":"$now""#;
const INTAKE_DECLINED: &str = r#""id":"int_$id","title":"Dark mode for the dashboard","status":"declined","source":"form","submitted_by":"carol@example.com","reason":"Already planned for the next cycle","created_at":"$now","updated_at":"$now""#;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{event::IngestEvent, ids::WorkspaceId};

    fn sample(event_type: EventType) -> Value {
        let workspace = WorkspaceRef {
            id: WorkspaceId::parse("ws_1").unwrap(),
            slug: "one".to_owned(),
        };
        let now: Timestamp = "2026-03-29T14:30:00.75Z".parse().unwrap();
        let body = sample_body(
            event_type,
            now,
            &workspace,
            &SampleIds::from_random([7; 16]),
        );
        serde_json::from_str(body.as_str()).unwrap()
    }

    #[test]
    fn every_sample_is_an_event_that_ingest_takes_as_it_stands() {
        for event_type in EventType::ALL {
            let mut event = sample(*event_type);
            event["id"] = "evt_1".into();
            let now = "2026-03-29T14:30:00Z".parse().unwrap();
            let event = IngestEvent::parse(event.to_string().as_bytes(), now).unwrap();
            assert_eq!(event.webhook.unwrap().event_type, *event_type);
            assert_eq!(event.occurred_at, now);
        }
    }

    #[test]
    fn updates_alone_carry_changes_and_the_entity_shows_the_new_values() {
        for event_type in EventType::ALL {
            let data = &sample(*event_type)["data"];
            assert_eq!(
                data.get("changes").is_some(),
                event_type.is_update(),
                "{event_type}"
            );
            for (field, change) in data["changes"].as_object().into_iter().flatten() {
                assert_eq!(data[field], change["new"], "{event_type} {field}");
                assert_ne!(change["old"], change["new"], "{event_type} {field}");
            }
        }
    }

    #[test]
    fn member_events_concern_the_workspace_and_all_others_a_project() {
        for event_type in EventType::ALL {
            let of_members = event_type.as_str().starts_with("member.");
            assert_eq!(
                sample(*event_type)["project"].is_null(),
                of_members,
                "{event_type}"
            );
        }
    }

    #[test]
    fn a_project_sample_is_about_the_project_that_it_names() {
        let event = sample(EventType::ProjectCreated);
        assert_eq!(event["data"]["id"], event["project"]["id"]);
    }

    #[test]
    fn no_placeholder_is_left() {
        for event_type in EventType::ALL {
            assert!(
                !sample(*event_type).to_string().contains('$'),
                "{event_type}"
            );
        }
    }

    #[test]
    fn the_made_up_ids_differ_from_draw_to_draw() {
        let (one, two) = (
            SampleIds::from_random([1; 16]),
            SampleIds::from_random([2; 16]),
        );
        assert!(
            one.event() != two.event()
                && one.project() != two.project()
                && one.actor() != two.actor()
        );
    }
}
