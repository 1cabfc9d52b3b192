//! Who goes next over the connections. What a person waits for goes before notices, whoever sends
//! little before whoever sends much, and neither notices nor one domain ever have all connections:
//! a domain whose mails hang would otherwise hold up everybody's.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::clock::{Clock, Micros, SECOND};

/// A domain is slow while one of its mails has been on its way for so long.
pub(super) const SLOW: Micros = 10 * SECOND;

/// Who wants to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub notice: bool,
    pub merchant: String,
    pub domain: String,
}

/// The gate before the connections.
#[derive(Clone, Debug)]
pub(super) struct Gate(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    clock: Clock,
    connections: usize,
    number: u64,
    /// Whoever may be told apart by nothing but when they came stands in one line: choosing looks at
    /// the lines and not at everybody who waits.
    lines: Vec<Line>,
    sending: HashMap<u64, (Ticket, Micros)>,
}

/// Its number, and how it is let in.
type Waiter = (u64, oneshot::Sender<Pass>);

/// Who waits with the same ticket, the first come in front, by number.
#[derive(Debug)]
struct Line {
    ticket: Ticket,
    waiting: VecDeque<Waiter>,
}

/// A place on a connection; free again when dropped.
#[derive(Debug)]
pub(super) struct Pass {
    number: u64,
    /// None once the place was given back.
    gate: Option<Gate>,
}

impl Drop for Pass {
    fn drop(&mut self) {
        let Some(gate) = self.gate.take() else { return };
        let mut state = gate.lock();
        state.sending.remove(&self.number);
        gate.admit(&mut state);
    }
}

impl Gate {
    /// A gate before so many connections.
    pub fn new(connections: u32, clock: Clock) -> Self {
        Self(Arc::new(Mutex::new(State {
            clock,
            connections: connections.max(1) as usize,
            number: 0,
            lines: Vec::new(),
            sending: HashMap::new(),
        })))
    }

    /// Waits for a place. None when the domain is slow and has all the places that it may have:
    /// whoever stood in line for it would keep others from being taken up.
    pub async fn enter(&self, ticket: Ticket) -> Option<Pass> {
        let turn = {
            let mut state = self.lock();
            let (sender, turn) = oneshot::channel();
            state.number += 1;
            let number = state.number;
            state.queue(ticket, (number, sender));
            self.admit(&mut state);
            self.turn_away(&mut state);
            turn
        };
        turn.await.ok()
    }

    /// Turns away whoever waits for a domain that has become slow. Once a second.
    pub fn sweep(&self) {
        let mut state = self.lock();
        self.turn_away(&mut state);
    }

    fn turn_away(&self, state: &mut State) {
        let now = state.clock.now();
        let slow: Vec<_> = state.domains().into_iter().filter(|(_, of)| of.is_slow(now)).collect();
        let full: Vec<_> = slow
            .into_iter()
            .filter(|(_, of)| of.count >= state.most_of_domain(true))
            .map(|(domain, _)| domain.to_owned())
            .collect();
        // Whose sender is dropped has been turned away.
        state.lines.retain(|line| !full.contains(&line.ticket.domain));
    }

