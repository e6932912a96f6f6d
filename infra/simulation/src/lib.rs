//! The simulation: all functions in one process, with the embedded table, queue and key services of the local stack, a
//! virtual clock, and chance that a seed decides. A seed repeats a run exactly.
//!
//! A run plays a [`Scenario`](scenario::Scenario): what is configured, how endpoints and providers answer, what people
//! and upstreams do. At any outbound call of a function something may go wrong ([`fault`]), and beside calls as well:
//! batches are handed out twice, late, out of order, or not at all, messages are seen again while they are being handled,
//! processes are frozen for hours with what they remember. The run goes on in virtual time until nothing is left to
//! happen, the sweep included. Then [`invariants`] are checked.
//!
//! # Commands
//! ```text
//! cargo run -p simulation -- exhaustive          every fault at every call of the reference flows, every pair of deaths
//! cargo run -p simulation -- random --seeds N    random runs
//! cargo run -p simulation -- forever             random runs until something does not hold
//! cargo run -p simulation -- seed S              tells the run of a seed
//! cargo run -p simulation -- flow NAME 12=KilledAfter    tells a flow with faults at its calls
//! ```
//!
//! # What is not as in the cloud
//! The SDK does not try a failed call again: each fault reaches the function. Calls to AWS are answered in the process;
//! what the HTTP client itself may do is tested beside it (`shared/platform/tests/guarded_http`). The time-out of an AWS
//! call shows as an error after 2.5 s. The sweep, which runs each minute, is played in those minutes only in which it finds
//! something to do.
//!
//! # Layout
//! * [`scenario`] — what is to happen; [`flows`] — the reference flows; [`random`] — scenarios of seeds
//! * [`play`] — one run from its beginning to its end; [`explore`] — many
//! * [`run`] — what a run consists of; [`context`] — which run and invocation code is in
//! * [`world`] — what is there before anything happens; [`secrets`] — the secrets in it
//! * [`functions`] — what the functions are made of; [`clients`] — their AWS clients; [`invoke`] — invoking them
//! * [`scheduler`] — what runs when; [`actions`] — people and upstreams; [`outside`] — endpoints, Twilio, a gateway
//! * [`call`], [`fault`], [`partial`] — outbound calls and what may go wrong with them
//! * [`observe`], [`observe_due`], [`happening`], [`log`], [`trace`] — what is seen of a run
//! * [`invariants`] — what must hold at its end
//! * [`sabotage`] — services that do not do what they say, to see whether that would be noticed
//! * [`dice`] — chance

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
pub mod happening;
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
pub mod sabotage;
pub mod scenario;
pub mod scheduler;
pub mod secrets;
pub mod trace;
pub mod world;
