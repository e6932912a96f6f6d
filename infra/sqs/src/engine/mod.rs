//! All queues of one account, and the calls on them.
//!
//! Time stands still within a call: each is given its `now`. [`Engine::queue_mut`] is the one way to a queue, and first
//! lets time do its work there.

mod description;
mod lagging;
mod queue;
mod receipt;
mod store;
mod tenants;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

pub(crate) use queue::Queue;
use queue::Take;

use crate::error::Error;
use crate::limits;
use crate::message::{Content, Draft, ReceivedMessage};
use crate::queue_attributes::QueueAttributes;
use crate::random::Random;
use crate::time::{self, Seconds};
use crate::{Config, QueueCounts};

/// What `SenderId` says: the engine does not know who calls.
const SENDER_ID: &str = "AIDAIENQZJOLO23YVJ4VO";

#[derive(Debug)]
pub(crate) struct Engine {
    config: Config,
    random: Random,
    queues: BTreeMap<String, Queue>,
    deleted: BTreeMap<String, Timestamp>,
    /// Whether a receiver may now get something that it could not get before.
    news: bool,
}

/// How a receiver waits, which is a matter of the answer when the in-flight limit is reached
/// (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polling {
    /// An error says so.
    Short,
    /// The answer is empty.
    Long,
}

/// A `ReceiveMessage`, its parameters checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Receive {
    pub(crate) wanted: usize,
    /// The queue's if none.
    pub(crate) visibility_timeout: Option<Duration>,
    pub(crate) polling: Polling,
}

/// What a sender is told of the message that was accepted.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) message_id: String,
    pub(crate) md5_of_body: String,
    pub(crate) md5_of_attributes: Option<String>,
}

impl Engine {
    pub(crate) fn new(config: Config) -> Self {
        let random = Random::new(config.seed);
        Self {
            config,
            random,
            queues: BTreeMap::new(),
            deleted: BTreeMap::new(),
            news: false,
        }
    }

    pub(crate) fn uuid(&mut self) -> String {
        self.random.uuid()
    }

