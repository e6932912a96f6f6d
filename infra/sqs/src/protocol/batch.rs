//! What the three batch actions share
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api-actions.html>): rules
//! about the batch refuse the whole call, whatever is wrong with one entry fails that entry alone and the call succeeds.

use std::collections::BTreeSet;

use serde::Serialize;

use super::required;
use crate::error::Error;
use crate::limits;

/// An entry of a batch.
pub(super) trait Entry {
    /// What the API calls such an entry.
    const NAME: &'static str;

    fn id(&mut self) -> Option<String>;
}

/// The answer to a batch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Outcome<S> {
    successful: Vec<S>,
    failed: Vec<Failed>,
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_BatchResultErrorEntry.html>.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failed {
    id: String,
    code: String,
    message: String,
    sender_fault: bool,
}

/// An entry that did what it should and has nothing to say.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Done {
    pub(super) id: String,
}

/// The entries of a batch with their ids, which are checked.
pub(super) fn entries<E: Entry>(entries: Option<Vec<E>>) -> Result<Vec<(String, E)>, Error> {
    let entries = entries.unwrap_or_default();
    if entries.is_empty() {
        return Err(Error::EmptyBatchRequest(E::NAME));
    }
    if entries.len() > limits::BATCH_ENTRIES {
        return Err(Error::TooManyEntriesInBatchRequest(entries.len()));
    }
    let entries: Vec<(String, E)> = entries.into_iter().map(with_id).collect::<Result<_, _>>()?;
    let mut ids = BTreeSet::new();
    match entries.iter().find(|(id, _)| !ids.insert(id)) {
        Some((repeated, _)) => Err(Error::BatchEntryIdsNotDistinct(repeated.clone())),
        None => Ok(entries),
    }
}

fn with_id<E: Entry>(mut entry: E) -> Result<(String, E), Error> {
    let id = required(entry.id().map(Id), "Id")?.0;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_id = (1..=limits::BATCH_ID_CHARACTERS).contains(&id.len()) && id.bytes().all(allowed);
    if is_id {
        Ok((id, entry))
    } else {
        Err(Error::InvalidBatchEntryId)
    }
}

/// An id that is there but empty is an invalid one, not a missing one.
struct Id(String);

impl super::Parameter for Id {}

/// Runs every entry, in order.
pub(super) fn run<E, S>(
    entries: Vec<(String, E)>,
    mut action: impl FnMut(String, E) -> Result<S, Error>,
) -> Outcome<S> {
    let mut outcome = Outcome {
        successful: Vec::new(),
        failed: Vec::new(),
    };
    for (id, entry) in entries {
        match action(id.clone(), entry) {
            Ok(success) => outcome.successful.push(success),
            Err(error) => outcome.failed.push(Failed {
                id,
                code: error.wire().query_code,
                message: error.to_string(),
                sender_fault: true,
            }),
        }
    }
    outcome
}
