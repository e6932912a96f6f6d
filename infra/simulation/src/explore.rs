//! Many runs, on all processors: every crash point of a flow and every pair of them, or many seeds.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::call::Call;
use crate::fault::{Fault, Strike};
use crate::functions::Function;
use crate::happening::Happening;
use crate::invariants::{Violation, violations};
use crate::play::{Detail, Played, play};
use crate::scenario::Scenario;
use crate::{happening, random};

/// What came of many runs.
#[derive(Debug, Default)]
pub struct Report {
    /// How many runs there were.
    pub runs: u64,
    /// How many outbound calls they made.
    pub calls: u64,
    /// The faults that met a call.
    pub faults: BTreeMap<Fault, u64>,
    /// What else happened.
    pub happened: BTreeMap<Happening, u64>,
    /// The runs after which something did not hold.
    pub failures: Vec<Failure>,
}

/// A run after which something did not hold.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What was to happen.
    pub scenario: Scenario,
    /// What went wrong on purpose.
    pub strikes: Vec<Strike>,
    /// What did not hold.
    pub violations: Vec<Violation>,
}

/// How far a flow is explored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// A death before and after every call.
    Deaths,
    /// Every fault at every call.
    Singles,
    /// And every pair of deaths.
    Pairs,
}

/// A report is cut short after so many failures.
const MOST_FAILURES: usize = 20;

impl Report {
    fn add(&mut self, scenario: &Scenario, strikes: &[Strike], played: &Played) {
        self.runs += 1;
        self.calls += played.calls.len() as u64;
        for struck in &played.end.struck {
            *self.faults.entry(struck.fault).or_default() += 1;
        }
        add(&mut self.happened, &played.happened);
        add(&mut self.happened, &happening::at_the_end(&played.end));
        let violations = violations(&played.end);
        if !violations.is_empty() {
            self.failures.push(Failure {
                scenario: scenario.clone(),
                strikes: strikes.to_vec(),
                violations,
            });
        }
    }

    /// Takes over another report.
    pub fn merge(&mut self, other: Report) {
        self.runs += other.runs;
        self.calls += other.calls;
        add(&mut self.faults, &other.faults);
        add(&mut self.happened, &other.happened);
        self.failures.extend(other.failures);
    }
}

fn add<K: Ord + Copy>(counts: &mut BTreeMap<K, u64>, others: &BTreeMap<K, u64>) {
    for (what, count) in others {
        *counts.entry(*what).or_default() += count;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let struck: u64 = self.faults.values().sum();
        let (runs, calls, failed) = (self.runs, self.calls, self.failures.len());
        writeln!(
            f,
            "{runs} runs, {calls} calls, {struck} faults, {failed} failures"
        )?;
        for (fault, count) in &self.faults {
            writeln!(f, "  {count:>8} {fault:?}")?;
        }
        for (happening, count) in &self.happened {
            writeln!(f, "  {count:>8} {happening}")?;
        }
        self.failures.iter().try_for_each(|failure| failure.fmt(f))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let strikes: Vec<_> = self.strikes.iter().map(Strike::to_string).collect();
        writeln!(f, "{}: {}", self.scenario.name, strikes.join(", "))?;
        for violation in &self.violations {
            writeln!(f, "    {violation}")?;
        }
        Ok(())
    }
}

/// Plays a flow without faults, then with every fault at every call, and with every pair of deaths if asked to.
#[must_use]
pub fn exhaust(scenario: &Scenario, depth: Depth) -> Report {
    let reference = play(scenario, &[], Detail::Calls);
    let mut report = Report::default();
    report.add(scenario, &[], &reference);
    let singles = strikes_at(&reference.calls, depth);
    report.merge(in_parallel(&singles, |strike, report| {
        let played = play(scenario, &[*strike], Detail::Calls);
        report.add(scenario, &[*strike], &played);
        let death = strike
            .fault
            .is_some_and(|fault| Fault::DEATHS.contains(&fault));
        if depth == Depth::Pairs && death {
            pairs(scenario, *strike, &played, report);
        }
    }));
    report
}

fn strikes_at(calls: &[(Function, Call)], depth: Depth) -> Vec<Strike> {
    let wanted = move |fault: &Fault| depth != Depth::Deaths || Fault::DEATHS.contains(fault);
    let at = |(call, (by, what)): (usize, &(Function, Call))| {
        let faults = Fault::befalling(*by, *what).filter(wanted);
        faults.map(move |fault| Strike {
            call,
            fault: Some(fault),
        })
    };
    calls.iter().enumerate().flat_map(at).collect()
}

/// A second death at any later call of the run with the first one.
fn pairs(scenario: &Scenario, first: Strike, played: &Played, report: &mut Report) {
    for call in first.call + 1..played.calls.len() {
        for fault in Fault::DEATHS {
            let second = Strike {
                call,
                fault: Some(fault),
            };
            let strikes = [first, second];
            let played = play(scenario, &strikes, Detail::Calls);
            report.add(scenario, &strikes, &played);
        }
    }
}

/// Plays the runs of these seeds.
#[must_use]
pub fn seeds(from: u64, count: u64) -> Report {
    let next = AtomicU64::new(0);
    everywhere(|report| {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            if place >= count {
                return;
            }
            let (scenario, strikes) = random::run_of(from + place);
            let played = play(&scenario, &strikes, Detail::Calls);
            report.add(&scenario, &strikes, &played);
            if report.failures.len() >= MOST_FAILURES {
                return;
            }
        }
    })
}

fn in_parallel<T: Sync>(work: &[T], each: impl Fn(&T, &mut Report) + Sync) -> Report {
    let next = AtomicUsize::new(0);
    let enough = AtomicBool::new(false);
    everywhere(|report| {
        while let Some(item) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            if enough.load(Ordering::Relaxed) {
                return;
            }
            each(item, report);
            if report.failures.len() >= MOST_FAILURES {
                enough.store(true, Ordering::Relaxed);
            }
        }
    })
}

/// The same on every processor.
fn everywhere(work: impl Fn(&mut Report) + Sync) -> Report {
    let total = Mutex::new(Report::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut report = Report::default();
                work(&mut report);
                total
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .merge(report);
            });
        }
    });
    total.into_inner().unwrap_or_else(PoisonError::into_inner)
}
