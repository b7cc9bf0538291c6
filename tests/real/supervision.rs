//! No process and no folder outlives the test binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::harness::deadline::eventually_sync;
use crate::harness::supervised::{Supervised, temporary_folder};

const SOON: Duration = Duration::from_secs(30);
/// Set in the second process of the test below: where to leave a note about what was started.
const NOTE: &str = "CUTOVER_SUPERVISION_NOTE";

fn shell(script: &str, dir: &Path) -> Supervised {
    Supervised::program(Path::new("/bin/sh"), &["-c".to_owned(), script.to_owned()], &[("WORD", "heard".to_owned())], &dir.join("shell"))
        .unwrap()
}

#[test]
fn a_program_says_how_it_ended_and_what_it_printed() {
    let dir = tempfile::tempdir().unwrap();
    let mut done = shell("echo $WORD; echo no >&2; exit 7", dir.path());
    assert_eq!(done.wait(SOON), 7);
    assert_eq!((done.read_out().as_str(), done.read_err().as_str()), ("heard\n", "no\n"));
    let mut endless = shell("echo started; exec sleep 600", dir.path());
    eventually_sync("its first line", SOON, || if endless.read_out().is_empty() { Err(String::new()) } else { Ok(()) }).unwrap();
    assert_eq!(endless.ended(), None);
    endless.kill();
    assert_eq!(endless.ended(), Some(128 + 9));
}

/// The binary starts itself again; that one starts a server and a folder, and is killed with SIGKILL, so that no line of ours runs at its end.
#[test]
fn a_killed_test_binary_leaves_no_process_and_no_folder() {
    if let Some(note) = std::env::var_os(NOTE) {
        leave_something(&PathBuf::from(note));
    }
    let dir = tempfile::tempdir().unwrap();
    let note = dir.path().join("note");
    let mut second = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "supervision::a_killed_test_binary_leaves_no_process_and_no_folder"])
        .env(NOTE, &note)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let left = eventually_sync("the note", SOON, || std::fs::read_to_string(&note).map_err(|error| error.to_string()));
    second.kill().unwrap();
    second.wait().unwrap();
    let left = left.unwrap();
    let [pid, folder] = left.lines().collect::<Vec<_>>()[..] else { panic!("{left}") };
    let gone = |what: &Path| if what.exists() { Err(format!("{} is still there", what.display())) } else { Ok(()) };
    eventually_sync("the server's end", SOON, || alive(pid)).unwrap();
    eventually_sync("the folder's end", SOON, || gone(Path::new(folder))).unwrap();
}

fn alive(pid: &str) -> Result<(), String> {
    let answer = Command::new("kill").args(["-0", pid]).stderr(Stdio::null()).status().unwrap();
    if answer.success() { Err(format!("{pid} still runs")) } else { Ok(()) }
}

fn leave_something(note: &Path) {
    let folder = temporary_folder("cutover-supervision-").unwrap();
    let server = shell("echo $$; exec sleep 600", &folder);
    eventually_sync("its pid", SOON, || if server.read_out().ends_with('\n') { Ok(()) } else { Err(String::new()) }).unwrap();
    let next = note.with_extension("next");
    std::fs::write(&next, format!("{}{}\n", server.read_out(), folder.display())).unwrap();
    std::fs::rename(next, note).unwrap();
    // Until it is killed; bounded, so that it cannot stay either.
    let began = Instant::now();
    while began.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("nobody killed this process");
}