    /// Whether there has been news since the last time.
    pub(crate) fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }

    pub(crate) fn url(&self, name: &str) -> String {
        let Config {
            endpoint,
            account_id,
            ..
        } = &self.config;
        format!("{endpoint}/{account_id}/{name}")
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.queues.keys().map(String::as_str)
    }

    /// The queue of a URL, or of a bare name. The host is not looked at: clients reach the engine under several.
    pub(crate) fn queue(&self, url_or_name: &str) -> Result<&Queue, Error> {
        let name = self.name_in(url_or_name)?;
        self.queues.get(name).ok_or(Error::QueueDoesNotExist)
    }

    pub(crate) fn queue_mut(
        &mut self,
        url_or_name: &str,
        now: Timestamp,
    ) -> Result<&mut Queue, Error> {
        let name = self.name_in(url_or_name)?.to_owned();
        let queue = self.queues.get_mut(&name).ok_or(Error::QueueDoesNotExist)?;
        self.news |= queue.advance(now);
        Ok(queue)
    }

    fn name_in<'a>(&self, url_or_name: &'a str) -> Result<&'a str, Error> {
        let Some((path, name)) = url_or_name.rsplit_once('/') else {
            return Ok(url_or_name);
        };
        let account = path.rsplit('/').next();
        if account == Some(&self.config.account_id) {
            Ok(name)
        } else {
            Err(Error::QueueDoesNotExist)
        }
    }

    /// Makes a queue, or finds the one of that name if it has all the attributes that are asked for.
    pub(crate) fn create(
        &mut self,
        name: &str,
        attributes: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<&mut Queue, Error> {
        let wanted = QueueAttributes::default().with(attributes)?;
        if let Some(existing) = self.queues.get(name) {
            let differs = |name: &&String| existing.attributes.value(name) != wanted.value(name);
            if let Some(different) = attributes.keys().find(differs) {
                return Err(Error::QueueNameExists(different.clone()));
            }
        } else {
            self.check_name(name, now)?;
            self.check_dead_letter_target(&wanted)?;
            let queue = Queue::new(
                name.to_owned(),
                self.arn(name),
                wanted,
                self.random.number(),
                now,
            );
            self.queues.insert(name.to_owned(), queue);
        }
        self.queue_mut(name, now)
    }

    fn check_name(&self, name: &str, now: Timestamp) -> Result<(), Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !limits::QUEUE_NAME_CHARACTERS.contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(Error::InvalidQueueName);
        }
        let deleted_at = self.deleted.get(name);
        if deleted_at.is_some_and(|at| time::elapsed(*at, now) < limits::NAME_KEPT_AFTER_DELETION) {
            return Err(Error::QueueDeletedRecently);
        }
        Ok(())
    }

    fn check_dead_letter_target(&self, attributes: &QueueAttributes) -> Result<(), Error> {
        match &attributes.redrive_policy {
            Some(policy) if self.name_of(&policy.target_arn).is_none() => {
                Err(policy.unknown_target().into())
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn set_attributes(
        &mut self,
        url: &str,
        changes: &BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let changed = self.queue(url)?.attributes.with(changes)?;
        self.check_dead_letter_target(&changed)?;
        let queue = self.queue_mut(url, now)?;
        queue.attributes = changed;
        queue.modified_at = now;
        Ok(())
    }

    pub(crate) fn delete(&mut self, url: &str, now: Timestamp) -> Result<(), Error> {
        let name = self.queue(url)?.name.clone();
        self.queues.remove(&name);
        self.deleted
            .retain(|_, at| time::elapsed(*at, now) < limits::NAME_KEPT_AFTER_DELETION);
        self.deleted.insert(name, now);
        Ok(())
    }

    pub(crate) fn send(
        &mut self,
        url: &str,
        draft: Draft,
        delay: Option<Seconds>,
        now: Timestamp,
    ) -> Result<Sent, Error> {
        let maximum_size = self.queue(url)?.attributes.maximum_message_size;
        draft.check(usize::try_from(maximum_size).unwrap_or(usize::MAX))?;
        let content = Content::accept(draft, self.uuid(), now);
        let sent = Sent {
            message_id: content.id.clone(),
            md5_of_body: content.md5_of_body.clone(),
            md5_of_attributes: content.md5_of_attributes.clone(),
        };
        self.queue_mut(url, now)?.send(content, delay, now);
        self.news = true;
        Ok(sent)
    }

    pub(crate) fn receive(
        &mut self,
        url: &str,
        receive: Receive,
        now: Timestamp,
    ) -> Result<Vec<ReceivedMessage>, Error> {
        let dead_letters = self.dead_letter_target(url)?;
        let queue = self.queue_mut(url, now)?;
        if queue.is_full() {
            return if receive.polling == Polling::Short {
                Err(Error::OverLimit(queue.in_flight_limit))
            } else {
                Ok(Vec::new())
            };
        }
        let visibility_timeout = receive
            .visibility_timeout
            .unwrap_or_else(|| queue.attributes.visibility_timeout.duration());
        let dead_after = dead_letters.as_ref().map(|(_, limit)| *limit);
        let taken = queue.receive(
            Take {
                wanted: receive.wanted,
                visibility_timeout,
                dead_after,
            },
            now,
        );
        let source_arn = queue.arn.clone();
        if let Some((target, _)) = dead_letters
            && let Some(target) = self.queues.get_mut(&target)
        {
            self.news |= !taken.dead.is_empty();
            for message in taken.dead {
                target.accept_dead_letter(message, &source_arn, now);
            }
        }
        Ok(taken.received)
    }

    /// Name of the queue's dead-letter queue and after how many receives a message goes there; none as well while the
    /// target is deleted, so that nothing is lost.
    fn dead_letter_target(&self, url: &str) -> Result<Option<(String, u32)>, Error> {
        let policy = self.queue(url)?.attributes.redrive_policy.as_ref();
        Ok(policy
            .and_then(|policy| Some((self.name_of(&policy.target_arn)?, policy.max_receive_count))))
    }

    pub(crate) fn change_visibility(
        &mut self,
        url: &str,
        handle: &str,
        timeout: i64,
        now: Timestamp,
    ) -> Result<(), Error> {
        let sooner = self
            .queue_mut(url, now)?
            .change_visibility(handle, timeout, now)?;
        self.news |= sooner;
        Ok(())
    }

    pub(crate) fn delete_message(
        &mut self,
        url: &str,
        handle: &str,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let queue = self.queue_mut(url, now)?;
        let was_full = queue.is_full();
        let deleted = queue.delete(handle)?;
        self.news |= was_full && deleted;
        Ok(deleted)
    }

    pub(crate) fn limit_in_flight(
        &mut self,
        url: &str,
        limit: usize,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.queue_mut(url, now)?.in_flight_limit = limit;
        self.news = true;
        Ok(())
    }

    pub(crate) fn lag_counts(
        &mut self,
        url: &str,
        lag: Duration,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.queue_mut(url, now)?.lag_counts(lag, now);
        Ok(())
    }

    pub(crate) fn purge(&mut self, url: &str, now: Timestamp) -> Result<(), Error> {
        self.queue_mut(url, now)?.purge(now)
    }

    pub(crate) fn next_visible_at(&self, url: &str) -> Option<Timestamp> {
        self.queue(url).ok()?.next_visible_at()
    }

    fn arn(&self, name: &str) -> String {
        let Config {
            region, account_id, ..
        } = &self.config;
        format!("arn:aws:sqs:{region}:{account_id}:{name}")
    }

    /// The name in an ARN of a queue that exists here.
    fn name_of(&self, arn: &str) -> Option<String> {
        let name = arn.rsplit(':').next()?;
        self.queues
            .get(name)
            .filter(|queue| queue.arn == arn)
            .map(|queue| queue.name.clone())
    }
}
