//! Pure statistics: thresholds with a duration, histogram quantiles, verdicts.
