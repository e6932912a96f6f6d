//! What the functions log: looked through for secrets, and told where the run is told in detail.

use std::cell::RefCell;
use std::fmt::{Debug, Write};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::context;

/// Hears what is logged in the run that the thread is in.
pub struct Listener;

thread_local! {
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        LINE.with(|line| {
            let mut line = line.borrow_mut();
            line.clear();
            event.record(&mut Fields(&mut line));
            let run = context::run();
            run.printed("log", &line);
            run.note(|| format!("{}: {line}", event.metadata().target()));
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
