//! The shop's customers: a bounded load, each request waited for and remembered.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;

use crate::harness::objects::Component;

/// Requests under way at once, at most: a shop that hangs is not buried.
const AT_ONCE: usize = 64;
/// No customer waits longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a customer got.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Whom it was asked of.
    pub component: &'static str,
    /// When it was asked, and when the answer was there.
    pub asked: Instant,
    /// Likewise.
    pub answered: Instant,
    /// Version and pod, from the shop itself; or what went wrong.
    pub came: Result<(String, String), String>,
}

/// Runs until it is dropped.
#[derive(Debug)]
pub struct Customers {
    answers: Arc<Mutex<Vec<Answer>>>,
    tasks: Vec<AbortHandle>,
}

impl Customers {
    /// `rate` requests a second to each of `components`, all to `url`; the `Host` is the component's name.
    pub fn start(url: &str, components: &[Component], rate: u32) -> Self {
        let answers = Arc::new(Mutex::new(Vec::new()));
        // A connection a request: where each one goes is decided anew.
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).timeout(PATIENCE).no_proxy().build().expect("a client");
        let tasks = components.iter().map(|component| {
            let crowd = crowd(client.clone(), url.to_owned(), component.name, rate, Arc::clone(&answers));
            tokio::spawn(crowd).abort_handle()
        });
        let tasks = tasks.collect();
        Self { answers, tasks }
    }

    /// All answers so far, in the order of their arrival.
    pub fn answers(&self) -> Vec<Answer> {
        self.answers.lock().expect("no panic inside").clone()
    }

    /// What went wrong so far, one line each.
    pub fn complaints(&self) -> Vec<String> {
        let answers = self.answers.lock().expect("no panic inside");
        let first = answers.first().map(|answer| answer.asked);
        let at = |answer: &Answer| first.map_or(0.0, |first| answer.asked.duration_since(first).as_secs_f64());
        answers.iter().filter_map(|a| Some(format!("{:.2} s: {}: {}", at(a), a.component, a.came.as_ref().err()?))).collect()
    }

    /// (of them all, of those the canary's) requests to a component that were asked and answered between two moments.
    pub fn split(&self, component: Component, from: Instant, to: Instant) -> (u64, u64) {
        let answers = self.answers.lock().expect("no panic inside");
        let within = answers.iter().filter(|a| a.component == component.name && a.asked >= from && a.answered <= to);
        let canary = format!("{}-", component.canary);
        within
            .filter_map(|a| a.came.as_ref().ok())
            .fold((0, 0), |(all, hits), (_, pod)| (all + 1, hits + u64::from(pod.starts_with(&canary))))
    }
}

impl Drop for Customers {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn crowd(client: reqwest::Client, url: String, component: &'static str, rate: u32, answers: Arc<Mutex<Vec<Answer>>>) {
    let mut tick = tokio::time::interval(Duration::from_secs(1) / rate);
    // A machine that stalls asks less, not everything at once afterwards.
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        tick.tick().await;
        let place = Arc::clone(&places).acquire_owned().await.expect("never closed");
        let (client, url, answers) = (client.clone(), url.clone(), Arc::clone(&answers));
        tokio::spawn(async move {
            let asked = Instant::now();
            let came = ask(&client, &url, component).await;
            let answer = Answer { component, asked, answered: Instant::now(), came };
            answers.lock().expect("no panic inside").push(answer);
            drop(place);
        });
    }
}

async fn ask(client: &reqwest::Client, url: &str, component: &str) -> Result<(String, String), String> {
    let request = client.get(url).header("host", component).header("connection", "close");
    let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
    let status = answer.status();
    let text = answer.text().await.map_err(|error| format!("{status}: {error:?}"))?;
    match text.trim().split_once(' ') {
        Some((version, pod)) if status.is_success() => Ok((version.to_owned(), pod.to_owned())),
        _ => Err(format!("{status}: {text}")),
    }
}
