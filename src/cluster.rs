//! The Kubernetes side: connect, watch, discover, apply.
