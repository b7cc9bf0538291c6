//! Bytes to the terminal: whole frames in one write, counted, and none at all while the terminal is not ours.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ratatui::backend::Backend;
use ratatui::layout::{Position, Rect};
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::guard;
use super::thrifty::Thrifty;

/// Big enough that a frame leaves in one write: over SSH each write is a packet.
const BUFFER: usize = 64 * 1024;

/// The terminal that frames are drawn on.
pub type Screen = Terminal<Thrifty<BufWriter<Tty>>>;

/// Counts the bytes sent to the terminal.
#[derive(Clone, Debug, Default)]
pub struct Sent(Arc<AtomicU64>);

impl Sent {
    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Standard output as a terminal.
#[derive(Debug)]
pub struct Tty {
    file: File,
    sent: Sent,
}

impl Tty {
    /// Standard output, by a descriptor of our own.
    ///
    /// # Errors
    /// When it is closed.
    pub fn open() -> io::Result<Tty> {
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Tty { file, sent: Sent::default() })
    }
}

impl Write for Tty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !guard::is_inside() {
            // The rest of a frame, after a panic or a signal gave the terminal back.
            return Ok(bytes.len());
        }
        let n = self.file.write(bytes)?;
        self.sent.0.fetch_add(u64::try_from(n).unwrap_or(u64::MAX), Ordering::Relaxed);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens the screen. Call it after [`guard::Guard::enter`].
///
/// # Errors
/// When standard output is closed or has no size.
pub fn screen() -> io::Result<(Screen, Sent)> {
    // Under NO_COLOR crossterm 0.29 writes a bare reset between modifiers and text, which wipes bold and reverse: the
    // selected row disappears. Colours are resolved to mono by the theme instead, so that no colour is ever written.
    crossterm::style::force_color_output(true);
    let tty = Tty::open()?;
    let sent = tty.sent.clone();
    let backend = Thrifty::new(BufWriter::with_capacity(BUFFER, tty));
    let screen = Terminal::with_options(backend, TerminalOptions { viewport: Viewport::Fullscreen })?;
    Ok((screen, sent))
}

/// Forgets what was drawn, so that the next frame is written whole. (`Terminal::clear` asks the terminal where its cursor
/// is, which over a slow link fails and eats keys.)
///
/// # Errors
/// When the terminal is gone.
pub fn redraw_all(screen: &mut Screen) -> io::Result<()> {
    let size = screen.backend().size()?;
    screen.resize(Rect::from((Position::ORIGIN, size)))
}

/// Sends bytes that are no part of a frame, such as a clipboard sequence.
///
/// # Errors
/// When the terminal is gone.
pub fn send(screen: &mut Screen, bytes: &[u8]) -> io::Result<()> {
    let writer = screen.backend_mut();
    writer.write_all(bytes)?;
    Write::flush(writer)
}
