//! In which order contenders run, so that what drifts drifts for both sides of each ratio.

/// Two runs, one right after the other, that make one ratio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The number of the pair, from 0.
    pub(crate) pair: usize,
    /// The peer's place in the list of peers.
    pub(crate) peer: usize,
    /// Whether Campanile runs before the peer.
    pub(crate) is_campanile_first: bool,
}

/// All turns: each pair visits every peer before the next pair begins, and who runs first changes
/// from turn to turn and from pair to pair.
pub(crate) fn turns(pairs: usize, peers: usize) -> impl Iterator<Item = Turn> {
    (0..pairs).flat_map(move |pair| {
        (0..peers).map(move |peer| Turn {
            pair,
            peer,
            is_campanile_first: (pair + peer).is_multiple_of(2),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_meets_campanile_once_a_pair() {
        let all: Vec<Turn> = turns(15, 7).collect();
        assert_eq!(all.len(), 15 * 7);
        for (index, turn) in all.iter().enumerate() {
            assert_eq!((turn.pair, turn.peer), (index / 7, index % 7));
        }
    }

    #[test]
    fn who_runs_first_alternates_and_is_balanced() {
        for peers in 1..8 {
            for peer in 0..peers {
                let order: Vec<bool> = turns(16, peers)
                    .filter(|turn| turn.peer == peer)
                    .map(|turn| turn.is_campanile_first)
                    .collect();
                assert!(order.windows(2).all(|two| two[0] != two[1]));
                assert_eq!(order.iter().filter(|first| **first).count(), 8);
            }
        }
    }

    #[test]
    fn nobody_to_compare_with_is_no_turn() {
        assert_eq!(turns(15, 0).count(), 0);
    }
}
