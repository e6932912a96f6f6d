//! Requests and answers of each action, in the JSON protocol.
//!
//! Source: [API reference](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::attributes::Attributes;
use crate::error::Error;
use crate::message::{Content, MAX_BYTES, MessageAttribute, md5_of, md5_of_attributes};
use crate::queue::{MAX_IN_FLIGHT, Message, Queue, Received};
use crate::{Config, State};

type Answer = Result<Value, Error>;

/// Whether a message may be receivable after this action that was not before.
pub(crate) fn may_release_messages(action: &str) -> bool {
    matches!(
        action,
        "SendMessage"
            | "SendMessageBatch"
            | "ChangeMessageVisibility"
            | "ChangeMessageVisibilityBatch"
            | "DeleteMessage"
            | "DeleteMessageBatch"
            | "ReceiveMessage"
            | "SetQueueAttributes"
    )
}

pub(crate) fn call(
    state: &mut State,
    config: &Config,
    now: Timestamp,
    action: &str,
    body: &[u8],
) -> Answer {
    let mut call = Call { state, config, now };
    match action {
        "CreateQueue" => call.create_queue(read(body)?),
        "DeleteQueue" => call.delete_queue(read(body)?),
        "GetQueueUrl" => call.get_queue_url(read(body)?),
        "ListQueues" => call.list_queues(read(body)?),
        "GetQueueAttributes" => call.get_queue_attributes(read(body)?),
        "SetQueueAttributes" => call.set_queue_attributes(read(body)?),
        "TagQueue" => call.tag_queue(read(body)?),
        "ListQueueTags" => call.list_queue_tags(read(body)?),
        "PurgeQueue" => call.purge_queue(read(body)?),
        "SendMessage" => call.send_message(read(body)?),
        "SendMessageBatch" => call.send_message_batch(read(body)?),
        "ReceiveMessage" => call.receive_message(read(body)?),
        "DeleteMessage" => call.delete_message(read(body)?),
        "DeleteMessageBatch" => call.delete_message_batch(read(body)?),
        "ChangeMessageVisibility" => call.change_message_visibility(read(body)?),
        "ChangeMessageVisibilityBatch" => call.change_message_visibility_batch(read(body)?),
        _ => Err(Error::UnknownOperation),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|_| Error::Serialization)
}

struct Call<'a> {
    state: &'a mut State,
    config: &'a Config,
    now: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueueName {
    queue_name: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default, rename = "tags")]
    tags: BTreeMap<String, String>,
    queue_name_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfQueue<T> {
    queue_url: Option<String>,
    #[serde(flatten)]
    rest: T,
}

