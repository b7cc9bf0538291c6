//! Panics and the terminal. A panic in a supervised task becomes an error of that task and leaves the screen alone; any
//! other panic gives the terminal back first, so that the report can be read.

use std::any::Any;
use std::future::Future;
use std::panic::{self, AssertUnwindSafe};

use futures::FutureExt;
use thiserror::Error;

use super::guard;

/// Exit code after a panic, as the standard library has it.
const EXIT: i32 = 101;

tokio::task_local! {
    static SUPERVISED: ();
}

/// A supervised task panicked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("an internal error ended {task}: {message}")]
pub struct TaskPanic {
    /// What the task was for.
    pub task: String,
    /// What the panic said.
    pub message: String,
}

/// Wraps the hook that is installed now. Call it once, after the error reporter installed its own.
pub fn install() {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if SUPERVISED.try_with(|()| ()).is_ok() {
            tracing::error!(%info, "panic in a supervised task");
            return;
        }
        guard::leave();
        report(info);
        // A worker thread that panicked would leave the program running without its screen.
        std::process::exit(EXIT);
    }));
}

/// Runs a task whose panic must not take the console down.
///
/// # Errors
/// When it panicked.
pub async fn supervise<F: Future>(task: &str, work: F) -> Result<F::Output, TaskPanic> {
    SUPERVISED
        .scope((), AssertUnwindSafe(work).catch_unwind())
        .await
        .map_err(|payload| TaskPanic { task: task.to_owned(), message: message(payload.as_ref()) })
}

/// Panics when the environment asks for it, so that tests can see what a panic leaves behind: `CUTOVER_PANIC=loop` here,
/// `CUTOVER_PANIC=task` on another thread. Not part of release builds.
#[cfg(debug_assertions)]
#[allow(clippy::panic)]
pub fn provoke() {
    let panic = || panic!("asked for by CUTOVER_PANIC");
    match std::env::var("CUTOVER_PANIC").as_deref() {
        Ok("loop") => panic(),
        Ok("task") => drop(tokio::spawn(async move { panic() })),
        _ => {}
    }
}

fn message(payload: &(dyn Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_the_tasks_error() {
        let caught = supervise("the pod watch", async { panic!("index {} is gone", 3) }).await;
        assert_eq!(caught.unwrap_err().to_string(), "an internal error ended the pod watch: index 3 is gone");
        assert_eq!(supervise("sum", async { 2 + 2 }).await, Ok(4));
    }
}
