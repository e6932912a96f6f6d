//! What the tests share.
#![allow(dead_code, unreachable_pub)]

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::time::Duration;

use local::stack::{Options, Ports, Stack};

/// The fixture function's binary: cargo builds examples along with the tests, in the directory beside theirs.
pub fn fixture_binary() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples/fixture-function");
    assert!(binary.exists(), "{} is not built", binary.display());
    binary
}

pub fn fixture_template() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/template.yaml")
}

/// Options for a stack of the fixture template on free ports.
pub fn options(output: &Path, overrides: &[(&str, &str)]) -> Options {
    Options {
        template: fixture_template(),
        overrides: overrides
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        ports: Ports::Free,
        binaries: BTreeMap::from([("fixture-function".to_owned(), fixture_binary())]),
        output: output.to_owned(),
        echo_logs: false,
        processes_per_source: 4,
    }
}

pub async fn start(output: &Path, overrides: &[(&str, &str)]) -> Stack {
    Stack::start(&options(output, overrides)).await.unwrap()
}

/// Waits until the condition holds, for at most a minute.
pub async fn until<Answer: Future<Output = bool>>(
    what: &str,
    mut condition: impl FnMut() -> Answer,
) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within 60 s"));
}

/// Whether a process is there and not a zombie.
pub fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ")
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// Sends SIGKILL; whether the process was there.
pub fn kill_hard(pid: u32) -> bool {
    std::process::Command::new("kill")
        .args(["-KILL", &pid.to_string()])
        .status()
        .unwrap()
        .success()
}
