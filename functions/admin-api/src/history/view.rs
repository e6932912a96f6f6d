//! How an entry of the history is shown, and to whom the phone.

use domain::delivery::Delivery;
use domain::sms::delivery::{Entry, Purpose, Recipient, SmsDelivery, Source, Stage, Status};
use domain::sms::provider_error::ProviderError;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::auth::Caller;
use crate::deliveries::view::{DeliverySummary, DeliveryView};
use crate::event_types::{AlertName, Name, one_of};

/// What a delivery is delivered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Channel {
    /// A text to a phone.
    Sms,
    /// A request to an endpoint.
    Webhook,
}

impl Channel {
    pub(crate) const ALL: [Channel; 2] = [Channel::Sms, Channel::Webhook];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Channel::Sms => "sms",
            Channel::Webhook => "webhook",
        }
    }
}

/// The schema of the status of an SMS.
pub(crate) struct SmsStatus;

impl PartialSchema for SmsStatus {
    fn schema() -> RefOr<Schema> {
        one_of(Status::ALL.into_iter().map(Status::as_str))
    }
}

impl ToSchema for SmsStatus {}

/// An entry as the history lists it.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum HistoryRow {
    Sms(SmsSummary),
    Webhook(WebhookRow<DeliverySummary>),
}

/// An entry with all that is known of it.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum HistoryEntry {
    Sms(SmsView),
    Webhook(WebhookRow<DeliveryView>),
}

/// One alert to one phone.
#[derive(Serialize, ToSchema)]
pub(crate) struct SmsSummary {
    /// Its id.
    #[schema(pattern = "^dlv_[0-9a-v]{30}$")]
    id: String,
    /// Always `sms`.
    channel: Channel,
    /// Who carries it: `twilio` or `http`.
    provider: &'static str,
    /// Who it comes from: the number, the messaging service or the gateway's URL without its query.
    sender: String,
    recipient: RecipientView,
    /// What the alert is about.
    #[schema(value_type = AlertName)]
    r#type: &'static str,
    /// What it is about, for people.
    entity: String,
    #[schema(value_type = SmsStatus)]
    status: Status,
    /// Whether somebody asked for it as a test.
    test: bool,
    /// The provider's id of the message; null where it has none (yet).
    #[schema(required)]
    provider_message_id: Option<String>,
    /// `GSM-7` or `UCS-2`.
    encoding: &'static str,
    /// What carriers bill.
    #[schema(minimum = 1)]
    segments: u32,
    /// What went wrong last; null where nothing did.
    #[schema(required)]
    error: Option<SmsError>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

/// One alert to one phone, with all that is known of it.
#[derive(Serialize, ToSchema)]
#[schema(as = Sms)]
pub(crate) struct SmsView {
    #[serde(flatten)]
    summary: SmsSummary,
    /// What it says; null for those who do not see the phone.
    #[schema(required)]
    text: Option<String>,
    /// What happened to it, oldest first.
    timeline: Vec<TimelineEntry>,
}

/// Who an alert goes to, as they stood when it was made.
#[derive(Serialize, ToSchema)]
#[schema(as = SmsRecipient)]
struct RecipientView {
    /// The member; null for a test to a number.
    #[schema(required)]
    user_id: Option<String>,
    /// The member's name.
    #[schema(required)]
    name: Option<String>,
    /// The phone, in full for administrators and its owner, for others masked.
    phone: String,
}

/// What went wrong with a message.
#[derive(Serialize, ToSchema)]
struct SmsError {
    /// The provider's code, or the HTTP status of a gateway; null where there was none.
    #[schema(required)]
    code: Option<u32>,
    /// In words.
    message: String,
    /// What to do about it.
    remedy: String,
}

/// Something that happened to a message.
#[derive(Serialize, ToSchema)]
struct TimelineEntry {
    /// When the product got to know of it.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What it was: a status of ours or of Twilio's, `retrying` or `unclear`.
    #[schema(value_type = String)]
    status: Stage,
    /// Who told: `service`, `provider`, `receipt`, `inquiry`, `reconciliation` or `foreign_receipt`.
    #[schema(value_type = String)]
    source: Source,
    /// The provider's error code; null where there is none.
    #[schema(required)]
    code: Option<u32>,
}

/// A webhook's delivery: its entry in the log, with what it has in common with an SMS.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookRow<T> {
    /// Always `webhook`.
    channel: Channel,
    /// The event's type, as in `event`.
    #[schema(value_type = Name)]
    r#type: &'static str,
    /// Always null: which entity it is about only the body says.
    #[schema(required)]
    entity: Option<String>,
    /// When it was first recorded.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[serde(flatten)]
    logged: T,
}

impl SmsSummary {
    pub(crate) fn new(delivery: &SmsDelivery, caller: &Caller) -> SmsSummary {
        SmsSummary {
            id: delivery.key.id.to_string(),
            channel: Channel::Sms,
            provider: delivery.carrier.as_str(),
            sender: delivery.sender.clone(),
            recipient: RecipientView::new(&delivery.recipient, caller),
            r#type: delivery.alert_type.as_str(),
            entity: delivery.entity.clone(),
            status: delivery.status(),
            test: delivery.purpose == Purpose::Test,
            provider_message_id: delivery.provider_message_id.clone(),
            encoding: delivery.encoding.as_str(),
            segments: delivery.segments.get(),
            error: delivery.error.as_ref().map(SmsError::from),
            created_at: delivery.created_at,
        }
    }
}

impl SmsView {
    pub(crate) fn new(delivery: &SmsDelivery, caller: &Caller) -> SmsView {
        let text = sees_phone(&delivery.recipient, caller).then(|| delivery.text.clone());
        SmsView {
            summary: SmsSummary::new(delivery, caller),
            text,
            timeline: delivery.timeline.entries().iter().map(Into::into).collect(),
        }
    }
}

impl RecipientView {
    fn new(recipient: &Recipient, caller: &Caller) -> RecipientView {
        let phone = &recipient.phone;
        RecipientView {
            user_id: recipient.user_id.as_ref().map(ToString::to_string),
            name: recipient.name.clone(),
            phone: if sees_phone(recipient, caller) {
                phone.as_str().to_owned()
            } else {
                phone.masked()
            },
        }
    }
}

/// Administrators see all phones, members their own.
fn sees_phone(recipient: &Recipient, caller: &Caller) -> bool {
    let own = |user| caller.is(user);
    caller.administers() || recipient.user_id.as_ref().is_some_and(own)
}

impl From<&ProviderError> for SmsError {
    fn from(error: &ProviderError) -> SmsError {
        SmsError {
            code: error.code,
            message: error.message.clone(),
            remedy: error.remedy.clone(),
        }
    }
}

impl From<&Entry> for TimelineEntry {
    fn from(entry: &Entry) -> TimelineEntry {
        TimelineEntry {
            at: entry.at,
            status: entry.status,
            source: entry.source,
            code: entry.code,
        }
    }
}

impl<'a, T: From<&'a Delivery>> From<&'a Delivery> for WebhookRow<T> {
    fn from(delivery: &'a Delivery) -> WebhookRow<T> {
        WebhookRow {
            channel: Channel::Webhook,
            r#type: delivery.event_type.as_str(),
            entity: None,
            created_at: delivery.created_at,
            logged: delivery.into(),
        }
    }
}
