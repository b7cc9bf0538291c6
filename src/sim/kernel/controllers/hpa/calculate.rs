//! How many replicas a resource metric asks for. Pure.

/// A pod as the autoscaler counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Requested, in thousandths of a core or of a byte.
    pub request: u64,
    /// Used; `None` when nobody measured it.
    pub usage: Option<u64>,
    /// Not yet to be judged by its usage: pending, or not ready while it starts.
    pub unready: bool,
}

/// What a metric is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Percent of what the pods request.
    Utilization(u64),
    /// An average per pod.
    Average(u64),
}

/// The answer of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposal {
    /// Replicas it asks for.
    pub replicas: i64,
    /// Percent of the requests in use; 0 for an average target.
    pub utilization: u64,
    /// Average use per pod.
    pub average: u64,
}

/// A deviation up to this share is no reason to scale.
const TOLERANCE: f64 = 0.1;

/// The replicas that bring the metric to its target. `None`: nothing was measured.
pub fn propose(samples: &[Sample], target: Target, current: i64) -> Option<Proposal> {
    let measured: Vec<(u64, u64)> = usages(samples, |sample| if sample.unready { None } else { sample.usage });
    let ready = measured.len();
    if ready == 0 {
        return None;
    }
    let (ratio, utilization, average) = ratio(&measured, target)?;
    let stay = Proposal { replicas: current, utilization, average };
    let unready = samples.iter().filter(|sample| sample.unready).count();
    let missing = samples.iter().filter(|sample| !sample.unready && sample.usage.is_none()).count();
    let count_unready = unready > 0 && ratio > 1.0;
    if !count_unready && missing == 0 {
        let replicas = if is_within(ratio) { current } else { (ratio * ready as f64).ceil() as i64 };
        return Some(Proposal { replicas, ..stay });
    }
    // What nobody measured is assumed to argue against the change.
    let full = |request: u64| match target {
        Target::Utilization(percent) => request * percent.max(100) / 100,
        Target::Average(goal) => goal,
    };
    let assumed: Vec<(u64, u64)> = usages(samples, |sample| match (sample.unready, sample.usage) {
        (true, _) => count_unready.then_some(0),
        (false, Some(usage)) => Some(usage),
        (false, None) if ratio < 1.0 => Some(full(sample.request)),
        (false, None) => (ratio > 1.0).then_some(0),
    });
    let (again, _, _) = self::ratio(&assumed, target)?;
    let turned = (ratio < 1.0 && again > 1.0) || (ratio > 1.0 && again < 1.0);
    let replicas = (again * assumed.len() as f64).ceil() as i64;
    let overshot = (again < 1.0 && replicas > current) || (again > 1.0 && replicas < current);
    if is_within(again) || turned || overshot { Some(stay) } else { Some(Proposal { replicas, ..stay }) }
}

fn usages(samples: &[Sample], usage: impl Fn(&Sample) -> Option<u64>) -> Vec<(u64, u64)> {
    samples.iter().filter_map(|sample| Some((usage(sample)?, sample.request))).collect()
}

fn is_within(ratio: f64) -> bool {
    (1.0 - TOLERANCE..=1.0 + TOLERANCE).contains(&ratio)
}

/// Use over target, utilization in percent, average use.
fn ratio(pods: &[(u64, u64)], target: Target) -> Option<(f64, u64, u64)> {
    let usage: u64 = pods.iter().map(|(usage, _)| usage).sum();
    let requests: u64 = pods.iter().map(|(_, request)| request).sum();
    let average = usage.checked_div(pods.len() as u64)?;
    match target {
        Target::Utilization(percent) => {
            let utilization = (usage * 100).checked_div(requests)?;
            Some((utilization as f64 / percent as f64, utilization, average))
        }
        Target::Average(goal) => Some((average as f64 / goal as f64, 0, average)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pods(usages: &[u64]) -> Vec<Sample> {
        usages.iter().map(|&usage| Sample { request: 200, usage: Some(usage), unready: false }).collect()
    }

    fn replicas(samples: &[Sample], target: u64, current: i64) -> i64 {
        propose(samples, Target::Utilization(target), current).unwrap().replicas
    }

    #[test]
    fn the_ratio_decides_beyond_a_tenth() {
        assert_eq!(replicas(&pods(&[180, 180, 180]), 50, 3), 6);
        assert_eq!(replicas(&pods(&[109, 109, 109]), 50, 3), 3);
        assert_eq!(replicas(&pods(&[20, 20, 20, 20]), 50, 4), 1);
        let proposal = propose(&pods(&[100, 140]), Target::Average(60), 2).unwrap();
        assert_eq!(proposal, Proposal { replicas: 4, utilization: 0, average: 120 });
        assert_eq!(propose(&[], Target::Utilization(50), 2), None);
    }

    #[test]
    fn pods_that_start_dampen_growth_and_missing_ones_dampen_shrinking() {
        let mut starting = pods(&[200, 200]);
        starting.push(Sample { request: 200, usage: None, unready: true });
        // Two at 100 % of a 50 % target ask for 4; the third at 0 brings that to ceil(66/50 * 3) = 4.
        assert_eq!(replicas(&starting, 50, 3), 4);
        starting.extend([Sample { request: 200, usage: None, unready: true }; 2]);
        // At 40 % altogether the direction would turn: nothing is done.
        assert_eq!(replicas(&starting, 50, 5), 5);
        let mut missing = pods(&[40, 40]);
        missing.push(Sample { request: 200, usage: None, unready: false });
        assert_eq!(replicas(&missing, 50, 3), 3);
    }
}
