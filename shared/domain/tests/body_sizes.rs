//! What bodies weigh at rest: a delivery has to fit into one kilobyte, the unit that writes are charged by.

use domain::{
    catalogue::{EventType, SampleIds, sample_body},
    compression::compress,
    event::{IngestEvent, WorkspaceRef},
    ids::WorkspaceId,
};
use jiff::Timestamp;

const DOCUMENTED: &str = r#"{"id":"evt_1","event":"work_item.created","timestamp":"2026-03-29T14:30:00Z","workspace":{"id":"ws_abc123","slug":"my-workspace"},
 "project":{"id":"proj_def456","name":"Web App","identifier":"WEB"},
 "data":{"id":"wi_ghi789","title":"Fix dashboard loading issue","state":"Backlog","priority":"High",
  "assignees":["alice@example.com"],"labels":["bug","frontend"],"created_at":"2026-03-29T14:30:00Z","updated_at":"2026-03-29T14:30:00Z"},
 "actor":{"id":"user_jkl012","email":"bob@example.com","display_name":"Bob"}}"#;

/// The same kind of event with nothing but the names of its fields in common with the samples.
const FOREIGN: &str = r#"{"id":"018f7c1e","event":"work_item.created","timestamp":"2027-11-02T08:17:43.512Z","workspace":{"id":"acme-robotics","slug":"acme"},
 "project":{"id":"b1946ac9-2492-4d23-91f0-5ddc7b0ee2a4","name":"Firmware","identifier":"FW"},
 "data":{"id":"6f1ed002-ab55-4f0c-9e8b-7c4a1d2e3f40","title":"Watchdog resets the motor controller under load","state":"Triage","priority":"P0",
  "assignees":["mei.tanaka@acme.test","o.lindqvist@acme.test"],"labels":["regression","hardware"],"created_at":"2027-11-02T08:17:43.512Z","updated_at":"2027-11-02T08:17:43.512Z"},
 "actor":{"id":"7d793037-a076-4a2e-8d1b-2f5e6c7a8b90","email":"priya.raman@acme.test","display_name":"Priya Raman"}}"#;

fn stored_size(event: &str) -> usize {
    let now: Timestamp = "2027-12-01T00:00:00Z".parse().unwrap();
    let body = IngestEvent::parse(event.as_bytes(), now)
        .unwrap()
        .webhook
        .unwrap()
        .body;
    let stored = compress(body.as_bytes()).len();
    println!("a body of {} bytes takes {stored}", body.as_bytes().len());
    stored
}

#[test]
fn the_documented_sample_takes_less_than_350_bytes() {
    assert!(stored_size(DOCUMENTED) < 350);
}

#[test]
fn an_event_with_other_values_takes_less_than_450_bytes() {
    assert!(stored_size(FOREIGN) < 450);
}

#[test]
fn every_sample_takes_less_than_350_bytes() {
    let workspace = WorkspaceRef {
        id: WorkspaceId::parse("ws_7f3e").unwrap(),
        slug: "another-one".to_owned(),
    };
    for event_type in EventType::ALL {
        let now = "2027-01-02T03:04:05Z".parse().unwrap();
        let body = sample_body(
            *event_type,
            now,
            &workspace,
            &SampleIds::from_random([0xa5; 16]),
        );
        let stored = compress(body.as_bytes()).len();
        assert!(stored < 350, "{event_type}: {stored} bytes");
    }
}
