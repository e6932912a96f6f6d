//! Serves the outside world alone on 127.0.0.1: `cargo run -p local --example outside -- --port 4600`.
//!
//! Prints `listening on PORT` when it is ready (port 0, the default, is a free one) and stops when its standard input
//! ends.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use local::{clock, outside::Outside};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

fn main() -> io::Result<()> {
    let Some(port) = port(std::env::args().skip(1)) else {
        return Err(io::Error::other("usage: outside [--port PORT]"));
    };
    let runtime = Runtime::new()?;
    let (_outside, port) = runtime.block_on(start(port))?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {port}")?;
    stdout.flush()?;
    io::copy(&mut io::stdin(), &mut io::sink())?;
    Ok(())
}

fn port(mut arguments: impl Iterator<Item = String>) -> Option<u16> {
    match (arguments.next().as_deref(), arguments.next()) {
        (None, _) => Some(0),
        (Some("--port"), Some(port)) => port.parse().ok(),
        _ => None,
    }
}

async fn start(port: u16) -> io::Result<(Outside, u16)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let port = listener.local_addr()?.port();
    Ok((Outside::start(listener, clock::system()), port))
}
