//! Whether the table answers.

use super::keys::Key;
use super::table::{Store, StoreError};

impl Store {
    /// Reads an item that does not exist: one read unit, and the proof that the table answers.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        let nothing = Key {
            pk: "PING".to_owned(),
            sk: "PING".to_owned(),
        };
        self.get(&nothing).await.map(drop)
    }
}
