//! Lambda: the real function binaries as processes, each behind a Runtime API of its own.
//!
//! - [`Lambda`] holds a pool for each function; [`Lambda::invoke`] is the whole of its use.
//! - `pool`: processes started on demand up to the function's limit, reused when idle, replaced when dead.
//! - `process`: one process, one invocation at a time, killed when the deadline passes.
//! - `runtime_api`: what the process talks to
//!   (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).
//! - `environment`: the variables that Lambda sets
//!   (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>).

mod environment;
mod pool;
mod process;
mod runtime_api;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use environment::Endpoints;

use pool::Pool;

/// The largest request or answer of a synchronous invocation: 6 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;

/// How long a process may take until it first asks for work
/// (<https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>, "Init phase").
pub const INIT_TIMEOUT: Duration = Duration::from_secs(10);

/// How a function is run.
#[derive(Debug, Clone)]
pub struct FunctionConfig {
    /// Its name.
    pub name: String,
    /// The binary.
    pub binary: PathBuf,
    /// The access key that its calls of AWS are signed with.
    pub access_key_id: String,
    /// The template's variables.
    pub environment: BTreeMap<String, String>,
    /// Told to the function, not enforced.
    pub memory_mib: u64,
    /// The time that one invocation may take.
    pub timeout: Duration,
    /// The most processes at a time, at least 1.
    pub max_processes: u32,
}

/// Where the output of function processes goes.
#[derive(Debug, Clone)]
pub enum Logs {
    /// To `{directory}/{function}.log`, emptied at the start.
    Directory(PathBuf),
    /// To the stack's own standard output and error.
    Echo,
}

/// Why an invocation has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FunctionError {
    /// There is no such function.
    #[error("there is no function {0}")]
    Unknown(String),
    /// The function reported an error, kind first. Its words may hold data, so they are kept out of `Display`.
    #[error("the function reported {kind}")]
    Reported {
        /// `errorType`.
        kind: String,
        /// `errorMessage`.
        message: String,
    },
    /// The deadline passed and the process was killed.
    #[error("Task timed out after {:.2} seconds", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The process ended during the invocation.
    #[error("Runtime exited: {0}")]
    Exited(String),
    /// The process could not be started, or did not ask for work in time.
    #[error("the function did not start: {0}")]
    Init(String),
    /// The request is larger than [`MAX_PAYLOAD_BYTES`].
    #[error("the request exceeds the maximum payload size")]
    RequestTooLarge,
    /// The answer is larger than [`MAX_PAYLOAD_BYTES`].
    #[error("Response payload size exceeded maximum allowed payload size")]
    ResponseTooLarge,
    /// The stack is stopping.
    #[error("the stack is stopping")]
    Stopped,
}

/// All functions. Clones share them.
#[derive(Clone)]
pub struct Lambda(Arc<BTreeMap<String, Arc<Pool>>>);

impl Lambda {
    /// Makes the functions ready to be invoked; no process is started yet.
    ///
    /// # Errors
    /// If a log file cannot be opened.
    pub fn new(
        functions: Vec<FunctionConfig>,
        endpoints: &Endpoints,
        logs: &Logs,
    ) -> std::io::Result<Self> {
        let pools: std::io::Result<_> = functions
            .into_iter()
            .map(|function| {
                Ok((
                    function.name.clone(),
                    Arc::new(Pool::new(function, endpoints, logs)?),
                ))
            })
            .collect();
        Ok(Self(Arc::new(pools?)))
    }

    /// Invokes a function and waits for its answer, and before that for a process to be free. The invocation goes on
    /// when the future is dropped.
    ///
    /// # Errors
    /// [`FunctionError`].
    pub async fn invoke(&self, function: &str, payload: Bytes) -> Result<Bytes, FunctionError> {
        let pool = self
            .0
            .get(function)
            .ok_or_else(|| FunctionError::Unknown(function.to_owned()))?;
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(FunctionError::RequestTooLarge);
        }
        let pool = Arc::clone(pool);
        let invocation = tokio::spawn(async move { pool.invoke(payload).await });
        invocation.await.unwrap_or(Err(FunctionError::Stopped))
    }

    /// The ids of the function's live processes, idle and busy ones.
    #[must_use]
    pub fn pids(&self, function: &str) -> Vec<u32> {
        self.0
            .get(function)
            .map_or_else(Vec::new, |pool| pool.pids())
    }

    /// Kills every process, and waits until they are gone. Invocations under way fail with
    /// [`FunctionError::Stopped`].
    pub async fn stop(&self) {
        for pool in self.0.values() {
            pool.stop().await;
        }
    }
}

impl std::fmt::Debug for Lambda {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}
