//! Drivers in the background that a test brings about: found by the home folder they run with, ended with the test.

use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

/// Drivers in the background below one home folder. Dropped, they are killed.
pub struct Background {
    home: PathBuf,
}

impl Background {
    pub fn of(home: &Path) -> Background {
        Background { home: home.to_owned() }
    }

    /// Their process numbers.
    pub fn processes(&self) -> Vec<u32> {
        let numbers = std::fs::read_dir("/proc").unwrap().filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok());
        numbers.filter(|pid| self.is_one(*pid)).collect()
    }

    fn is_one(&self, pid: u32) -> bool {
        let words = |what: &str| {
            let bytes = std::fs::read(format!("/proc/{pid}/{what}")).unwrap_or_default();
            bytes.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect::<Vec<_>>()
        };
        let home = format!("HOME={}", self.home.display());
        words("cmdline").iter().any(|w| w == "--background") && words("environ").contains(&home)
    }

    pub fn signal(&self, signal: Signal) {
        for pid in self.processes() {
            let _ended = kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal);
        }
    }

    /// What the driver of `storefront` has written.
    pub fn log(&self) -> String {
        let below = Path::new(".local/state/cutover/journal/rehearsal").join(super::NAMESPACE).join("storefront.log");
        std::fs::read_to_string(self.home.join(below)).unwrap_or_default()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
