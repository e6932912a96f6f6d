//! What `sweep` measures.

use domain::delivery::{Delivery, State};
use platform::store::Store;

use crate::world::World;

/// More than two pages of the index, of items of a kilobyte.
const MANY: u64 = 2_500;

/// Runs `sweep`; what it says of a channel: deliveries waiting, and seconds overdue.
async fn measured(world: &World) -> impl Fn(&str) -> (u64, u64) + use<> {
    world.run().await;
    let metrics = world.metrics();
    move |channel| {
        let of_channel = metrics.iter().find(|line| line["Channel"] == channel);
        let line = of_channel.expect("a line for each channel");
        (
            line["RetriesWaiting"].as_u64().unwrap(),
            line["Overdue"].as_u64().unwrap(),
        )
    }
}

#[tokio::test]
async fn where_nothing_waits_it_says_zero() {
    let measured = measured(&World::new().await).await;
    assert_eq!((measured("webhook"), measured("sms")), ((0, 0), (0, 0)));
}

#[tokio::test]
async fn what_waits_is_counted_by_channel_and_only_what_is_late_is_overdue() {
    let world = World::new().await;
    for (event, due_in) in [(1, -400), (2, -20), (3, 43_200)] {
        let delivery = world.pending(event, due_in);
        world.store.create_delivery(&delivery).await.unwrap();
    }
    let done = Delivery {
        state: State::Success,
        ..world.pending(4, -9_000)
    };
    world.store.create_delivery(&done).await.unwrap();
    world.store.create_sms(&world.queued(5, 30)).await.unwrap();

    let measured = measured(&world).await;
    assert_eq!((measured("webhook"), measured("sms")), ((3, 400), (1, 0)));
}

#[tokio::test]
async fn a_count_goes_on_where_a_page_of_the_index_ends() {
    let world = World::new().await;
    // All in one partition of the index. Long keys fill a page, 1 MB, with a thousand items.
    let template: Delivery = world.pending(1, 60);
    world.store.create_delivery(&template).await.unwrap();
    let shard = format!("WEBHOOK#{}", template.key.id.due_shard());
    for number in 1..MANY {
        let sort_key = format!("{number:01000}");
        world.put("LOG#wh_1#0", &sort_key, &shard, 60, &[]).await;
    }
    assert_eq!(measured(&world).await("webhook"), (MANY, 0));
}

#[tokio::test]
async fn a_table_that_does_not_answer_is_an_error_and_no_measurement() {
    let mut world = World::new().await;
    world.sweep.store = Store::new(world.client.clone(), "no-table");
    assert!(world.sweep.handle(world.at(50)).await.is_err());
    assert!(world.metrics().is_empty());
}

#[tokio::test]
async fn what_is_parked_waits_as_well_and_is_counted_by_itself() {
    let world = World::new().await;
    world.park(1, 7_200).await;
    world.park(2, -30).await;
    let delivery = world.pending(3, 60);
    world.store.create_delivery(&delivery).await.unwrap();
    world.run().await;
    let metrics = world.metrics();
    let told = metrics.iter().find(|line| line["Channel"] == "webhook");
    let told = told.unwrap();
    assert_eq!(
        (
            &told["RetriesWaiting"],
            &told["RetriesParked"],
            &told["Overdue"]
        ),
        (&3.into(), &2.into(), &30.into())
    );
}
