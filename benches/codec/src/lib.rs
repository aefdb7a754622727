//! The codec of the reference beside those of socketioxide and of Socket.IO itself, and beside a copy of the bytes: the
//! same inputs and the same work, in one run.
//!
//! Every task is measured in many short rounds, in which the contestants take turns, and the best round counts: whatever
//! else the machine does makes a round slower, never faster. Node runs the same loops in a process of its own.

mod inputs;
mod json;
mod measure;
mod node;
mod reference;
mod socketioxide;
mod table;

use inputs::{Inputs, Task};
use measure::{Contestant, best_rounds};

/// Measures the tasks whose names contain all the words, and prints what came out.
pub fn run(words: &[String]) {
    let inputs = Inputs::new();
    let tasks: Vec<Task> = Task::ALL
        .into_iter()
        .filter(|task| words.iter().all(|word| task.name().contains(word.as_str())))
        .collect();
    let node = node::measure(&inputs, &tasks);
    if let Err(why) = &node {
        println!("without Node: {why}\n");
    }
    if let Ok(node) = &node {
        println!("Node {}\n", node.version());
    }
    let mut table = table::Table::default();
    for task in tasks {
        let mut contestants = vec![Contestant::new("copy", inputs.copy(task))];
        contestants.extend(reference::contestants(&inputs, task));
        contestants.extend(socketioxide::contestants(&inputs, task));
        let mut times = best_rounds(&mut contestants);
        if let Ok(node) = &node {
            times.extend(node.time(task));
        }
        table.add(task, &times);
    }
    table.print();
}
