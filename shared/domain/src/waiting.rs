//! What a delivery waits for, and so who wakes it.

/// Which part of the index of waiting deliveries one is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Waiting {
    /// For an attempt. A message that wakes it then is in its queue.
    WithMessage,
    /// For an attempt. It has no message: the queue had no room for a sleeper. `sweep` sends one in time.
    Parked,
    /// For the provider's last word on what was sent. It has no message: `sweep` sends one when the provider is to be asked.
    ForReceipt,
}

impl Waiting {
    /// All of them.
    pub const ALL: [Waiting; 3] = [Waiting::WithMessage, Waiting::Parked, Waiting::ForReceipt];
}
