//! `env`: lines `NAME=value`, there while the stack is up.

use std::io;
use std::path::{Path, PathBuf};

use super::Addresses;
use crate::aws::{ACCESS_KEY_ID, Aws, REGION, SECRET_ACCESS_KEY};
use crate::template::Template;

/// The queue that upstream systems send events to, by its logical id.
const EVENTS_QUEUE: &str = "EventsQueue";

/// The file, removed when this is dropped.
#[derive(Debug)]
pub(super) struct EnvFile(PathBuf);

impl EnvFile {
    pub(super) fn write(
        directory: &Path,
        addresses: &Addresses,
        api_key: &str,
        template: &Template,
        aws: &Aws,
    ) -> io::Result<Self> {
        let events = template
            .queues
            .iter()
            .find(|queue| queue.id == EVENTS_QUEUE);
        let variables = [
            ("API_URL", Some(addresses.api_url())),
            ("API_KEY", Some(api_key.to_owned())),
            ("AWS_ENDPOINT_URL", Some(addresses.aws_url())),
            ("AWS_REGION", Some(REGION.to_owned())),
            ("AWS_ACCESS_KEY_ID", Some(ACCESS_KEY_ID.to_owned())),
            ("AWS_SECRET_ACCESS_KEY", Some(SECRET_ACCESS_KEY.to_owned())),
            (
                "EVENTS_QUEUE_URL",
                events.map(|queue| aws.queue_url(&queue.name)),
            ),
            ("OUTSIDE_URL", Some(addresses.outside_url())),
        ];
        let lines = variables
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}\n", value?)));
        std::fs::create_dir_all(directory)?;
        let path = directory.join("env");
        // Written aside and moved: a reader never sees half a file.
        let draft = directory.join("env.new");
        std::fs::write(&draft, lines.collect::<String>())?;
        std::fs::rename(draft, &path)?;
        Ok(Self(path))
    }
}

impl Drop for EnvFile {
    fn drop(&mut self) {
        // The only error is that somebody removed it already.
        let _ = std::fs::remove_file(&self.0);
    }
}
