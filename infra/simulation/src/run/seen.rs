//! What has been seen of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::{MOST_CALLS, Run, Struck};
use crate::call::Call;
use crate::functions::Function;
use crate::happening::Happening;
use crate::observe::Commit;
use crate::secrets;
use crate::trace::Entry;

impl Run {
    /// Tells the trace.
    pub fn note(&self, note: impl FnOnce() -> String) {
        if self.detailed {
            self.trace.push(Entry::Note(self.now(), note()));
        }
    }

    /// Something was written where people or machines may read it.
    pub fn printed(&self, place: &str, text: &str) {
        if text.contains(secrets::CANARY) {
            self.state().leaks.insert(format!("{place}: {text}"));
        }
    }

    /// Something happened that is counted.
    pub fn happens_that(&self, happening: Happening) {
        *self.state().happened.entry(happening).or_default() += 1;
    }

    /// What happened that is counted.
    #[must_use]
    pub fn happened(&self) -> BTreeMap<Happening, u64> {
        self.state().happened.clone()
    }

    /// Deliveries or webhooks were written.
    pub fn committed(&self, commit: Commit) {
        self.state().commits.push(commit);
    }

    /// What was written, in order.
    #[must_use]
    pub fn commits(&self) -> Vec<Commit> {
        self.state().commits.clone()
    }

    /// An SMS delivery's item was written.
    pub fn sms_written(&self, pk: &str, sk: &str) {
        self.state().sms.insert((pk.to_owned(), sk.to_owned()));
    }

    /// The keys of all SMS deliveries.
    #[must_use]
    pub fn sms_keys(&self) -> BTreeSet<(String, String)> {
        self.state().sms.clone()
    }

    /// Where secrets were seen.
    #[must_use]
    pub fn leaks(&self) -> BTreeSet<String> {
        self.state().leaks.clone()
    }

    /// The strikes that met a call.
    #[must_use]
    pub fn struck(&self) -> Vec<Struck> {
        self.state().struck.clone()
    }

    /// Whether it makes more calls than any run that comes to rest.
    #[must_use]
    pub fn runs_away(&self) -> bool {
        self.calls.load(Ordering::Relaxed) > MOST_CALLS
    }

    /// All calls, in order, and who made them.
    #[must_use]
    pub fn calls_made(&self) -> Vec<(Function, Call)> {
        self.state().made.clone()
    }

    /// When the event happens: when it is first published.
    pub fn published_at(&self, event: usize) -> Timestamp {
        let now = Timestamp::from_second(self.now().as_second()).unwrap_or_default();
        *self.state().published.entry(event).or_insert(now)
    }

    /// When each event happened that was published.
    #[must_use]
    pub fn published(&self) -> BTreeMap<usize, Timestamp> {
        self.state().published.clone()
    }
}
