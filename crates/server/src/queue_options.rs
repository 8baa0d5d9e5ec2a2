//! What `campanile bench queue` is asked for.

use campanile_bench::{AckMode, QueuePlan};
use clap::{Args, ValueEnum};

/// Who sends to queues and who receives from them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options for queue")]
pub(crate) struct QueueOptions {
    /// Sessions that send, each to all queues in turn.
    #[arg(long, value_name = "N", default_value_t = QueuePlan::default().producers)]
    producers: usize,

    /// Sessions that receive, each from one queue; at least as many as queues.
    #[arg(long, value_name = "N", default_value_t = QueuePlan::default().consumers)]
    consumers: usize,

    /// Queues.
    #[arg(long, value_name = "N", default_value_t = QueuePlan::default().queues)]
    queues: usize,

    /// When a message counts as dealt with.
    #[arg(long, value_enum, default_value_t = BenchAck::ClientIndividual)]
    ack: BenchAck,

    /// Messages that a consumer may have and not have acknowledged.
    #[arg(long, value_name = "N", default_value_t = QueuePlan::default().prefetch)]
    prefetch: u16,
}

/// When a message counts as dealt with.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum BenchAck {
    /// Once it was sent.
    Auto,
    /// Once the consumer has sent an ACK for it.
    ClientIndividual,
}

impl QueueOptions {
    /// The part of the plan that they describe.
    pub(crate) fn plan(&self) -> QueuePlan {
        QueuePlan {
            producers: self.producers,
            consumers: self.consumers,
            queues: self.queues,
            ack: match self.ack {
                BenchAck::Auto => AckMode::Auto,
                BenchAck::ClientIndividual => AckMode::ClientIndividual,
            },
            prefetch: self.prefetch,
        }
    }
}
