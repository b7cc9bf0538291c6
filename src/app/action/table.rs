//! The rows.

use crossterm::event::KeyCode::{BackTab, Down, End, Enter, Esc, F, Home, PageDown, PageUp, Tab, Up};

use super::{Action, Group, Row, Scope};
use crate::app::key::{ch, ctrl, key};
use crate::app::pane::Pane;

const LISTS: &[Scope] = &[Scope::Browse, Scope::Help, Scope::Checklist];
const BROWSE: &[Scope] = &[Scope::Browse];
const RELEASE: &[Scope] = &[Scope::Release];
const EVERYWHERE: &[Scope] = &[Scope::Everywhere];

const BASE: Row = Row {
    action: Action::Down,
    name: "",
    chords: &[],
    title: "",
    help: "",
    group: Group::Move,
    scopes: BROWSE,
    writes: false,
    planned: false,
    hint: 0,
};

const fn rollout(action: Action, name: &'static str) -> Row {
    Row { action, name, group: Group::Rollout, scopes: RELEASE, writes: true, ..BASE }
}

const fn look(action: Action, name: &'static str) -> Row {
    Row { action, name, group: Group::Look, scopes: RELEASE, ..BASE }
}

const fn show(pane: Pane, name: &'static str, chords: &'static [crate::app::key::Chord], help: &'static str) -> Row {
    Row { chords, title: pane.title(), help, ..look(Action::Show(pane), name) }
}

const fn program(action: Action, name: &'static str) -> Row {
    Row { action, name, group: Group::Program, ..BASE }
}

const fn dialog(action: Action, name: &'static str, scopes: &'static [Scope]) -> Row {
    Row { action, name, group: Group::Dialog, scopes, ..BASE }
}

