//! Messages onto the queues and off them.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::{MessageSystemAttributeNameForSends, MessageSystemAttributeValue};
use domain::catalogue::EventType;
use domain::delivery::DeliveryKey;
use domain::event::Body;
use domain::ids::EventId;
use domain::webhook::Webhook;
use jiff::Timestamp;
use platform::queue::Queue;
use platform::queue::message::{FirstAttempt, WebhookWakeUp};
use platform::queue::room::Room;
use platform::queue::sending::Outgoing;
use sqs::QueueCounts;

use super::{World, alone};
use crate::load::Dice;

/// The body of an event, as long as most are, with ids and words of its own: no two compress alike.
fn usual_body(number: usize) -> Body {
    let mut dice = Dice::new(number as u64);
    let mut word = || format!("{:016x}", dice.next());
    let [id, title, assignee, label, actor] = std::array::from_fn(|_| word());
    let happened = "2026-03-29T14:30:00Z";
    Body::from(format!(
        concat!(
            r#"{{"event":"work_item.created","timestamp":"{happened}","#,
            r#""workspace":{{"id":"ws_1","slug":"my-workspace"}},"#,
            r#""project":{{"id":"proj_def456","name":"Web App","identifier":"WEB"}},"#,
            r#""data":{{"id":"wi_{id}","title":"Fix {title} loading issue","state":"Backlog","priority":"High","#,
            r#""assignees":["{assignee}@example.com"],"labels":["bug","{label}"],"#,
            r#""created_at":"{happened}","updated_at":"{happened}"}},"#,
            r#""actor":{{"id":"user_{actor}","email":"{actor}@example.com","display_name":"Bob"}}}}"#,
        ),
        happened = happened,
        id = id,
        title = title,
        assignee = assignee,
        label = label,
        actor = actor,
    ))
}

impl World {
    /// An event on the events queue, as an upstream sends it, happening now.
    pub async fn publish(&self, id: &str) -> EventId {
        self.publish_at(id, self.now_in_seconds()).await
    }

    pub async fn publish_at(&self, id: &str, timestamp: Timestamp) -> EventId {
        self.send("EventsQueue", self.event(id, timestamp)).await;
        id.parse().unwrap()
    }

    /// An event's text.
    pub fn event(&self, id: &str, timestamp: Timestamp) -> String {
        format!(
            r#"{{"id":"{id}","event":"work_item.created","timestamp":"{timestamp}","workspace":{{"id":"ws_1","slug":"s"}},"project":null,"data":{{"id" : "wi_1"}},"actor":null}}"#
        )
    }

    /// The text of a first message, as fan-out sends it, of an event happening now.
    pub fn first_attempt(&self, webhook: &Webhook, event: &str) -> String {
        let event_id: EventId = event.parse().unwrap();
        let key = self.key(webhook, &event_id, self.now());
        serde_json::json!({
            "workspace": key.workspace, "webhook": key.webhook, "delivery": key.id,
            "first": { "event_id": event_id, "event": "work_item.created", "body": { "x": 1 } },
        })
        .to_string()
    }

    /// A message on a queue, named by its resource in the template.
    pub async fn send(&self, queue: &str, body: String) {
        self.sqs
            .send_message()
            .queue_url(self.queue_url(queue))
            .message_body(body)
            .send()
            .await
            .unwrap();
    }

    /// An event on the events queue, hidden there for so long, with X-Ray's header as an upstream's SDK sets it.
    pub async fn publish_later(&self, id: &str, delay: Duration, header: &str) {
        let timestamp = self.now_in_seconds();
        let header = MessageSystemAttributeValue::builder()
            .data_type("String")
            .string_value(header);
        self.sqs
            .send_message()
            .queue_url(self.queue_url("EventsQueue"))
            .message_body(self.event(id, timestamp))
            .delay_seconds(delay.as_secs().try_into().unwrap())
            .message_system_attributes(
                MessageSystemAttributeNameForSends::AwsTraceHeader,
                header.build().unwrap(),
            )
            .send()
            .await
            .unwrap();
    }

    /// Takes the messages off a queue that nothing polls.
    pub async fn receive(&self, queue: &str) -> Vec<aws_sdk_sqs::types::Message> {
        let receive = self
            .sqs
            .receive_message()
            .queue_url(self.queue_url(queue))
            .max_number_of_messages(10);
        receive
            .message_attribute_names("All")
            .send()
            .await
            .unwrap()
            .messages
            .unwrap_or_default()
    }

    /// Loses all messages of a queue.
    pub async fn purge(&self, queue: &str) {
        let url = self.queue_url(queue);
        self.sqs.purge_queue().queue_url(url).send().await.unwrap();
    }

    fn queue_url(&self, resource: &str) -> String {
        let queue = self
            .template
            .queues
            .iter()
            .find(|queue| queue.id == resource)
            .unwrap();
        self.aws.queue_url(&queue.name)
    }

    /// Puts the first messages of some events that happened then on a lane's queue, as fan-out does.
    pub async fn first_attempts(
        &self,
        webhook: &Webhook,
        queue: &str,
        happened: Timestamp,
        events: Range<usize>,
    ) {
        let queue = Queue::new(self.sqs.clone(), self.queue_url(queue));
        let message = |number: usize| {
            let event_id: EventId = format!("evt_waiting_{number}").parse().unwrap();
            let first = FirstAttempt {
                event_id: event_id.clone(),
                event: EventType::ALL[0],
                accepted_at: Some(self.now()),
                body: usual_body(number),
            };
            let key = self.key(webhook, &event_id, happened);
            let wake_up = WebhookWakeUp {
                first: Some(first),
                ..WebhookWakeUp::of(&key)
            };
            Outgoing::json(&wake_up, webhook.id.as_str())
        };
        let messages: Vec<_> = events.map(message).collect();
        let sent = queue.send_all(&messages).await;
        assert!(sent.iter().all(Result::is_ok));
    }

    /// A message that wakes a delivery, on the slow queue.
    pub async fn wake(&self, key: &DeliveryKey) {
        let wake_up = serde_json::to_string(&WebhookWakeUp::of(key)).unwrap();
        self.send("WebhookSlowQueue", wake_up).await;
    }

    /// The messages of a queue, by where they are.
    pub fn counts(&self, queue: &str) -> QueueCounts {
        self.aws.sqs().counts(&self.queue_url(queue)).unwrap()
    }

    /// The messages of a queue, wherever they are.
    pub fn held(&self, queue: &str) -> usize {
        let counts = self.counts(queue);
        counts.visible + counts.in_flight + counts.delayed
    }

    /// The room for so many sleepers in a queue, as a process of its own sees it.
    pub fn room(&self, most_in_flight: u64, queue: &str) -> Room {
        let queue = Queue::new(self.sqs.clone(), self.queue_url(queue));
        Room::new(queue, alone(most_in_flight), Arc::clone(&self.clock))
    }

    /// Lets a queue have no more messages in flight than this.
    pub fn limit_in_flight(&self, queue: &str, limit: usize) {
        let url = self.queue_url(queue);
        assert!(self.aws.sqs().limit_in_flight(&url, limit));
    }

    /// Has a queue tell its counts so late.
    pub fn lag_counts(&self, queue: &str, lag: Duration) {
        let url = self.queue_url(queue);
        assert!(self.aws.sqs().lag_counts(&url, lag));
    }
}
