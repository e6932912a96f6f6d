//! Alerts to SMS deliveries.
//!
//! # Steps of an alert, and what a death between them means
//! 1. Read what was decided for its recipients so far.
//! 2. Decide for those for whom nothing was: send, or why not. Decisions, the new deliveries and the counts are one
//!    transaction; a rerun obeys what it finds. *Killed before it:* the event comes back, as if nothing had been.
//! 3. Wake the deliveries that were decided on. *Killed before or amid it:* the event comes back, finds the decisions,
//!    and wakes them all again; a delivery that is woken twice is sent once.
//!
//! Two runs at the same time: one transaction fails and reads what the other decided. The same event id with another
//! timestamp, or with further recipients, is the same alert: who has been decided for stays so.

use std::collections::HashSet;

use domain::event::{Alert, IngestEvent};
use domain::ids::{DeliveryId, UserId};
use domain::sms::delivery::{
    Entry, Purpose, Recipient, SmsDelivery, SmsKey, Source, Stage, State, Timeline,
};
use domain::sms::member::{Decision, Member, NotSent, destination};
use domain::sms::phone::PhoneNumber;
use domain::sms::provider::Provider;
use domain::sms::text;
use futures::future::join_all;
use jiff::Timestamp;
use platform::batch::{self, Panicked};
use platform::queue::message::SmsWakeUp;
use platform::queue::sending::Outgoing;
use platform::store::StoreError;
use platform::store::alerts::{Decisions, MOST_DELIVERIES, NewDecisions};
use platform::store::config::Config;

use crate::{Arrival, FanOut, Progress, TIME_FOR_A_WINDOW};

/// How often decisions are made anew because somebody else has made some meanwhile.
const TRIES: u32 = 20;
/// Decisions outlive their event on the queue: an event that comes again after this is a new one.
const DECISIONS_KEPT_AT_LEAST: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

/// Why an alert is not done. Its event comes back.
#[derive(Debug, thiserror::Error)]
enum AlertError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("wake-ups not sent: {0}")]
    Queue(String),
    #[error("there is no time left")]
    OutOfTime,
    #[error("the decisions keep changing")]
    KeepsChanging,
    #[error(transparent)]
    Panicked(#[from] Panicked),
}

impl FanOut {
    /// Decides on the alerts of all events and wakes their deliveries, until `deadline` is near: all at the same time, so
    /// that one for a single recipient does not wait for those of hundreds.
    pub(crate) async fn alert(
        &self,
        arrivals: &[Arrival],
        config: &Config,
        deadline: Timestamp,
        progress: &mut [Progress],
    ) {
        let alerting = arrivals
            .iter()
            .zip(progress)
            .map(async |(arrival, progress)| {
                let Some(alert) = &arrival.event.alert else {
                    return;
                };
                let alerting = batch::isolated(self.alert_one(arrival, alert, config, deadline));
                match alerting
                    .await
                    .unwrap_or_else(|panicked| Err(panicked.into()))
                {
                    Ok(woken) => progress.sms = woken,
                    Err(error) => progress.fail(&error),
                }
            });
        join_all(alerting).await;
    }

    async fn alert_one(
        &self,
        arrival: &Arrival,
        alert: &Alert,
        config: &Config,
        deadline: Timestamp,
    ) -> Result<usize, AlertError> {
        let event = &arrival.event;
        let provider = config
            .provider(&event.workspace.id)?
            .and_then(|config| config.current.as_ref());
        let decisions = self
            .decide_for_all(event, alert, provider, deadline)
            .await?;
        self.wake(arrival, alert, &decisions).await
    }

    async fn decide_for_all(
        &self,
        event: &IngestEvent,
        alert: &Alert,
        provider: Option<&Provider>,
        deadline: Timestamp,
    ) -> Result<Decisions, AlertError> {
        let workspace = &event.workspace.id;
        let mut conflicts = 0;
        loop {
            if (self.clock)() + TIME_FOR_A_WINDOW > deadline {
                return Err(AlertError::OutOfTime);
            }
            let decided = self.store.decisions(workspace, &event.id).await?;
            let open: Vec<UserId> = alert
                .recipients
                .iter()
                .filter(|user| !decided.by_user.contains_key(*user))
                .take(MOST_DELIVERIES)
                .cloned()
                .collect();
            if open.is_empty() {
                return Ok(decided);
            }
            let new = self.decide_for(event, alert, provider, open).await?;
            match self.store.decide(&decided, &new).await {
                Ok(()) => {}
                Err(StoreError::Conflict) if conflicts < TRIES => conflicts += 1,
                Err(StoreError::Conflict) => return Err(AlertError::KeepsChanging),
                Err(other) => return Err(other.into()),
            }
        }
    }

