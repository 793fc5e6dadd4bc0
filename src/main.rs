//! The `narthex` binary.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Series come and go on many threads. The allocator of glibc keeps what each of them gave back for that thread, and a
/// store whose size stays the same grew without end; this one gives it back to the system within seconds.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let arguments = std::env::args_os().map(|argument| argument.to_string_lossy().into_owned());
    narthex::cli::run(arguments)
}
