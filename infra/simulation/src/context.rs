//! Which run a thread is in, and which invocation a task is part of.
//!
//! A thread is in one run at a time. The AWS clients, which are dear to make, are made once a thread and look here for
//! the run that they are in.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use platform::clock::Clock;
use platform::entropy::Entropy;
use tokio::sync::Notify;

use crate::functions::Function;
use crate::run::Run;

thread_local! {
    static RUN: RefCell<Option<Arc<Run>>> = const { RefCell::new(None) };
}

tokio::task_local! {
    static INVOCATION: Arc<Invocation>;
}

/// Messages that were received and handed to a function.
#[derive(Debug, Clone)]
pub struct HandedOut {
    /// The queue's name.
    pub queue: &'static str,
    /// The messages' receipt handles.
    pub handles: Vec<String>,
}

/// One invocation of a function.
#[derive(Debug)]
pub struct Invocation {
    /// The function.
    pub function: Function,
    /// Counts the run's invocations, from 1.
    pub number: u64,
    /// The batch that it handles, if it is of a queue.
    pub batch: Option<HandedOut>,
    dead: AtomicBool,
    died: Notify,
}

impl Invocation {
    /// A new one, alive.
    #[must_use]
    pub fn new(function: Function, number: u64, batch: Option<HandedOut>) -> Invocation {
        Invocation {
            function,
            number,
            batch,
            dead: AtomicBool::new(false),
            died: Notify::new(),
        }
    }

    /// Kills it.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.died.notify_one();
    }

    /// Whether it was killed.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Until it is killed.
    pub async fn death(&self) {
        self.died.notified().await;
    }

    /// The work as a part of this invocation.
    pub async fn scope<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        INVOCATION.scope(self, work).await
    }
}

/// Makes this thread part of the run.
pub fn enter(run: Arc<Run>) {
    RUN.with(|current| *current.borrow_mut() = Some(run));
}

/// The thread is in no run any more.
pub fn leave() {
    RUN.with(|current| *current.borrow_mut() = None);
}

/// The run that this thread is in.
///
/// # Panics
/// If it is in none: nothing of a run may outlive it.
#[must_use]
pub fn run() -> Arc<Run> {
    RUN.with(|current| current.borrow().clone())
        .expect("the thread is in a run")
}

/// The invocation that this task is part of, if it is of any.
#[must_use]
pub fn invocation() -> Option<Arc<Invocation>> {
    INVOCATION.try_with(Arc::clone).ok()
}

/// The clock of whatever run the thread is in.
#[must_use]
pub fn clock() -> Clock {
    Arc::new(|| run().now())
}

/// The chance of whatever run the thread is in.
#[must_use]
pub fn entropy() -> Entropy {
    Entropy::new(|buffer| run().dice.entropy.fill(buffer))
}