/// Every action, in the order of help.
pub const TABLE: &[Row] = &[
    Row {
        chords: &[ctrl('r')],
        title: "roll back",
        help: "Take the release back: traffic first. Works in every state and every view; then y",
        scopes: EVERYWHERE,
        hint: 1,
        ..rollout(Action::RollBack, "roll-back")
    },
    Row {
        chords: &[ch('s')],
        title: "start",
        help: "Start a rollout: name the new images, or take the version already in the candidate",
        hint: 20,
        ..rollout(Action::Start, "start")
    },
    Row {
        chords: &[ch('>')],
        title: "next step",
        help: "Go to the next step now, without waiting for the rest of this one",
        hint: 11,
        ..rollout(Action::Next, "next")
    },
    Row {
        chords: &[ch('<')],
        title: "step back",
        help: "Go back to the weight before this one, and pause there",
        hint: 12,
        ..rollout(Action::StepBack, "step-back")
    },
    Row {
        chords: &[ch('w')],
        title: "weight",
        help: "Ask for a weight, up or down, and pause there",
        hint: 13,
        ..rollout(Action::SetWeight, "set-weight")
    },
    Row {
        chords: &[ch('p')],
        title: "pause",
        help: "Pause, or resume. Gates are judged all the same",
        hint: 14,
        ..rollout(Action::PauseResume, "pause")
    },
    Row {
        chords: &[ch('a')],
        title: "approve",
        help: "Approve what the rollout waits for",
        hint: 10,
        ..rollout(Action::Approve, "approve")
    },
    Row {
        chords: &[ch('x')],
        title: "reject",
        help: "Refuse it: end this rollout by rolling back",
        hint: 15,
        ..rollout(Action::Reject, "reject")
    },
    Row {
        chords: &[ch('P')],
        title: "promote",
        help: "Skip the holds and approvals that are left and promote; capacity guards stay",
        hint: 16,
        ..rollout(Action::Promote, "promote")
    },
    Row { chords: &[ch('U')], title: "undo", help: "Put a Deployment back to a kept revision", hint: 21, ..rollout(Action::Undo, "undo") },
    Row {
        chords: &[ch('+')],
        title: "scale",
        help: "Give one side more or fewer pods; a rollout under way counts on them. Also :scale COMPONENT[/candidate] N",
        ..rollout(Action::Scale, "scale")
    },
    Row {
        chords: &[ch('A')],
        title: "accept",
        help: "Take what somebody else changed as what was asked; p sets it again, Ctrl-R takes all back",
        hint: 9,
        ..rollout(Action::AcceptDrift, "accept-drift")
    },
    Row {
        chords: &[ch('t')],
        title: "take over",
        help: "Take the rollout over from whoever drives it; they are told, and stop",
        ..rollout(Action::TakeOver, "take-over")
    },
    Row {
        chords: &[ch('S')],
        title: "restore auto-sync",
        help: "Switch Argo CD's auto-sync on again that was suspended; it then sets what git says",
        ..rollout(Action::RestoreSync, "restore-sync")
    },
    show(Pane::Timeline, "steps", &[ch('1')], "The plan, step by step, with what was covered"),
    show(Pane::Traffic, "traffic", &[ch('2')], "Asked, accepted and observed weights, and what else sends traffic"),
    show(Pane::Metrics, "metrics", &[ch('3')], "Stable beside candidate, with limits, verdicts and sample sizes"),
    show(Pane::Pods, "pods", &[ch('4')], "Pods by track, with restarts, CPU, memory and what is wrong"),
    show(Pane::Hpas, "hpas", &[ch('5')], "Autoscalers with bounds, targets and conditions"),
    show(Pane::Events, "events", &[ch('6')], "Events, repetitions merged, newest first"),
    show(Pane::Journal, "journal", &[ch('7')], "Who did what: commands, decisions, writes and their outcomes"),
    show(Pane::Logs, "log-pane", &[ch('8')], "The log lines that are followed"),
    Row {
        chords: &[ch('l')],
        title: "logs",
        help: "Follow the selected pod's log; elsewhere one pod of each side, side by side",
        hint: 30,
        ..look(Action::Logs, "logs")
    },
    Row {
        chords: &[ch('L')],
        title: "previous logs",
        help: "The same of the container before its last restart",
        ..look(Action::PreviousLogs, "previous-logs")
    },
    Row {
        chords: &[ch('f')],
        title: "follow",
        help: "Stay at the newest line, or stop staying",
        scopes: &[Scope::Logs],
        hint: 31,
        ..look(Action::Follow, "follow")
    },
    Row {
        chords: &[ch('z')],
        title: "zoom",
        help: "Give the pane the whole body, or take it back",
        hint: 33,
        ..look(Action::Zoom, "zoom")
    },
    Row {
        chords: &[ch('/')],
        title: "filter",
        help: "Show only rows that hold a text (! before it: that do not); survives refreshes",
        scopes: BROWSE,
        hint: 32,
        ..look(Action::Filter, "filter")
    },
    Row { action: Action::Down, name: "down", chords: &[ch('j'), key(Down)], title: "down", help: "One row down", scopes: LISTS, ..BASE },
    Row { action: Action::Up, name: "up", chords: &[ch('k'), key(Up)], title: "up", help: "One row up", scopes: LISTS, ..BASE },
    Row {
        action: Action::PageDown,
        name: "page-down",
        chords: &[key(PageDown), ctrl('d')],
        title: "page down",
        help: "Ten rows down",
        scopes: LISTS,
        ..BASE
    },
    Row {
        action: Action::PageUp,
        name: "page-up",
        chords: &[key(PageUp), ctrl('u')],
        title: "page up",
        help: "Ten rows up",
        scopes: LISTS,
        ..BASE
    },
    Row { action: Action::Top, name: "top", chords: &[ch('g'), key(Home)], title: "top", help: "First row", scopes: LISTS, ..BASE },
    Row { action: Action::Bottom, name: "bottom", chords: &[ch('G'), key(End)], title: "bottom", help: "Last row", scopes: LISTS, ..BASE },
    Row {
        action: Action::NextPane,
        name: "next-pane",
        chords: &[key(Tab)],
        title: "next pane",
        help: "Next pane",
        scopes: RELEASE,
        ..BASE
    },
    Row {
        action: Action::PreviousPane,
        name: "previous-pane",
        chords: &[key(BackTab)],
        title: "previous pane",
        help: "Previous pane",
        scopes: RELEASE,
        ..BASE
    },
    Row {
        action: Action::Open,
        name: "open",
        chords: &[key(Enter)],
        title: "open",
        help: "Open the release; zoom the pane",
        hint: 34,
        ..BASE
    },
    Row {
        action: Action::Back,
        name: "back",
        chords: &[key(Esc), ch('q')],
        title: "back",
        help: "One level back: filter, zoom, view; from the release list q quits",
        hint: 35,
        ..BASE
    },
    Row {
        chords: &[ch('?'), key(F(1))],
        title: "help",
        help: "All keys, with the reason where one cannot be used now",
        hint: 2,
        ..program(Action::Help, "help")
    },
    Row {
        chords: &[ch(':')],
        title: "palette",
        help: "Every action by name; also :ctx NAME, :ns NAME, :weight N, :scale N, :q",
        hint: 40,
        ..program(Action::Palette, "palette")
    },
    Row { chords: &[ch('c')], title: "context", help: "Change the kubeconfig context", hint: 41, ..program(Action::Context, "context") },
    Row { chords: &[ch('n')], title: "namespace", help: "Change the namespace", hint: 42, ..program(Action::Namespace, "namespace") },
    Row {
        chords: &[ch('y')],
        title: "copy",
        help: "Copy the selected row through the terminal (OSC 52)",
        hint: 43,
        ..program(Action::Copy, "copy")
    },
    Row {
        chords: &[ctrl('l')],
        title: "redraw",
        help: "Draw the whole screen again",
        scopes: EVERYWHERE,
        ..program(Action::Redraw, "redraw")
    },
    Row {
        chords: &[ctrl('z')],
        title: "suspend",
        help: "Back to the shell; fg returns",
        scopes: EVERYWHERE,
        ..program(Action::Suspend, "suspend")
    },
    Row {
        chords: &[ctrl('c')],
        title: "quit",
        help: "Quit; while driving it asks first, pressed again it quits at once, as y would",
        scopes: EVERYWHERE,
        ..program(Action::Quit, "quit")
    },
    Row {
        chords: &[ch('y')],
        title: "yes",
        help: "Do what the dialog shows; not in its first 0.3 s",
        ..dialog(Action::Confirm, "confirm", &[Scope::Dialog])
    },
    Row {
        chords: &[ch('n')],
        title: "without a driver",
        help: "Where quitting offers a driver in the background: quit without one; nobody rolls back then",
        ..dialog(Action::QuitUndriven, "quit-undriven", &[Scope::Dialog])
    },
    Row {
        chords: &[ch('d')],
        title: "dry run",
        help: "Ask the server what it would say to each write, changing nothing; on the way forward it is asked at once",
        ..dialog(Action::DryRun, "dry-run", &[Scope::Dialog])
    },
    Row {
        chords: &[key(Esc), ch('q')],
        title: "leave",
        help: "Leave it; nothing is done",
        ..dialog(Action::Leave, "leave", &[Scope::Dialog, Scope::Checklist, Scope::Help])
    },
    Row {
        chords: &[ch('c')],
        title: "copy command",
        help: "Copy the command that does the stuck line by hand",
        ..dialog(Action::CopyByHand, "copy-by-hand", &[Scope::Checklist])
    },
    Row {
        chords: &[key(Enter)],
        title: "accept",
        help: "Take the text, or choose the row",
        ..dialog(Action::Accept, "accept", &[Scope::Text])
    },
    Row {
        chords: &[key(Tab), key(Down)],
        title: "next field",
        help: "Next field or row",
        ..dialog(Action::NextField, "next-field", &[Scope::Text])
    },
    Row {
        chords: &[key(BackTab), key(Up)],
        title: "previous field",
        help: "Previous field or row",
        ..dialog(Action::PreviousField, "previous-field", &[Scope::Text])
    },
    Row {
        chords: &[key(Esc)],
        title: "leave",
        help: "Leave the field or the list",
        ..dialog(Action::Leave, "leave-field", &[Scope::Text])
    },
];
