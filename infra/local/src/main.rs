//! The one-command local stack: see the library's documentation.

use std::process::ExitCode;

fn main() -> ExitCode {
    local::cli::main()
}
