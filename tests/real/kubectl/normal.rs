//! What differs between any two clusters in what kubectl prints, and is made equal before it is compared. Nothing else is.

use std::net::SocketAddrV4;
use std::str::FromStr;

use crate::conformance::normal::{self as api, tokens};

/// Makes a text equal.
pub fn equal(text: &str) -> String {
    let text = stamps(text);
    let mut lines: Vec<String> = text.lines().map(line).collect();
    order(&mut lines);
    let mut uids = Vec::new();
    // 3: uids are numbered as they appear: who has the same as whom is compared.
    tokens(&lines.join("\n"), |token| api::is_uid(token).then(|| format!("<uid {}>", api::index(&mut uids, token))))
}

fn line(line: &str) -> String {
    let line = version(line);
    let line = tokens(&line, |token| api::token(token).or_else(|| address(token)).or_else(|| node(token)));
    widths(&line)
}

/// 1: times as `describe` writes them: `Tue, 24 Nov 2026 19:41:39 +0000`. The other form is the API's.
fn stamps(text: &str) -> String {
    const LONG: usize = "Tue, 24 Nov 2026 19:41:39 +0000".len();
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(", ").filter(|at| *at >= 3) {
        let start = at - 3;
        match rest.get(start..start + LONG) {
            Some(stamp) if jiff::fmt::rfc2822::parse(stamp).is_ok() => {
                out.push_str(&rest[..start]);
                out.push_str("<time>");
                rest = &rest[start + LONG..];
            }
            _ => {
                out.push_str(&rest[..at + 2]);
                rest = &rest[at + 2..];
            }
        }
    }
    out + rest
}

/// 2: resource versions, as YAML, JSON and `describe` write them.
fn version(line: &str) -> String {
    let Some((key, value)) = line.split_once(':') else { return line.to_owned() };
    let is_key = key.trim().trim_matches('"').eq_ignore_ascii_case("resourceVersion") || key.trim() == "Resource Version";
    let bare: String = value.chars().filter(char::is_ascii_digit).collect();
    if is_key && !bare.is_empty() { format!("{key}:{}", value.replace(&bare, "<version>")) } else { line.to_owned() }
}

/// 4: addresses of pods and Services with a port.
fn address(token: &str) -> Option<String> {
    SocketAddrV4::from_str(token).is_ok().then(|| format!("<address>:{}", token.rsplit(':').next().unwrap_or_default()))
}

/// 5: on which of the two nodes a pod came to run.
fn node(token: &str) -> Option<String> {
    matches!(token, "node-1" | "node-2").then(|| "<node>".to_owned())
}

/// 6: ages in the cells of tables: `12s`, `3m4s (x3 over 5m)`, `2 (3s ago)`. The embedded cluster's time may be ahead of
/// kubectl's, which calls an age `<invalid>` then.
fn age(cell: &str) -> String {
    let is_age = |word: &str| {
        let digits = word.starts_with(|first: char| first.is_ascii_digit()) && word.ends_with(['s', 'm', 'h']);
        word == "<invalid>" || (digits && word.bytes().all(|byte| byte.is_ascii_digit() || b"smh".contains(&byte)))
    };
    let words: Vec<&str> = cell.split(' ').collect();
    match words.as_slice() {
        [one] if is_age(one) => "<age>".to_owned(),
        [one, count, "over", other] if is_age(one) && is_age(other.trim_end_matches(')')) => format!("<age> {count} over <age>)"),
        [count, one, "ago)"] if is_age(one.trim_start_matches('(')) => format!("{count} (<age> ago)"),
        _ => cell.to_owned(),
    }
}

/// 7: how wide the columns are, which the longest age decides.
fn widths(line: &str) -> String {
    let line = line.replace('\t', "  ");
    let indent = line.len() - line.trim_start_matches(' ').len();
    let (indent, rest) = line.split_at(indent);
    let cells: Vec<&str> = rest.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    // A line with a name and a colon is no row of a table: what looks like an age there is a number of thousandths.
    let is_row = cells.len() > 1 && !cells[0].ends_with(':') && !cells[0].contains(": ");
    let cells = cells.into_iter().map(|cell| if is_row { age(cell) } else { cell.to_owned() });
    format!("{indent}{}", cells.collect::<Vec<_>>().join("  "))
}

/// 8: generated names have no order: rows that hold one are sorted among themselves.
fn order(lines: &mut [String]) {
    let is_row = |line: &String| line.contains(api::ENDING) && !line.starts_with([' ', '-', '{']);
    lines.chunk_by_mut(|a, b| is_row(a) && is_row(b)).for_each(<[String]>::sort);
}

/// 9: how much pods and nodes use, in what `top` prints.
pub fn amounts(text: &str) -> String {
    let is_amount = |word: &str| ["m", "Mi"].iter().any(|unit| word.strip_suffix(unit).is_some_and(|n| n.parse::<u64>().is_ok()));
    let text = tokens(text, |token| is_amount(token).then(|| "<amount>".to_owned()));
    // A share stands beside its amount.
    text.chars().fold(String::new(), |mut out, letter| {
        if letter == '%' && out.ends_with(|last: char| last.is_ascii_digit()) {
            out.truncate(out.trim_end_matches(|last: char| last.is_ascii_digit()).len());
            out += "<share>";
        } else {
            out.push(letter);
        }
        out
    })
}

#[test]
fn only_what_must_differ_is_made_equal() {
    let text = "NAME                   READY   AGE     IP            NODE\nweb-5d9c7b8f6d-x2k4p   1/1     3m4s    10.1.0.3      node-2\n";
    assert_eq!(equal(text), "NAME  READY  AGE  IP  NODE\nweb-5d9c7b8f6d-<ending>  1/1  <age>  <address>  <node>");
    assert_eq!(equal("Start Time:   Tue, 24 Nov 2026 19:41:39 +0000"), "Start Time:  <time>");
    assert_eq!(equal("  resourceVersion: \"77\"\n  generation: 77"), "  resourceVersion: \"<version>\"\n  generation: 77");
    assert_eq!(equal("http-get http://:80/ delay=0s timeout=1s"), "http-get http://:80/ delay=0s timeout=1s");
    assert_eq!(equal("      cpu:     100m"), "      cpu:  100m");
    assert_eq!(equal("  Normal  Pulled  12s (x3 over 4m)  kubelet  x"), "  Normal  Pulled  <age> (x3 over <age>)  kubelet  x");
    assert_eq!(equal("web-x2k4p   1/1   Running   2 (3s ago)   <invalid>"), "web-<ending>  1/1  Running  2 (<age> ago)  <age>");
    assert_eq!(equal("Endpoints: 10.1.0.3:80,10.1.0.4:80"), "Endpoints: <address>:80,<address>:80");
    assert_eq!(equal(&amounts("web-x2k4p   20m     50Mi")), "web-<ending>  <amount>  <amount>");
    assert_eq!(
        equal(&amounts("node-1   140m   3%   1000Mi   12%\nnode-2   1m   0%   1Mi   1%")),
        "<node>  <amount>  <share>  <amount>  <share>\n<node>  <amount>  <share>  <amount>  <share>"
    );
    let uid = "01234567-89ab-cdef-0123-456789abcdef";
    assert_eq!(equal(&format!("uid: {uid}\nuid: {uid}")), "uid: <uid 1>\nuid: <uid 1>");
}
