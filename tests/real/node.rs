//! The main job where everything is real: containers, probes, Services and addresses, and requests that somebody waits for.

mod blue_green;
mod broken;
mod canary;
mod customers;
mod gateway;
mod machine;
mod shop;
