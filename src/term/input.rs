//! Keys and pastes from the terminal. A thread of its own waits for bytes, so that nothing the terminal does can hold up
//! the console; it notices a hang-up and ends. Drop it while suspended: a stopped job must not eat the shell's keys.

use std::io::{self, PipeWriter};
use std::os::fd::AsFd;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::stdio::stdin;
use tokio::sync::mpsc;

use super::decode::{Decoder, Typed};

/// Reads that may wait to be looked at; beyond it the thread waits.
const READS: usize = 64;

/// What comes from the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A person did something.
    Typed(Typed),
    /// The terminal is gone: quit without writing to it.
    Closed,
}

/// Reads the terminal.
#[derive(Debug)]
pub struct Reader {
    decoder: Decoder,
    start: Instant,
    reads: mpsc::Receiver<Vec<u8>>,
    /// Closing it ends the thread.
    alive: Option<PipeWriter>,
    thread: Option<JoinHandle<()>>,
    closed: bool,
}

impl Reader {
    /// Starts reading standard input, which must be a terminal in raw mode. A lone Esc is held for `hold`.
    ///
    /// # Errors
    /// When the system gives no pipe or thread.
    pub fn start(hold: Duration) -> io::Result<Reader> {
        let (watch, alive) = io::pipe()?;
        let (sender, reads) = mpsc::channel(READS);
        let thread = std::thread::Builder::new().name("input".to_owned()).spawn(move || read_all(&watch, &sender))?;
        Ok(Reader { decoder: Decoder::new(hold), start: Instant::now(), reads, alive: Some(alive), thread: Some(thread), closed: false })
    }

    /// The next input. May be dropped while waiting: nothing is lost.
    pub async fn next(&mut self) -> Input {
        loop {
            if let Some(typed) = self.decoder.pop() {
                return Input::Typed(typed);
            }
            if self.closed {
                return Input::Closed;
            }
            let expiry = self.decoder.deadline().and_then(|deadline| self.start.checked_add(deadline));
            tokio::select! {
                biased;
                bytes = self.reads.recv() => match bytes {
                    Some(bytes) => self.decoder.feed(&bytes, self.start.elapsed()),
                    None => self.closed = true,
                },
                () = at(expiry) => self.decoder.expire(self.start.elapsed()),
            }
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.reads.close();
        drop(self.alive.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

/// Until the reader is dropped or the terminal is gone.
fn read_all(watch: &impl AsFd, sender: &mpsc::Sender<Vec<u8>>) {
    let mut buffer = [0_u8; 4096];
    loop {
        let tty = stdin();
        let mut fds = [PollFd::new(&tty, PollFlags::IN), PollFd::new(watch, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return,
        }
        let [terminal, dropped] = fds.map(|fd| fd.revents());
        if !dropped.is_empty() {
            return;
        }
        match rustix::io::read(stdin(), &mut buffer) {
            Ok(0) => return,
            Ok(n) => {
                let bytes = buffer.get(..n).unwrap_or_default().to_vec();
                if sender.blocking_send(bytes).is_err() {
                    return;
                }
            }
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if !terminal.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => {}
            Err(_) => return,
        }
    }
}