    async fn decide_for<'a>(
        &self,
        event: &'a IngestEvent,
        alert: &Alert,
        provider: Option<&Provider>,
        users: Vec<UserId>,
    ) -> Result<NewDecisions<'a>, StoreError> {
        let now = self.now();
        let retention = self.retention.max(DECISIONS_KEPT_AT_LEAST);
        let mut new = NewDecisions {
            workspace: &event.workspace.id,
            event: &event.id,
            alert_type: alert.event_type,
            deliveries: Vec::new(),
            not_sent: Vec::new(),
            now,
            expires_at: now + retention,
        };
        let Some(provider) = provider else {
            let no_provider = users.into_iter().map(|user| (user, NotSent::NoProvider));
            new.not_sent.extend(no_provider);
            return Ok(new);
        };
        let members = self.store.members(new.workspace, &users).await?;
        let mut reachable: Vec<(Member, PhoneNumber)> = Vec::new();
        for user in users {
            let member = members.iter().find(|member| member.id == user);
            match (member, destination(member, alert.event_type)) {
                (Some(member), Ok(phone)) => reachable.push((member.clone(), phone.clone())),
                (_, Err(because)) => new.not_sent.push((user, because)),
                (None, Ok(_)) => new.not_sent.push((user, NotSent::NoPhone)),
            }
        }
        let opted_out = self.opted_out(new.workspace, provider, &reachable).await?;
        let message = text::alert(
            &self.brand,
            &alert.summary,
            &alert.item,
            provider.max_segments,
        );
        for (member, phone) in reachable {
            if opted_out.contains(&phone) {
                new.not_sent.push((member.id, NotSent::OptedOut));
            } else {
                let delivery =
                    self.delivery(event, alert, provider, &message, (member, phone), now);
                new.deliveries.push(delivery);
            }
        }
        Ok(new)
    }

    async fn opted_out(
        &self,
        workspace: &domain::ids::WorkspaceId,
        provider: &Provider,
        reachable: &[(Member, PhoneNumber)],
    ) -> Result<HashSet<PhoneNumber>, StoreError> {
        // Members may share a phone.
        let mut phones: Vec<PhoneNumber> =
            reachable.iter().map(|(_, phone)| phone.clone()).collect();
        phones.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        phones.dedup();
        match provider.carrier.opt_out_sender() {
            None => Ok(HashSet::new()),
            Some(sender) => self.store.opted_out(workspace, sender, &phones).await,
        }
    }

    fn delivery(
        &self,
        event: &IngestEvent,
        alert: &Alert,
        provider: &Provider,
        message: &text::Message,
        (member, phone): (Member, PhoneNumber),
        now: Timestamp,
    ) -> SmsDelivery {
        let workspace = event.workspace.id.clone();
        let id = DeliveryId::for_sms(&workspace, &event.id, now, member.id.as_str());
        let mut timeline = Timeline::default();
        timeline.push(Entry {
            at: now,
            status: Stage::Queued,
            source: Source::Service,
            code: None,
        });
        SmsDelivery {
            key: SmsKey { workspace, id },
            purpose: Purpose::Alert,
            event_id: event.id.clone(),
            event_time: event.occurred_at,
            alert_type: alert.event_type,
            recipient: Recipient {
                user_id: Some(member.id),
                name: Some(member.name),
                phone,
            },
            entity: entity(alert),
            text: message.text.clone(),
            encoding: message.count.encoding,
            segments: message.count.segments,
            carrier: provider.carrier.kind(),
            sender: provider.carrier.sender().to_owned(),
            state: State::new(now),
            provider_message_id: None,
            inquiry: None,
            error: None,
            timeline,
            created_at: now,
            expires_at: now + self.retention,
        }
    }

    async fn wake(
        &self,
        arrival: &Arrival,
        alert: &Alert,
        decisions: &Decisions,
    ) -> Result<usize, AlertError> {
        let workspace = &arrival.event.workspace.id;
        let wake_ups: Vec<Outgoing> = alert
            .recipients
            .iter()
            .filter_map(|user| match decisions.by_user.get(user)? {
                Decision::NotSent(_) => None,
                Decision::Send(delivery) => Some(SmsWakeUp {
                    workspace: workspace.clone(),
                    delivery: delivery.clone(),
                    accepted_at: arrival.accepted_at,
                }),
            })
            .map(|wake_up| Outgoing::json(&wake_up, workspace.as_str()).traced(arrival.trace))
            .collect();
        let sent = self.sms.send_all(&wake_ups).await;
        match sent.into_iter().find_map(Result::err) {
            None => Ok(wake_ups.len()),
            Some(error) => Err(AlertError::Queue(error.to_string())),
        }
    }

    /// The time in whole milliseconds, as the table keeps it.
    fn now(&self) -> Timestamp {
        let now = (self.clock)();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// Longest title in the history, in characters; the event may carry one of 200 KB.
const SHOWN_TITLE: usize = 200;

fn entity(alert: &Alert) -> String {
    let title: String = alert.item.title.chars().take(SHOWN_TITLE).collect();
    format!("{}: {title}", alert.item.identifier)
}
