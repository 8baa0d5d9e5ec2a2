//! BEGIN, COMMIT and ABORT.

use std::sync::Arc;

use campanile_hub::Transaction;
use campanile_stomp::{Command, Version};

use super::messages::{check_expiration, own_header};
use super::refusing::Culprit;
use super::reply::Refused;
use super::session::{After, Link, StompSession};
use super::transactions::{Step, Transactions, unknown};
use crate::context::Together;

impl StompSession {
    pub(super) fn begin(&mut self, name: &str, link: &mut Link<'_>) -> Result<After, Refused> {
        let transactions = self.transactions.get_or_insert_default();
        let begun = transactions.begin(name, link.now);
        if let Some(at) = begun? {
            link.shard.remind(link.slot, at);
        }
        Ok(After::GoOn)
    }

    /// Puts a frame into a transaction, without looking at what it asks for.
    pub(super) fn add_to(&mut self, name: &str, step: Step) -> Result<(), Refused> {
        let transactions = self.transactions.as_mut();
        transactions.ok_or_else(|| unknown(name))?.add(name, step)
    }

    pub(super) fn abort(&mut self, name: &str, link: &mut Link<'_>) -> Result<After, Refused> {
        self.take_transaction(name, link)?;
        Ok(After::GoOn)
    }

    /// All of a transaction takes effect, or nothing; then its messages to handlers are theirs.
    pub(super) fn commit(
        &mut self,
        version: Version,
        name: &str,
        receipt: Option<&str>,
        link: &mut Link<'_>,
    ) -> Result<After, Refused> {
        let steps = self.take_transaction(name, link)?;
        let (mut all, mut calls) = (Transaction::default(), Vec::new());
        for step in steps {
            match step {
                Step::Settle(acknowledged) => {
                    let settlement = self.settlement(version, &acknowledged, link)?;
                    all.settlements.extend(settlement);
                }
                Step::Send {
                    destination,
                    message,
                } => match self.goes_to(&destination, link.session)? {
                    Some(goes_to) => {
                        check_expiration(&goes_to, &message)?;
                        all.sends.push((goes_to, message));
                    }
                    None => calls.push((destination, message)),
                },
            }
        }
        let together = Arc::new(Together::new(receipt, calls.len()));
        // Found before anything takes effect: there may be none for one of them.
        let calls = calls.into_iter().map(|(destination, message)| {
            let found = self.handler_of(&destination)?;
            Ok(found.call_together(&destination, message, Arc::clone(&together)))
        });
        let calls = calls.collect::<Result<Box<[_]>, Refused>>()?;
        if !all.sends.is_empty() || !all.settlements.is_empty() {
            link.shard.commit(link.slot, all).finished()?;
        }
        Ok(match calls.is_empty() {
            true => After::GoOn,
            false => After::CallAll(calls),
        })
    }

    /// The shard reminds of how old transactions are.
    pub(crate) fn reminded(&mut self, link: &mut Link<'_>) {
        let Some(transactions) = &mut self.transactions else {
            return;
        };
        let (refused, next) = transactions.grow_old(link.now);
        if transactions.is_over() {
            self.transactions = None;
        }
        if let Some(at) = next {
            link.shard.remind(link.slot, at);
        }
        for one in refused {
            if self.has_ended {
                return;
            }
            self.refuse(&one, Culprit::default(), link);
        }
    }

    /// A frame was refused. If it was a part of a transaction, the others must not take effect
    /// without it.
    pub(super) fn spoil(&mut self, command: Command, transaction: Option<&str>) {
        let is_part = matches!(command, Command::Send | Command::Ack | Command::Nack);
        if let (Some(name), Some(transactions)) = (transaction, &mut self.transactions)
            && is_part
        {
            transactions.forget(own_header(self.version.unwrap_or(Version::V12), name));
        }
    }

    fn take_transaction(&mut self, name: &str, link: &Link<'_>) -> Result<Vec<Step>, Refused> {
        let transactions: &mut Transactions =
            self.transactions.as_mut().ok_or_else(|| unknown(name))?;
        let taken = transactions.take(name, link.now);
        if transactions.is_over() {
            self.transactions = None;
        }
        taken
    }
}
