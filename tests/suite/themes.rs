//! Every built-in theme: complete, readable, and clear to eyes that see colours differently.

use cutover::theme::color::{Rgb, xterm};
use cutover::theme::library::BUILTIN;
use cutover::theme::{Depth, Library, Role, Theme};
use ratatui::style::{Color, Modifier, Style};

const STATUS: [Role; 6] =
    [Role::StatusOk, Role::StatusProgress, Role::StatusPaused, Role::StatusWarn, Role::StatusFail, Role::StatusUnknown];

fn names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(name, _)| *name)
}

fn rgb(color: Option<Color>) -> Option<Rgb> {
    match color? {
        Color::Rgb(r, g, b) => Some(Rgb(r, g, b)),
        Color::Indexed(n) => Some(xterm(n)),
        other => panic!("{other:?} at a depth that has no such colour"),
    }
}

#[test]
fn every_theme_loads_without_a_warning_at_every_depth() {
    for name in names() {
        for depth in Depth::ALL {
            let (theme, warnings) = Library::builtin().load(name, depth);
            assert_eq!(warnings, [], "{name}");
            for role in Role::ALL {
                check_depth(name, depth, *role, theme.style(*role));
            }
        }
    }
}

fn check_depth(name: &str, depth: Depth, role: Role, style: Style) {
    for color in [style.fg, style.bg].into_iter().flatten() {
        let fits = match depth {
            Depth::Mono => false,
            Depth::Ansi16 => !matches!(color, Color::Rgb(..) | Color::Indexed(_)),
            Depth::Ansi256 => matches!(color, Color::Indexed(16..)),
            Depth::True => matches!(color, Color::Rgb(..)),
        };
        assert!(fits, "{name} {}: {color:?} at {depth}", role.name());
    }
}

#[test]
fn text_can_be_read_on_the_background_it_was_made_for() {
    for name in ["dark", "light"] {
        let background = Library::builtin().background(name).unwrap();
        for depth in [Depth::True, Depth::Ansi256] {
            let theme = Theme::builtin(name, depth);
            for role in Role::ALL {
                let style = theme.style(*role);
                let behind = rgb(style.bg).unwrap_or(background);
                let contrast = rgb(style.fg).map_or(21.0, |fg| fg.contrast(behind));
                let wanted = match role {
                    Role::Border => 1.5,
                    Role::BorderFocus => 3.0,
                    _ => 4.5,
                };
                assert!(contrast >= wanted, "{name} {}: {contrast:.2} of {wanted} at {depth}", role.name());
            }
        }
    }
}

#[test]
fn substitutes_look_like_what_they_stand_for() {
    for name in ["dark", "light"] {
        for role in Role::ALL {
            let (exact, near) = (Theme::builtin(name, Depth::True).style(*role), Theme::builtin(name, Depth::Ansi256).style(*role));
            for (a, b) in [(exact.fg, near.fg), (exact.bg, near.bg)] {
                let Some((a, b)) = rgb(a).zip(rgb(b)) else { continue };
                assert!(a.distance(b) < 0.12, "{name} {}: {a:?} and {b:?} are {:.3} apart", role.name(), a.distance(b));
            }
        }
    }
}

/// Machado, Oliveira and Fernandes 2009, severity 1, on linear light.
const PROTAN: [[f64; 3]; 3] = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]];
const DEUTAN: [[f64; 3]; 3] = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]];
const TRITAN: [[f64; 3]; 3] = [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]];

fn seen_by(eyes: [[f64; 3]; 3], Rgb(r, g, b): Rgb) -> Rgb {
    let linear = [r, g, b].map(|c| {
        let c = f64::from(c) / 255.0;
        if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    let out = eyes.map(|row| {
        let c: f64 = row.iter().zip(linear).map(|(a, b)| a * b).sum::<f64>().clamp(0.0, 1.0);
        let c = if c <= 0.003_130_8 { c * 12.92 } else { 1.055 * c.powf(1.0 / 2.4) - 0.055 };
        (c * 255.0).round() as u8
    });
    Rgb(out[0], out[1], out[2])
}

#[test]
fn good_and_bad_differ_for_every_eye() {
    for name in ["dark", "light"] {
        let theme = Theme::builtin(name, Depth::True);
        let good = rgb(theme.style(Role::StatusOk).fg).unwrap();
        for role in [Role::StatusFail, Role::StatusWarn] {
            let bad = rgb(theme.style(role).fg).unwrap();
            for (eyes, who) in [(PROTAN, "protan"), (DEUTAN, "deutan"), (TRITAN, "tritan")] {
                let apart = seen_by(eyes, good).distance(seen_by(eyes, bad));
                assert!(apart > 0.07, "{name} ok and {} are {apart:.3} apart for {who} eyes", role.name());
            }
        }
    }
}

#[test]
fn without_colours_what_must_be_seen_stands_out() {
    for name in names() {
        let theme = Theme::builtin(name, Depth::Mono);
        for role in [Role::RowSelected, Role::StatusFail, Role::HeaderProduction, Role::KeyBack, Role::BannerStale] {
            assert!(theme.style(role).add_modifier.contains(Modifier::REVERSED), "{name} {}", role.name());
        }
        let plain = theme.style(Role::Text);
        for role in [Role::StatusWarn, Role::StatusPaused, Role::TitleFocus, Role::Key, Role::DiffAfter] {
            assert_ne!(theme.style(role), plain, "{name} {}", role.name());
        }
    }
}

#[test]
fn statuses_differ_pairwise_on_sixteen_colours() {
    for name in ["dark", "light"] {
        let theme = Theme::builtin(name, Depth::Ansi16);
        for (n, a) in STATUS.iter().enumerate() {
            for b in &STATUS[n + 1..] {
                assert_ne!(theme.style(*a), theme.style(*b), "{name} {} {}", a.name(), b.name());
            }
        }
    }
}
