//! Work on many deliveries: ending, recovering, deleting.

use std::time::Duration;

use domain::delivery::{FailedBecause, RecoverJob, State};
use domain::webhook::Webhook;
use platform::queue::message::{BulkJob, BulkTask};
use platform::store::log::StatusFilter;

use crate::world::{Answer, World};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

fn job(world: &World, webhook: &Webhook, task: BulkTask) -> String {
    let (workspace, webhook) = (webhook.workspace.clone(), webhook.id.clone());
    serde_json::to_string(&BulkJob {
        workspace,
        webhook,
        asked_at: world.now(),
        task,
    })
    .unwrap()
}

fn recover(world: &World, webhook: &Webhook, name: &str) -> String {
    let task = BulkTask::Recover {
        job: RecoverJob(name.to_owned()),
        since: "2026-03-29T00:00:00Z".parse().unwrap(),
    };
    job(world, webhook, task)
}

async fn with_failed(world: &World, count: usize) -> Webhook {
    let webhook = world.webhook("down.example.com").await;
    world.answer("down.example.com", |_| Answer::Status(500));
    for number in 0..count {
        world.publish(&format!("evt_{number}")).await;
    }
    world
        .until(MINUTE, "first attempts", async |world: &World| {
            world.calls("down.example.com").len() >= count
        })
        .await;
    world.edit(&webhook, |webhook| webhook.switch(false)).await;
    world
        .send("BulkQueue", job(world, &webhook, BulkTask::EndPending))
        .await;
    world
        .until(MINUTE, "all have ended", async |world: &World| {
            world
                .store
                .count_failed(&webhook.id, "2026-03-29T00:00:00Z".parse().unwrap())
                .await
                .unwrap()
                == count as u64
        })
        .await;
    webhook
}

#[tokio::test(start_paused = true)]
async fn what_waits_ends_when_the_webhook_is_switched_off_and_is_recovered_with_the_same_ids() {
    let world = World::new().await;
    let webhook = with_failed(&world, 250).await;
    let ended = world.log(&webhook, Some(StatusFilter::Failed)).await;
    assert!(
        ended
            .iter()
            .all(|delivery| delivery.state == State::Failed(FailedBecause::WebhookDisabled))
    );
    let before: Vec<_> = ended
        .iter()
        .map(|delivery| delivery.key.id.clone())
        .collect();

    world.edit(&webhook, |webhook| webhook.switch(true)).await;
    world.answer("down.example.com", |_| Answer::Status(200));
    world
        .send("BulkQueue", recover(&world, &webhook, "job_1"))
        .await;
    world
        .until(MINUTE * 5, "all are recovered", async |world: &World| {
            world.calls("down.example.com").len() >= 500
        })
        .await;
    world.until_quiet(HOUR).await;
    assert_eq!(world.calls("down.example.com").len(), 500, "each once more");
    let after = world.log(&webhook, Some(StatusFilter::Success)).await;
    assert_eq!(
        after
            .iter()
            .map(|delivery| delivery.key.id.clone())
            .collect::<Vec<_>>(),
        before
    );
}

#[tokio::test(start_paused = true)]
async fn a_recovered_delivery_has_a_fresh_schedule_of_six() {
    let world = World::new().await;
    let webhook = with_failed(&world, 1).await;
    world.edit(&webhook, |webhook| webhook.switch(true)).await;
    world
        .send("BulkQueue", recover(&world, &webhook, "job_1"))
        .await;
    world.pass(MINUTE).await;
    let delivery = world.settled(&webhook, HOUR * 17).await;
    assert_eq!(delivery.state, State::Failed(FailedBecause::Exhausted));
    assert_eq!(delivery.history.attempts().len(), 7);
    // The same job, late and again, does not revive what failed meanwhile.
    world
        .send("BulkQueue", recover(&world, &webhook, "job_1"))
        .await;
    world.until_quiet(HOUR * 13).await;
    assert_eq!(world.calls("down.example.com").len(), 7);
}

#[tokio::test(start_paused = true)]
async fn what_a_recovery_wrote_and_did_not_wake_before_it_died_is_woken_by_sweep() {
    let world = World::new().await;
    let webhook = with_failed(&world, 1).await;
    world.edit(&webhook, |webhook| webhook.switch(true)).await;
    world.answer("down.example.com", |_| Answer::Status(200));
    world.until_quiet(HOUR * 13).await;
    // The first run's writes, without its wake-ups.
    let [failed] = &world.log(&webhook, None).await[..] else {
        panic!("one delivery")
    };
    let mut stored = world.store.delivery(&failed.key).await.unwrap().unwrap();
    stored.value.state = stored.value.state.recover(world.now()).unwrap();
    stored.value.recovered_by = Some(RecoverJob("job_1".into()));
    world
        .store
        .save_delivery(&stored, world.now())
        .await
        .unwrap();
    let job = recover(&world, &webhook, "job_1");
    world.send("BulkQueue", job).await;
    world.pass(MINUTE).await;
    assert_eq!(world.calls("down.example.com").len(), 1, "nobody wakes it");

    let _sweep = world.sweep_every(MINUTE);
    let delivery = world.settled(&webhook, MINUTE * 7).await;
    assert_eq!(delivery.state, State::Success);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_webhooks_log_is_removed_even_when_the_job_comes_first() {
    let world = World::new().await;
    let webhook = with_failed(&world, 30).await;
    world
        .send("BulkQueue", job(&world, &webhook, BulkTask::DeleteLog))
        .await;
    world.pass(MINUTE).await;
    assert_eq!(
        world.log(&webhook, None).await.len(),
        30,
        "not before the webhook is gone"
    );
    world.delete(&webhook).await;
    world
        .until(MINUTE, "the log is gone", async |world: &World| {
            world.log(&webhook, None).await.is_empty()
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_change_never_came_is_dropped() {
    let world = World::new().await;
    let webhook = world.webhook("up.example.com").await;
    world.answer("up.example.com", |_| Answer::Status(200));
    world.publish("evt_1").await;
    world.settled(&webhook, MINUTE).await;
    for task in [BulkTask::DeleteLog, BulkTask::EndPending] {
        world.send("BulkQueue", job(&world, &webhook, task)).await;
    }
    world.until_quiet(bulk_jobs::PATIENCE + MINUTE).await;
    assert_eq!(world.log(&webhook, None).await.len(), 1);
}

/// What is revived and waits for its turn at a slow endpoint is not woken once more with each run of the job.
#[tokio::test(start_paused = true)]
async fn a_resumed_recovery_sends_no_wake_up_for_what_it_has_revived() {
    let world = World::new().await;
    let webhook = with_failed(&world, 20).await;
    world.until_quiet(HOUR * 13).await;
    world.edit(&webhook, |webhook| webhook.switch(true)).await;
    let job = recover(&world, &webhook, "job_1");
    let run = async |receive: usize| {
        let mut record = aws_lambda_events::event::sqs::SqsMessage::default();
        record.body = Some(job.clone());
        let count = ("ApproximateReceiveCount".to_owned(), receive.to_string());
        record.attributes.extend([count]);
        world.handle_bulk_job(record).await;
    };
    // Behind a backlog: nobody comes to them for minutes.
    world.limit_in_flight("WebhookSlowQueue", 0);
    for receive in 1..5 {
        run(receive).await;
        assert_eq!(world.held("WebhookSlowQueue"), 20, "no wake-up too many");
        world.pass(MINUTE).await;
    }
    world.limit_in_flight("WebhookSlowQueue", 120_000);
    world
        .until(MINUTE, "all are tried again", async |world: &World| {
            world.calls("down.example.com").len() == 40
        })
        .await;
}
