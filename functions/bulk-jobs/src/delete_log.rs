//! The log of a deleted webhook goes, and what was counted of it.
//!
//! Killed at any point: what was deleted is gone, the next run deletes the rest. An attempt that was under way while
//! the log went may record itself afterwards; nobody can see that entry, and it expires.

use domain::ids::LogShard;

use crate::{BulkJobs, JobError, Progress, Run};

impl BulkJobs {
    pub(crate) async fn delete_log(&self, run: &Run<'_>) -> Result<Progress, JobError> {
        let webhook = &run.job.webhook;
        if self
            .store
            .webhook(&run.job.workspace, webhook)
            .await?
            .is_some()
        {
            return Ok(self.wait_or_drop(run.job));
        }
        for shard in LogShard::all() {
            let mut more = true;
            while more {
                if self.out_of_time(run) {
                    return Ok(Progress::Unfinished);
                }
                let deleted = self.store.delete_log_page(webhook, shard).await?;
                run.touch(deleted.entries);
                more = deleted.more;
            }
        }
        self.store.delete_roll_ups(webhook).await?;
        Ok(Progress::Finished)
    }
}
