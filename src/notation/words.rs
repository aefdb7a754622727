//! The words of the model, and the small questions that its users ask of a case.

use super::model::{Action, Case, Each, Header, Item, Over, Party, Role, Step};

impl Case {
    /// Whether what `party` puts on the wire is expected: it is the tested side. What the other party sends is
    /// performed by the player.
    pub fn expects(&self, party: Party) -> bool {
        match self.header.role {
            Role::Server | Role::Codec => party == Party::Server,
            Role::Client => party == Party::Client,
        }
    }

    /// Whether this is a session script: it speaks packets over the transports of its header.
    pub fn is_session(&self) -> bool {
        !self.header.over.is_empty()
    }

    /// All steps, also those of groups, in the order of the file.
    pub fn steps(&self) -> Vec<&Step> {
        let mut steps = Vec::new();
        collect_steps(&self.script, &mut steps);
        steps
    }

    /// The same case with every line number 0, for comparing what two files say.
    pub fn without_lines(mut self) -> Self {
        clear_lines(&mut self.script);
        self
    }
}

fn collect_steps<'a>(items: &'a [Item], steps: &mut Vec<&'a Step>) {
    for item in items {
        match item {
            Item::Step(step) => steps.push(step),
            Item::AnyOrder(items) => collect_steps(items, steps),
            Item::Blank | Item::Comment(_) | Item::Template(_) => {}
        }
    }
}

fn clear_lines(items: &mut [Item]) {
    for item in items {
        match item {
            Item::Step(step) => {
                step.line = 0;
                if let Action::Wire { alternatives, .. } | Action::Report { alternatives, .. } =
                    &mut step.action
                {
                    for alternative in alternatives {
                        alternative.line = 0;
                    }
                }
            }
            Item::AnyOrder(items) => clear_lines(items),
            Item::Blank | Item::Comment(_) | Item::Template(_) => {}
        }
    }
}

impl Header {
    /// Every combination of the values of `each`: the names with the texts that stand for them. One empty
    /// combination where there is no `each`.
    pub fn bindings(&self) -> Vec<Vec<(String, String)>> {
        let mut groups: Vec<(&[String], Vec<&Vec<String>>)> = Vec::new();
        for Each { names, values } in &self.each {
            match groups.iter_mut().find(|(known, _)| known == names) {
                Some((_, all)) => all.extend(values),
                None => groups.push((names, values.iter().collect())),
            }
        }
        groups
            .into_iter()
            .fold(vec![Vec::new()], |combinations, (names, tuples)| {
                combinations
                    .iter()
                    .flat_map(|combination: &Vec<(String, String)>| {
                        tuples.iter().map(|tuple| {
                            let bound = names.iter().cloned().zip(tuple.iter().cloned());
                            combination.iter().cloned().chain(bound).collect()
                        })
                    })
                    .collect()
            })
    }

    /// How many combinations `bindings` would give.
    pub fn combinations(&self) -> usize {
        let mut groups: Vec<(&[String], usize)> = Vec::new();
        for Each { names, values } in &self.each {
            match groups.iter_mut().find(|(known, _)| known == names) {
                Some((_, count)) => *count += values.len(),
                None => groups.push((names, values.len())),
            }
        }
        groups
            .iter()
            .fold(1, |product, (_, count)| product.saturating_mul(*count))
    }
}

impl Over {
    /// All transports.
    pub const ALL: [Self; 3] = [Self::WebSocket, Self::Polling, Self::Upgraded];

    /// The word of the header.
    pub fn word(self) -> &'static str {
        match self {
            Self::WebSocket => "websocket",
            Self::Polling => "polling",
            Self::Upgraded => "upgraded",
        }
    }
}

impl Role {
    /// The word of the header.
    pub fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Codec => "codec",
        }
    }
}
