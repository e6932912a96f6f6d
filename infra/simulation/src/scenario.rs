//! What happens in a run: configuration, how the outside answers, and what people and upstreams do.

use std::time::Duration;

/// A run's script, faults apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// What it is called in reports.
    pub name: String,
    /// Decides everything that chance decides.
    pub seed: u64,
    /// The workspace's webhooks.
    pub webhooks: Vec<Hook>,
    /// Who carries its messages.
    pub provider: Option<ProviderPlan>,
    /// Members with a phone who want to be told; they are the recipients of every alert.
    pub members: usize,
    /// How many messages may sleep in the slow queue, where it is not what the product allows.
    pub room: Option<u64>,
    /// What happens, and when, counted from the beginning.
    pub actions: Vec<(Duration, Action)>,
    /// What goes wrong beside calls.
    pub mischief: Mischief,
    /// Whether the webhook numbers are compared with the log at the end, which takes many reads.
    pub counted: bool,
}

/// A webhook.
#[derive(Debug, Clone, PartialEq)]
pub struct Hook {
    /// How its endpoint answers the requests for one delivery, one after the other; the last answer stays.
    pub answers: Vec<Answer>,
    /// Whether it has a secret.
    pub secret: bool,
    /// Whether it is known as fast.
    pub fast: bool,
}

/// How an endpoint or a gateway answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// At once.
    Status(u16),
    /// At once, and asks for a wait of so many seconds.
    RetryAfter(u16, u64),
    /// After a while.
    After(Duration, u16),
    /// Takes the request and never answers.
    Silence,
    /// Cannot be connected to.
    Refused,
}

/// Who carries messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProviderPlan {
    /// Twilio, behaving as [its simulator](local::outside::twilio) is told, in JSON.
    Twilio {
        /// The behaviour.
        behaviour: String,
    },
    /// A gateway.
    Gateway {
        /// Whether it honours our key.
        idempotent: bool,
        /// How it answers, one request after the other; the last answer stays.
        answers: Vec<Answer>,
    },
}

/// What people and upstreams do. Webhooks go by their places, events by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// An event is published; the second time with the same number and content it is a repetition.
    Publish {
        /// The event's number.
        event: usize,
        /// Whether webhooks are to hear of it.
        webhooks: bool,
        /// Whether members are to be told.
        alert: bool,
    },
    /// Something that is no event comes to the events queue.
    Garbage,
    /// An administrator resends the event's delivery.
    Resend {
        /// The webhook.
        webhook: usize,
        /// The event.
        event: usize,
    },
    /// An administrator recovers a webhook's failed deliveries.
    Recover {
        /// The webhook.
        webhook: usize,
    },
    /// An administrator switches a webhook on or off.
    Switch {
        /// The webhook.
        webhook: usize,
        /// On or off.
        on: bool,
    },
    /// An administrator enters another auth token of the same account.
    NewToken,
    /// An administrator removes the provider.
    NoProvider,
    /// The first member texts STOP, or START.
    Text {
        /// STOP.
        stop: bool,
    },
    /// An administrator deletes a webhook.
    Delete {
        /// The webhook.
        webhook: usize,
    },
}

/// What goes wrong beside calls, each in so many of a hundred cases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mischief {
    /// A batch is invoked a second time while the first invocation runs, or after it.
    pub twice: u64,
    /// A batch's messages become visible again while they are being handled.
    pub seen_again: u64,
    /// A batch is received and never handed to a function.
    pub dropped: u64,
    /// A message that wakes a delivery of the table is gone for good.
    pub lost: u64,
    /// A read that is not strong is answered from an earlier state, if there is one of the last minute.
    pub stale: u64,
    /// A batch's records come in another order.
    pub shuffled: u64,
    /// An invocation gets a new process instead of one with its memory of earlier ones.
    pub cold: u64,
    /// A poll comes late, by up to three seconds, and so behind others.
    pub late: u64,
    /// Calls take random times, up to 40 ms, instead of all the same.
    pub uneven: bool,
    /// The sweep runs at this moment as well, whenever a queue is polled.
    pub sweeping: u64,
}

impl Mischief {
    /// Whether any of it may take a message from the process that handles it.
    #[must_use]
    pub fn disturbs(&self) -> bool {
        self.twice + self.seen_again + self.dropped + self.lost > 0
    }
}

impl Hook {
    /// With a secret, slow lane.
    #[must_use]
    pub fn answering(answers: &[Answer]) -> Hook {
        Hook {
            answers: answers.to_vec(),
            secret: true,
            fast: false,
        }
    }
}

impl Action {
    /// An event for webhooks.
    #[must_use]
    pub fn event(event: usize) -> Action {
        Action::Publish {
            event,
            webhooks: true,
            alert: false,
        }
    }

    /// An alert.
    #[must_use]
    pub fn alert(event: usize) -> Action {
        Action::Publish {
            event,
            webhooks: false,
            alert: true,
        }
    }
}
