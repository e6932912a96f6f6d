//! AWS's own SDK against the embedded services, in-process and under paused time.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, GlobalSecondaryIndex, KeySchemaElement,
    KeyType, Projection, ProjectionType, Put, ScalarAttributeType, TimeToLiveSpecification,
    TransactWriteItem, Update,
};
use aws_sdk_kms::primitives::Blob;
use local::aws::Aws;
use local::clock;
use tokio::time::Instant;

fn aws() -> Aws {
    Aws::new(
        clock::virtual_from("2026-03-29T14:30:00Z".parse().unwrap()),
        "http://127.0.0.1:4566",
    )
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn attribute(name: &str, kind: ScalarAttributeType) -> AttributeDefinition {
    AttributeDefinition::builder()
        .attribute_name(name)
        .attribute_type(kind)
        .build()
        .unwrap()
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder()
        .attribute_name(name)
        .key_type(kind)
        .build()
        .unwrap()
}

async fn table(aws: &Aws) -> aws_sdk_dynamodb::Client {
    let db = aws_sdk_dynamodb::Client::new(&aws.sdk_config());
    let index = GlobalSecondaryIndex::builder()
        .index_name("due")
        .key_schema(key("due_shard", KeyType::Hash))
        .key_schema(key("due_at", KeyType::Range))
        .projection(
            Projection::builder()
                .projection_type(ProjectionType::KeysOnly)
                .build(),
        );
    db.create_table()
        .table_name("Table")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("sk", ScalarAttributeType::S))
        .attribute_definitions(attribute("due_shard", ScalarAttributeType::S))
        .attribute_definitions(attribute("due_at", ScalarAttributeType::N))
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .global_secondary_indexes(index.build().unwrap())
        .send()
        .await
        .unwrap();
    db
}

