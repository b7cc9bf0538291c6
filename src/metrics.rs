//! Prometheus: transports, presets, samples.
