//! When something on screen changes by itself.

use crate::domain::time::Millis;

use super::dialog::FRESH;
use super::mode::Mode;
use super::model::{Link, Model, Screen};

/// Data of a release that is looked at, and younger than this, is shown as live, without a number: an idle screen has
/// nothing to redraw.
const LIVE: Millis = Millis::secs(10);

impl Model {
    /// When [`super::Msg::Tick`] is wanted at the latest; on the monotonic clock of [`crate::domain::time::Now`].
    pub fn wake_at(&self) -> Millis {
        let mut at = self.next_minute();
        if let Some(notice) = &self.notice {
            at = at.min(notice.until);
        }
        if let Some(Mode::Dialog(dialog)) = self.mode()
            && dialog.is_fresh(self.now)
        {
            at = at.min(dialog.opened.plus(FRESH));
        }
        let second = self.now.mono.plus(Millis::secs(1));
        if !matches!(self.link.0, Link::Up) {
            at = at.min(second);
        }
        let age = match &self.screen {
            Screen::Release(key) => self.age(key),
            Screen::Fleet => self.oldest(),
        };
        if let Some(age) = age {
            at = at.min(if age < self.live() { self.now.mono.plus(self.live().minus(age)) } else { second });
        }
        at.max(self.now.mono)
    }

    /// Below which age data is shown as live. Releases of a list are read less often than one that is looked at: there it
    /// is live until it is stale.
    pub fn live(&self) -> Millis {
        match self.screen {
            Screen::Release(_) => LIVE,
            Screen::Fleet => self.stale_after,
        }
    }

    /// The age of the oldest data of any release.
    pub fn oldest(&self) -> Option<Millis> {
        self.releases.keys().filter_map(|key| self.age(key)).max()
    }

    /// The clock in the header shows minutes.
    fn next_minute(&self) -> Millis {
        let ms = self.now.wall.as_millisecond().rem_euclid(60_000);
        self.now.mono.plus(Millis(u64::try_from(60_000 - ms).unwrap_or(60_000)))
    }
}