    /// Lets in whoever may go, the most urgent first.
    fn admit(&self, state: &mut State) {
        while state.sending.len() < state.connections {
            let Some((ticket, (number, sender))) = state.next() else { return };
            let now = state.clock.now();
            state.sending.insert(number, (ticket, now));
            if let Err(mut pass) = sender.send(Pass { number, gate: Some(self.clone()) }) {
                // Nobody waits for it any more. Given back here, for the lock is held.
                pass.gate = None;
                state.sending.remove(&number);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What of one domain is being sent.
struct Sending {
    count: usize,
    since: Micros,
}

impl Sending {
    fn is_slow(&self, now: Micros) -> bool {
        now - self.since >= SLOW
    }
}

impl State {
    /// Connections that notices, or one domain, do not get.
    fn reserve(&self) -> usize {
        if self.connections == 1 { 0 } else { (self.connections / 16).max(1) }
    }

    fn most_of_domain(&self, slow: bool) -> usize {
        if slow { (self.connections / 4).max(1) } else { self.connections - self.reserve() }
    }

    fn domains(&self) -> HashMap<&str, Sending> {
        let mut found: HashMap<&str, Sending> = HashMap::new();
        for (ticket, since) in self.sending.values() {
            let of = found.entry(&ticket.domain).or_insert(Sending { count: 0, since: *since });
            of.count += 1;
            of.since = of.since.min(*since);
        }
        found
    }

    fn queue(&mut self, ticket: Ticket, waiter: Waiter) {
        match self.lines.iter_mut().find(|line| line.ticket == ticket) {
            Some(line) => line.waiting.push_back(waiter),
            None => self.lines.push(Line { ticket, waiting: VecDeque::from([waiter]) }),
        }
    }

    /// Takes whoever goes next out of its line, if anybody may go.
    fn next(&mut self) -> Option<(Ticket, Waiter)> {
        let place = self.most_urgent()?;
        let line = self.lines.get_mut(place)?;
        let waiter = line.waiting.pop_front()?;
        if line.waiting.is_empty() {
            return Some((self.lines.swap_remove(place).ticket, waiter));
        }
        Some((line.ticket.clone(), waiter))
    }

    /// The line whose first goes next.
    fn most_urgent(&self) -> Option<usize> {
        let (now, domains) = (self.clock.now(), self.domains());
        let mut merchants: HashMap<&str, usize> = HashMap::new();
        let mut notices = 0;
        for (ticket, _) in self.sending.values() {
            *merchants.entry(&ticket.merchant).or_default() += 1;
            notices += usize::from(ticket.notice);
        }
        let may = |ticket: &Ticket| {
            let of = domains.get(ticket.domain.as_str());
            let most = self.most_of_domain(of.is_some_and(|of| of.is_slow(now)));
            of.is_none_or(|of| of.count < most)
                && (!ticket.notice || notices < self.connections - self.reserve())
        };
        let urgency = |Line { ticket, waiting }: &Line| {
            let first = waiting.front().map(|(number, _)| *number);
            (ticket.notice, merchants.get(ticket.merchant.as_str()).copied(), first)
        };
        let able = self.lines.iter().enumerate().filter(|(_, line)| may(&line.ticket));
        able.min_by_key(|(_, line)| urgency(line)).map(|(place, _)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(notice: bool, merchant: &str, domain: &str) -> Ticket {
        Ticket { notice, merchant: merchant.into(), domain: domain.into() }
    }

    /// Who gets in at once.
    async fn now(gate: &Gate, ticket: Ticket) -> Option<Pass> {
        let at_once = std::time::Duration::from_millis(1);
        tokio::time::timeout(at_once, gate.enter(ticket)).await.ok().flatten()
    }

    #[tokio::test]
    async fn notices_and_domains_leave_a_connection_to_others() {
        let gate = Gate::new(4, Clock::fixed(0));
        let mut held = Vec::new();
        for n in 0..3 {
            held.push(now(&gate, ticket(true, "m", &format!("{n}.test"))).await.unwrap());
        }
        assert!(
            now(&gate, ticket(true, "m", "4.test")).await.is_none(),
            "notices have their share"
        );
        held.push(now(&gate, ticket(false, "m", "4.test")).await.unwrap());
        assert!(now(&gate, ticket(false, "m", "5.test")).await.is_none(), "all are in use");
        drop(held);
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(now(&gate, ticket(false, "m", "one.test")).await.unwrap());
        }
        assert!(now(&gate, ticket(false, "m", "one.test")).await.is_none());
        assert!(now(&gate, ticket(false, "m", "other.test")).await.is_some());
        // Where there is one connection, it is for everybody.
        assert!(now(&Gate::new(1, Clock::fixed(0)), ticket(true, "m", "one.test")).await.is_some());
    }

    #[tokio::test]
    async fn a_slow_domain_gets_less_and_nobody_stands_in_line_for_it() {
        let clock = Clock::fixed(0);
        let gate = Gate::new(8, clock.clone());
        let one = now(&gate, ticket(false, "m", "slow.test")).await.unwrap();
        clock.advance(SLOW);
        let two = now(&gate, ticket(false, "m", "slow.test")).await.unwrap();
        // Turned away at once, not after a wait.
        assert!(gate.enter(ticket(false, "m", "slow.test")).await.is_none());
        assert!(now(&gate, ticket(false, "m", "good.test")).await.is_some());
        drop(one);
        assert!(now(&gate, ticket(false, "m", "slow.test")).await.is_some());
        drop(two);
        // Whoever stood in line before it became slow is turned away by the sweep.
        let held: Vec<_> = {
            let mut held = Vec::new();
            for _ in 0..7 {
                held.push(now(&gate, ticket(false, "m", "late.test")).await.unwrap());
            }
            held
        };
        let line = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter(ticket(false, "m", "late.test")).await.is_none() }
        });
        tokio::task::yield_now().await;
        clock.advance(SLOW);
        gate.sweep();
        assert!(line.await.unwrap());
        drop(held);
    }

    /// Everybody in this order stands in line behind whoever has all the places, who then leaves. Gives
    /// the order in which they got in.
    async fn order_of(
        gate: &Gate,
        held: Pass,
        tickets: &[(&'static str, Ticket)],
    ) -> Vec<&'static str> {
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut line = Vec::new();
        for (name, ticket) in tickets.iter().cloned() {
            let (gate, order) = (gate.clone(), order.clone());
            line.push(tokio::spawn(async move {
                let pass = gate.enter(ticket).await.unwrap();
                order.lock().unwrap().push(name);
                drop(pass);
            }));
            tokio::task::yield_now().await;
        }
        drop(held);
        for one in line {
            one.await.unwrap();
        }
        let order = order.lock().unwrap();
        order.clone()
    }

    #[tokio::test]
    async fn who_waits_goes_before_notices_and_who_sends_little_before_who_sends_much() {
        let gate = Gate::new(2, Clock::fixed(0));
        let held = now(&gate, ticket(false, "much", "a.test")).await.unwrap();
        let other = now(&gate, ticket(false, "much", "b.test")).await.unwrap();
        let tickets = [
            ("notice", ticket(true, "little", "c.test")),
            ("much", ticket(false, "much", "d.test")),
            ("little", ticket(false, "little", "e.test")),
        ];
        assert_eq!(order_of(&gate, held, &tickets).await, ["little", "much", "notice"]);
        drop(other);
    }

    #[tokio::test]
    async fn alike_they_go_as_they_came_whatever_their_domain() {
        let gate = Gate::new(1, Clock::fixed(0));
        let held = now(&gate, ticket(false, "m", "a.test")).await.unwrap();
        let a = ticket(false, "m", "a.test");
        let b = ticket(false, "m", "b.test");
        let tickets = [("1", a.clone()), ("2", b.clone()), ("3", a.clone()), ("4", a), ("5", b)];
        assert_eq!(order_of(&gate, held, &tickets).await, ["1", "2", "3", "4", "5"]);
    }
}
