//! What `sweep` does, on the embedded table and queues, whose time the tests turn.

mod measuring;
mod rescuing;
mod waking;
mod world;
