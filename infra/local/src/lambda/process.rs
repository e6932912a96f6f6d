//! One function process.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use tokio::process::{Child, Command};

use super::runtime_api::{Init, Outcome, RuntimeApi};
use super::{FunctionError, INIT_TIMEOUT};

/// What came of handing an invocation to a process.
pub(super) enum Handled {
    /// The process answered, and may be used again.
    Answered(Outcome),
    /// The process was dead before it took the invocation: another one may have it.
    NeverTaken,
    /// The process is no longer of use.
    Lost(FunctionError),
}

/// A process and its Runtime API. It is killed when this is dropped, and ends by itself when the stack is killed: its
/// wait for the next invocation breaks.
pub(super) struct Process {
    child: Child,
    api: RuntimeApi,
}

impl Process {
    /// Starts the binary and waits until it asks for work.
    pub(super) async fn start(
        function: &str,
        binary: &Path,
        variables: &BTreeMap<String, String>,
        [stdout, stderr]: [Stdio; 2],
    ) -> Result<Self, FunctionError> {
        let failed =
            |error: std::io::Error| FunctionError::Init(format!("{}: {error}", binary.display()));
        let api = RuntimeApi::start(function).await.map_err(failed)?;
        let child = Command::new(binary)
            .env_clear()
            .envs(variables)
            .env("AWS_LAMBDA_RUNTIME_API", api.address())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            // Of its own, so that a Ctrl-C in the terminal reaches the stack alone.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let mut process = Self { child, api };
        process.await_init().await?;
        Ok(process)
    }

    async fn await_init(&mut self) -> Result<(), FunctionError> {
        let mut init = self.api.init();
        let decided =
            tokio::time::timeout(INIT_TIMEOUT, init.wait_for(|init| *init != Init::Starting));
        tokio::select! {
            biased;
            decided = decided => match decided.map(|init| init.map(|init| init.clone())) {
                Ok(Ok(Init::Ready)) => Ok(()),
                Ok(Ok(Init::Failed(report))) => Err(FunctionError::Init(report)),
                _ => Err(FunctionError::Init("it did not ask for work in time".into())),
            },
            status = self.child.wait() => Err(FunctionError::Init(in_words(status))),
        }
    }

    /// The process's id, unless it has ended.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether the process has not ended.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Runs one invocation.
    pub(super) async fn invoke(&mut self, payload: Bytes, timeout: Duration) -> Handled {
        let answer = self.api.hand_over(payload, timeout).await;
        tokio::select! {
            biased;
            Ok(outcome) = answer => Handled::Answered(outcome),
            status = self.child.wait() => match self.api.is_taken() {
                true => Handled::Lost(FunctionError::Exited(in_words(status))),
                false => Handled::NeverTaken,
            },
            () = tokio::time::sleep(timeout) => Handled::Lost(FunctionError::TimedOut(timeout)),
        }
    }

    /// Kills the process and waits until it is gone.
    pub(super) async fn kill(mut self) {
        // The only error is that it has ended already.
        let _ = self.child.kill().await;
    }
}

fn in_words(status: std::io::Result<std::process::ExitStatus>) -> String {
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}
