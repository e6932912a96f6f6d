//! `GET /stats`: how many deliveries there are, by day, channel, status and type.
//!
//! The numbers of SMS are counters that are written with each step of a delivery and equal the history exactly; those of
//! webhooks are counted in the logs, and kept of hours that are over.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use domain::sms::delivery::Status;
use jiff::civil::Date;
use platform::store::log::StatusFilter;
use platform::store::sms_counters::DayCounts;
use platform::store::webhook_stats::WebhookCounts;
use serde::{Serialize, Serializer};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::auth::{Access, Configure};
use crate::body::Fields;
use crate::dates::{Day, day};
use crate::history::{Channel, webhook_ids};
use crate::object::Object;
use crate::params::Params;
use crate::path::{At, WorkspacePath};
use crate::problem::{Guarded, Problem, WithParams};

const DEFAULT_DAYS: i32 = 30;
const MAX_DAYS: i32 = 366;

/// The routes below a workspace.
pub(crate) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::default().routes(routes!(read_stats))
}

/// Which days.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StatsParams {
    /// The first day, UTC; by default the 30th from the last.
    #[param(value_type = Option<String>, format = Date)]
    from: Day,
    /// The last day, UTC, included; by default today.
    #[param(value_type = Option<String>, format = Date)]
    to: Day,
}

impl Fields for StatsParams {
    fn read(object: &mut Object, app: &App) -> Option<Self> {
        let from = object.optional("from", day);
        let to = object.optional("to", day);
        let to = to.ok()?.unwrap_or_else(|| Day::of(app.now()));
        let from = from.ok()?.unwrap_or_else(|| to.before(DEFAULT_DAYS - 1));
        match from.days_to(to) {
            ..1 => object.refuse(
                "from",
                "must not be after `to`, which is today where it is not given",
            ),
            1..=MAX_DAYS => Some(StatsParams { from, to }),
            _ => object.refuse(
                "from",
                format!("must be at most {MAX_DAYS} days before the end of `to`"),
            ),
        }
    }
}

/// How many deliveries there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stats {
    /// By day, channel, status and type, in this order; what is zero is left out.
    days: Vec<DayCount>,
    /// The sums over the days, by channel, status and type.
    totals: Vec<Total>,
    /// The part of the settled deliveries that succeeded, 0 to 1; null where none is settled.
    #[schema(required, minimum = 0, maximum = 1)]
    success_rate: Option<f64>,
    success_rates: SuccessRates,
    /// Members who were named in alerts and not sent to, by day, type and reason.
    not_sent: Vec<NotSentCount>,
}

/// Deliveries of a day.
#[derive(Serialize, ToSchema, PartialEq, Eq, PartialOrd, Ord)]
struct DayCount {
    /// The day, UTC: of an SMS when it was made, of a webhook's delivery when the event occurred.
    #[schema(value_type = String, format = Date)]
    date: Date,
    channel: Channel,
    /// Where they stand now, as in the history.
    #[schema(value_type = String)]
    status: Standing,
    /// The alert type or event type.
    r#type: &'static str,
    /// How many.
    #[schema(minimum = 1)]
    count: u64,
    /// Their segments; 0 for webhooks.
    segments: u64,
}

/// Where a delivery of either channel stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Sms(Status),
    Webhook(StatusFilter),
}

/// Deliveries of all days.
#[derive(Serialize, ToSchema)]
struct Total {
    channel: Channel,
    /// Where they stand now, as in the history.
    #[schema(value_type = String)]
    status: Standing,
    /// The alert type or event type.
    r#type: &'static str,
    /// How many.
    #[schema(minimum = 1)]
    count: u64,
    /// Their segments; 0 for webhooks.
    segments: u64,
}

/// The same by channel.
#[derive(Serialize, ToSchema)]
struct SuccessRates {
    /// `sent` and `delivered` of these and `undelivered`, `failed`, `unknown`.
    #[schema(required, minimum = 0, maximum = 1)]
    sms: Option<f64>,
    /// `success` of this and `failed`.
    #[schema(required, minimum = 0, maximum = 1)]
    webhook: Option<f64>,
}

/// Members who were named in alerts of a day and not sent to.
#[derive(Serialize, ToSchema, PartialEq, Eq, PartialOrd, Ord)]
struct NotSentCount {
    /// The day, UTC.
    #[schema(value_type = String, format = Date)]
    date: Date,
    /// The alert type.
    r#type: &'static str,
    /// `no_provider`, `no_phone`, `switched_off` or `opted_out`.
    reason: &'static str,
    /// How many.
    #[schema(minimum = 1)]
    count: u64,
}

