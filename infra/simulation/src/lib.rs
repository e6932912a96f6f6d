//! The simulation: all functions in one process, with the embedded table, queue and key services, a virtual clock and a
//! seeded scheduler. A seed repeats a run exactly.
#![forbid(unsafe_code)]

pub mod actions;
pub mod call;
pub mod clients;
pub mod context;
pub mod dice;
pub mod explore;
pub mod fault;
pub mod flows;
pub mod functions;
pub mod invariants;
pub mod invoke;
pub mod log;
pub mod observe;
pub mod observe_due;
pub mod outside;
pub mod partial;
pub mod play;
pub mod random;
pub mod run;
pub mod scenario;
pub mod scheduler;
pub mod secrets;
pub mod trace;
pub mod world;
