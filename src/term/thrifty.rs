//! A frame that changes nothing sends nothing: an idle console costs its line no byte.

use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

/// Crossterm's backend without what it repeats with every frame: resetting colours that were never set, and hiding a
/// cursor that is hidden (25 bytes a frame).
#[derive(Debug)]
pub struct Thrifty<W: Write> {
    inner: CrosstermBackend<W>,
    hidden: bool,
}

impl<W: Write> Thrifty<W> {
    /// Draws to `writer`.
    pub fn new(writer: W) -> Thrifty<W> {
        Thrifty { inner: CrosstermBackend::new(writer), hidden: false }
    }
}

impl<W: Write> Write for Thrifty<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Write::flush(&mut self.inner)
    }
}

impl<W: Write> Backend for Thrifty<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() { Ok(()) } else { self.inner.draw(content) }
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if !self.hidden {
            self.inner.hide_cursor()?;
            self.hidden = true;
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.hidden = false;
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.inner.get_cursor_position()
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Backend::flush(&mut self.inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use ratatui::layout::Rect;
    use ratatui::{Terminal, TerminalOptions, Viewport};

    use super::{Thrifty, Write, io};

    /// Counts what is written to it.
    #[derive(Clone, Default)]
    struct Count(Rc<Cell<usize>>);

    impl Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.set(self.0.get() + bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Bytes that each frame sends, for what the frames show.
    fn sent(frames: &[&str]) -> Vec<usize> {
        let count = Count::default();
        let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, 20, 1)) };
        let mut terminal = Terminal::with_options(Thrifty::new(count.clone()), options).unwrap();
        let mut size = |text: &str| {
            count.0.set(0);
            terminal.draw(|frame| frame.render_widget(text, frame.area())).unwrap();
            count.0.get()
        };
        frames.iter().map(|text| size(text)).collect()
    }

    #[test]
    fn only_what_changed_is_sent() {
        let sizes = sent(&["25 %", "25 %", "25 %", "26 %"]);
        assert!(sizes[0] > 0 && sizes[3] > 0, "{sizes:?}");
        assert_eq!(sizes[1..3], [0, 0], "a frame that changes nothing");
    }
}
