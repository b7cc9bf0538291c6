//! Pure statistics: counters to counts, thresholds with a duration, histogram quantiles, verdicts.
//!
//! A [`Judge`] takes in scrapes (raw counters) and what the cluster shows, and answers with a
//! [`Judgement`](crate::domain::verdict::Judgement). What it goes by:
//!
//! * Counters are differenced here, series by series, so that every figure knows the requests it rests on (`counters`).
//! * What was counted between two looks is a slot (`slots`). A gate is judged on the newest slots that hold enough
//!   requests, two minutes at most. With enough traffic that is one scrape interval.
//! * A limit broken for less than the gate's `for` is [`Warn`](crate::domain::verdict::Verdict::Warn): it holds, and does
//!   nothing else. `for` counts time covered by samples: a gap in the data neither adds to it nor ends it, one good window
//!   ends it (`breach`).
//! * A gate that would act while stable breaks the same absolute limit is
//!   [`SharedIncident`](crate::domain::verdict::Verdict::SharedIncident); what follows is the engine's affair.
//! * Without fresh data there is no `Healthy`. Each doubt has its name.
//! * Evidence belongs to one workload and one pod template; a new one starts with none.

mod arms;
mod breach;
mod counters;
mod evidence;
mod histogram;
mod judge;
mod limits;
mod pods;
mod query;
mod restarts;
mod slots;
mod subject;
mod words;

#[cfg(test)]
mod data_tests;
#[cfg(test)]
mod gate_tests;
#[cfg(test)]
mod props;
#[cfg(test)]
mod world;

pub use histogram::{Buckets, Quantile};
pub use judge::Judge;
