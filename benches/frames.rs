//! One frame: the model takes in what happened, brings its rows in order, and the view is drawn, at ten thousand pods.

use std::sync::Arc;

use criterion::{BatchSize, Criterion};
use cutover::app::msg::World;
use cutover::domain::live::Snapshot;
use cutover::domain::object::Kind;
use cutover::theme::Depth;
use cutover::theme::library::Library;
use cutover::ui::{Look, render};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::fixture::{Console, holding};
use crate::pods::{PODS, indexed, line, snapshot};

/// Pod events in a burst.
const BURST: usize = 5_000;

/// The console with everything a screen of this size shows.
struct Stage {
    console: Console,
    look: Look,
    buffer: Buffer,
}

impl Stage {
    fn new((width, height): (u16, u16), rows: &Arc<Snapshot>) -> Stage {
        let mut console = Console::of(holding(&["backend", "frontend"]), width, height);
        console.world(World::Rows(Arc::clone(rows)));
        console.press("4");
        let (theme, _) = Library::builtin().load("dark", Depth::True);
        let look = Look { theme, unicode: true };
        Stage { console, look, buffer: Buffer::empty(Rect::new(0, 0, width, height)) }
    }

    fn draw(&mut self) {
        self.console.model.refresh();
        self.buffer.reset();
        render(&self.console.model, &self.look, self.buffer.area, &mut self.buffer);
    }
}

pub fn benches(c: &mut Criterion) {
    let mut group = c.benchmark_group("frame");
    let mut indexes = indexed();
    let rows = snapshot(&mut indexes);
    for size in [(80, 24), (200, 60)] {
        let mut stage = Stage::new(size, &rows);
        let (width, height) = size;
        group.bench_function(format!("{width}x{height}, time passed"), |b| {
            b.iter(|| {
                stage.console.wait(1);
                stage.draw();
            });
        });
        group.bench_function(format!("{width}x{height}, a driver's news"), |b| {
            let view = Arc::new(holding(&["backend", "frontend"]));
            b.iter(|| {
                stage.console.world(World::View(Arc::clone(&view)));
                stage.draw();
            });
        });
        group.bench_function(format!("{width}x{height}, pods changed"), |b| {
            // Another list of the same rows: everything that rests on it is made again.
            let fresh = || Arc::new(Snapshot { pods: Arc::new(rows.pods.to_vec()), ..Snapshot::clone(&rows) });
            b.iter_batched(
                fresh,
                |rows| {
                    stage.console.world(World::Rows(rows));
                    stage.draw();
                },
                BatchSize::LargeInput,
            );
        });
    }
    let burst: Vec<Vec<u8>> = (0..BURST).map(|n| line(n * PODS / BURST, 2, n % 3 == 0)).collect();
    let mut stage = Stage::new((80, 24), &rows);
    group.sample_size(10).bench_function("a burst of 5000 pod events, one frame", |b| {
        b.iter(|| {
            for line in &burst {
                indexes.take(Kind::Pod, line).unwrap();
            }
            stage.console.world(World::Rows(snapshot(&mut indexes)));
            stage.draw();
        });
    });
    group.finish();
}
