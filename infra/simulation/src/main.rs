//! The simulation's commands. See the library for what it does.

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, Subcommand};
use simulation::explore::{self, Depth, Report};
use simulation::fault::Strike;
use simulation::invariants::violations;
use simulation::play::{Detail, Played, play};
use simulation::scenario::Scenario;
use simulation::{flows, random};

/// All functions in one process, with everything going wrong.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Every fault at every call of the reference flows, and every pair of deaths.
    Exhaustive {
        /// Only this flow.
        #[arg(long)]
        flow: Option<String>,
        /// Only single faults.
        #[arg(long)]
        singles: bool,
    },
    /// Random runs.
    Random {
        /// How many.
        #[arg(long, default_value_t = 10_000)]
        seeds: u64,
        /// The first seed.
        #[arg(long, default_value_t = 1)]
        from: u64,
    },
    /// Tells the run of one seed.
    Seed {
        /// The seed.
        seed: u64,
    },
    /// Tells a run of a flow.
    Flow {
        /// The flow.
        name: String,
        /// Faults, as `12=KilledAfter`.
        strikes: Vec<String>,
    },
    /// Random runs until something does not hold, or somebody stops it.
    Forever {
        /// The first seed.
        #[arg(long, default_value_t = 1)]
        from: u64,
    },
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Exhaustive { flow, singles } => exhaustive(flow.as_deref(), singles),
        Command::Random { seeds, from } => {
            let begun = Instant::now();
            let report = explore::seeds(from, seeds);
            println!("{report}in {:.1?}", begun.elapsed());
            verdict(&report)
        }
        Command::Seed { seed } => {
            let (scenario, strikes) = random::run_of(seed);
            tell(&scenario, &strikes)
        }
        Command::Flow { name, strikes } => told_flow(&name, &strikes),
        Command::Forever { from } => forever(from),
    }
}

fn exhaustive(wanted: Option<&str>, singles: bool) -> ExitCode {
    let depth = if singles {
        Depth::Singles
    } else {
        Depth::Pairs
    };
    let mut total = Report::default();
    for flow in flows::all() {
        if wanted.is_some_and(|wanted| wanted != flow.scenario.name) {
            continue;
        }
        let begun = Instant::now();
        let report = explore::exhaust(&flow.scenario, depth);
        println!("{}: {report}in {:.1?}", flow.scenario.name, begun.elapsed());
        total.merge(report);
    }
    total.failures.truncate(20);
    println!("{total}");
    verdict(&total)
}

fn forever(from: u64) -> ExitCode {
    const AT_A_TIME: u64 = 1_000;
    let mut next = from;
    loop {
        let report = explore::seeds(next, AT_A_TIME);
        next += AT_A_TIME;
        println!("up to seed {}: {report}", next - 1);
        if !report.failures.is_empty() {
            return ExitCode::FAILURE;
        }
    }
}

fn told_flow(name: &str, strikes: &[String]) -> ExitCode {
    let Some(flow) = flows::named(name) else {
        let names: Vec<_> = flows::all()
            .into_iter()
            .map(|flow| flow.scenario.name)
            .collect();
        eprintln!("no such flow; there are {}", names.join(", "));
        return ExitCode::FAILURE;
    };
    let strikes: Result<Vec<Strike>, _> = strikes.iter().map(|text| text.parse()).collect();
    match strikes {
        Ok(strikes) => tell(&flow.scenario, &strikes),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn tell(scenario: &Scenario, strikes: &[Strike]) -> ExitCode {
    println!("{scenario:#?}");
    let Played { end, trace, .. } = play(scenario, strikes, Detail::All);
    for entry in &trace {
        println!("{entry}");
    }
    let violations = violations(&end);
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() {
        println!("everything holds");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn verdict(report: &Report) -> ExitCode {
    if report.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
