//! What is logged on a test's own thread, line by line, as the functions write it.

use std::io;
use std::sync::{Arc, LazyLock, Mutex};

use platform::logging;
use serde_json::Value;
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;

/// A log that lasts as long as this.
pub struct Log {
    written: Written,
    _default: DefaultGuard,
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

/// While there is one subscriber only, whether a line is wanted at all is decided on the thread that comes to it first,
/// which may be another test's, and remembered for all. A second one, which lasts, keeps each thread to its own.
static SECOND: LazyLock<Dispatch> =
    LazyLock::new(|| Dispatch::new(logging::subscriber(std::io::sink)));

impl Log {
    pub fn start() -> Log {
        LazyLock::force(&SECOND);
        let written = Written::default();
        let writer = written.clone();
        let subscriber = logging::subscriber(move || writer.clone());
        Log {
            written,
            _default: tracing::subscriber::set_default(subscriber),
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.written.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines with this message, oldest first.
    pub fn of(&self, message: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .filter(|line: &Value| line["message"] == message)
            .collect()
    }

    /// The only line with this message.
    pub fn only(&self, message: &str) -> Value {
        let mut lines = self.of(message);
        assert_eq!(lines.len(), 1, "{message}: {}", self.text());
        lines.remove(0)
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