/// Counts deliveries by day, channel, status and type.
#[utoipa::path(
    get, path = "/stats", tag = "history", params(WorkspacePath, StatsParams),
    responses((status = 200, description = "The counts.", body = Stats), Guarded, WithParams),
    security(("api_key" = []))
)]
pub(crate) async fn read_stats(
    State(app): State<Arc<App>>,
    _: Access<Configure>,
    At(WorkspacePath { workspace_id }): At<WorkspacePath>,
    Params(StatsParams { from, to }): Params<StatsParams>,
) -> Result<Json<Stats>, Problem> {
    let (first, last) = (from.date(), to.date());
    let sms = app.store.sms_counts(&workspace_id, first, last).await?;
    let webhooks = webhook_ids(&app, &workspace_id).await?;
    let counts = app.store.webhook_counts(&webhooks, first..=last, app.now());
    let webhooks = counts.await?;
    Ok(Json(Stats::new(&sms, &webhooks)))
}

impl Stats {
    fn new(sms: &[(Date, DayCounts)], webhooks: &WebhookCounts) -> Stats {
        let mut days: Vec<_> = sms_days(sms).chain(webhook_days(webhooks)).collect();
        days.sort_unstable();
        let mut not_sent: Vec<_> = sms.iter().flat_map(not_sent).collect();
        not_sent.sort_unstable();
        let totals = totals(&days);
        Stats {
            success_rate: rate(totals.iter()),
            success_rates: SuccessRates::of(&totals),
            totals,
            days,
            not_sent,
        }
    }
}

fn sms_days(days: &[(Date, DayCounts)]) -> impl Iterator<Item = DayCount> {
    days.iter().flat_map(|(date, counts)| {
        let counts = counts.deliveries.iter();
        counts.map(|((status, alert_type), count)| DayCount {
            date: *date,
            channel: Channel::Sms,
            status: Standing::Sms(*status),
            r#type: alert_type.as_str(),
            count: count.deliveries,
            segments: count.segments,
        })
    })
}

fn webhook_days(counts: &WebhookCounts) -> impl Iterator<Item = DayCount> {
    counts
        .iter()
        .map(|((date, status, event_type), count)| DayCount {
            date: *date,
            channel: Channel::Webhook,
            status: Standing::Webhook(*status),
            r#type: event_type.as_str(),
            count: *count,
            segments: 0,
        })
}

fn not_sent((date, counts): &(Date, DayCounts)) -> impl Iterator<Item = NotSentCount> {
    let counts = counts.not_sent.iter();
    counts.map(|((because, alert_type), count)| NotSentCount {
        date: *date,
        r#type: alert_type.as_str(),
        reason: because.as_str(),
        count: *count,
    })
}

fn totals(days: &[DayCount]) -> Vec<Total> {
    let mut sums: BTreeMap<_, (u64, u64)> = BTreeMap::new();
    for day in days {
        let (count, segments) = sums.entry((day.status, day.r#type)).or_default();
        *count += day.count;
        *segments += day.segments;
    }
    let total = |((status, r#type), (count, segments)): ((Standing, _), _)| Total {
        channel: status.channel(),
        status,
        r#type,
        count,
        segments,
    };
    sums.into_iter().map(total).collect()
}

impl Standing {
    fn channel(self) -> Channel {
        match self {
            Standing::Sms(_) => Channel::Sms,
            Standing::Webhook(_) => Channel::Webhook,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Standing::Sms(status) => status.as_str(),
            Standing::Webhook(status) => status.as_str(),
        }
    }

    /// Whether the delivery succeeded; `None` while that is open.
    fn succeeded(self) -> Option<bool> {
        match self {
            Standing::Sms(Status::Queued | Status::Sending)
            | Standing::Webhook(StatusFilter::PendingRetry) => None,
            Standing::Sms(Status::Sent | Status::Delivered)
            | Standing::Webhook(StatusFilter::Success) => Some(true),
            Standing::Sms(Status::Undelivered | Status::Failed | Status::Unknown)
            | Standing::Webhook(StatusFilter::Failed) => Some(false),
        }
    }
}

impl Serialize for Standing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl SuccessRates {
    fn of(totals: &[Total]) -> SuccessRates {
        let of_channel = |channel| rate(totals.iter().filter(|total| total.channel == channel));
        SuccessRates {
            sms: of_channel(Channel::Sms),
            webhook: of_channel(Channel::Webhook),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a rate of more than 2^52 deliveries need not be exact"
)]
fn rate<'a>(totals: impl Iterator<Item = &'a Total>) -> Option<f64> {
    let (mut successes, mut settled) = (0, 0);
    for total in totals {
        if let Some(succeeded) = total.status.succeeded() {
            settled += total.count;
            successes += if succeeded { total.count } else { 0 };
        }
    }
    (settled > 0).then(|| successes as f64 / settled as f64)
}
