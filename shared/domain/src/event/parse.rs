//! Reading an event off the queue.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    Alert, Body, EventError, IngestEvent, MAX_EVENT_BYTES, WebhookEvent, WorkspaceRef,
    depth::is_too_deep, escape_noncharacters, fields::Fields,
};
use crate::time::rfc3339;
use crate::{
    catalogue::EventType,
    ids::{ProjectId, UserId},
};

/// How far upstream's clock may be ahead of ours.
const MOST_AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// What a webhook is sent: these six fields in this order, `data` as it came.
#[derive(Serialize)]
pub(crate) struct Payload<'a> {
    pub(crate) event: EventType,
    pub(crate) timestamp: Timestamp,
    pub(crate) workspace: &'a WorkspaceRef,
    pub(crate) project: Option<&'a ProjectRef>,
    pub(crate) data: &'a RawValue,
    pub(crate) actor: Option<&'a ActorRef>,
}

/// A project as payloads name it.
#[derive(Serialize)]
pub(crate) struct ProjectRef {
    pub(crate) id: ProjectId,
    pub(crate) name: String,
    pub(crate) identifier: String,
}

/// Who did it, as payloads name them.
#[derive(Serialize)]
pub(crate) struct ActorRef {
    pub(crate) id: UserId,
    pub(crate) email: String,
    pub(crate) display_name: String,
}

impl Payload<'_> {
    pub(crate) fn to_body(&self) -> Body {
        let json = serde_json::to_string(self)
            .expect("a payload of strings and valid JSON can be written");
        // A name may have held them escaped; they are written so again, as no queue carries them otherwise.
        Body::from(escape_noncharacters(json))
    }
}

impl IngestEvent {
    /// Reads an event as it lies on the queue or comes over HTTP; `now` bounds its timestamp.
    ///
    /// Fields that the product does not know are ignored; a known one that is given twice is refused. The timestamp is
    /// RFC 3339 with any offset, from 1970 to 24 hours ahead of `now`, and goes out in UTC. `data` goes out as it came.
    /// An update without `data.changes` is taken: telling people nothing is worse than telling them less.
    ///
    /// # Errors
    /// [`EventError`] for the first rule that is broken.
    pub fn parse(raw: &[u8], now: Timestamp) -> Result<Self, EventError> {
        if raw.len() > MAX_EVENT_BYTES {
            return Err(EventError::TooLarge { bytes: raw.len() });
        }
        let json = std::str::from_utf8(raw).map_err(|_| EventError::NotUtf8)?;
        let event = Fields::of_event(json)?;
        if is_too_deep(json) {
            return Err(EventError::TooDeep);
        }
        Self::read(&event, now)
    }

    fn read(event: &Fields<'_>, now: Timestamp) -> Result<Self, EventError> {
        let id = event.parsed("id")?;
        let occurred_at = timestamp(event, now)?;
        let workspace = workspace(&event.required_object("workspace")?)?;
        let project = event
            .object("project")?
            .map(|project| project_ref(&project))
            .transpose()?;
        let webhook = webhook(event, occurred_at, &workspace, project.as_ref())?;
        let alert = event
            .object("alert")?
            .map(|alert| Alert::read(&alert))
            .transpose()?;
        if webhook.is_none() && alert.is_none() {
            return Err(event.error(
                "event",
                "is required, an event type, unless the event carries an alert",
            ));
        }
        Ok(Self {
            id,
            occurred_at,
            workspace,
            project_id: project.map(|project| project.id),
            webhook,
            alert,
        })
    }
}

fn webhook(
    event: &Fields<'_>,
    timestamp: Timestamp,
    workspace: &WorkspaceRef,
    project: Option<&ProjectRef>,
) -> Result<Option<WebhookEvent>, EventError> {
    let Some(name) = event.optional_text("event")? else {
        return Ok(None);
    };
    let event_type: EventType = name.parse().map_err(EventError::UnknownEvent)?;
    let data = event.raw_object("data")?;
    if event_type.is_update() {
        check_changes(&event.required_object("data")?)?;
    }
    let actor = event
        .object("actor")?
        .map(|actor| actor_ref(&actor))
        .transpose()?;
    let payload = Payload {
        event: event_type,
        timestamp,
        workspace,
        project,
        data,
        actor: actor.as_ref(),
    };
    Ok(Some(WebhookEvent {
        event_type,
        body: payload.to_body(),
    }))
}

fn workspace(workspace: &Fields<'_>) -> Result<WorkspaceRef, EventError> {
    Ok(WorkspaceRef {
        id: workspace.parsed("id")?,
        slug: workspace.text("slug")?,
    })
}

fn project_ref(project: &Fields<'_>) -> Result<ProjectRef, EventError> {
    Ok(ProjectRef {
        id: project.parsed("id")?,
        name: project.text("name")?,
        identifier: project.text("identifier")?,
    })
}

fn actor_ref(actor: &Fields<'_>) -> Result<ActorRef, EventError> {
    Ok(ActorRef {
        id: actor.parsed("id")?,
        email: actor.text("email")?,
        display_name: actor.text("display_name")?,
    })
}

fn check_changes(data: &Fields<'_>) -> Result<(), EventError> {
    #[derive(Deserialize)]
    struct Change<'a> {
        #[serde(borrow, rename = "old")]
        _old: &'a RawValue,
        #[serde(borrow, rename = "new")]
        _new: &'a RawValue,
    }
    let Some(changes) = data.value("changes")? else {
        return Ok(());
    };
    match serde_json::from_str::<BTreeMap<String, Change>>(changes.get()) {
        Ok(_) => Ok(()),
        Err(_) => Err(data.error(
            "changes",
            "must be an object of fields, each with \"old\" and \"new\"",
        )),
    }
}

fn timestamp(event: &Fields<'_>, now: Timestamp) -> Result<Timestamp, EventError> {
    let text = event.text("timestamp")?;
    let at = rfc3339(&text).ok_or_else(|| {
        event.error(
            "timestamp",
            "must be an RFC 3339 time with an offset, e.g. 2026-03-29T14:30:00Z",
        )
    })?;
    if at < Timestamp::UNIX_EPOCH {
        return Err(event.error("timestamp", "must not lie before 1970"));
    }
    if at > now.saturating_add(MOST_AHEAD).unwrap_or(Timestamp::MAX) {
        return Err(event.error("timestamp", "must not lie more than 24 hours ahead"));
    }
    Ok(at)
}
