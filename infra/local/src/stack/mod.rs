//! The whole stack: what `cargo run -p local` starts, and what tests embed.

mod env_file;
mod ports;
mod resources;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::aws::Aws;
use crate::aws::permissions::{Recorder, access_key_id, calling_function};
use crate::event_source::Poller;
use crate::gateway::{Gateway, INTEGRATION_TIMEOUT};
use crate::http_server::{Server, read_body};
use crate::lambda::{Endpoints, FunctionConfig, Lambda, Logs};
use crate::outside::Outside;
use crate::schedule::Scheduler;
use crate::template::{Function, Place, QueueTrigger, Schedule, Settings, Template, TemplateError};
use crate::{clock, ids};

pub use ports::{Addresses, PortOffset, Ports};
pub use resources::ResourceError;

use env_file::EnvFile;
use ports::Listeners;

/// The largest AWS request: DynamoDB's 16 MB.
const MAX_AWS_REQUEST_BYTES: usize = 16 * 1024 * 1024;
/// How often items whose time to live is over are deleted.
const EXPIRY_SWEEP: Duration = Duration::from_secs(60);
/// Processes for each source of work of a function, unless the options say otherwise.
pub const DEFAULT_PROCESSES_PER_SOURCE: u32 = 4;

/// What to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// The template.
    pub template: PathBuf,
    /// Values for its parameters, over the stack's own.
    pub overrides: BTreeMap<String, String>,
    /// Where to listen on 127.0.0.1.
    pub ports: Ports,
    /// The function binaries, by package.
    pub binaries: BTreeMap<String, PathBuf>,
    /// Where `env`, `permissions.jsonl` and `logs/` go.
    pub output: PathBuf,
    /// Whether the functions' output goes to the stack's own instead of `logs/`.
    pub echo_logs: bool,
    /// The most processes that one source of work (an event source mapping, the API, a schedule) may keep busy; a
    /// `MaximumConcurrency` or a reserved concurrency below that holds too.
    pub processes_per_source: u32,
}

/// Why the stack does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port is taken.
    #[error(
        "port {port} ({purpose}) is in use; stop what listens there, or choose other ports with --port-offset N"
    )]
    PortInUse {
        /// The port.
        port: u16,
        /// What it is for.
        purpose: &'static str,
    },
    /// The template cannot be made into a stack.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A resource cannot be made.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// A function of the template has no binary.
    #[error("there is no binary for the package {0}")]
    NoBinary(String),
    /// The system refuses something.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A stack at work. [`Stack::stop`] ends it in order; dropping it just cuts it off.
#[derive(Debug)]
pub struct Stack {
    aws: Aws,
    lambda: Lambda,
    addresses: Addresses,
    api_key: String,
    template: Template,
    sources: Sources,
    env_file: EnvFile,
    _outside: Outside,
    _endpoint: Server,
    expiry: JoinHandle<()>,
}

/// What brings work to the functions.
#[derive(Debug)]
struct Sources {
    _gateway: Gateway,
    _pollers: Vec<Poller>,
    _schedulers: Vec<Scheduler>,
}

impl Stack {
    /// Starts everything: services, resources, servers, pollers; writes `env` last.
    ///
    /// # Errors
    /// [`StartError`]; what was started until then is gone.
    pub async fn start(options: &Options) -> Result<Self, StartError> {
        let listeners = Listeners::bind(options.ports).await?;
        let addresses = listeners.addresses()?;
        let api_key = format!("sk_{}", ids::hex(32));
        let template = read_template(options, &addresses, &api_key)?;
        let functions = function_configs(&template, options)?;

        let aws = Aws::new(clock::system(), addresses.aws_url());
        aws.create_resources(&template).await?;
        let lambda = Lambda::new(
            functions,
            &Endpoints {
                aws: addresses.aws_url(),
            },
            &logs(options),
        )?;
        let recorder = Arc::new(record_permissions(&options.output, &template)?);
        let endpoint = serve_aws(listeners.aws, aws.clone(), recorder);
        let outside = Outside::start(listeners.outside, Arc::clone(aws.clock()));
        let sources = Sources::start(
            &template,
            &aws,
            &lambda,
            listeners.api,
            options.processes_per_source,
        );
        let expiry = tokio::spawn(sweep_expired_items(aws.clone()));
        let env_file = EnvFile::write(&options.output, &addresses, &api_key, &template, &aws)?;
        let stack = Self {
            aws,
            lambda,
            addresses,
            api_key,
            template,
            sources,
            env_file,
            _outside: outside,
            _endpoint: endpoint,
            expiry,
        };
        Ok(stack)
    }

    /// Stops the sources of work, kills the functions, closes the ports and removes `env`.
    pub async fn stop(self) {
        drop(self.sources);
        self.lambda.stop().await;
        self.expiry.abort();
        drop(self.env_file);
    }

    /// The embedded services.
    #[must_use]
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// The functions.
    #[must_use]
    pub fn lambda(&self) -> &Lambda {
        &self.lambda
    }

    /// Where the stack listens.
    #[must_use]
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The operator's API key.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// The template, resolved.
    #[must_use]
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// The ids of a function's live processes, by its name in the template.
    #[must_use]
    pub fn function_pids(&self, function: &str) -> Vec<u32> {
        self.lambda.pids(function)
    }
}

