//! The functions: what they are made of.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bulk_jobs::BulkJobs;
use deliver_sms::DeliverSms;
use deliver_webhook::crowd::Turns;
use deliver_webhook::pace::Pace;
use deliver_webhook::{DeliverWebhook, Limits, Queues};
use domain::access::KeyHash;
use domain::endpoint_url::UrlRules;
use fan_out::FanOut;
use jiff::SignedDuration;
use platform::http::{GuardedClient, SystemResolver};
use platform::metrics::Metrics;
use platform::queue::Queue;
use platform::queue::room::{MOST_IN_FLIGHT, Room, RoomLimits};
use platform::secrets::Secrets;
use platform::store::config::ConfigCache;
use platform::twilio::TwilioApi;
use sweep::Sweep;

use crate::clients::Clients;
use crate::outside::{Outside, PUBLIC, TWILIO};
use crate::run::Run;
use crate::{context, secrets, world};

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// `admin-api`.
    AdminApi,
    /// `bulk-jobs`.
    BulkJobs,
    /// `deliver-sms`.
    DeliverSms,
    /// `deliver-webhook`.
    DeliverWebhook,
    /// `fan-out`.
    FanOut,
    /// `sweep`.
    Sweep,
    /// `twilio-status`.
    TwilioStatus,
}

impl Function {
    /// All of them.
    pub const ALL: [Function; 7] = [
        Function::AdminApi,
        Function::BulkJobs,
        Function::DeliverSms,
        Function::DeliverWebhook,
        Function::FanOut,
        Function::Sweep,
        Function::TwilioStatus,
    ];

    /// Its logical id in `template.yaml`.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Function::AdminApi => "AdminApi",
            Function::BulkJobs => "BulkJobs",
            Function::DeliverSms => "DeliverSms",
            Function::DeliverWebhook => "DeliverWebhook",
            Function::FanOut => "FanOut",
            Function::Sweep => "Sweep",
            Function::TwilioStatus => "TwilioStatus",
        }
    }

    /// Whether a queue triggers it.
    #[must_use]
    pub fn consumes_a_queue(self) -> bool {
        !self.of_template().queues.is_empty()
    }

    /// What `template.yaml` says of it.
    ///
    /// # Panics
    /// If that says nothing.
    #[must_use]
    pub fn of_template(self) -> &'static local::template::Function {
        let mut functions = world::template().functions.iter();
        functions
            .find(|function| function.id == self.id())
            .expect("a function of the template")
    }
}

/// A process of a function, with what it remembers from one invocation to the next.
pub enum Process {
    /// `admin-api`, behind the HTTP API.
    AdminApi(Router),
    /// `bulk-jobs`.
    BulkJobs(BulkJobs),
    /// `deliver-sms`.
    DeliverSms(DeliverSms),
    /// `deliver-webhook`.
    DeliverWebhook(DeliverWebhook),
    /// `fan-out`.
    FanOut(FanOut),
    /// `sweep`.
    Sweep(Sweep),
    /// `twilio-status`, behind the HTTP API.
    TwilioStatus(Router),
}

thread_local! {
    /// Dear to make, and without memory: no route that the simulation uses goes out through it.
    static GUARDED: GuardedClient =
        GuardedClient::new(Arc::new(SystemResolver), UrlRules::default()).expect("a client");
}

/// As `template.yaml` has them.
const WEBHOOK_SCHEDULE: &str = "1m,5m,30m,2h,12h";
const SMS_SCHEDULE: &str = "30s,2m,10m";
/// How long logs and history are kept.
pub const RETENTION_DAYS: u32 = 30;

impl Process {
    /// A new process, which remembers nothing.
    #[must_use]
    pub fn cold(function: Function) -> Arc<Process> {
        let parts = Parts::new();
        Arc::new(match function {
            Function::AdminApi => Process::AdminApi(parts.admin_api()),
            Function::BulkJobs => Process::BulkJobs(parts.bulk_jobs()),
            Function::DeliverSms => Process::DeliverSms(parts.deliver_sms()),
            Function::DeliverWebhook => Process::DeliverWebhook(parts.deliver_webhook()),
            Function::FanOut => Process::FanOut(parts.fan_out()),
            Function::Sweep => Process::Sweep(parts.sweep()),
            Function::TwilioStatus => Process::TwilioStatus(parts.twilio_status()),
        })
    }
}

fn webhook_schedule(run: &Run) -> &'static str {
    if run.scenario.short {
        "1m"
    } else {
        WEBHOOK_SCHEDULE
    }
}

/// What the handlers are made of.
struct Parts {
    clients: Clients,
    secrets: Secrets,
    metrics: Metrics,
}

/// A setting that is known to be well-formed.
fn setting<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a setting of the template")
}

