//! The layers of a client as one: what arrives goes up, what is wanted comes down, through the seams between them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{
    engine::{self, Arrival, Session, SessionKey, Transmit},
    faults::Fault,
    options::{ClientOptions, Random},
    seams::{Passing, Seams, WireFilters},
    socket::{self, Action, Command, Refused, Report, Sockets},
};
use crate::engine::Millis;

/// A whole client without I/O: one connection and the namespaces on it.
///
/// [`ClientStack::handle_command`] for what the application wants, [`ClientStack::handle_arrival`] for what comes from
/// the network; after each, [`ClientStack::poll_transmit`] and [`ClientStack::poll_report`] until there is nothing more,
/// then [`ClientStack::poll_timeout`].
pub struct ClientStack {
    options: Arc<ClientOptions>,
    sockets: Sockets,
    /// The present session, and those that are still being closed.
    sessions: BTreeMap<SessionKey, Session>,
    seams: Box<dyn Seams>,
    random: Random,
    passing: VecDeque<Passing>,
    transmits: VecDeque<Transmit>,
    reports: VecDeque<Report>,
    crashed: Option<&'static str>,
}

impl ClientStack {
    pub(crate) fn with_seams(
        mut options: ClientOptions,
        mut seams: Box<dyn Seams>,
        random: impl Fn() -> Random,
    ) -> Self {
        seams.configure(&mut options);
        let options = Arc::new(options);
        Self {
            sockets: Sockets::new(options.clone(), random()),
            options,
            sessions: BTreeMap::new(),
            seams,
            random: random(),
            passing: VecDeque::new(),
            transmits: VecDeque::new(),
            reports: VecDeque::new(),
            crashed: None,
        }
    }

    /// A client. `random` makes sources of random numbers.
    pub fn new(options: ClientOptions, random: impl Fn() -> Random) -> Self {
        Self::with_seams(options, Box::new(super::seams::NoFault), random)
    }

    /// A client with a deliberate fault.
    pub fn with_fault(options: ClientOptions, fault: Fault, random: impl Fn() -> Random) -> Self {
        Self::with_seams(options, fault.seams(), random)
    }

    pub(crate) fn wire_filters(&self) -> WireFilters {
        self.seams.wire_filters()
    }

    /// Why the client does nothing any more: it met a deliberate fault that ends the program of a lesser client.
    pub(crate) fn crashed(&self) -> Option<&'static str> {
        self.crashed
    }

    /// Does what the application wants.
    ///
    /// # Errors
    ///
    /// If the application may not ask for this; nothing has been done then.
    pub fn handle_command(&mut self, now: Millis, command: Command) -> Result<(), Refused> {
        // A timer that is overdue comes first: what is sent must not go to a connection that is dead.
        if self.poll_timeout().is_some_and(|due| due <= now) {
            self.handle_timeout(now);
        }
        if let Err(refused) = self.sockets.check(&command)
            && self.seams.refuses(&refused)
        {
            return Err(refused);
        }
        self.start(now, Passing::Command(command));
        Ok(())
    }

    /// Something came from the network.
    pub fn handle_arrival(&mut self, now: Millis, arrival: Arrival) {
        self.start(now, Passing::Arrival(arrival));
    }

    /// The time that [`ClientStack::poll_timeout`] named has come.
    pub fn handle_timeout(&mut self, now: Millis) {
        for session in self.sessions.values_mut() {
            if session.deadline().is_some_and(|due| due <= now) {
                session.handle_timeout(now);
            }
        }
        self.collect();
        self.settle(now);
        self.sockets.handle_timeout(now);
        self.collect();
        self.settle(now);
        if self.seams.deadline().is_some_and(|due| due <= now) {
            let mut out = Vec::new();
            self.seams.timeout(now, &mut out);
            self.deliver_all(now, out);
            self.settle(now);
        }
    }

    /// What to do next on the network.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// What to tell the application next.
    pub fn poll_report(&mut self) -> Option<Report> {
        self.reports.pop_front()
    }

    /// When to call [`ClientStack::handle_timeout`] at the latest.
    pub fn poll_timeout(&self) -> Option<Millis> {
        if self.crashed.is_some() {
            return None;
        }
        let sessions = self.sessions.values().filter_map(Session::deadline);
        sessions
            .chain(self.sockets.deadline())
            .chain(self.seams.deadline())
            .min()
    }

    fn start(&mut self, now: Millis, passing: Passing) {
        self.passing.push_back(passing);
        self.settle(now);
    }

    /// Carries everything as far as it goes.
    fn settle(&mut self, now: Millis) {
        while let Some(passing) = self.passing.pop_front() {
            let mut out = Vec::with_capacity(1);
            self.seams.pass(now, passing, &mut out);
            self.deliver_all(now, out);
        }
    }

    fn deliver_all(&mut self, now: Millis, all: Vec<Passing>) {
        for passing in all {
            if self.crashed.is_some() {
                self.passing.clear();
                return;
            }
            self.deliver(now, passing);
            self.collect();
        }
    }

    fn deliver(&mut self, now: Millis, passing: Passing) {
        match passing {
            Passing::Command(command) => {
                let session = self.sockets.session().and_then(|key| self.sessions.get(&key));
                let is_writable = session.is_some_and(Session::is_writable);
                self.sockets.handle_command(now, command, is_writable);
            }
            Passing::Action(Action::Open(key)) => {
                let stamp = self.stamp();
                let session = Session::open(key, self.options.clone(), stamp, now);
                self.sessions.insert(key, session);
            }
            Passing::Action(Action::Send(key, message)) => {
                if let Some(session) = self.sessions.get_mut(&key) {
                    session.send(now, message);
                }
            }
            Passing::Action(Action::Close(key)) => {
                if let Some(session) = self.sessions.get_mut(&key) {
                    session.close(now);
                }
            }
            Passing::Arrival(arrival) => {
                if let Some(session) = self.sessions.get_mut(&Session::key_of(arrival.exchange())) {
                    session.handle_arrival(now, arrival);
                }
            }
            Passing::Event(event) => self.sockets.handle_event(now, event),
            Passing::Transmit(transmit) => self.transmits.push_back(transmit),
            Passing::Report(report) => self.reports.push_back(report),
            Passing::Crash(why) => self.crashed = Some(why),
        }
    }

    fn collect(&mut self) {
        while let Some(output) = self.sockets.poll_output() {
            self.passing.push_back(match output {
                socket::Output::Action(action) => Passing::Action(action),
                socket::Output::Report(report) => Passing::Report(report),
            });
        }
        for session in self.sessions.values_mut() {
            while let Some(output) = session.poll_output() {
                self.passing.push_back(match output {
                    engine::Output::Transmit(transmit) => Passing::Transmit(transmit),
                    engine::Output::Event(event) => Passing::Event(event),
                });
            }
        }
        self.sessions.retain(|_, session| !session.is_over());
    }

    /// Six random letters and digits, to tell the requests of a session from all others.
    fn stamp(&mut self) -> String {
        const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        (0..6)
            .map(|_| char::from(DIGITS[((self.random)() * 36.0) as usize % 36]))
            .collect()
    }
}