impl Sources {
    fn start(
        template: &Template,
        aws: &Aws,
        lambda: &Lambda,
        api: TcpListener,
        per_source: u32,
    ) -> Self {
        let poller = |function: &Function, trigger: &QueueTrigger| {
            let concurrency = concurrency(trigger.maximum_concurrency, per_source);
            Poller::start(
                aws.clone(),
                Arc::new(lambda.clone()),
                function.name.clone(),
                trigger.clone(),
                concurrency,
            )
        };
        let scheduler = |function: &Function, schedule: &Schedule| {
            Scheduler::start(
                Arc::new(lambda.clone()),
                Arc::clone(aws.clock()),
                function.name.clone(),
                schedule.clone(),
            )
        };
        let functions = &template.functions;
        Self {
            _gateway: Gateway::start(api, lambda.clone(), functions, INTEGRATION_TIMEOUT),
            _pollers: functions
                .iter()
                .flat_map(|f| f.queues.iter().map(move |q| poller(f, q)))
                .collect(),
            _schedulers: functions
                .iter()
                .flat_map(|f| f.schedules.iter().map(move |s| scheduler(f, s)))
                .collect(),
        }
    }
}

fn concurrency(maximum: Option<u32>, per_source: u32) -> u32 {
    maximum
        .map_or(per_source, |maximum| maximum.min(per_source))
        .max(1)
}

/// Room for every source at once, so that a slow one never holds up another, within the reserved concurrency.
fn max_processes(function: &Function, per_source: u32) -> u32 {
    let queues = function
        .queues
        .iter()
        .map(|trigger| concurrency(trigger.maximum_concurrency, per_source));
    let api = if function.routes.is_empty() {
        0
    } else {
        per_source
    };
    let schedules = u32::try_from(function.schedules.len()).unwrap_or(per_source);
    let wanted = queues
        .sum::<u32>()
        .saturating_add(api)
        .saturating_add(schedules)
        .max(1);
    function
        .reserved_concurrency
        .map_or(wanted, |reserved| reserved.min(wanted))
}

fn read_template(
    options: &Options,
    addresses: &Addresses,
    api_key: &str,
) -> Result<Template, TemplateError> {
    let place = Place {
        stack_name: "local".into(),
        aws_endpoint: addresses.aws_url(),
    };
    let own = [
        ("AllowPlainHttp", "true".to_owned()),
        ("AllowPrivateNetworks", "true".to_owned()),
        ("OperatorKeyHash", hex(&Sha256::digest(api_key))),
        ("PublicBaseUrl", addresses.api_url()),
        (
            "TwilioBaseUrl",
            format!("{}/twilio", addresses.outside_url()),
        ),
    ];
    let defaults = own.map(|(name, value)| (name.to_owned(), value)).into();
    let settings = Settings {
        defaults,
        overrides: options.overrides.clone(),
    };
    Template::read(&options.template, &settings, &place)
}

fn function_configs(
    template: &Template,
    options: &Options,
) -> Result<Vec<FunctionConfig>, StartError> {
    let config = |function: &Function| {
        let binary = options.binaries.get(&function.package);
        Ok(FunctionConfig {
            name: function.name.clone(),
            binary: binary
                .ok_or_else(|| StartError::NoBinary(function.package.clone()))?
                .clone(),
            access_key_id: access_key_id(&function.id),
            environment: function.environment.clone(),
            memory_mib: function.memory_mib,
            timeout: function.timeout,
            max_processes: max_processes(function, options.processes_per_source),
        })
    };
    template.functions.iter().map(config).collect()
}

fn logs(options: &Options) -> Logs {
    if options.echo_logs {
        Logs::Echo
    } else {
        Logs::Directory(options.output.join("logs"))
    }
}

/// A recorder that knows of the event source mappings.
fn record_permissions(output: &Path, template: &Template) -> std::io::Result<Recorder> {
    std::fs::create_dir_all(output)?;
    let recorder = Recorder::create(&output.join("permissions.jsonl"))?;
    for function in &template.functions {
        for trigger in &function.queues {
            recorder.record_mapping(&function.id, &trigger.queue);
        }
    }
    Ok(recorder)
}

fn serve_aws(listener: TcpListener, aws: Aws, recorder: Arc<Recorder>) -> Server {
    Server::start(listener, move |_, request: Request<Incoming>| {
        let (aws, recorder) = (aws.clone(), Arc::clone(&recorder));
        async move {
            let (parts, body) = request.into_parts();
            let header = |name: &str| {
                let value = parts.headers.get(name);
                value
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or_default()
            };
            let target = header("x-amz-target");
            let Ok(body) = read_body(body, MAX_AWS_REQUEST_BYTES).await else {
                return crate::http_server::empty(http::StatusCode::PAYLOAD_TOO_LARGE);
            };
            if let Some(function) = calling_function(header("authorization")) {
                recorder.record_call(function, target, &body);
            }
            aws.call(target, body).await
        }
    })
}

async fn sweep_expired_items(aws: Aws) {
    let mut ticks = tokio::time::interval(EXPIRY_SWEEP);
    loop {
        ticks.tick().await;
        if let Err(error) = aws.sweep_expired_items() {
            tracing::error!(%error, "expired items stay");
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
