//! Which tool the arguments ask for, and its exit code.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use super::import::import_openmetrics;

/// The tools, one a line.
pub const USAGE: &str = "\
usage: narthex tsdb create-blocks-from openmetrics <input file> [<output directory>]

  create-blocks-from openmetrics   adds samples with timestamps, in the OpenMetrics text format (plain or gzip), to the
                                   store in the output directory (default data/). No server may have it open.
";

/// Runs the tool that `arguments` (behind the program's name) name: 0 when it is done, 1 when it failed.
pub fn run(arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["tsdb", "create-blocks-from", "openmetrics", input] => import(input, "data/"),
        ["tsdb", "create-blocks-from", "openmetrics", input, output] => import(input, output),
        ["tsdb", .., "--help" | "-h"] => said(&mut std::io::stdout(), USAGE, ExitCode::SUCCESS),
        _ => {
            let text = format!("there is no tool `{}`\n{USAGE}", words.join(" "));
            said(&mut std::io::stderr(), &text, ExitCode::FAILURE)
        }
    }
}

fn import(input: &str, output: &str) -> ExitCode {
    match import_openmetrics(Path::new(input), Path::new(output)) {
        Ok(done) => {
            let text = format!(
                "added {} samples of {} series to {output}, times {} to {} (Unix ms); {} refused as repeated\n",
                done.samples, done.series, done.time_min, done.time_max, done.refused
            );
            said(&mut std::io::stdout(), &text, ExitCode::SUCCESS)
        }
        Err(error) => said(
            &mut std::io::stderr(),
            &format!("{input}: {error}\n"),
            ExitCode::FAILURE,
        ),
    }
}

fn said(stream: &mut impl Write, text: &str, code: ExitCode) -> ExitCode {
    match stream.write_all(text.as_bytes()) {
        Ok(()) => code,
        Err(_) => ExitCode::FAILURE,
    }
}
