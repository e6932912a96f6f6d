//! Building the functions, with the very cargo and target directory that the stack came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use tokio::process::Command;

use super::Profile;

/// Why the functions are not built.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildError {
    /// Cargo does not start.
    #[error("cannot run cargo: {0}")]
    Cargo(#[from] std::io::Error),
    /// The build fails; cargo has said why.
    #[error("the functions do not build")]
    Failed,
}

/// Builds the packages; returns their binaries, by package.
pub(super) async fn functions(
    root: &Path,
    packages: &[String],
    profile: Profile,
) -> Result<BTreeMap<String, PathBuf>, BuildError> {
    if packages.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Artifacts come as JSON on standard output, all that is for people on standard error.
    cargo.current_dir(root).args([
        "build",
        "--message-format=json-render-diagnostics",
        "--bins",
    ]);
    cargo.args(packages.iter().flat_map(|package| ["-p", package]));
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    let output = cargo
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()?;
    let output = output.wait_with_output().await?;
    if !output.status.success() {
        return Err(BuildError::Failed);
    }
    Ok(output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(binary)
        .collect())
}

/// The name and the path of the binary that a line of cargo's tells of
/// (<https://doc.rust-lang.org/cargo/reference/external-tools.html#json-messages>).
fn binary(line: &[u8]) -> Option<(String, PathBuf)> {
    #[derive(Deserialize)]
    struct Artifact {
        executable: Option<PathBuf>,
        target: Target,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    let artifact: Artifact = serde_json::from_slice(line).ok()?;
    Some((artifact.target.name, artifact.executable?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_artifacts_with_an_executable_are_binaries() {
        let line = br#"{"reason":"compiler-artifact","target":{"name":"fan-out"},"executable":"/t/fan-out"}"#;
        assert_eq!(binary(line), Some(("fan-out".into(), "/t/fan-out".into())));
        let library =
            br#"{"reason":"compiler-artifact","target":{"name":"fan_out"},"executable":null}"#;
        assert_eq!(binary(library), None);
        assert_eq!(
            binary(br#"{"reason":"build-finished","success":true}"#),
            None
        );
    }
}
