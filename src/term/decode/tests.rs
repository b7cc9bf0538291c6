use proptest::prelude::*;

use super::*;

const HOLD: Duration = Duration::from_millis(25);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn drain(decoder: &mut Decoder) -> Vec<Typed> {
    std::iter::from_fn(|| decoder.pop()).collect()
}

/// Everything in one read, then silence.
fn typed(bytes: &[u8]) -> Vec<Typed> {
    let mut decoder = Decoder::new(HOLD);
    decoder.feed(bytes, ms(0));
    decoder.expire(ms(10_000));
    drain(&mut decoder)
}

fn key(code: KeyCode, held: KeyModifiers) -> Typed {
    Typed::Key(KeyEvent::new(code, held))
}

fn plain(code: KeyCode) -> Typed {
    key(code, KeyModifiers::NONE)
}

#[test]
fn keys_that_people_press() {
    let cases: [(&[u8], Typed); 22] = [
        (b"j", plain(KeyCode::Char('j'))),
        (b"P", key(KeyCode::Char('P'), KeyModifiers::SHIFT)),
        (b"\r", plain(KeyCode::Enter)),
        (b"\t", plain(KeyCode::Tab)),
        (b"\x7f", plain(KeyCode::Backspace)),
        (b"\x12", key(KeyCode::Char('r'), KeyModifiers::CONTROL)),
        (b"\x1a", key(KeyCode::Char('z'), KeyModifiers::CONTROL)),
        (b"\x1b", plain(KeyCode::Esc)),
        (b"\x1bx", key(KeyCode::Char('x'), KeyModifiers::ALT)),
        (b"\x1b[A", plain(KeyCode::Up)),
        (b"\x1bOB", plain(KeyCode::Down)),
        (b"\x1b[1;5C", key(KeyCode::Right, KeyModifiers::CONTROL)),
        (b"\x1b[Z", key(KeyCode::BackTab, KeyModifiers::SHIFT)),
        (b"\x1b[5~", plain(KeyCode::PageUp)),
        (b"\x1b[6;2~", key(KeyCode::PageDown, KeyModifiers::SHIFT)),
        (b"\x1b[15~", plain(KeyCode::F(5))),
        (b"\x1b[[A", plain(KeyCode::F(1))),
        (b"\x1bOP", plain(KeyCode::F(1))),
        (b"\x1b[24~", plain(KeyCode::F(12))),
        ("é".as_bytes(), plain(KeyCode::Char('é'))),
        ("語".as_bytes(), plain(KeyCode::Char('語'))),
        (b"\x1b[I", Typed::Focus(true)),
    ];
    for (bytes, want) in cases {
        assert_eq!(typed(bytes), [want], "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn a_sequence_split_by_the_network_is_still_one_key() {
    for gaps in [[5, 5], [20, 200], [0, 24]] {
        let mut decoder = Decoder::new(HOLD);
        let mut now = ms(100);
        for (part, gap) in [(&b"\x1b"[..], gaps[0]), (b"[", gaps[1]), (b"A", 0)] {
            decoder.feed(part, now);
            now += ms(gap);
        }
        assert_eq!(drain(&mut decoder), [plain(KeyCode::Up)], "{gaps:?}");
    }
}

#[test]
fn a_lone_escape_comes_after_its_hold_and_not_before() {
    let mut decoder = Decoder::new(HOLD);
    decoder.feed(b"\x1b", ms(100));
    assert_eq!(decoder.deadline(), Some(ms(125)));
    decoder.expire(ms(124));
    assert_eq!(decoder.pop(), None);
    decoder.expire(ms(125));
    assert_eq!(drain(&mut decoder), [plain(KeyCode::Esc)]);
    assert_eq!(decoder.deadline(), None);
    decoder.feed(b"\x1b\x1b", ms(200));
    decoder.expire(ms(300));
    assert_eq!(drain(&mut decoder), [plain(KeyCode::Esc), plain(KeyCode::Esc)]);
}

#[test]
fn half_a_sequence_never_becomes_commands() {
    assert_eq!(typed(b"\x1b[1;"), []);
    assert_eq!(typed(b"\x1b[12;40R"), [], "an answer to a question about the cursor");
    assert_eq!(typed(b"\x1b]11;rgb:0000/0000/0000\x1b\\q"), [plain(KeyCode::Char('q'))]);
    assert_eq!(typed(b"\x1b[?62;4c"), []);
    assert_eq!(typed(b"\xff\xfe\x80"), []);
}

#[test]
fn a_paste_is_one_text_whatever_it_holds() {
    let text = "yes\ry\x1b[A\x12 \u{8a9e}";
    let wrapped = format!("\x1b[200~{text}\x1b[201~j");
    let want = vec![Typed::Paste("yes\ny\x1b[A\x12 \u{8a9e}".to_owned()), plain(KeyCode::Char('j'))];
    assert_eq!(typed(wrapped.as_bytes()), want);
    let mut decoder = Decoder::new(HOLD);
    for (n, byte) in wrapped.bytes().enumerate() {
        decoder.feed(&[byte], ms(u64::try_from(n).unwrap()));
    }
    assert_eq!(drain(&mut decoder), want, "byte by byte");
}

#[test]
fn a_paste_without_an_end_is_a_paste_all_the_same() {
    assert_eq!(typed(b"\x1b[200~yyy"), [Typed::Paste("yyy".to_owned())]);
    let mut huge = b"\x1b[200~".to_vec();
    huge.extend(vec![b'x'; PASTE_MAX * 2]);
    huge.extend(b"\x1b[201~q");
    let got = typed(&huge);
    assert_eq!(got.len(), 2);
    assert_eq!(got[0], Typed::Paste("x".repeat(PASTE_MAX)));
}

proptest! {
    /// How bytes are cut into reads changes nothing, as long as they arrive in time.
    #[test]
    fn cuts_do_not_matter(bytes in proptest::collection::vec(prop_oneof![Just(0x1b), Just(b'['), Just(b'O'), any::<u8>()], 0..64), cut in 0usize..64) {
        let whole = typed(&bytes);
        let mut decoder = Decoder::new(HOLD);
        let (a, b) = bytes.split_at(cut.min(bytes.len()));
        decoder.feed(a, ms(0));
        decoder.feed(b, ms(10));
        decoder.expire(ms(10_000));
        prop_assert_eq!(drain(&mut decoder), whole);
    }
}
