//! Write units by the key of the partition that they go to, second by second: what no partition may take more than
//! 1,000 of a second
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>).
//!
//! Counted as AWS charges them
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html>,
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html>, "Provisioned throughput considerations"):
//! a write costs a unit for each started KiB of the item, of the larger of what was and what is there; in a transaction
//! twice that. An index is written to where its entry comes, goes or changes, and twice where the entry's key changes. For
//! indexes AWS does not say whether a transaction doubles; here it does.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value};

use crate::template::Table;

type Item = Map<String, Value>;

/// The write units that a table took, by second and partition.
#[derive(Debug)]
pub struct WriteUnits {
    table: String,
    keys: Keys,
    indexes: Vec<Index>,
    counted: Mutex<BTreeMap<(i64, String), u64>>,
}

#[derive(Debug)]
struct Index {
    name: String,
    keys: Keys,
    projection: Projection,
}

#[derive(Debug)]
enum Projection {
    All,
    /// The table's keys, the index's own, and these.
    Keys(Vec<String>),
}

/// The names of the partition key and of the sort key.
#[derive(Debug, Clone)]
struct Keys {
    partition: String,
    sort: String,
}

/// The busiest second of the busiest partition of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Busiest {
    /// What the keys of such partitions start with, such as `LOG` or `due: PARKED`.
    pub kind: String,
    /// Units in that second.
    pub units: u64,
    /// The partition's key, after an index's name.
    pub partition: String,
}

impl WriteUnits {
    /// None yet, of this table.
    pub(super) fn of(table: &Table) -> WriteUnits {
        let definition = Value::Object(table.definition.clone());
        let indexes = list(&definition["GlobalSecondaryIndexes"]);
        WriteUnits {
            table: table.name.clone(),
            keys: Keys::of(&definition),
            indexes: indexes.iter().map(Index::of).collect(),
            counted: Mutex::default(),
        }
    }

    /// The table's name.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// The busiest partition of each kind, the busiest kind first.
    pub fn busiest(&self) -> Vec<Busiest> {
        let mut kinds: HashMap<String, Busiest> = HashMap::new();
        for ((_, partition), units) in &*self.counted() {
            let kind = kind(partition);
            let found = Busiest {
                kind: kind.clone(),
                units: *units,
                partition: partition.clone(),
            };
            let busiest = kinds.entry(kind).or_insert_with(|| found.clone());
            if found.units > busiest.units {
                *busiest = found;
            }
        }
        let mut kinds: Vec<_> = kinds.into_values().collect();
        kinds.sort_by_key(|busiest| std::cmp::Reverse(busiest.units));
        kinds
    }

    /// Units counted so far, in all partitions of a kind.
    pub fn total(&self, of_kind: &str) -> u64 {
        let counted = self.counted();
        let of_kind = counted
            .iter()
            .filter(|((_, partition), _)| kind(partition) == of_kind);
        of_kind.map(|(_, units)| units).sum()
    }

    /// Begins anew.
    pub fn forget(&self) {
        self.counted().clear();
    }

    /// Counts what an operation writes in this second. `get` reads an item by its key, `operate` carries the operation
    /// out.
    pub(super) fn counting<T>(
        &self,
        second: i64,
        (operation, body): (&str, &[u8]),
        get: impl Fn(&Item) -> Option<Item>,
        operate: impl FnOnce() -> T,
    ) -> T {
        let writes = Write::all(operation, body);
        let read = |write: &Write| get(&self.keys.of_item(&write.item));
        let before: Vec<_> = writes.iter().map(read).collect();
        let answer = operate();
        for (write, before) in writes.iter().zip(before) {
            self.count(second, write, before.as_ref(), read(write).as_ref());
        }
        answer
    }

    fn count(&self, second: i64, write: &Write, before: Option<&Item>, after: Option<&Item>) {
        let mut counted = self.counted();
        let mut add = |partition: String, units: u64| {
            *counted.entry((second, partition)).or_default() += units * write.weight;
        };
        add(
            text(&write.item, &self.keys.partition),
            larger(before, after),
        );
        for index in &self.indexes {
            for (partition, units) in index.changes(&self.keys, before, after) {
                add(format!("{}: {partition}", index.name), units);
            }
        }
    }

