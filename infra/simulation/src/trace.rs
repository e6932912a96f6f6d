//! What happened in a run, in order: the proof that a seed repeats it, and the story of a run that went wrong.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use crate::call::Call;
use crate::fault::Fault;

/// One outbound call.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// When it was made, in virtual time.
    pub at: Timestamp,
    /// Which invocation made it: the function's name and the number of the invocation.
    pub who: (&'static str, u64),
    /// What was called.
    pub call: Call,
    /// What it was about; empty unless the run is told in detail.
    pub about: String,
    /// What went wrong with it.
    pub fault: Option<Fault>,
}

/// What happened so far.
#[derive(Debug, Default)]
pub struct Trace(Mutex<Vec<Entry>>);

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Entry {
    /// An outbound call.
    Call(Line),
    /// Anything else.
    Note(Timestamp, String),
}

impl Trace {
    /// Adds something.
    pub fn push(&self, entry: Entry) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(entry);
    }

    /// All of it.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Note(at, note) => write!(f, "{at:.3}  {note}"),
            Entry::Call(line) => {
                let (function, invocation) = line.who;
                write!(
                    f,
                    "{:.3}    {function}#{invocation} {} {}",
                    line.at, line.call, line.about
                )?;
                match line.fault {
                    Some(fault) => write!(f, "  <== {fault:?}"),
                    None => Ok(()),
                }
            }
        }
    }
}
