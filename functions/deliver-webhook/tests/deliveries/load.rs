//! What load tests share: calls to AWS that take a moment, events at a rate, and how long each took to arrive.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use domain::webhook::Webhook;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::Response;
use jiff::Timestamp;
use local::aws::{Aws, Gate};
use tokio::time::Instant;

use crate::world::{Answer, World};

/// Random numbers from a seed: SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>).
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A time from a range, in whole milliseconds.
    pub fn millis(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(range.start + self.next() % (range.end - range.start))
    }
}

/// Lets each call to AWS take 5 to 10 ms.
#[derive(Debug)]
pub struct Latency(Mutex<Dice>);

impl Latency {
    pub fn seeded(seed: u64) -> Arc<Latency> {
        Arc::new(Latency(Mutex::new(Dice::new(seed))))
    }
}

impl Gate for Latency {
    fn call<'a>(
        &'a self,
        aws: &'a Aws,
        target: &'a str,
        body: Bytes,
    ) -> BoxFuture<'a, Response<Bytes>> {
        let takes = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .millis(5..10);
        async move {
            tokio::time::sleep(takes).await;
            aws.call(target, body).await
        }
        .boxed()
    }
}

/// Events for a webhook, and when each of them went in and arrived.
#[derive(Clone, Default)]
pub struct Arrivals(Arc<Mutex<Times>>);

#[derive(Default)]
struct Times {
    published: HashMap<String, Timestamp>,
    arrived: HashMap<String, Timestamp>,
}

/// How long an event took from the events queue to the endpoint.
#[derive(Debug, Clone, Copy)]
pub struct Trip {
    pub published: Timestamp,
    pub took: Duration,
}

impl Arrivals {
    /// Has the endpoint at a host answer 200 after so long, and watches it.
    pub fn watch(world: &World, host: &str, answers_after: Duration) -> Arrivals {
        let arrivals = Arrivals::default();
        let here = arrivals.clone();
        world.answer(host, move |call| {
            here.times()
                .arrived
                .entry(call.delivery.clone())
                .or_insert(call.at);
            Answer::After(answers_after, 200)
        });
        arrivals
    }

    /// Publishes events for so long at about this rate a second, each at a moment of its own.
    pub async fn publish(
        &self,
        world: &World,
        webhook: &Webhook,
        rate: u64,
        duration: Duration,
        dice: &mut Dice,
    ) {
        let (begin, events) = (Instant::now(), rate * duration.as_secs());
        let slot = 1_000 / rate;
        for number in 0..events {
            let at = Duration::from_millis(number * slot) + dice.millis(0..slot);
            tokio::time::sleep_until(begin + at).await;
            let event = format!("evt_{number}_{}", dice.next());
            let (happened, now) = (world.now_in_seconds(), world.now());
            let id = event.parse().unwrap();
            let delivery = world.key(webhook, &id, happened).id.to_string();
            self.times().published.insert(delivery, now);
            world.publish_at(&event, happened).await;
        }
    }

    /// Every event's trip.
    ///
    /// # Panics
    /// If an event has not arrived.
    pub fn trips(&self) -> Vec<Trip> {
        let times = self.times();
        let trip = |(delivery, published): (&String, &Timestamp)| {
            let arrived = times.arrived.get(delivery).expect("the event arrived");
            let took = Duration::try_from(arrived.duration_since(*published)).unwrap();
            Trip {
                published: *published,
                took,
            }
        };
        times.published.iter().map(trip).collect()
    }

    /// How many events have not arrived.
    pub fn missing(&self) -> usize {
        let times = self.times();
        let arrived = |delivery: &&String| times.arrived.contains_key(*delivery);
        times.published.len() - times.published.keys().filter(arrived).count()
    }

    fn times(&self) -> std::sync::MutexGuard<'_, Times> {
        self.0.lock().unwrap()
    }
}

/// The time that 99 of 100 trips stay within, by the nearest rank.
pub fn p99(trips: &[Trip]) -> Duration {
    let mut took: Vec<_> = trips.iter().map(|trip| trip.took).collect();
    took.sort_unstable();
    took[(took.len() * 99).div_ceil(100) - 1]
}
