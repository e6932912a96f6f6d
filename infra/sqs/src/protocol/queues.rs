//! Queues: making, finding, describing and emptying them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Empty, in_range, required};
use crate::engine::Engine;
use crate::error::Error;
use crate::limits;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateQueue {
    queue_name: Option<String>,
    attributes: Option<BTreeMap<String, String>>,
    // The one parameter that the API spells in lower case.
    #[serde(rename = "tags")]
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct QueueUrl {
    queue_url: String,
}

/// A request that only names a queue.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ThisQueue {
    queue_url: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueUrl {
    queue_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListQueues {
    queue_name_prefix: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct QueueUrls {
    queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetQueueAttributes {
    queue_url: Option<String>,
    #[serde(default)]
    attribute_names: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attributes {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SetQueueAttributes {
    queue_url: Option<String>,
    attributes: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagQueue {
    queue_url: Option<String>,
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UntagQueue {
    queue_url: Option<String>,
    tag_keys: Option<Vec<String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tags {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

pub(super) fn create(
    engine: &mut Engine,
    now: Timestamp,
    request: CreateQueue,
) -> Result<QueueUrl, Error> {
    let name = required(request.queue_name, "QueueName")?;
    let attributes = request.attributes.unwrap_or_default();
    if attributes
        .get("FifoQueue")
        .is_some_and(|value| value == "true")
    {
        return Err(Error::FifoQueue);
    }
    let queue = engine.create(&name, &attributes, now)?;
    queue.tags.extend(request.tags.unwrap_or_default());
    Ok(QueueUrl {
        queue_url: engine.url(&name),
    })
}

pub(super) fn delete(
    engine: &mut Engine,
    now: Timestamp,
    request: ThisQueue,
) -> Result<Empty, Error> {
    engine.delete(&required(request.queue_url, "QueueUrl")?, now)?;
    Ok(Empty {})
}

pub(super) fn url(
    engine: &mut Engine,
    _: Timestamp,
    request: GetQueueUrl,
) -> Result<QueueUrl, Error> {
    let name = required(request.queue_name, "QueueName")?;
    let queue_url = engine.queue(&name).map(|queue| engine.url(&queue.name))?;
    Ok(QueueUrl { queue_url })
}

/// One page. The token is the name of the last queue on the page before.
pub(super) fn list(
    engine: &mut Engine,
    _: Timestamp,
    request: ListQueues,
) -> Result<QueueUrls, Error> {
    const REASON: &str = "MaxResults must be an integer between 1 and 1000.";
    let most = i64::try_from(limits::LISTED_QUEUES).unwrap_or(i64::MAX);
    let limit = in_range(
        "MaxResults",
        request.max_results.unwrap_or(most),
        &(1..=most),
        REASON,
    )?;
    let limit = usize::try_from(limit).unwrap_or(limits::LISTED_QUEUES);
    if let Some(token) = request
        .next_token
        .as_ref()
        .filter(|token| engine.names().all(|name| name != *token))
    {
        return Err(Error::InvalidNextToken(token.clone()));
    }
    let prefix = request.queue_name_prefix.unwrap_or_default();
    let after = request.next_token.unwrap_or_default();
    let mut names = engine
        .names()
        .filter(|name| name.starts_with(&prefix) && **name > *after);
    let page: Vec<&str> = names.by_ref().take(limit).collect();
    let more = names.next().is_some();
    let next_token = page
        .last()
        .filter(|_| more && request.max_results.is_some())
        .map(|name| (*name).to_owned());
    Ok(QueueUrls {
        queue_urls: page.into_iter().map(|name| engine.url(name)).collect(),
        next_token,
    })
}

pub(super) fn get_attributes(
    engine: &mut Engine,
    now: Timestamp,
    request: GetQueueAttributes,
) -> Result<Attributes, Error> {
    let queue = engine.queue_mut(&required(request.queue_url, "QueueUrl")?, now)?;
    Ok(Attributes {
        attributes: queue.attributes(&request.attribute_names)?,
    })
}

pub(super) fn set_attributes(
    engine: &mut Engine,
    now: Timestamp,
    request: SetQueueAttributes,
) -> Result<Empty, Error> {
    let url = required(request.queue_url, "QueueUrl")?;
    engine.set_attributes(&url, &required(request.attributes, "Attributes")?, now)?;
    Ok(Empty {})
}

pub(super) fn purge(
    engine: &mut Engine,
    now: Timestamp,
    request: ThisQueue,
) -> Result<Empty, Error> {
    engine.purge(&required(request.queue_url, "QueueUrl")?, now)?;
    Ok(Empty {})
}

pub(super) fn tag(engine: &mut Engine, now: Timestamp, request: TagQueue) -> Result<Empty, Error> {
    let queue = engine.queue_mut(&required(request.queue_url, "QueueUrl")?, now)?;
    queue.tags.extend(required(request.tags, "Tags")?);
    Ok(Empty {})
}

pub(super) fn untag(
    engine: &mut Engine,
    now: Timestamp,
    request: UntagQueue,
) -> Result<Empty, Error> {
    let queue = engine.queue_mut(&required(request.queue_url, "QueueUrl")?, now)?;
    for key in required(request.tag_keys, "TagKeys")? {
        queue.tags.remove(&key);
    }
    Ok(Empty {})
}

pub(super) fn list_tags(
    engine: &mut Engine,
    _: Timestamp,
    request: ThisQueue,
) -> Result<Tags, Error> {
    let queue = engine.queue(&required(request.queue_url, "QueueUrl")?)?;
    Ok(Tags {
        tags: queue.tags.clone(),
    })
}
