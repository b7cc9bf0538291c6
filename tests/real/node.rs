//! The main job where everything is real: containers, probes, Services and addresses, and requests that somebody waits for.

mod blue_green;
mod broken;
mod canary;
mod customers;
mod gateway;
#[cfg(feature = "sim")]
mod logs;
mod machine;
mod shop;
