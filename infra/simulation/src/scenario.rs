//! What happens in a run: configuration, how the outside answers, and what people and upstreams do.

use std::time::Duration;

use domain::sms::member::NotSent;

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
    /// Members with a phone who want to be told; every alert names them.
    pub members: usize,
    /// Members whom every alert names as well and who get nothing: they have no phone, or SMS is off for its type.
    pub left_out: Vec<NotSent>,
    /// How many messages may sleep in the slow queue, where it is not what the product allows.
    pub room: Option<u64>,
    /// Whether a delivery has two attempts, a minute apart, instead of six: for flows that are about what comes after the
    /// last one.
    pub short: bool,
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
    /// Which events it is to hear of.
    pub wants: Wants,
    /// How its endpoint answers the requests for one delivery, one after the other; the last answer stays.
    pub answers: Vec<Answer>,
    /// The events that fail there every time, whatever `answers` says.
    pub failing: Vec<usize>,
    /// Whether it has a secret.
    pub secret: bool,
    /// Whether it is known as fast.
    pub fast: bool,
}

/// Which events a webhook is configured for. All events are of one type; those with even numbers are of one project,
/// the others of none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wants {
    /// All.
    Everything,
    /// Those of the project.
    Project,
    /// Those of a project in which nothing happens.
    OtherProject,
    /// Those of a type of which there are none.
    OtherType,
}

/// How an event comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Over the events queue.
    Queue,
    /// Over the HTTP API; again, until it is answered.
    Http,
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
        /// How it comes in.
        way: Way,
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
    /// An administrator sends a sample event to a webhook.
    TestWebhook {
        /// The webhook.
        webhook: usize,
    },
    /// An administrator sends a test message, each request to a phone of its own.
    TestSms,
    /// An administrator replaces a webhook's secret.
    Rotate {
        /// The webhook.
        webhook: usize,
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
    /// An administrator looks at the numbers and at the history of both channels.
    Stats,
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

impl Scenario {
    /// The waits between attempts, in seconds: those of `template.yaml`, written down here once more so that they are not
    /// the product's own, or the first of them.
    #[must_use]
    pub fn waits(&self) -> &'static [u64] {
        const WAITS: [u64; 5] = [60, 300, 1_800, 7_200, 43_200];
        if self.short { &WAITS[..1] } else { &WAITS }
    }
}

impl Answer {
    /// Its status; none where there is no answer.
    #[must_use]
    pub fn status(self) -> Option<u16> {
        match self {
            Answer::Status(status) | Answer::RetryAfter(status, _) | Answer::After(_, status) => {
                Some(status)
            }
            Answer::Silence | Answer::Refused => None,
        }
    }
}

impl Mischief {
    /// Whether any of it may take a message from the process that handles it.
    #[must_use]
    pub fn disturbs(&self) -> bool {
        self.twice + self.seen_again + self.dropped + self.lost > 0
    }
}

impl Hook {
    /// For all events, with a secret, slow lane.
    #[must_use]
    pub fn answering(answers: &[Answer]) -> Hook {
        Hook {
            wants: Wants::Everything,
            answers: answers.to_vec(),
            failing: Vec::new(),
            secret: true,
            fast: false,
        }
    }
}

impl Wants {
    /// Whether a webhook that wants these is to hear of the event.
    #[must_use]
    pub fn matches(self, event: usize) -> bool {
        match self {
            Wants::Everything => true,
            Wants::Project => is_in_project(event),
            Wants::OtherProject | Wants::OtherType => false,
        }
    }
}

/// Whether the event is of the project.
#[must_use]
pub fn is_in_project(event: usize) -> bool {
    event.is_multiple_of(2)
}

impl Action {
    /// An event for webhooks.
    #[must_use]
    pub fn event(event: usize) -> Action {
        Action::Publish {
            event,
            webhooks: true,
            alert: false,
            way: Way::Queue,
        }
    }

    /// An alert.
    #[must_use]
    pub fn alert(event: usize) -> Action {
        Action::Publish {
            event,
            webhooks: false,
            alert: true,
            way: Way::Queue,
        }
    }
}
