//! The `siospec` command: reading the command line, one file for each command, and the exit code.

mod baseline;
mod bench;
mod campaign_output;
mod connect;
mod driver;
mod exit;
mod faults;
mod findings;
mod fuzz;
mod install;
mod interruptions;
mod list;
mod output;
mod report;
mod report_file;
mod reports;
mod rules;
mod run;
mod selecting;
mod selftest;
mod serve;
mod show;
mod target_argument;

pub use exit::Exit;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};
use exit::Failure;
use output::{Output, complain};
use std::ffi::OsString;
use std::io::Write as _;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Cyan.on_default());

const AFTER_HELP: &str = "\
Examples:
  siospec                                    test the reference that is built in
  siospec run http://localhost:3000          test a server that runs
  siospec run -- node server.mjs             test a server that this command starts
  siospec run targets/socket.io 'server/ack/*'
  siospec show server/connect/unknown-namespace-is-refused

Exit codes:
  0    the gate holds
  1    it does not hold
  2    the command line or a file is wrong
  3    the target could not be started
  4    nothing was selected
  70   siospec itself failed
  130  interrupted; the reports say what was done until then";

/// Conformance suite and fuzz harness for Socket.IO servers, clients and codecs.
#[derive(Debug, Parser)]
#[command(name = "siospec", version, styles = STYLES, after_help = AFTER_HELP)]
#[command(disable_help_subcommand = true, max_term_width = 100)]
struct Cli {
    /// When to use colours (NO_COLOR in the environment is honoured)
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Test a target and judge the gate (the default)
    Run(Box<run::Run>),
    /// List the cases
    List(list::List),
    /// Show a case, its rule and where it comes from
    Show(show::Show),
    /// Show which rules have a case, by area and level
    Rules(rules::RulesCommand),
    /// Start the reference server with the test application
    Serve(serve::Serve),
    /// Speak with a server by hand, as the reference client
    Connect(Box<connect::Connect>),
    /// Show which cases catch each deliberate fault of the reference
    Faults(faults::Faults),
    /// Try inputs that nobody thought of on a target, and write down what it gets wrong
    #[command(subcommand)]
    Fuzz(fuzz::Fuzz),
    /// Make reports from saved results, merge them, compare them
    Report(Box<report::Report>),
    /// Change what the reference sent, and show which changes the cases overlook
    Selftest(selftest::Selftest),
    /// Show what the suite costs on a target, beside a plain loop of handshakes
    Bench(Box<bench::Bench>),
    /// Help for those who write a driver
    #[command(subcommand)]
    Driver(driver::Driver),
    /// Run the install commands of targets
    Install(install::Install),
    /// Write the list of a target's known failures
    #[command(subcommand)]
    Baseline(baseline::Baseline),
}

/// Runs the command line `words` (the first is the program) and says how it ended.
pub fn main(words: impl IntoIterator<Item = OsString>) -> Exit {
    let words: Vec<OsString> = words.into_iter().collect();
    let cli = match Cli::try_parse_from(&words) {
        Ok(cli) => cli,
        Err(error) => {
            let wrong = error.use_stderr();
            // Nobody is left to tell when the stream is closed.
            let _ = error.print();
            return if wrong { Exit::Usage } else { Exit::Success };
        }
    };
    let color = match cli.color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    };
    if ends_without_command(&words) {
        complain(
            color,
            "error: no command stands after `--`: is a variable not set?",
        );
        return Exit::Usage;
    }
    let mut out = Output::new(color);
    let ended = dispatch(cli.command, color, &mut out).and_then(|exit| {
        out.flush()?;
        Ok(exit)
    });
    ended.unwrap_or_else(|failure| {
        complain(color, &describe(&failure));
        failure.exit
    })
}

/// Whether the first `--` is the last word: who wrote it did not mean the reference, which is what is tested where nothing is
/// named.
fn ends_without_command(words: &[OsString]) -> bool {
    words.iter().position(|word| word == "--") == words.len().checked_sub(1)
}

/// Whether these words, without the program's name, are a command line of siospec; nothing is done.
///
/// # Errors
/// What is wrong with them.
pub fn understands(words: impl IntoIterator<Item = String>) -> Result<(), String> {
    let words = std::iter::once("siospec".to_owned()).chain(words);
    Cli::try_parse_from(words)
        .map(|_| ())
        .map_err(|error| error.to_string())
}

fn dispatch(
    command: Option<Command>,
    color: anstream::ColorChoice,
    out: &mut Output,
) -> Result<Exit, Failure> {
    match command.unwrap_or_else(|| Command::Run(Box::default())) {
        Command::Run(arguments) => run::run(&arguments, out),
        Command::List(arguments) => list::list(&arguments, out),
        Command::Show(arguments) => show::show(&arguments, out),
        Command::Rules(arguments) => rules::rules(&arguments, out),
        Command::Serve(arguments) => serve::serve(&arguments, out),
        Command::Connect(arguments) => connect::connect(&arguments, color, out),
        Command::Faults(arguments) => faults::faults(&arguments, out),
        Command::Fuzz(fuzz::Fuzz::Codec(arguments)) => fuzz::codec(&arguments, out),
        Command::Report(arguments) => report::report(&arguments, out),
        Command::Bench(arguments) => bench::bench(&arguments, out),
        Command::Driver(command) => driver::driver(&command, out),
        Command::Selftest(arguments) => selftest::selftest(&arguments, out),
        Command::Install(arguments) => install::install(&arguments, out),
        Command::Baseline(baseline::Baseline::Write(arguments)) => baseline::write(&arguments, out),
    }
}

/// The error and its causes, each once: some errors say theirs themselves. A message that shows a file already says that it
/// is an error.
fn describe(failure: &Failure) -> String {
    let mut message = String::new();
    for cause in failure.error.chain().map(ToString::to_string) {
        if message.is_empty() {
            message = cause;
        } else if !message.ends_with(&cause) {
            message.push_str(&format!(": {cause}"));
        }
    }
    if message.starts_with("error") || message.starts_with("\u{1b}[") {
        message
    } else {
        format!("error: {message}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
