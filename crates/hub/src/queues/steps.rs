//! What may happen to a queue, at random.

use proptest::prelude::*;

use crate::queues::Verdict;

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Of a colour, and perhaps not for ever.
    Send(u8, Option<u16>),
    Admit {
        prefetch: u16,
        is_done_on_write: bool,
        wants: Option<u8>,
    },
    Retire(usize),
    Remove(usize),
    Settle(usize, usize, Verdict, bool),
    Decline(usize, usize),
    Rest(usize),
    Pass(u16),
    /// The way to some consumers is full for a while.
    Stall(bool),
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let verdict = prop_oneof![
        4 => Just(Verdict::Accepted),
        3 => Just(Verdict::Rejected),
        1 => Just(Verdict::Discarded),
    ];
    let some = 0..1_000_usize;
    prop_oneof![
        8 => (0..3_u8, prop::option::weighted(0.2, 1..300_u16))
            .prop_map(|(colour, life)| Step::Send(colour, life)),
        2 => (1..4_u16, any::<bool>(), prop::option::of(0..3_u8)).prop_map(
            |(prefetch, is_done_on_write, wants)| Step::Admit {
                prefetch,
                is_done_on_write,
                wants,
            }
        ),
        1 => some.clone().prop_map(Step::Retire),
        1 => some.clone().prop_map(Step::Remove),
        6 => (some.clone(), some.clone(), verdict, any::<bool>())
            .prop_map(|(who, which, verdict, all)| Step::Settle(who, which, verdict, all)),
        1 => (some.clone(), some.clone()).prop_map(|(who, which)| Step::Decline(who, which)),
        2 => some.prop_map(Step::Rest),
        2 => (1..120_u16).prop_map(Step::Pass),
        1 => any::<bool>().prop_map(Step::Stall),
    ]
}
