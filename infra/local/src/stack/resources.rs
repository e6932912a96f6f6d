//! The template's queues, tables and keys, made through the services' own API.

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::template::{Key, Queue, Table, Template};

/// A resource that its service refuses.
#[derive(Debug, thiserror::Error)]
#[error("resource {resource}: {operation} was refused: {answer}")]
pub struct ResourceError {
    /// The logical id.
    pub resource: String,
    /// The operation.
    pub operation: &'static str,
    /// What the service says.
    pub answer: String,
}

impl Aws {
    /// Makes the template's queues, tables and keys.
    ///
    /// # Errors
    /// [`ResourceError`] for the first one that is refused.
    pub async fn create_resources(&self, template: &Template) -> Result<(), ResourceError> {
        // A redrive policy may only name a queue that exists.
        let (redriving, plain): (Vec<_>, Vec<_>) = template
            .queues
            .iter()
            .partition(|queue| queue.attributes.contains_key("RedrivePolicy"));
        for queue in plain.into_iter().chain(redriving) {
            create_queue(self, queue).await?;
        }
        for table in &template.tables {
            create_table(self, table).await?;
        }
        for key in &template.keys {
            create_key(self, key).await?;
        }
        Ok(())
    }
}

async fn create_queue(aws: &Aws, queue: &Queue) -> Result<(), ResourceError> {
    let request = json!({ "QueueName": queue.name, "Attributes": queue.attributes });
    call(aws, &queue.id, "AmazonSQS.CreateQueue", &request)
        .await
        .map(drop)
}

async fn create_table(aws: &Aws, table: &Table) -> Result<(), ResourceError> {
    call(
        aws,
        &table.id,
        "DynamoDB_20120810.CreateTable",
        &json!(table.definition),
    )
    .await?;
    let Some(attribute) = &table.expires_at else {
        return Ok(());
    };
    let expiry = json!({
        "TableName": table.name,
        "TimeToLiveSpecification": { "AttributeName": attribute, "Enabled": true },
    });
    call(
        aws,
        &table.id,
        "DynamoDB_20120810.UpdateTimeToLive",
        &expiry,
    )
    .await
    .map(drop)
}

async fn create_key(aws: &Aws, key: &Key) -> Result<(), ResourceError> {
    let created = call(aws, &key.id, "TrentService.CreateKey", &json!({})).await?;
    let alias = json!({ "AliasName": key.alias(), "TargetKeyId": created["KeyMetadata"]["KeyId"] });
    call(aws, &key.id, "TrentService.CreateAlias", &alias)
        .await
        .map(drop)
}

async fn call(
    aws: &Aws,
    resource: &str,
    operation: &'static str,
    request: &Value,
) -> Result<Value, ResourceError> {
    let response = aws.call(operation, request.to_string().into()).await;
    let answer = || String::from_utf8_lossy(response.body()).into_owned();
    if !response.status().is_success() {
        return Err(ResourceError {
            resource: resource.to_owned(),
            operation,
            answer: answer(),
        });
    }
    Ok(serde_json::from_slice(response.body()).unwrap_or_default())
}
