//! Small charts from block characters.

/// Eighths of a cell, lowest first.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The newest values of a series as bars, `rows` lines of `columns` characters, top line first. `top` is the value of a
/// full bar; a scrape without a value is a gap, and zero is the lowest bar.
pub(super) fn bars<'a>(values: impl DoubleEndedIterator<Item = &'a Option<f64>>, top: f64, columns: usize, rows: usize) -> Vec<String> {
    let newest: Vec<Option<f64>> = values.rev().take(columns).copied().collect();
    let eighths = |value: f64| {
        let full = (rows * 8) as f64;
        let height = if top > 0.0 { (value / top).clamp(0.0, 1.0) * full } else { 0.0 };
        (height.round() as usize).max(1)
    };
    (0..rows)
        .rev()
        .map(|row| {
            let bars = newest.iter().rev().map(|value| match value.filter(|v| v.is_finite()) {
                Some(v) => match eighths(v).saturating_sub(row * 8) {
                    0 => ' ',
                    n => BLOCKS.get(n.min(8) - 1).copied().unwrap_or(' '),
                },
                None if row == 0 => '·',
                None => ' ',
            });
            let gap = columns.saturating_sub(newest.len());
            std::iter::repeat_n(' ', gap).chain(bars).collect()
        })
        .collect()
}

/// The largest value, for a common scale.
pub(super) fn top<'a>(values: impl Iterator<Item = &'a Option<f64>>) -> f64 {
    values.flatten().copied().filter(|v| v.is_finite()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_end_at_the_newest_value() {
        let values = [Some(0.0), Some(4.0), None, Some(8.0), Some(f64::NAN)];
        assert_eq!(bars(values.iter(), 8.0, 7, 1), ["  ▁▄·█·"]);
        assert_eq!(bars(values.iter(), 8.0, 3, 1), ["·█·"]);
        assert_eq!(bars(values.iter(), 8.0, 5, 2), ["   █ ", "▁█·█·"]);
        assert_eq!(bars([Some(0.0)].iter(), 0.0, 1, 1), ["▁"]);
    }
}
