//! The processes of one function.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Semaphore, watch};

use super::process::{Handled, Process};
use super::{Endpoints, FunctionConfig, FunctionError, Logs, environment};

/// How many processes may die under one invocation before they take it, until it fails.
const MAX_DEAD_PROCESSES: u32 = 3;

pub(super) struct Pool {
    function: FunctionConfig,
    variables: BTreeMap<String, String>,
    log: Option<File>,
    permits: Semaphore,
    /// The most recently used last, which is the next to be used.
    idle: Mutex<Vec<Process>>,
    pids: Mutex<Vec<u32>>,
    stopping: watch::Sender<bool>,
}

impl Pool {
    pub(super) fn new(
        function: FunctionConfig,
        endpoints: &Endpoints,
        logs: &Logs,
    ) -> std::io::Result<Self> {
        Ok(Self {
            variables: environment::variables(&function, endpoints),
            log: open_log(&function.name, logs)?,
            permits: Semaphore::new(usize::try_from(function.max_processes.max(1)).unwrap_or(1)),
            idle: Mutex::default(),
            pids: Mutex::default(),
            stopping: watch::Sender::new(false),
            function,
        })
    }

    pub(super) fn pids(&self) -> Vec<u32> {
        lock(&self.pids).clone()
    }

    pub(super) async fn invoke(&self, payload: Bytes) -> Result<Bytes, FunctionError> {
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| FunctionError::Stopped)?;
        for _ in 0..MAX_DEAD_PROCESSES {
            let mut process = self.process().await?;
            let pid = process.pid();
            match self.run(&mut process, payload.clone()).await {
                Handled::Answered(outcome) => {
                    lock(&self.idle).push(process);
                    return outcome;
                }
                Handled::NeverTaken => self.discard(process, pid).await,
                Handled::Lost(error) => {
                    self.discard(process, pid).await;
                    return Err(error);
                }
            }
        }
        Err(FunctionError::Exited(
            "process after process died before it took the invocation".into(),
        ))
    }

    /// Kills every process; no more are started.
    pub(super) async fn stop(&self) {
        self.stopping.send_replace(true);
        // Invocations under way notice, kill their process and give their permit back.
        let _ = self
            .permits
            .acquire_many(self.function.max_processes.max(1))
            .await;
        self.permits.close();
        let idle = std::mem::take(&mut *lock(&self.idle));
        for process in idle {
            let pid = process.pid();
            self.discard(process, pid).await;
        }
    }

    async fn run(&self, process: &mut Process, payload: Bytes) -> Handled {
        tokio::select! {
            handled = process.invoke(payload, self.function.timeout) => handled,
            () = self.stopped() => Handled::Lost(FunctionError::Stopped),
        }
    }

    /// An idle process that lives, or a new one.
    async fn process(&self) -> Result<Process, FunctionError> {
        while !*self.stopping.borrow() {
            let idle = lock(&self.idle).pop();
            let Some(mut process) = idle else { break };
            let pid = process.pid();
            if process.is_alive() {
                return Ok(process);
            }
            self.discard(process, pid).await;
        }
        let process = tokio::select! {
            biased;
            () = self.stopped() => return Err(FunctionError::Stopped),
            process = self.start() => process?,
        };
        lock(&self.pids).extend(process.pid());
        Ok(process)
    }

    async fn start(&self) -> Result<Process, FunctionError> {
        let output = self
            .output()
            .map_err(|error| FunctionError::Init(error.to_string()))?;
        Process::start(
            &self.function.name,
            &self.function.binary,
            &self.variables,
            output,
        )
        .await
    }

    async fn stopped(&self) {
        // The sender lives in `self`.
        let _ = self
            .stopping
            .subscribe()
            .wait_for(|stopping| *stopping)
            .await;
    }

    async fn discard(&self, process: Process, pid: Option<u32>) {
        process.kill().await;
        lock(&self.pids).retain(|known| Some(*known) != pid);
    }

    fn output(&self) -> std::io::Result<[Stdio; 2]> {
        match &self.log {
            None => Ok([Stdio::inherit(), Stdio::inherit()]),
            Some(log) => Ok([log.try_clone()?.into(), log.try_clone()?.into()]),
        }
    }
}

fn open_log(function: &str, logs: &Logs) -> std::io::Result<Option<File>> {
    let Logs::Directory(directory) = logs else {
        return Ok(None);
    };
    std::fs::create_dir_all(directory)?;
    let path = directory.join(format!("{function}.log"));
    File::create(&path)?;
    // Several processes write to it.
    OpenOptions::new().append(true).open(path).map(Some)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
