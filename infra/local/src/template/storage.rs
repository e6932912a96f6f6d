//! Queues, tables and keys. Their properties are those of the services' own create calls, so they pass through.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::intrinsics::{Resolver, text_of};
use super::{Properties, Resource, TemplateError};

/// Encryption at rest and tags: nothing that a user of the queue can see.
const IGNORED_QUEUE_PROPERTIES: [&str; 5] = [
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "QueueName",
    "SqsManagedSseEnabled",
    "Tags",
];

/// Back-ups, encryption at rest, protection against deletion, capacity limits, tags.
const IGNORED_TABLE_PROPERTIES: [&str; 9] = [
    "ContributorInsightsSpecification",
    "DeletionProtectionEnabled",
    "OnDemandThroughput",
    "PointInTimeRecoverySpecification",
    "ResourcePolicy",
    "SSESpecification",
    "TableClass",
    "TableName",
    "Tags",
];

/// An SQS queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The logical id in the template.
    pub id: String,
    /// The queue's name.
    pub name: String,
    /// The attributes as `CreateQueue` takes them.
    pub attributes: BTreeMap<String, String>,
}

impl Queue {
    pub(super) fn of(resource: &Resource<'_>, resolver: &Resolver) -> Result<Self, TemplateError> {
        const ATTRIBUTES: [&str; 7] = [
            "DelaySeconds",
            "MaximumMessageSize",
            "MessageRetentionPeriod",
            "ReceiveMessageWaitTimeSeconds",
            "RedriveAllowPolicy",
            "RedrivePolicy",
            "VisibilityTimeout",
        ];
        let mut properties = Properties::of(resource, &IGNORED_QUEUE_PROPERTIES, resolver)?;
        let taken =
            ATTRIBUTES.map(|name| Some((name.to_owned(), text_of(&properties.take(name)?))));
        properties.finish()?;
        let attributes = taken.into_iter().flatten().collect();
        Ok(Self {
            id: resource.id.into(),
            name: resolver.name_of(resource)?,
            attributes,
        })
    }
}

/// A DynamoDB table.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The logical id in the template.
    pub id: String,
    /// The table's name.
    pub name: String,
    /// The request of `CreateTable`: keys, attribute definitions, indexes, billing mode, name.
    pub definition: Map<String, Json>,
    /// The attribute that says when an item expires, if that is enabled.
    pub expires_at: Option<String>,
}

impl Table {
    pub(super) fn of(resource: &Resource<'_>, resolver: &Resolver) -> Result<Self, TemplateError> {
        const DEFINITION: [&str; 6] = [
            "AttributeDefinitions",
            "BillingMode",
            "GlobalSecondaryIndexes",
            "KeySchema",
            "LocalSecondaryIndexes",
            "ProvisionedThroughput",
        ];
        let mut properties = Properties::of(resource, &IGNORED_TABLE_PROPERTIES, resolver)?;
        let taken = DEFINITION.map(|name| Some((name.to_owned(), properties.take(name)?)));
        let mut expiry = properties.take_map("TimeToLiveSpecification")?;
        let enabled = expiry.take_flag("Enabled", false)?;
        let expires_at = expiry.take_text("AttributeName")?.filter(|_| enabled);
        expiry.finish()?;
        properties.finish()?;
        let name = resolver.name_of(resource)?;
        let mut definition: Map<_, _> = taken.into_iter().flatten().collect();
        definition.insert("TableName".into(), name.as_str().into());
        Ok(Self {
            id: resource.id.into(),
            name,
            definition,
            expires_at,
        })
    }
}

/// A symmetric KMS key. Its policy, rotation and description change nothing here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The logical id in the template.
    pub id: String,
}

impl Key {
    pub(super) fn of(resource: &Resource<'_>) -> Self {
        Self {
            id: resource.id.into(),
        }
    }

    /// The alias under which functions know the key.
    #[must_use]
    pub fn alias(&self) -> String {
        format!("alias/{}", self.id)
    }
}
