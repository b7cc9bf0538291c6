//! An exporter that gives one page after another.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::harness::exporter::answer;

/// Serves pages until it is dropped.
pub struct Pages {
    pub port: u16,
    served: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Pages {
    /// The `n`th request is answered with `page(n)`, the first with `page(0)`.
    pub async fn serve(page: fn(usize) -> String) -> Pages {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of our own");
        let port = listener.local_addr().expect("its number").port();
        let served = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&served);
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let text = page(count.fetch_add(1, Ordering::SeqCst));
                let _answered = answer(&mut stream, &text).await;
            }
        });
        Pages { port, served, task: task.abort_handle() }
    }

    /// Pages that were served.
    pub fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Upper edges of the histogram, ms.
const EDGES: [u64; 6] = [5, 25, 100, 250, 1_000, 5_000];

/// A shop with two pods: `a` restarts at the eighth scrape; `b` is gone from the eleventh to the fifteenth.
pub fn shop(n: usize) -> String {
    let mut page = String::from("# TYPE http_requests_total counter\n");
    let since_start = if n < 8 { n } else { n - 8 };
    pod(&mut page, "a", 17 * since_start, since_start / 3);
    if !(11..=15).contains(&n) {
        pod(&mut page, "b", 11 * n + n * n + 1, 0);
    }
    page.push_str("# TYPE request_duration_milliseconds histogram\n");
    histogram(&mut page, "a", since_start);
    if !(11..=15).contains(&n) {
        histogram(&mut page, "b", 2 * n);
    }
    // Now and then no number at all.
    page.push_str("# TYPE temperature gauge\n");
    let degrees = if n % 4 == 3 { "NaN".to_owned() } else { format!("{}.25", n % 7) };
    let _ =
        writeln!(page, "temperature{{room=\"hall\"}} {degrees}\ntemperature{{room=\"oven\"}} +Inf\ntemperature{{room=\"yard\"}} -{n}.5");
    // One that is there every third scrape only.
    if n.is_multiple_of(3) {
        let _ = writeln!(page, "# TYPE sparse_total counter\nsparse_total {n}");
    }
    page
}

/// A process that goes for good.
pub fn second(n: usize) -> String {
    format!("# TYPE second_total counter\nsecond_total{{pod=\"c\"}} {}\n", n * 3)
}

fn pod(page: &mut String, pod: &str, good: usize, failed: usize) {
    for (code, count) in [(200, good), (500, failed)] {
        let _ = writeln!(page, "http_requests_total{{pod=\"{pod}\",code=\"{code}\",method=\"GET\"}} {count}");
    }
}

fn histogram(page: &mut String, pod: &str, n: usize) {
    let total = 12 * n;
    for (i, edge) in EDGES.iter().enumerate() {
        let _ =
            writeln!(page, "request_duration_milliseconds_bucket{{pod=\"{pod}\",le=\"{edge}\"}} {}", total * (i + 1) / (EDGES.len() + 1));
    }
    let _ = writeln!(page, "request_duration_milliseconds_bucket{{pod=\"{pod}\",le=\"+Inf\"}} {total}");
    let _ = writeln!(
        page,
        "request_duration_milliseconds_sum{{pod=\"{pod}\"}} {}\nrequest_duration_milliseconds_count{{pod=\"{pod}\"}} {total}",
        total * 80
    );
}