fn put(sk: &str) -> Put {
    Put::builder()
        .table_name("Table")
        .item("pk", text("a"))
        .item("sk", text(sk))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_sparse_index_holds_only_the_items_that_have_its_key() {
    let db = table(&aws()).await;
    for (sk, due) in [("1", Some("30")), ("2", None), ("3", Some("10"))] {
        let item = db
            .put_item()
            .table_name("Table")
            .item("pk", text("a"))
            .item("sk", text(sk));
        let item = match due {
            Some(due) => item
                .item("due_shard", text("s"))
                .item("due_at", AttributeValue::N(due.into())),
            None => item,
        };
        item.send().await.unwrap();
    }
    let due = db
        .query()
        .table_name("Table")
        .index_name("due")
        .key_condition_expression("due_shard = :s AND due_at <= :t")
        .expression_attribute_values(":s", text("s"))
        .expression_attribute_values(":t", AttributeValue::N("30".into()));
    let found = due.send().await.unwrap();
    let keys: Vec<_> = found
        .items()
        .iter()
        .map(|item| item["sk"].as_s().unwrap().as_str())
        .collect();
    assert_eq!(keys, ["3", "1"]);
    assert!(!found.items()[0].contains_key("body"));
}

#[tokio::test(start_paused = true)]
async fn a_conditional_put_fails_where_an_item_is() {
    let db = table(&aws()).await;
    let put = || {
        let put = db
            .put_item()
            .table_name("Table")
            .item("pk", text("a"))
            .item("sk", text("1"));
        put.condition_expression("attribute_not_exists(pk)").send()
    };
    put().await.unwrap();
    let error = put().await.unwrap_err().into_service_error();
    assert!(error.is_conditional_check_failed_exception(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_transaction_is_whole_or_not_at_all_and_says_which_part_failed() {
    let db = table(&aws()).await;
    let write = |items: Vec<TransactWriteItem>| {
        db.transact_write_items()
            .set_transact_items(Some(items))
            .send()
    };
    let item = |sk: &str| TransactWriteItem::builder().put(put(sk)).build();
    write(vec![item("1"), item("2")]).await.unwrap();
    let update = Update::builder()
        .table_name("Table")
        .key("pk", text("a"))
        .key("sk", text("9"))
        .update_expression("ADD failures :e")
        .expression_attribute_values(":e", AttributeValue::Ss(vec!["evt_1".into()]))
        .build()
        .unwrap();
    let update = TransactWriteItem::builder().update(update).build();
    let error = write(vec![item("3"), update, item("1")])
        .await
        .unwrap_err()
        .into_service_error();
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        panic!("{error:?}")
    };
    let codes: Vec<_> = cancelled
        .cancellation_reasons()
        .iter()
        .map(|reason| reason.code().unwrap())
        .collect();
    assert_eq!(codes, ["None", "None", "ConditionalCheckFailed"]);
    let all = db.scan().table_name("Table").send().await.unwrap();
    assert_eq!(all.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn items_expire_by_the_stacks_clock() {
    let aws = aws();
    let db = table(&aws).await;
    let expiry = TimeToLiveSpecification::builder()
        .attribute_name("expires_at")
        .enabled(true)
        .build()
        .unwrap();
    db.update_time_to_live()
        .table_name("Table")
        .time_to_live_specification(expiry)
        .send()
        .await
        .unwrap();
    let expires_at = (aws.clock())().as_second() + 3_600;
    let item = HashMap::from([
        ("pk".to_owned(), text("a")),
        ("sk".to_owned(), text("1")),
        (
            "expires_at".to_owned(),
            AttributeValue::N(expires_at.to_string()),
        ),
    ]);
    db.put_item()
        .table_name("Table")
        .set_item(Some(item))
        .send()
        .await
        .unwrap();
    assert_eq!(aws.sweep_expired_items(), Ok(0));
    tokio::time::advance(Duration::from_secs(3_601)).await;
    assert_eq!(aws.sweep_expired_items(), Ok(1));
}

#[tokio::test(start_paused = true)]
async fn what_the_database_does_not_understand_is_refused_as_aws_does() {
    let aws = aws();
    let call = |target: &'static str, body: &'static str| {
        let aws = aws.clone();
        async move {
            let response = aws.call(target, body.into()).await;
            (
                response.status().as_u16(),
                String::from_utf8(response.body().to_vec()).unwrap(),
            )
        }
    };
    let (status, body) = call("DynamoDB_20120810.PutItem", "{").await;
    assert!(
        status == 400 && body.contains("SerializationException"),
        "{body}"
    );
    let (status, body) = call(
        "DynamoDB_20120810.GetItem",
        r#"{"TableName":"None","Key":{"a":{"S":"b"}}}"#,
    )
    .await;
    assert!(
        status == 400 && body.contains("ResourceNotFoundException"),
        "{body}"
    );
    let (status, body) = call(
        "DynamoDB_20120810.PutItem",
        r#"{"TableName":"None","Item":{"a":{}}}"#,
    )
    .await;
    assert!(
        status == 400 && body.contains("ValidationException"),
        "{body}"
    );
    for target in ["DynamoDB_20120810.Nothing", "Nothing.GetItem", ""] {
        let (status, body) = call(target, "{}").await;
        assert!(
            status == 400 && body.contains("UnknownOperationException"),
            "{target}: {body}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_opens_only_under_its_encryption_context() {
    let kms = aws_sdk_kms::Client::new(&aws().sdk_config());
    let created = kms.create_key().send().await.unwrap();
    let id = created.key_metadata().unwrap().key_id().to_owned();
    kms.create_alias()
        .alias_name("alias/Secrets")
        .target_key_id(id)
        .send()
        .await
        .unwrap();
    let encrypt = kms
        .encrypt()
        .key_id("alias/Secrets")
        .plaintext(Blob::new("whsec_x"));
    let sealed = encrypt
        .encryption_context("workspace", "ws_a")
        .send()
        .await
        .unwrap();
    let decrypt = |workspace: &str| {
        let request = kms
            .decrypt()
            .ciphertext_blob(sealed.ciphertext_blob().unwrap().clone());
        request.encryption_context("workspace", workspace).send()
    };
    assert_eq!(
        decrypt("ws_a").await.unwrap().plaintext().unwrap().as_ref(),
        b"whsec_x"
    );
    let error = decrypt("ws_b").await.unwrap_err().into_service_error();
    assert!(error.is_invalid_ciphertext_exception(), "{error:?}");
}

async fn queue(aws: &Aws) -> (aws_sdk_sqs::Client, String) {
    let sqs = aws_sdk_sqs::Client::new(&aws.sdk_config());
    let url = sqs
        .create_queue()
        .queue_name("q")
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    assert_eq!(url, aws.queue_url("q"));
    (sqs, url)
}

#[tokio::test(start_paused = true)]
async fn a_message_is_sent_received_and_deleted() {
    let (sqs, url) = queue(&aws()).await;
    sqs.send_message()
        .queue_url(&url)
        .message_body("hello")
        .send()
        .await
        .unwrap();
    let received = sqs.receive_message().queue_url(&url).send().await.unwrap();
    let message = &received.messages()[0];
    assert_eq!(message.body(), Some("hello"));
    sqs.delete_message()
        .queue_url(&url)
        .receipt_handle(message.receipt_handle().unwrap())
        .send()
        .await
        .unwrap();
    tokio::time::advance(Duration::from_secs(50_000)).await;
    assert!(
        sqs.receive_message()
            .queue_url(&url)
            .send()
            .await
            .unwrap()
            .messages()
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_ends_when_its_wait_is_over_and_takes_no_longer() {
    let (sqs, url) = queue(&aws()).await;
    let start = Instant::now();
    let received = sqs
        .receive_message()
        .queue_url(&url)
        .wait_time_seconds(20)
        .send()
        .await
        .unwrap();
    assert!(received.messages().is_empty());
    assert_eq!(start.elapsed(), Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_ends_at_once_when_a_message_arrives() {
    let (sqs, url) = queue(&aws()).await;
    let start = Instant::now();
    let poll = sqs
        .receive_message()
        .queue_url(&url)
        .wait_time_seconds(20)
        .send();
    let send = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        sqs.send_message()
            .queue_url(&url)
            .message_body("hello")
            .send()
            .await
            .unwrap();
    };
    let (received, ()) = tokio::join!(poll, send);
    assert_eq!(received.unwrap().messages().len(), 1);
    assert_eq!(start.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_ends_when_a_delayed_message_becomes_visible() {
    let (sqs, url) = queue(&aws()).await;
    sqs.send_message()
        .queue_url(&url)
        .message_body("later")
        .delay_seconds(5)
        .send()
        .await
        .unwrap();
    let start = Instant::now();
    let received = sqs
        .receive_message()
        .queue_url(&url)
        .wait_time_seconds(20)
        .send()
        .await
        .unwrap();
    assert_eq!(received.messages().len(), 1);
    assert_eq!(start.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_queues_own_wait_holds_where_the_request_names_none() {
    let (sqs, url) = queue(&aws()).await;
    let wait = aws_sdk_sqs::types::QueueAttributeName::ReceiveMessageWaitTimeSeconds;
    sqs.set_queue_attributes()
        .queue_url(&url)
        .attributes(wait, "7")
        .send()
        .await
        .unwrap();
    let start = Instant::now();
    sqs.receive_message().queue_url(&url).send().await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(7));
    sqs.receive_message()
        .queue_url(&url)
        .wait_time_seconds(0)
        .send()
        .await
        .unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(7));
}
