//! Colours and how near they are to each other, measured in OKLab, where distance is what eyes see.

use ratatui::style::Color;

use super::depth::Depth;

/// A colour with 8 bits a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// The sixteen names a terminal gives its own colours, with what most terminals show for them.
const ANSI: [(&str, Color, Rgb); 16] = [
    ("black", Color::Black, Rgb(0, 0, 0)),
    ("red", Color::Red, Rgb(205, 49, 49)),
    ("green", Color::Green, Rgb(13, 188, 121)),
    ("yellow", Color::Yellow, Rgb(229, 229, 16)),
    ("blue", Color::Blue, Rgb(36, 114, 200)),
    ("magenta", Color::Magenta, Rgb(188, 63, 188)),
    ("cyan", Color::Cyan, Rgb(17, 168, 205)),
    ("white", Color::Gray, Rgb(229, 229, 229)),
    ("bright-black", Color::DarkGray, Rgb(102, 102, 102)),
    ("bright-red", Color::LightRed, Rgb(241, 76, 76)),
    ("bright-green", Color::LightGreen, Rgb(35, 209, 139)),
    ("bright-yellow", Color::LightYellow, Rgb(245, 245, 67)),
    ("bright-blue", Color::LightBlue, Rgb(59, 142, 234)),
    ("bright-magenta", Color::LightMagenta, Rgb(214, 112, 214)),
    ("bright-cyan", Color::LightCyan, Rgb(41, 184, 219)),
    ("bright-white", Color::White, Rgb(255, 255, 255)),
];

/// A colour as a theme describes it: exact, and what to take instead where the terminal shows fewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paint {
    /// The colour.
    pub rgb: Rgb,
    /// Its number in xterm's 256, where the nearest one is not the best one.
    pub x256: Option<u8>,
    /// Its number among the terminal's sixteen, likewise.
    pub ansi: Option<u8>,
}

impl Paint {
    /// A colour without substitutes.
    pub const fn new(rgb: Rgb) -> Paint {
        Paint { rgb, x256: None, ansi: None }
    }

    /// The colour to write at a depth; `None` where there is no colour.
    pub fn at(&self, depth: Depth) -> Option<Color> {
        match depth {
            Depth::Mono => None,
            Depth::Ansi16 => ansi_color(self.ansi.unwrap_or_else(|| nearest_ansi(self.rgb))),
            Depth::Ansi256 => Some(Color::Indexed(self.x256.unwrap_or_else(|| nearest_256(self.rgb)))),
            Depth::True => Some(Color::Rgb(self.rgb.0, self.rgb.1, self.rgb.2)),
        }
    }
}

impl Rgb {
    /// Reads `#rrggbb`.
    pub fn parse(text: &str) -> Option<Rgb> {
        let hex = text.strip_prefix('#').filter(|h| h.len() == 6 && h.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let n = u32::from_str_radix(hex, 16).ok()?.to_be_bytes();
        let [_, r, g, b] = n;
        Some(Rgb(r, g, b))
    }

    fn linear(self) -> [f64; 3] {
        [self.0, self.1, self.2].map(|channel| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        })
    }

    /// Lightness, green–red and blue–yellow, as eyes see them.
    pub fn oklab(self) -> [f64; 3] {
        let [r, g, b] = self.linear();
        let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
        let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
        let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
        [
            0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
            1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
            0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
        ]
    }

    /// How different two colours look; 1 is black against white.
    pub fn distance(self, other: Rgb) -> f64 {
        self.oklab().iter().zip(other.oklab()).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
    }

    /// WCAG 2 contrast, 1–21.
    pub fn contrast(self, other: Rgb) -> f64 {
        let luminance = |c: Rgb| {
            let [r, g, b] = c.linear();
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(self), luminance(other));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }
}

/// The number of one of the terminal's sixteen colours.
pub fn ansi_number(name: &str) -> Option<u8> {
    ANSI.iter().position(|(n, ..)| *n == name).and_then(|n| u8::try_from(n).ok())
}

fn ansi_color(number: u8) -> Option<Color> {
    ANSI.get(usize::from(number)).map(|(_, color, _)| *color)
}

fn nearest_ansi(rgb: Rgb) -> u8 {
    nearest(rgb, (0..).zip(ANSI).map(|(n, (_, _, c))| (n, c)))
}

/// Never 0–15: people change those.
fn nearest_256(rgb: Rgb) -> u8 {
    nearest(rgb, (16..=255).map(|n| (n, xterm(n))))
}

fn nearest(rgb: Rgb, colors: impl Iterator<Item = (u8, Rgb)>) -> u8 {
    colors.min_by(|(_, a), (_, b)| rgb.distance(*a).total_cmp(&rgb.distance(*b))).map_or(0, |(n, _)| n)
}

/// What xterm shows for 16–255: a cube of six levels, then 24 greys.
pub fn xterm(number: u8) -> Rgb {
    if number >= 232 {
        let grey = (number - 232) * 10 + 8;
        return Rgb(grey, grey, grey);
    }
    let n = number.saturating_sub(16);
    let level = |i: u8| if i == 0 { 0 } else { 55 + i * 40 };
    Rgb(level(n / 36), level(n / 6 % 6), level(n % 6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_read_and_compare() {
        assert_eq!(Rgb::parse("#5fb38a"), Some(Rgb(0x5f, 0xb3, 0x8a)));
        for bad in ["5fb38a", "#5fb38", "#5fb38g", "#+12345", ""] {
            assert_eq!(Rgb::parse(bad), None, "{bad}");
        }
        let (black, white) = (Rgb(0, 0, 0), Rgb(255, 255, 255));
        assert!((black.contrast(white) - 21.0).abs() < 1e-9);
        assert!((black.distance(white) - 1.0).abs() < 1e-3);
    }

    #[test]
    fn the_nearest_of_256_is_never_one_that_people_change() {
        for n in 16..=255 {
            let found = Paint::new(xterm(n)).at(Depth::Ansi256).unwrap();
            // The cube and the greys share a few colours.
            let Color::Indexed(found) = found else { panic!("{found:?}") };
            assert_eq!(xterm(found), xterm(n));
            assert!(found >= 16);
        }
        assert_eq!(Paint::new(Rgb(205, 49, 49)).at(Depth::Ansi16), Some(Color::Red));
        assert_eq!(Paint::new(Rgb(205, 49, 49)).at(Depth::Mono), None);
    }
}
