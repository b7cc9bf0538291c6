//! The two lines on top. They never scroll: where am I, where is the traffic, who drives, how old is what I see, one word.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::model::{Link, ReleaseKey, Screen};
use crate::app::rows::{Need, need};
use crate::app::words::{self, Status, coarse};
use crate::domain::time::Millis;
use crate::theme::Role;

use super::row::Row;
use super::{Cx, line};

/// Draws both lines.
pub(super) fn draw(cx: &Cx<'_>, area: Rect, buf: &mut Buffer) {
    let production = match &cx.model.screen {
        Screen::Release(key) => cx.model.is_production(key),
        Screen::Fleet => cx.model.scene.production,
    };
    let bar = cx.style(if production { Role::HeaderProduction } else { Role::Header });
    let (first, second) = match &cx.model.screen {
        Screen::Fleet => fleet(cx),
        Screen::Release(key) => release(cx, key),
    };
    let clock = format!("  {}", cx.model.now.wall.strftime("%H:%MZ"));
    let mark = if production { "  PRODUCTION" } else { "" };
    let (left, right) = first;
    left.over(bar).draw_with(right.and(mark, bar).and(clock, bar).over(bar), buf, line(area, 0));
    let (left, right) = second;
    left.draw_with(right, buf, line(area, 1));
    // The bar's background goes under everything; what is written keeps its own colour on the second line.
    let mut fill = bar;
    fill.fg = None;
    buf.set_style(if production { area } else { line(area, 0) }, fill);
}

fn place(cx: &Cx<'_>, namespace: &str) -> Row {
    cx.row(Role::Header, format!(" {} ▸ {namespace}", cx.model.scene.context))
}

fn fleet(cx: &Cx<'_>) -> ((Row, Row), (Row, Row)) {
    let model = cx.model;
    let place = place(cx, model.scene.namespace.as_deref().unwrap_or("all namespaces"));
    let count = |wanted| model.releases.values().filter(|s| need(&s.view) == wanted).count();
    let n = model.releases.len();
    let total = match (n, model.listed) {
        (0, false) if matches!(model.link.0, Link::Barred { .. }) => "no connection".to_owned(),
        (0, false) => "looking for releases".to_owned(),
        (1, _) => "1 release".to_owned(),
        (n, _) => format!("{n} releases"),
    };
    let moving = match count(Need::Moving) {
        n if n > 0 && model.size.0 >= 72 => format!(" · {n} moving"),
        _ => String::new(),
    };
    let person = match count(Need::Person) {
        0 => String::new(),
        1 => " · 1 needs you".to_owned(),
        n => format!(" · {n} need you"),
    };
    let counts = format!("{total}{moving}{person}");
    let fresh = if model.listed && n == 0 { Row::default() } else { data(cx, model.oldest()) };
    let second = row_of(cx, vec![fresh, access(cx)]);
    ((place, cx.row(Role::Header, counts)), (second, link(cx)))
}

fn release(cx: &Cx<'_>, key: &ReleaseKey) -> ((Row, Row), (Row, Row)) {
    let model = cx.model;
    let place = place(cx, &key.namespace).and(format!(" ▸ {}", key.name), cx.style(Role::Header));
    let Some(seen) = model.releases.get(key) else {
        return ((place, Row::default()), (cx.row(Role::Dim, " not read yet"), link(cx)));
    };
    let view = &seen.view;
    let since = model.now.elapsed(seen.at);
    let asked = words::asked(view).map_or("–".to_owned(), |w| w.to_string());
    let right = cx.row(Role::Header, format!("{}  {asked}", view.release.strategy.word()));
    let (good, verdict) = believed(cx, key, words::verdict(view, since));
    let (moving, phase) = words::phase(view);
    let phase = if verdict == phase { Row::default() } else { cx.status(moving, &phase).cut(34) };
    let state = match &model.link.0 {
        Link::Lost { .. } | Link::Barred { .. } => link(cx),
        _ => cx.status(good, &verdict).gap(2).join(phase),
    }
    .gap(1);
    let (driving, driver) = words::driver(view, since);
    let left = |driver: &str| {
        let driver = match driving {
            Status::Warn => cx.status(driving, &format!("driver {driver}")),
            _ => cx.row(Role::Text, format!("driver {driver}")),
        };
        row_of(cx, vec![data(cx, model.age(key)), driver, access(cx)])
    };
    // Where there is little room, who exactly is left out.
    let room = usize::from(model.size.0);
    let shorter = words::shorter_driver(&driver);
    let fitting = [driver.as_str(), &shorter].into_iter().map(&left).find(|row| row.width() + state.width() < room);
    let left = fitting.unwrap_or_else(|| left(driver.split([' ', '@', ',']).next().unwrap_or(&driver)));
    ((place, right), (left, state))
}

/// A verdict as it may be believed now: on old data it is what it was, not what it is.
pub(super) fn believed(cx: &Cx<'_>, key: &ReleaseKey, (status, word): (Status, String)) -> (Status, String) {
    match cx.model.stale(key) {
        Some(_) => (Status::Unknown, format!("was {word}")),
        None => (status, word),
    }
}

/// Parts side by side, empty ones left out.
fn row_of(cx: &Cx<'_>, parts: Vec<Row>) -> Row {
    let shown = parts.into_iter().filter(|p| !p.is_empty());
    shown.fold(cx.row(Role::Text, " "), |row, part| row.join(part).gap(2))
}

/// How old the data is.
fn data(cx: &Cx<'_>, age: Option<Millis>) -> Row {
    match age {
        None => cx.row(Role::BannerStale, "no data yet"),
        Some(age) if age < cx.model.live() => cx.row(Role::Text, "data live"),
        Some(age) if age > cx.model.stale_after => cx.row(Role::BannerStale, format!("data {} old", coarse(age))),
        Some(age) => cx.row(Role::Text, format!("data {} old", coarse(age))),
    }
}

fn access(cx: &Cx<'_>) -> Row {
    if cx.model.scene.read_only.is_some() { cx.row(Role::StatusPaused, "read-only") } else { Row::default() }
}

/// The connection, where it is not as it should be.
fn link(cx: &Cx<'_>) -> Row {
    let since = coarse(cx.model.now.elapsed(cx.model.link.1));
    match &cx.model.link.0 {
        Link::Up => Row::default(),
        Link::Connecting { to } => cx.status(Status::Progress, &format!("connecting to {to}, {since} ")),
        Link::Lost { .. } => cx.status(Status::Fail, &format!("connection lost {since} ago ")),
        Link::Barred { .. } => cx.status(Status::Fail, "not connected "),
    }
}
