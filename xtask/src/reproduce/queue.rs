//! Work done by several threads, results handled by the caller as they come.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use crate::error::Error;

/// Stack of a thread that makes parts, bytes: that of a main thread.
const STACK: usize = 8 << 20;

/// Does `work` for every one of `tasks`, at most `jobs` at a time and in their order, and gives each result to `handle` in this
/// thread as it comes. After the first error nothing more is started; it is returned when what was under way has ended.
pub(super) fn run<T: Sync, R: Send>(
    tasks: &[T],
    jobs: usize,
    work: impl Fn(&T) -> Result<R, Error> + Sync,
    mut handle: impl FnMut(&T, R) -> Result<(), Error>,
) -> Result<(), Error> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let (sender, results) = mpsc::channel();
    let worker = |sender: mpsc::Sender<(usize, Result<R, Error>)>| {
        while !stop.load(Ordering::SeqCst) {
            let index = next.fetch_add(1, Ordering::SeqCst);
            let Some(task) = tasks.get(index) else { break };
            let result = work(task);
            if result.is_err() {
                stop.store(true, Ordering::SeqCst);
            }
            if sender.send((index, result)).is_err() {
                break;
            }
        }
    };
    thread::scope(|scope| {
        for number in 0..jobs.clamp(1, tasks.len().max(1)) {
            let sender = sender.clone();
            let spawned = thread::Builder::new()
                .name(format!("parts-{number}"))
                .stack_size(STACK)
                .spawn_scoped(scope, || worker(sender));
            if let Err(source) = spawned {
                stop.store(true, Ordering::SeqCst);
                return Err(Error::Thread { source });
            }
        }
        drop(sender);
        let mut outcome = Ok(());
        for (index, result) in results {
            let handled = result.and_then(|result| match tasks.get(index) {
                Some(task) if outcome.is_ok() => handle(task, result),
                _ => Ok(()),
            });
            if let Err(error) = handled {
                stop.store(true, Ordering::SeqCst);
                outcome = outcome.and(Err(error));
            }
        }
        outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error() -> Error {
        Error::Published { file: "a".to_owned(), problem: "b".to_owned() }
    }

    #[test]
    fn every_task_is_done_once_whatever_the_number_of_threads() {
        let tasks: Vec<usize> = (0..50).collect();
        for jobs in [0, 1, 3, 100] {
            let mut seen = Vec::new();
            run(
                &tasks,
                jobs,
                |task| Ok(task * task),
                |task, square| {
                    seen.push((*task, square));
                    Ok(())
                },
            )
            .unwrap();
            seen.sort_unstable();
            assert_eq!(seen, tasks.iter().map(|task| (*task, task * task)).collect::<Vec<_>>());
        }
        run::<usize, ()>(&[], 4, |_| Err(error()), |_, ()| Err(error())).unwrap();
    }

    #[test]
    fn after_an_error_nothing_more_is_started() {
        let tasks: Vec<usize> = (0..50).collect();
        let started = AtomicUsize::new(0);
        let work = |task: &usize| {
            started.fetch_add(1, Ordering::SeqCst);
            if *task == 2 { Err(error()) } else { Ok(()) }
        };
        let mut handled = 0;
        let outcome = run(&tasks, 1, work, |_, ()| {
            handled += 1;
            Ok(())
        });
        assert!(outcome.is_err());
        assert_eq!((started.load(Ordering::SeqCst), handled), (3, 2));
        assert!(run(&tasks, 2, |_| Ok(()), |_, ()| Err(error())).is_err());
    }
}
