//! Deliberate mistakes, one at a time: the simulation has to catch every one of them, or it proves nothing. Without the feature
//! `mutants` (and no release has it) [`mutant`] is the constant `false`.

/// A way to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // each is named for what it does
pub enum Mutant {
    IntentAfterWrite,
    WritesWithoutJournal,
    OutcomeUnwritten,
    DoubtIsHealth,
    LateClockBelieved,
    UnseenIsBack,
    DoubtIsFailure,
    GuardsSleepAtApproval,
    SuspendCounts,
    LeaseIgnored,
    LeaseForEver,
    LeaseKept,
    EpochKept,
    WatcherWrites,
    PodsBeforeTraffic,
    RaiseWithoutPods,
    NoVersion,
    ConflictIsRefusal,
    UnknownIsDone,
    NoFenceAfterUnknown,
    NoStampAtTakeOver,
    NoRollbackWhilePromoting,
    RollbackForgotten,
    StaleLook,
    TargetDerivedAnew,
    RetiredEarly,
    StaleOrderActs,
    DriftOverwritten,
    AutoscalerFought,
    ComponentsApart,
    PauseIgnored,
    RollbackOneByOne,
    RollbackAfterRecord,
    RollbackAfterLease,
    TotalBecomes100,
    AllAtOnce,
    NoDeadline,
    TestersKept,
    SuspendedAfterwards,
    ScaledBelowItsShare,
    NoRevisionCheck,
    RelativeWeights,
    UnservedStays,
    NothingKept,
    KeptForEver,
    NeighboursUnseen,
    /// What is taken back waits for room that its own candidate has.
    NoRoomMade,
    /// The same images in another pod template pass for the version that was judged.
    TemplateIgnored,
}

#[cfg(feature = "mutants")]
mod switch {
    use std::cell::Cell;

    use super::Mutant;

    thread_local! {
        static ON: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// Makes this thread's engine wrong in one way, or right again.
    pub fn set(mutant: Option<Mutant>) {
        ON.with(|on| on.set(mutant));
    }

    /// Whether this mistake is to be made.
    pub fn mutant(mutant: Mutant) -> bool {
        ON.with(|on| on.get() == Some(mutant))
    }
}

#[cfg(feature = "mutants")]
pub use switch::{mutant, set};

/// Whether this mistake is to be made.
#[cfg(not(feature = "mutants"))]
pub const fn mutant(_: Mutant) -> bool {
    false
}
