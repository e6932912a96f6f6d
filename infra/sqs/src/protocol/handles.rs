//! What is done with receipt handles: deleting messages and changing their visibility, one by one and in batches.

use jiff::Timestamp;
use serde::Deserialize;

use super::batch::{self, Done, Entry, Outcome};
use super::receive::visibility_timeout;
use super::{Empty, required};
use crate::engine::Engine;
use crate::error::Error;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteMessage {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeMessageVisibility {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch<E> {
    queue_url: Option<String>,
    entries: Option<Vec<E>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteEntry {
    id: Option<String>,
    receipt_handle: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeEntry {
    id: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<i64>,
}

impl Entry for DeleteEntry {
    const NAME: &'static str = "DeleteMessageBatchRequestEntry";

    fn id(&mut self) -> Option<String> {
        self.id.take()
    }
}

impl Entry for ChangeEntry {
    const NAME: &'static str = "ChangeMessageVisibilityBatchRequestEntry";

    fn id(&mut self) -> Option<String> {
        self.id.take()
    }
}

pub(super) fn delete(
    engine: &mut Engine,
    now: Timestamp,
    request: DeleteMessage,
) -> Result<Empty, Error> {
    let url = required(request.queue_url, "QueueUrl")?;
    engine.delete_message(
        &url,
        &required(request.receipt_handle, "ReceiptHandle")?,
        now,
    )?;
    Ok(Empty {})
}

pub(super) fn delete_batch(
    engine: &mut Engine,
    now: Timestamp,
    request: Batch<DeleteEntry>,
) -> Result<Outcome<Done>, Error> {
    let url = required(request.queue_url, "QueueUrl")?;
    engine.queue(&url)?;
    Ok(batch::run(batch::entries(request.entries)?, |id, entry| {
        engine.delete_message(&url, &required(entry.receipt_handle, "ReceiptHandle")?, now)?;
        Ok(Done { id })
    }))
}

pub(super) fn change_visibility(
    engine: &mut Engine,
    now: Timestamp,
    request: ChangeMessageVisibility,
) -> Result<Empty, Error> {
    let url = required(request.queue_url, "QueueUrl")?;
    let handle = required(request.receipt_handle, "ReceiptHandle")?;
    let timeout = visibility_timeout(required(request.visibility_timeout, "VisibilityTimeout")?)?;
    engine.change_visibility(&url, &handle, timeout, now)?;
    Ok(Empty {})
}

pub(super) fn change_visibility_batch(
    engine: &mut Engine,
    now: Timestamp,
    request: Batch<ChangeEntry>,
) -> Result<Outcome<Done>, Error> {
    let url = required(request.queue_url, "QueueUrl")?;
    engine.queue(&url)?;
    Ok(batch::run(batch::entries(request.entries)?, |id, entry| {
        let handle = required(entry.receipt_handle, "ReceiptHandle")?;
        let timeout = visibility_timeout(required(entry.visibility_timeout, "VisibilityTimeout")?)?;
        engine.change_visibility(&url, &handle, timeout, now)?;
        Ok(Done { id })
    }))
}