#[derive(Deserialize)]
struct Nothing {}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AttributeNames {
    #[serde(default)]
    attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewAttributes {
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NewTags {
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entries<T> {
    #[serde(default = "Vec::new")]
    entries: Vec<Entry<T>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<T> {
    id: String,
    #[serde(flatten)]
    rest: T,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Handle {
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceiveRequest {
    max_number_of_messages: Option<i64>,
    visibility_timeout: Option<i64>,
    wait_time_seconds: Option<i64>,
    #[serde(default)]
    attribute_names: Vec<String>,
    #[serde(default)]
    message_system_attribute_names: Vec<String>,
    #[serde(default)]
    message_attribute_names: Vec<String>,
}

impl Call<'_> {
    fn create_queue(&mut self, request: QueueName) -> Answer {
        let name = request
            .queue_name
            .ok_or(Error::MissingParameter("QueueName"))?;
        let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
        if name.is_empty() || name.len() > 80 || !name.bytes().all(allowed) {
            let words = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.";
            return Err(Error::InvalidParameter(words.to_owned()));
        }
        let queues = &self.state.queues;
        let attributes =
            Attributes::default().with(&request.attributes, |name| queues.contains_key(name))?;
        match queues.get(&name) {
            Some(existing) if existing.attributes == attributes => {}
            Some(_) => return Err(Error::QueueNameExists),
            None => drop(
                self.state
                    .queues
                    .insert(name.clone(), Queue::new(attributes, request.tags, self.now)),
            ),
        }
        Ok(json!({ "QueueUrl": self.url(&name) }))
    }

    fn delete_queue(&mut self, request: OfQueue<Nothing>) -> Answer {
        let name = self.find(request.queue_url.as_deref())?;
        self.state.queues.remove(&name);
        Ok(json!({}))
    }

    fn get_queue_url(&mut self, request: QueueName) -> Answer {
        let name = request
            .queue_name
            .ok_or(Error::MissingParameter("QueueName"))?;
        let known = self.state.queues.contains_key(&name);
        if known {
            Ok(json!({ "QueueUrl": self.url(&name) }))
        } else {
            Err(Error::QueueDoesNotExist)
        }
    }

    fn list_queues(&mut self, request: QueueName) -> Answer {
        let prefix = request.queue_name_prefix.unwrap_or_default();
        let names = self
            .state
            .queues
            .keys()
            .filter(|name| name.starts_with(&prefix));
        let urls: Vec<_> = names.map(|name| self.url(name)).collect();
        Ok(if urls.is_empty() {
            json!({})
        } else {
            json!({ "QueueUrls": urls })
        })
    }

    fn get_queue_attributes(&mut self, request: OfQueue<AttributeNames>) -> Answer {
        let name = self.find(request.queue_url.as_deref())?;
        let arn = self.arn(&name);
        let queue = &self.state.queues[&name];
        let counts = queue.counts();
        let mut all = queue.attributes.set.clone();
        all.extend([
            ("QueueArn".to_owned(), arn),
            (
                "ApproximateNumberOfMessages".to_owned(),
                counts.visible.to_string(),
            ),
            (
                "ApproximateNumberOfMessagesNotVisible".to_owned(),
                counts.in_flight.to_string(),
            ),
            (
                "ApproximateNumberOfMessagesDelayed".to_owned(),
                counts.delayed.to_string(),
            ),
            (
                "CreatedTimestamp".to_owned(),
                queue.created_at.as_second().to_string(),
            ),
            (
                "LastModifiedTimestamp".to_owned(),
                queue.changed_at.as_second().to_string(),
            ),
        ]);
        let wanted = request.rest.attribute_names;
        let everything = wanted.iter().any(|name| name == "All");
        all.retain(|name, _| everything || wanted.contains(name));
        Ok(if all.is_empty() {
            json!({})
        } else {
            json!({ "Attributes": all })
        })
    }

    fn set_queue_attributes(&mut self, request: OfQueue<NewAttributes>) -> Answer {
        let name = self.find(request.queue_url.as_deref())?;
        let queues = &self.state.queues;
        let changed = queues[&name]
            .attributes
            .with(&request.rest.attributes, |name| queues.contains_key(name))?;
        let now = self.now;
        self.queue(&name)?.set_attributes(changed, now);
        Ok(json!({}))
    }

    fn tag_queue(&mut self, request: OfQueue<NewTags>) -> Answer {
        let name = self.find(request.queue_url.as_deref())?;
        self.queue(&name)?.tags.extend(request.rest.tags);
        Ok(json!({}))
    }

    fn list_queue_tags(&mut self, request: OfQueue<Nothing>) -> Answer {
        let name = self.find(request.queue_url.as_deref())?;
        Ok(json!({ "Tags": self.queue(&name)?.tags }))
    }

    fn purge_queue(&mut self, request: OfQueue<Nothing>) -> Answer {
        let name = self.find(request.queue_url.as_deref())?;
        let now = self.now;
        self.queue(&name)?.purge(now)?;
        Ok(json!({}))
    }

    fn send_message(&mut self, request: OfQueue<Content>) -> Answer {
        let name = self.find(request.queue_url.as_deref())?;
        self.send(&name, request.rest)
    }

    fn send(&mut self, name: &str, content: Content) -> Answer {
        let id = self.state.ids.uuid();
        let now = self.now;
        let queue = self.queue(name)?;
        content.check(queue.attributes.maximum_message_bytes)?;
        let mut sent =
            json!({ "MessageId": id, "MD5OfMessageBody": md5_of(content.body().as_bytes()) });
        if let Some(md5) = md5_of_attributes(content.message_attributes.iter()) {
            sent["MD5OfMessageAttributes"] = md5.into();
        }
        if let Some(md5) = md5_of_attributes(content.message_system_attributes.iter()) {
            sent["MD5OfMessageSystemAttributes"] = md5.into();
        }
        queue.send(id, content, now)?;
        Ok(sent)
    }

    fn send_message_batch(&mut self, request: OfQueue<Entries<Content>>) -> Answer {
        let name = self.find(request.queue_url.as_deref())?;
        let entries = checked(request.rest)?;
        if entries
            .iter()
            .map(|entry| entry.rest.bytes())
            .sum::<usize>()
            > MAX_BYTES
        {
            return Err(Error::BatchTooLong);
        }
        self.each(entries, |call, content| call.send(&name, content))
    }

    fn receive_message(&mut self, request: OfQueue<ReceiveRequest>) -> Answer {
        let name = self.find(request.queue_url.as_deref())?;
        let arn = self.arn(&name);
        let request = request.rest;
        let most = range(
            "MaxNumberOfMessages",
            request.max_number_of_messages.unwrap_or(1),
            1,
            10,
        )?;
        range(
            "WaitTimeSeconds",
            request.wait_time_seconds.unwrap_or(0),
            0,
            20,
        )?;
        let now = self.now;
        let Self { state, .. } = self;
        let queue = state
            .queues
            .get_mut(&name)
            .ok_or(Error::QueueDoesNotExist)?;
        let visibility = match request.visibility_timeout {
            Some(seconds) => Duration::from_secs(range("VisibilityTimeout", seconds, 0, 43_200)?),
            None => queue.attributes.visibility_timeout,
        };
        // A short poll hears of the limit, a long poll just gets nothing
        // (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).
        let short_poll = request.wait_time_seconds.unwrap_or(0) == 0;
        if short_poll && queue.counts().in_flight >= MAX_IN_FLIGHT {
            return Err(Error::OverLimit);
        }
        let most = usize::try_from(most).unwrap_or(10);
        let receive = queue.receive(most, visibility, now, || state.ids.next());
        let target = queue.redrive().map(|redrive| redrive.target.clone());
        for dead in receive.dead {
            if let Some(target) = target
                .as_ref()
                .and_then(|target| state.queues.get_mut(target))
            {
                target.accept_dead(dead, arn.clone());
            }
        }
        let messages: Vec<_> = receive
            .received
            .iter()
            .map(|received| request.show(received))
            .collect();
        Ok(if messages.is_empty() {
            json!({})
        } else {
            json!({ "Messages": messages })
        })
    }

    fn delete_message(&mut self, request: OfQueue<Handle>) -> Answer {
        let name = self.find(request.queue_url.as_deref())?;
        self.queue(&name)?.delete(request.rest.receipt_handle()?)?;
        Ok(json!({}))
    }

    fn delete_message_batch(&mut self, request: OfQueue<Entries<Handle>>) -> Answer {
        let name = self.find(request.queue_url.as_deref())?;
        self.each(checked(request.rest)?, |call, handle| {
            call.queue(&name)?.delete(handle.receipt_handle()?)?;
            Ok(json!({}))
        })
    }

    fn change_message_visibility(&mut self, request: OfQueue<Handle>) -> Answer {
        let name = self.find(request.queue_url.as_deref())?;
        self.change_visibility(&name, &request.rest)
    }

    fn change_message_visibility_batch(&mut self, request: OfQueue<Entries<Handle>>) -> Answer {
        let name = self.find(request.queue_url.as_deref())?;
        self.each(checked(request.rest)?, |call, handle| {
            call.change_visibility(&name, &handle)
        })
    }

    fn change_visibility(&mut self, name: &str, handle: &Handle) -> Answer {
        let timeout = handle
            .visibility_timeout
            .ok_or(Error::MissingParameter("VisibilityTimeout"))?;
        let timeout = Duration::from_secs(range("VisibilityTimeout", timeout, 0, 43_200)?);
        let now = self.now;
        self.queue(name)?
            .change_visibility(handle.receipt_handle()?, timeout, now)?;
        Ok(json!({}))
    }

    /// Does a batch, entry by entry: the answer is 200 with what went well and what did not.
    fn each<T>(
        &mut self,
        entries: Vec<Entry<T>>,
        mut act: impl FnMut(&mut Self, T) -> Answer,
    ) -> Answer {
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for Entry { id, rest } in entries {
            match act(self, rest) {
                Ok(mut done) => {
                    done["Id"] = id.into();
                    successful.push(done);
                }
                Err(error) => failed.push(error.batch_entry(&id)),
            }
        }
        Ok(json!({ "Successful": successful, "Failed": failed }))
    }

    /// The name of the queue that a URL leads to, caught up with the clock.
    fn find(&mut self, url: Option<&str>) -> Result<String, Error> {
        let url = url.ok_or(Error::MissingParameter("QueueUrl"))?;
        let name = url.rsplit('/').next().unwrap_or_default().to_owned();
        let now = self.now;
        self.queue(&name)?.advance(now);
        Ok(name)
    }

    fn queue(&mut self, name: &str) -> Result<&mut Queue, Error> {
        self.state
            .queues
            .get_mut(name)
            .ok_or(Error::QueueDoesNotExist)
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.config.endpoint, self.config.account_id)
    }

    fn arn(&self, name: &str) -> String {
        format!(
            "arn:aws:sqs:{}:{}:{name}",
            self.config.region, self.config.account_id
        )
    }
}

impl Handle {
    fn receipt_handle(&self) -> Result<&str, Error> {
        self.receipt_handle
            .as_deref()
            .ok_or(Error::MissingParameter("ReceiptHandle"))
    }
}

/// One to ten entries with ids that differ
/// ([batch actions](https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html)).
fn checked<T>(Entries { entries }: Entries<T>) -> Result<Vec<Entry<T>>, Error> {
    if entries.is_empty() {
        return Err(Error::EmptyBatch);
    }
    if entries.len() > 10 {
        return Err(Error::TooManyEntries(entries.len()));
    }
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    let mut seen = BTreeSet::new();
    for Entry { id, .. } in &entries {
        if id.is_empty() || id.len() > 80 || !id.bytes().all(allowed) {
            return Err(Error::InvalidBatchEntryId);
        }
        if !seen.insert(id) {
            return Err(Error::BatchEntryIdsNotDistinct(id.clone()));
        }
    }
    Ok(entries)
}

fn range(name: &str, value: i64, least: i64, most: i64) -> Result<u64, Error> {
    let words = || {
        Error::InvalidParameter(format!(
            "Value {value} for parameter {name} is invalid. Reason: Must be between {least} and {most}, if provided."
        ))
    };
    u64::try_from(value)
        .ok()
        .filter(|_| (least..=most).contains(&value))
        .ok_or_else(words)
}

impl ReceiveRequest {
    fn show(&self, received: &Received) -> Value {
        let Received {
            message,
            receipt_handle,
        } = received;
        let mut shown = json!({
            "MessageId": message.id,
            "ReceiptHandle": receipt_handle,
            "MD5OfBody": md5_of(message.content.body().as_bytes()),
            "Body": message.content.body(),
        });
        let mut system = system_attributes(message);
        let wants = |name: &str| {
            let names = self
                .attribute_names
                .iter()
                .chain(&self.message_system_attribute_names);
            names
                .into_iter()
                .any(|wanted| wanted == "All" || wanted == name)
        };
        system.retain(|name, _| wants(name));
        if !system.is_empty() {
            shown["Attributes"] = json!(system);
        }
        let attributes: BTreeMap<&String, &MessageAttribute> = message
            .content
            .message_attributes
            .iter()
            .filter(|(name, _)| self.wants_attribute(name))
            .collect();
        if let Some(md5) = md5_of_attributes(attributes.iter().map(|(name, value)| (*name, *value)))
        {
            shown["MD5OfMessageAttributes"] = md5.into();
            shown["MessageAttributes"] = json!(attributes);
        }
        shown
    }

    /// A name, `All`, `.*`, or `prefix.*`.
    fn wants_attribute(&self, name: &str) -> bool {
        self.message_attribute_names
            .iter()
            .any(|wanted| match wanted.strip_suffix(".*") {
                Some(prefix) => name.starts_with(prefix),
                None => wanted == "All" || wanted == name,
            })
    }
}

fn system_attributes(message: &Message) -> BTreeMap<&'static str, String> {
    let mut attributes = BTreeMap::from([
        ("SenderId", "AIDALOCAL".to_owned()),
        (
            "SentTimestamp",
            message.sent_at.as_millisecond().to_string(),
        ),
        ("ApproximateReceiveCount", message.receive_count.to_string()),
    ]);
    let first = message
        .first_received_at
        .map(|at| at.as_millisecond().to_string());
    let trace = message
        .content
        .message_system_attributes
        .get("AWSTraceHeader");
    let optional = [
        ("ApproximateFirstReceiveTimestamp", first),
        ("MessageGroupId", message.content.message_group_id.clone()),
        (
            "DeadLetterQueueSourceArn",
            message.dead_letter_source.clone(),
        ),
        (
            "AWSTraceHeader",
            trace.and_then(|trace| trace.string_value.clone()),
        ),
    ];
    attributes.extend(
        optional
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    attributes
}
