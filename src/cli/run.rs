//! From arguments to an exit code: what is answered at once, and what starts the server.

use super::help::{usage, version};
use super::options::{Refusal, options};
use super::parse::{Fault, Values, parse};
use crate::clock::Clock;
use crate::server::{self, LogFormat, LogLevel};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Runs the program: `arguments` begin with its name.
pub fn run(arguments: impl Iterator<Item = String>) -> ExitCode {
    let mut arguments = arguments.peekable();
    let program = arguments
        .next()
        .and_then(|path| Some(Path::new(&path).file_name()?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "narthex".to_owned());
    let is_promtool = program == "promtool";
    if is_promtool || arguments.peek().is_some_and(|first| crate::tools::is_tool(first)) {
        return run_tool(&program, &arguments.collect::<Vec<_>>());
    }
    let read_file = |path: &str| {
        std::fs::read_to_string(path).map_err(|e| {
            let reason = match e.kind() {
                std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
                _ => e.to_string(),
            };
            format!("failed to open arguments file {path:?}: open {path}: {reason}")
        })
    };
    match parse(arguments, &read_file) {
        Ok(values) => start(&program, &values),
        Err(fault) => report(&program, &fault),
    }
}

/// Runs a tool on the process's own streams.
fn run_tool(program: &str, arguments: &[String]) -> ExitCode {
    let mut streams = crate::tools::Streams {
        input: &mut std::io::stdin().lock(),
        out: &mut std::io::BufWriter::new(std::io::stdout().lock()),
        err: &mut std::io::stderr(),
    };
    ExitCode::from(crate::tools::run(program, arguments, &mut streams))
}

fn start(program: &str, values: &Values) -> ExitCode {
    if let Some(long) = values.help {
        return print(&usage(program, long));
    }
    if values.version {
        return print(&version());
    }
    let options = match options(values) {
        Ok(options) => options,
        Err(Refusal { code, text }) => {
            complain(&format!("{text}\n"));
            return ExitCode::from(code);
        }
    };
    if values.is_on("print-default-config") {
        return print(&server::config_source(&options).built_in());
    }
    let level = match options.log_level {
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Error => tracing::Level::ERROR,
    };
    let clock = Clock::system();
    crate::telemetry::log::init(level, options.log_format == LogFormat::Json, clock.clone());
    server::run(options, clock)
}

fn report(program: &str, fault: &Fault) -> ExitCode {
    match fault {
        Fault::Line(text, hint) => {
            complain(&format!(
                "Error parsing command line arguments: {text}\n{program}: error: {text}\n"
            ));
            if let Some(hint) = hint {
                complain(&format!("{program}: {hint}\n"));
            }
            complain(&format!("{program}: see {program} --help for every flag\n"));
            ExitCode::from(1)
        }
        Fault::Value(text, hint) => {
            complain(&format!("Error parsing command line arguments: {text}\n"));
            complain(&usage(program, false));
            // Behind the long help, where it is seen.
            complain(&format!("\n{program}: {hint}\n"));
            ExitCode::from(2)
        }
    }
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn complain(text: &str) {
    // Nobody is left to tell when standard error is gone.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
