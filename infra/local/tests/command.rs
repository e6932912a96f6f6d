//! The command itself, as a process.

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use support::{fixture_binary, fixture_template, is_running, kill_hard, until};

/// An offset at which all three ports are free, and which no other test of this process gets.
/// Below 32,768, where ports of outgoing connections begin.
fn free_offset() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let block = 10_000 + u16::try_from(std::process::id() % 150).unwrap() * 100;
    let free = |offset: &u16| {
        [3000, 4566, 4600]
            .iter()
            .all(|port| TcpListener::bind(("127.0.0.1", port + offset)).is_ok())
    };
    std::iter::repeat_with(|| block + NEXT.fetch_add(1, Ordering::Relaxed))
        .take(30)
        .find(free)
        .unwrap()
}

fn command(offset: u16) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
    command.arg("--template").arg(fixture_template());
    command
        .arg("--bin-dir")
        .arg(fixture_binary().parent().unwrap());
    command
        .args(["--port-offset", &offset.to_string()])
        .stdin(Stdio::null());
    command
}

fn env_file(offset: u16) -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap();
    repository.join(format!("target/local-{offset}/env"))
}

struct Running {
    process: Child,
    offset: u16,
    banner: String,
}

/// Starts the command and reads its output up to the line `ready`.
fn start() -> Running {
    let offset = free_offset();
    let mut process = command(offset).stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let mut running = Running {
        process,
        offset,
        banner: String::new(),
    };
    for line in output.lines().map_while(Result::ok) {
        running.banner.push_str(&line);
        running.banner.push('\n');
        if line.starts_with("ready") {
            return running;
        }
    }
    panic!("the stack ended before it was ready");
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(env_file(self.offset).parent().unwrap());
    }
}

impl Running {
    fn variables(&self) -> BTreeMap<String, String> {
        let text = std::fs::read_to_string(env_file(self.offset)).unwrap();
        text.lines()
            .map(|line| line.split_once('=').unwrap())
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect()
    }

    async fn function_pid(&self) -> u32 {
        let url = format!("{}/v1/pid", self.variables()["API_URL"]);
        reqwest::get(url)
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .parse()
            .unwrap()
    }

    fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
    }
}

#[tokio::test]
async fn it_says_where_everything_is_and_stops_on_either_signal_leaving_nothing() {
    for signal in ["-TERM", "-INT"] {
        let mut stack = start();
        let variables = stack.variables();
        let names: Vec<_> = variables.keys().map(String::as_str).collect();
        let expected = [
            "API_KEY",
            "API_URL",
            "AWS_ACCESS_KEY_ID",
            "AWS_ENDPOINT_URL",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "EVENTS_QUEUE_URL",
            "OUTSIDE_URL",
        ];
        assert_eq!(names, expected);
        assert_eq!(
            variables["API_URL"],
            format!("http://127.0.0.1:{}", 3000 + stack.offset)
        );
        assert_eq!(
            variables["OUTSIDE_URL"],
            format!("http://127.0.0.1:{}", 4600 + stack.offset)
        );
        assert!(variables["EVENTS_QUEUE_URL"].starts_with(&variables["AWS_ENDPOINT_URL"]));
        assert!(variables["API_KEY"].starts_with("sk_"));
        assert_eq!(
            stack
                .banner
                .lines()
                .filter(|line| line.starts_with("curl ") || line.starts_with("until curl "))
                .count(),
            3
        );
        let function = stack.function_pid().await;
        assert!(is_running(function));
        stack.signal(signal);
        assert!(stack.process.wait().unwrap().success());
        assert!(!is_running(function) && !env_file(stack.offset).exists());
    }
}

#[tokio::test]
async fn functions_end_when_the_stack_is_killed() {
    let mut stack = start();
    let function = stack.function_pid().await;
    assert!(kill_hard(stack.process.id()));
    stack.process.wait().unwrap();
    until("the function is gone", || async { !is_running(function) }).await;
}

fn refused(offset: u16, arguments: &[&str]) -> String {
    let Output { status, stderr, .. } = command(offset).args(arguments).output().unwrap();
    assert!(!status.success());
    String::from_utf8(stderr).unwrap()
}

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let offset = free_offset();
    let _taken = TcpListener::bind(("127.0.0.1", 4566 + offset)).unwrap();
    let words = refused(offset, &[]);
    assert!(
        words.contains(&format!("port {}", 4566 + offset)) && words.contains("--port-offset"),
        "{words}"
    );
}

#[test]
fn an_unknown_parameter_and_a_bad_value_are_refused_before_anything_starts() {
    let words = refused(free_offset(), &["--set", "Nothing=1"]);
    assert!(
        words.contains("no parameter Nothing") && words.contains("Setting"),
        "{words}"
    );
    let words = refused(free_offset(), &["--set", "Setting=UPPER"]);
    assert!(words.contains("parameter Setting"), "{words}");
}
