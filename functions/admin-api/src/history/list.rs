//! `GET /history`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::ids::DeliveryId;
use domain::sms::delivery::Status;
use jiff::Timestamp;
use platform::store::history::{HistoryPage, SmsFilter, Span, WebhookFilter};
use platform::store::log::StatusFilter;
use serde_json::Value;

use super::view::{Channel, HistoryRow, SmsSummary};
use super::webhook_ids;
use crate::App;
use crate::auth::{Access, TakePart};
use crate::body::Fields;
use crate::dates::{self, Day};
use crate::object::{self, Noted, Object};
use crate::pagination::{self, Page, cursor_after};
use crate::params::Params;
use crate::path::{At, WorkspacePath};
use crate::problem::{Guarded, Problem, WithParams};

/// Which part of the history.
pub(crate) struct HistoryParams {
    filter: Filter,
    span: Span,
}

/// What is wanted of a channel.
enum Filter {
    Sms(SmsFilter),
    Webhook(WebhookFilter),
}

/// A bound in time: a moment, or a whole day of UTC.
enum Bound {
    At(Timestamp),
    Day(Day),
}

impl Fields for HistoryParams {
    fn read(object: &mut Object, _: &App) -> Option<Self> {
        let filter = match object.optional("channel", channel) {
            Ok(None | Some(Channel::Sms)) => sms_filter(object),
            Ok(Some(Channel::Webhook)) => webhook_filter(object),
            Err(Noted) => of_no_channel(object),
        };
        let span = span(object);
        Some(HistoryParams {
            filter: filter?,
            span: span?,
        })
    }
}

fn channel(value: Value) -> Result<Channel, String> {
    one_of(value, Channel::ALL, Channel::as_str)
}

fn sms_filter(object: &mut Object) -> Option<Filter> {
    let status = object.optional("status", |value| one_of(value, Status::ALL, Status::as_str));
    let alert_type = object.optional("type", object::parsed);
    let recipient = object.optional("recipient", object::parsed);
    Some(Filter::Sms(SmsFilter {
        status: status.ok()?,
        recipient: recipient.ok()?,
        alert_type: alert_type.ok()?,
    }))
}

fn webhook_filter(object: &mut Object) -> Option<Filter> {
    let status = object.optional("status", |value| {
        one_of(value, StatusFilter::ALL, StatusFilter::as_str)
    });
    let event = object.optional("type", object::event_type);
    let recipient = object.optional("recipient", |_| {
        Err::<(), _>("is not known with channel=webhook: webhooks have no recipients".to_owned())
    });
    recipient.ok()?;
    Some(Filter::Webhook(WebhookFilter {
        status: status.ok()?,
        event: event.ok()?,
    }))
}

/// The parameters whose rules depend on the channel are known all the same.
fn of_no_channel(object: &mut Object) -> Option<Filter> {
    for field in ["status", "type", "recipient"] {
        object.optional(field, object::text).ok()?;
    }
    None
}

fn one_of<T: Copy>(
    value: Value,
    all: impl IntoIterator<Item = T>,
    name: impl Fn(T) -> &'static str,
) -> Result<T, String> {
    let text = object::text(value)?;
    let all: Vec<T> = all.into_iter().collect();
    let found = all.iter().find(|one| name(**one) == text);
    found.copied().ok_or_else(|| {
        let names: Vec<_> = all.into_iter().map(name).collect();
        format!("must be one of {}", names.join(", "))
    })
}

fn span(object: &mut Object) -> Option<Span> {
    let from = object.optional("from", bound);
    let to = object.optional("to", bound);
    let limit = pagination::limit(object);
    let after = pagination::cursor::<DeliveryId>(object);
    let from = from.ok()?.map(|bound| bound.begin());
    let to = to.ok()?;
    if let (Some(from), Some(to)) = (from, &to)
        && to.is_before(from)
    {
        return object.refuse("from", "must not be after `to`");
    }
    Some(Span {
        from,
        to: to.map(|to| to.end()),
        after: after?,
        limit: limit?,
    })
}

fn bound(value: Value) -> Result<Bound, String> {
    if let Ok(day) = dates::day(value.clone()) {
        return Ok(Bound::Day(day));
    }
    let rule = "must be an RFC 3339 time with an offset or a date, e.g. 2026-03-29T14:30:00Z or 2026-03-29";
    object::time(value)
        .map(Bound::At)
        .map_err(|_| rule.to_owned())
}

impl Bound {
    fn begin(&self) -> Timestamp {
        match self {
            Bound::At(at) => *at,
            Bound::Day(day) => day.begin(),
        }
    }

    /// Whether it ends before that moment.
    fn is_before(&self, from: Timestamp) -> bool {
        match self {
            Bound::At(at) => *at < from,
            Bound::Day(day) => day.end() <= from,
        }
    }

    fn end(&self) -> Timestamp {
        match self {
            Bound::At(at) => *at,
            Bound::Day(day) => day.end(),
        }
    }
}

/// Lists what became of the workspace's SMS, or of its webhooks' deliveries, newest first. A filtered page may come back
/// short, with a cursor to go on from.
#[utoipa::path(
    get, path = "/history", tag = "history",
    params(
        WorkspacePath,
        ("channel" = Option<Channel>, Query, description = "By default `sms`. Members see `sms` only."),
        ("status" = Option<String>, Query, description = "Only this status of the channel."),
        ("recipient" = Option<String>, Query, pattern = "^[A-Za-z0-9_.@+-]{1,64}$", description = "Only to this member: the user id. Of `sms` only."),
        ("type" = Option<String>, Query, description = "Only this alert type, of `webhook` this event type."),
        ("from" = Option<String>, Query, description = "A time: nothing before it. A date: nothing before that day, UTC."),
        ("to" = Option<String>, Query, description = "A time: only what is before it. A date: nothing after that day, UTC."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries wanted; by default 25."),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before."),
    ),
    responses((status = 200, description = "A page of the history.", body = Page<HistoryRow>), Guarded, WithParams),
    security(("api_key" = []))
)]
pub(crate) async fn list_history(
    State(app): State<Arc<App>>,
    Access { caller, .. }: Access<TakePart>,
    At(WorkspacePath { workspace_id }): At<WorkspacePath>,
    Params(HistoryParams { filter, span }): Params<HistoryParams>,
) -> Result<Json<Page<HistoryRow>>, Problem> {
    let page = match filter {
        Filter::Sms(filter) => {
            let page = app.store.sms_history(&workspace_id, &span, &filter).await?;
            shown(&page, |delivery| {
                HistoryRow::Sms(SmsSummary::new(delivery, &caller))
            })
        }
        Filter::Webhook(_) if !caller.administers() => return Err(Problem::forbidden()),
        Filter::Webhook(filter) => {
            let webhooks = webhook_ids(&app, &workspace_id).await?;
            let page = app.store.webhook_history(&webhooks, &span, &filter).await?;
            shown(&page, |delivery| HistoryRow::Webhook(delivery.into()))
        }
    };
    Ok(Json(page))
}

fn shown<T>(page: &HistoryPage<T>, row: impl Fn(&T) -> HistoryRow) -> Page<HistoryRow> {
    Page {
        items: page.items.iter().map(row).collect(),
        next_cursor: page.next.as_ref().map(cursor_after),
    }
}
