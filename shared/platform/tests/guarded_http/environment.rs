//! Tests that need environment variables run again in a process of their own, started with them.

use std::ffi::OsStr;
use std::process::Command;

use platform::http::SendError;

use crate::support::{Answers, LOCAL, NO_CONTENT, Server, client, post, unused_port};

const CHILD: &str = "GUARDED_HTTP_TEST_CHILD";

/// Whether this is the process that [`rerun`] started.
pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Runs one test of this binary again with the given variables, and fails if it fails there.
pub(crate) fn rerun(test: &str, variables: &[(&str, &OsStr)]) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .envs(variables.iter().copied())
        .env(CHILD, "1")
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for line in stdout.lines().filter(|line| line.ends_with(" exchanges")) {
        println!("{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_in_the_environment_are_ignored() {
    const VARIABLES: [&str; 5] = [
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ];
    if !is_child() {
        let proxy = Server::answering(NO_CONTENT).await;
        let value = format!("http://{}", proxy.address);
        let variables = VARIABLES.map(|name| (name, value.as_ref()));
        rerun(
            "environment::proxies_in_the_environment_are_ignored",
            &variables,
        );
        // One request, of the plain client below; none of ours.
        assert_eq!(proxy.log.connections(), 1);
        return;
    }
    let server = Server::answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let hook = server.url("hooks.example.com", "/");
    let ours = client(Answers::loopback(), LOCAL);
    assert_eq!(post(&ours, &hook).await.unwrap().status, 200);
    let refusing = unused_port("hooks.example.com").await;
    assert_eq!(
        post(&ours, &refusing).await,
        Err(SendError::ConnectionRefused)
    );

    let plain = reqwest::Client::new();
    assert_eq!(
        plain.post(hook.as_str()).send().await.unwrap().status(),
        204
    );
}