    fn counted(&self) -> MutexGuard<'_, BTreeMap<(i64, String), u64>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A write of one item.
struct Write {
    /// The item's key, or the whole item.
    item: Item,
    weight: u64,
}

impl Write {
    /// The writes of an operation; none of one that only reads, or that cannot be read.
    fn all(operation: &str, body: &[u8]) -> Vec<Write> {
        let Ok(request) = serde_json::from_slice::<Value>(body) else {
            return Vec::new();
        };
        let writes: Vec<(Option<&Value>, u64)> = match operation {
            "PutItem" | "UpdateItem" | "DeleteItem" => vec![(Some(&request), 1)],
            "TransactWriteItems" => {
                let writes = list(&request["TransactItems"]).iter();
                writes.map(|write| (only(write), 2)).collect()
            }
            "BatchWriteItem" => {
                let tables = request["RequestItems"].as_object();
                let writes = tables.into_iter().flat_map(Map::values).flat_map(list);
                writes.map(|write| (only(write), 1)).collect()
            }
            _ => Vec::new(),
        };
        let of = |(request, weight): (Option<&Value>, u64)| {
            let request = request?;
            let item = request.get("Key").or_else(|| request.get("Item"))?;
            Some(Write {
                item: item.as_object()?.clone(),
                weight,
            })
        };
        writes.into_iter().filter_map(of).collect()
    }
}

/// The request below the name of its kind. A condition without a write costs as much as a write.
fn only(write: &Value) -> Option<&Value> {
    write.as_object()?.values().next()
}

impl Keys {
    fn of(definition: &Value) -> Keys {
        let keys = list(&definition["KeySchema"]).iter();
        let name = |kind: &str| {
            let key = keys.clone().find(|key| key["KeyType"] == kind);
            key.map(|key| string(&key["AttributeName"]))
                .unwrap_or_default()
        };
        Keys {
            partition: name("HASH"),
            sort: name("RANGE"),
        }
    }

    fn both(&self) -> [&String; 2] {
        [&self.partition, &self.sort]
    }

    /// The key of an item.
    fn of_item(&self, item: &Item) -> Item {
        let named = |name: &String| Some((name.clone(), item.get(name)?.clone()));
        self.both().into_iter().filter_map(named).collect()
    }
}

impl Index {
    fn of(definition: &Value) -> Index {
        let projection = &definition["Projection"];
        let more = list(&projection["NonKeyAttributes"]).iter().map(string);
        Index {
            name: string(&definition["IndexName"]),
            keys: Keys::of(definition),
            projection: match projection["ProjectionType"].as_str() {
                Some("ALL") => Projection::All,
                _ => Projection::Keys(more.collect()),
            },
        }
    }

    /// The partitions of the index that are written to, and the units.
    fn changes(
        &self,
        table: &Keys,
        before: Option<&Item>,
        after: Option<&Item>,
    ) -> Vec<(String, u64)> {
        let before = before.and_then(|item| self.entry(table, item));
        let after = after.and_then(|item| self.entry(table, item));
        let place = |entry: &Item| self.keys.of_item(entry);
        let partition = |entry: &Item| text(entry, &self.keys.partition);
        match (before, after) {
            (Some(before), Some(after)) if before == after => Vec::new(),
            (Some(before), Some(after)) if place(&before) == place(&after) => {
                vec![(partition(&after), larger(Some(&before), Some(&after)))]
            }
            (before, after) => {
                let entries = before.iter().chain(&after);
                entries
                    .map(|entry| (partition(entry), units(entry)))
                    .collect()
            }
        }
    }

    /// What the index has of an item; nothing where the item lacks one of the keys.
    fn entry(&self, table: &Keys, item: &Item) -> Option<Item> {
        if !self
            .keys
            .both()
            .into_iter()
            .all(|name| item.contains_key(name))
        {
            return None;
        }
        let Projection::Keys(more) = &self.projection else {
            return Some(item.clone());
        };
        let names = table.both().into_iter().chain(self.keys.both()).chain(more);
        let entry = names.filter_map(|name| Some((name.clone(), item.get(name)?.clone())));
        Some(entry.collect())
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// An attribute's text.
fn text(item: &Item, name: &str) -> String {
    item.get(name)
        .map(|value| string(&value["S"]))
        .unwrap_or_default()
}

/// Of a write to an item that is not there and does not come, too.
fn larger(before: Option<&Item>, after: Option<&Item>) -> u64 {
    before
        .into_iter()
        .chain(after)
        .map(units)
        .max()
        .unwrap_or(1)
}

fn units(item: &Item) -> u64 {
    let bytes: usize = item
        .iter()
        .map(|(name, value)| name.len() + size(value))
        .sum();
    (bytes as u64).div_ceil(1_024).max(1)
}

/// The size of a value in its JSON form.
/// Source: [item sizes](https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html).
fn size(value: &Value) -> usize {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else {
        return 0;
    };
    match (kind.as_str(), value) {
        ("B", Value::String(base64)) => BASE64
            .decode(base64)
            .map_or(base64.len(), |bytes| bytes.len()),
        // A byte for two digits and one more.
        ("N", Value::String(digits)) => digits.len().div_ceil(2) + 1,
        (_, Value::String(text)) => text.len(),
        (_, Value::Array(values)) => 3 + values.iter().map(|value| 1 + size(value)).sum::<usize>(),
        (_, Value::Object(values)) => {
            let each = values
                .iter()
                .map(|(name, value)| 1 + name.len() + size(value));
            3 + each.sum::<usize>()
        }
        _ => 1,
    }
}

/// What a partition's key starts with, an index's name included.
fn kind(partition: &str) -> String {
    let (index, key) = match partition.split_once(": ") {
        Some((index, key)) => (format!("{index}: "), key),
        None => (String::new(), partition),
    };
    let mut parts = key.split('#');
    // A webhook's partitions start with its id.
    let named = parts
        .find(|part| !part.starts_with("wh_"))
        .unwrap_or_default();
    format!("{index}{named}")
}
