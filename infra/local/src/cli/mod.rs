//! `cargo run -p local`: builds the functions, starts the stack, says how to use it, and stops it on a signal.

mod banner;
mod build;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::stack::{DEFAULT_PROCESSES_PER_SOURCE, Options, PortOffset, Ports, Stack};
use crate::template::{Place, Settings, Template};

/// The whole product on this machine.
#[derive(Debug, Parser)]
#[command(name = "local")]
struct Arguments {
    /// Overrides a parameter of the template; may be given several times.
    #[arg(long = "set", value_name = "PARAMETER=VALUE", value_parser = parameter)]
    set: Vec<(String, String)>,
    /// Shifts all ports, and keeps the files of this stack in target/local-N.
    #[arg(long, default_value = "0", value_name = "N", value_parser = port_offset)]
    port_offset: PortOffset,
    /// How the functions are built.
    #[arg(long, value_enum, default_value = "dev")]
    profile: Profile,
    /// Takes the function binaries from this directory instead of building them.
    #[arg(long, value_name = "DIRECTORY")]
    bin_dir: Option<PathBuf>,
    /// Another template than the repository's own.
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Prints the functions' output here instead of to target/local/logs.
    #[arg(long)]
    echo_logs: bool,
    /// The most processes that one queue, or the API, may keep busy in a function.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PROCESSES_PER_SOURCE,
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    processes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Profile {
    Dev,
    Release,
}

/// Runs the command line until a signal or an error; the whole of `main`.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("LOCAL_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stack = tokio::select! {
        stack = start(arguments) => stack?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    eprintln!("stopping");
    stack.stop().await;
    Ok(())
}

async fn start(arguments: Arguments) -> Result<Stack, Box<dyn Error>> {
    let root = repository();
    let template = arguments
        .template
        .clone()
        .unwrap_or_else(|| root.join("template.yaml"));
    let overrides: BTreeMap<_, _> = arguments.set.iter().cloned().collect();
    let packages = packages(&template, &overrides)?;
    let binaries = match &arguments.bin_dir {
        Some(directory) => packages
            .into_iter()
            .map(|name| (name.clone(), directory.join(name)))
            .collect(),
        None => build::functions(&root, &packages, arguments.profile).await?,
    };
    let options = Options {
        template,
        overrides,
        ports: Ports::Standard(arguments.port_offset),
        binaries,
        output: output_directory(&root, arguments.port_offset),
        echo_logs: arguments.echo_logs,
        processes_per_source: arguments.processes,
    };
    let stack = Stack::start(&options).await?;
    banner::print(&stack, &options.output)?;
    Ok(stack)
}

/// The packages to build: the template is read once before anything listens, so that a mistake in it shows at once.
fn packages(
    template: &Path,
    overrides: &BTreeMap<String, String>,
) -> Result<Vec<String>, Box<dyn Error>> {
    let settings = Settings {
        defaults: BTreeMap::new(),
        overrides: overrides.clone(),
    };
    let place = Place {
        stack_name: "local".into(),
        aws_endpoint: String::new(),
    };
    let template = Template::read(template, &settings, &place)?;
    Ok(template.packages().into_iter().map(str::to_owned).collect())
}

/// The repository that this was built from: the stack is a tool of its own source tree.
fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_owned()
}

/// Two stacks on different ports keep apart.
fn output_directory(root: &Path, offset: PortOffset) -> PathBuf {
    let target = root.join("target");
    match offset.get() {
        0 => target.join("local"),
        offset => target.join(format!("local-{offset}")),
    }
}

fn parameter(argument: &str) -> Result<(String, String), String> {
    let (name, value) = argument
        .split_once('=')
        .ok_or("write it as Parameter=value")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn port_offset(argument: &str) -> Result<PortOffset, String> {
    let offset = argument.parse().ok().and_then(PortOffset::new);
    offset.ok_or_else(|| format!("must be a number from 0 to {}", PortOffset::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_may_hold_equals_signs_and_several_may_be_set() {
        let arguments = Arguments::parse_from(["local", "--set", "A=b=c", "--set", "D="]);
        assert_eq!(
            arguments.set,
            [("A".into(), "b=c".into()), ("D".into(), String::new())]
        );
    }

    #[test]
    fn an_offset_that_leads_beyond_the_last_port_is_refused() {
        assert!(Arguments::try_parse_from(["local", "--port-offset", "60935"]).is_ok());
        for wrong in ["60936", "-1", "x"] {
            assert!(
                Arguments::try_parse_from(["local", "--port-offset", wrong]).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_setting_without_a_value_is_refused() {
        assert!(Arguments::try_parse_from(["local", "--set", "A"]).is_err());
    }

    #[test]
    fn stacks_on_other_ports_keep_their_files_apart() {
        let root = Path::new("/r");
        assert_eq!(
            output_directory(root, PortOffset::default()),
            Path::new("/r/target/local")
        );
        assert_eq!(
            output_directory(root, PortOffset::new(7).unwrap()),
            Path::new("/r/target/local-7")
        );
    }
}