impl Parts {
    fn new() -> Parts {
        let clients = Clients::faulty();
        let metrics = Metrics::new(setting("simulation"), context::clock(), |line| {
            context::run().printed("metrics", line);
        });
        Parts {
            secrets: Secrets::new(
                clients.kms.clone(),
                world::template().keys[0].alias(),
                metrics.clone(),
            ),
            clients,
            metrics,
        }
    }

    fn queue(&self, resource: &str) -> Queue {
        Queue::new(self.clients.sqs.clone(), world::queue_url(resource))
    }

    fn config(&self) -> ConfigCache {
        ConfigCache::new(self.clients.store())
    }

    fn fan_out(&self) -> FanOut {
        FanOut {
            config: self.config(),
            fast: self.queue("WebhookFastQueue"),
            slow: self.queue("WebhookSlowQueue"),
            sms: self.queue("SmsQueue"),
            dead_letters: self.queue("EventsDeadLetterQueue"),
            store: self.clients.store(),
            brand: setting("SetGet"),
            retention: SignedDuration::from_hours(24 * i64::from(RETENTION_DAYS)),
            clock: context::clock(),
            metrics: self.metrics.clone(),
        }
    }

    fn deliver_webhook(&self) -> DeliverWebhook {
        DeliverWebhook {
            store: self.clients.store(),
            config: self.config(),
            secrets: self.secrets.clone(),
            http: Arc::new(Outside),
            queues: Queues {
                fast: self.queue("WebhookFastQueue"),
                slow: self.queue("WebhookSlowQueue"),
                dead_letters: self.queue("WebhookDeadLetterQueue"),
                bulk: self.queue("BulkQueue"),
            },
            room: Room::new(
                self.queue("WebhookSlowQueue"),
                RoomLimits {
                    most_in_flight: context::run().scenario.room.unwrap_or(MOST_IN_FLIGHT),
                    processes: 1,
                },
                context::clock(),
            ),
            limits: Limits {
                schedule: setting(webhook_schedule(&context::run())),
                retention: Duration::from_secs(86_400) * RETENTION_DAYS,
                turns: Turns::of(1),
            },
            clock: context::clock(),
            entropy: context::entropy(),
            pace: Pace::default(),
            metrics: self.metrics.clone(),
        }
    }

    fn deliver_sms(&self) -> DeliverSms {
        DeliverSms {
            store: self.clients.store(),
            config: self.config(),
            secrets: self.secrets.clone(),
            twilio: twilio(),
            http: Arc::new(Outside),
            url_rules: UrlRules::default(),
            queue: self.queue("SmsQueue"),
            dead_letters: self.queue("SmsDeadLetterQueue"),
            schedule: setting(SMS_SCHEDULE),
            public_base_url: Some(PUBLIC.to_owned()),
            clock: context::clock(),
            entropy: context::entropy(),
            metrics: self.metrics.clone(),
        }
    }

    fn twilio_status(&self) -> Router {
        twilio_status::router(twilio_status::App {
            store: self.clients.store(),
            secrets: self.secrets.clone(),
            public_base_url: Some(PUBLIC.to_owned()),
            clock: context::clock(),
            entropy: context::entropy(),
            metrics: self.metrics.clone(),
        })
    }

    fn bulk_jobs(&self) -> BulkJobs {
        BulkJobs {
            store: self.clients.store(),
            slow: self.queue("WebhookSlowQueue"),
            bulk: self.queue("BulkQueue"),
            dead_letters: self.queue("BulkDeadLetterQueue"),
            clock: context::clock(),
            metrics: self.metrics.clone(),
        }
    }

    fn sweep(&self) -> Sweep {
        Sweep {
            store: self.clients.store(),
            queues: sweep::Queues {
                slow: self.queue("WebhookSlowQueue"),
                sms: self.queue("SmsQueue"),
            },
            metrics: self.metrics.clone(),
            clock: context::clock(),
        }
    }

    fn admin_api(&self) -> Router {
        admin_api::router(admin_api::App {
            store: self.clients.store(),
            secrets: self.secrets.clone(),
            queues: admin_api::Queues {
                events: self.queue("EventsQueue"),
                slow: self.queue("WebhookSlowQueue"),
                sms: self.queue("SmsQueue"),
                bulk: self.queue("BulkQueue"),
            },
            endpoints: guarded(),
            public_internet: guarded(),
            url_rules: UrlRules::default(),
            brand: setting("SetGet"),
            twilio: twilio(),
            public_base_url: Some(PUBLIC.to_owned()),
            log_retention: Duration::from_secs(86_400) * RETENTION_DAYS,
            operator: setting(KeyHash::of(secrets::OPERATOR_KEY).as_str()),
            clock: context::clock(),
            entropy: context::entropy(),
            metrics: self.metrics.clone(),
        })
    }
}

fn twilio() -> TwilioApi {
    TwilioApi::new(Arc::new(Outside), TWILIO, UrlRules::default()).expect("Twilio's URL is good")
}

/// The real client.
fn guarded() -> GuardedClient {
    GUARDED.with(Clone::clone)
}
