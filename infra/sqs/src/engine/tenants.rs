//! Which message to hand out next: fair queues
//! (<https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html>).
//!
//! The messages of one group are one tenant, a message without a group is a tenant of its own. A tenant is *noisy*
//! while it has at least 30 messages in flight and more than a tenth of all that are in flight, unless it has sent
//! nothing for five minutes. Quiet tenants' messages go first, the longest visible one of them all; only when there are
//! none, a noisy tenant's, from the one with the fewest in flight. AWS's second measure, the share of processing time,
//! is not modelled.
//!
//! No more than nine tenants can have more than a tenth each, so every choice looks at a handful of entries, however
//! many messages and tenants there are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::store::Key;
use crate::message::GroupId;
use crate::time;

const NOISY_FROM: usize = 30;
/// Noisy above one in this many.
const NOISY_SHARE: usize = 10;
const QUIET_AFTER_SILENCE: Duration = Duration::from_secs(5 * 60);

/// A visible message's place in the line: since when it has been visible.
pub(super) type Place = (Timestamp, Key);

#[derive(Debug, Default)]
pub(super) struct Tenants {
    ungrouped: BTreeSet<Place>,
    groups: BTreeMap<GroupId, Group>,
    /// The first place of each group that has a visible message.
    heads: BTreeMap<Place, GroupId>,
    /// The groups with enough in flight to be noisy, by how many they have.
    busy: BTreeSet<(usize, GroupId)>,
    in_flight: usize,
}

#[derive(Debug, Default)]
struct Group {
    visible: BTreeSet<Place>,
    in_flight: usize,
    last_sent_at: Option<Timestamp>,
}

impl Tenants {
    pub(super) fn add_visible(
        &mut self,
        group: Option<&GroupId>,
        place: Place,
        sent_at: Timestamp,
    ) {
        let Some(group) = group else {
            self.ungrouped.insert(place);
            return;
        };
        self.update(group, |group| {
            group.visible.insert(place);
            group.last_sent_at = group.last_sent_at.max(Some(sent_at));
        });
    }

    pub(super) fn remove_visible(&mut self, group: Option<&GroupId>, place: Place) {
        match group {
            None => {
                self.ungrouped.remove(&place);
            }
            Some(group) => self.update(group, |group| {
                group.visible.remove(&place);
            }),
        }
    }

    pub(super) fn add_in_flight(&mut self, group: Option<&GroupId>) {
        self.in_flight += 1;
        if let Some(group) = group {
            self.update(group, |group| group.in_flight += 1);
        }
    }

    pub(super) fn remove_in_flight(&mut self, group: Option<&GroupId>) {
        self.in_flight -= 1;
        if let Some(group) = group {
            self.update(group, |group| group.in_flight -= 1);
        }
    }

    /// Messages in flight, of all tenants.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// The message to hand out next.
    pub(super) fn next(&self, now: Timestamp) -> Option<Key> {
        let noisy = self.noisy(now);
        let quiet_group = self
            .heads
            .iter()
            .find(|(_, group)| !noisy.contains(group))
            .map(|(place, _)| place);
        let quiet = quiet_group.into_iter().chain(self.ungrouped.first()).min();
        let fewest_in_flight_first = noisy.iter().rev();
        quiet
            .or_else(|| {
                fewest_in_flight_first
                    .filter_map(|group| self.groups.get(group)?.visible.first())
                    .next()
            })
            .map(|(_, key)| *key)
    }

    /// The noisy groups, the one with most in flight first.
    fn noisy(&self, now: Timestamp) -> Vec<&GroupId> {
        let silent_since = time::before(now, QUIET_AFTER_SILENCE);
        let by_load = self.busy.iter().rev();
        by_load
            .take_while(|(in_flight, _)| in_flight * NOISY_SHARE > self.in_flight)
            .filter(|(_, id)| {
                self.groups
                    .get(id)
                    .is_some_and(|group| group.last_sent_at > Some(silent_since))
            })
            .map(|(_, id)| id)
            .collect()
    }

    fn update(&mut self, id: &GroupId, change: impl FnOnce(&mut Group)) {
        let group = self.groups.entry(id.clone()).or_default();
        let (head, in_flight) = (group.visible.first().copied(), group.in_flight);
        change(group);
        let (new_head, new_in_flight) = (group.visible.first().copied(), group.in_flight);
        if new_head.is_none() && new_in_flight == 0 {
            self.groups.remove(id);
        }
        if head != new_head {
            head.and_then(|head| self.heads.remove(&head));
            new_head.and_then(|head| self.heads.insert(head, id.clone()));
        }
        if in_flight != new_in_flight {
            self.busy.remove(&(in_flight, id.clone()));
            if new_in_flight >= NOISY_FROM {
                self.busy.insert((new_in_flight, id.clone()));
            }
        }
    }
}
