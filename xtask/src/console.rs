//! The only place that talks to the terminal: results to standard output, everything else to standard error.

use std::io::{IsTerminal, Write};
use std::sync::mpsc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Writes a line of results. A reader that has gone away (`| head`) is not an error.
pub(crate) fn result(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout().lock(), "{}", line.as_ref());
}

/// Writes a line about the run itself: what is skipped, what went wrong.
pub(crate) fn notice(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr().lock(), "{}", line.as_ref());
}

/// From here on Ctrl-C says what it leaves behind before it ends the program. Every file is written whole or not at all, so it may
/// end at any moment.
pub(crate) fn tell_when_interrupted() {
    let (ready, listening) = mpsc::channel();
    let wait = move || -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
            // It listens once it has been asked for the first time.
            std::future::poll_fn(|context| {
                let outcome = interrupted.as_mut().poll(context);
                let _ = ready.send(());
                outcome
            })
            .await
        })
    };
    let end = move || {
        if wait().is_ok() {
            notice("stopped: what was written is whole; the same command does what is left");
            #[allow(clippy::exit, reason = "the user has asked for it")]
            std::process::exit(INTERRUPTED);
        }
    };
    // Without the thread Ctrl-C does the same, and says nothing.
    if std::thread::Builder::new().name("interrupt".to_owned()).spawn(end).is_ok() {
        let _ = listening.recv();
    }
}

/// The exit code after Ctrl-C, as shells have it.
const INTERRUPTED: i32 = 130;

/// A bar over `steps` pieces of work; silent when standard error is not a terminal.
pub(crate) fn bar(steps: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(steps as u64), target());
    if let Ok(style) = ProgressStyle::with_template("{spinner} [{bar:24}] {pos}/{len} {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// A bar over `bytes` that arrive from elsewhere; silent when standard error is not a terminal.
pub(crate) fn bytes_bar(bytes: Option<u64>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(bytes, target());
    let template = if bytes.is_some() {
        "[{bar:24}] {bytes}/{total_bytes} {bytes_per_sec} {msg}"
    } else {
        "{spinner} {bytes} {bytes_per_sec} {msg}"
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

fn target() -> ProgressDrawTarget {
    if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}
