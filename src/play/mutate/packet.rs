//! How a single packet is altered: its type, its id, each field of its JSON, its bytes.

use serde_json::Value;

/// The most fields of one packet that are altered.
const MOST_FIELDS: usize = 24;

/// The packet in other forms, each changed in one place, with a name for it. `source` is the text that the line
/// expects: fields which it leaves to a pattern are changed in kind, those which it states are changed in value too.
pub(super) fn altered(packet: &str, source: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let at = packet.find(['{', '[', '"']).unwrap_or(packet.len());
    let (head, json) = packet.split_at(at);
    // Where the line has a pattern, as for an id that it keeps, any text of that kind is as good.
    let literal = source.find('<').unwrap_or(source.len()).min(head.len());
    if literal > 0 {
        let mut characters: Vec<char> = head.chars().collect();
        let last = characters.len().min(literal) - 1;
        for index in if last == 0 { vec![0] } else { vec![0, last] } {
            let before = characters[index];
            characters[index] = if before == '9' { '8' } else { '9' };
            let name = format!("change `{before}` of the head");
            all.push((name, format!("{}{json}", characters.iter().collect::<String>())));
            characters[index] = before;
        }
    }
    let Ok(value) = serde_json::from_str::<Value>(json) else {
        return all;
    };
    let mut paths = Vec::new();
    collect_paths(&value, &mut Vec::new(), &mut paths);
    for path in paths.into_iter().take(MOST_FIELDS) {
        for (name, other) in changes(&value, &path, source) {
            all.push((format!("{name} at {}", show(&path)), format!("{head}{other}")));
        }
    }
    all
}

/// The bytes in other forms.
pub(super) fn altered_bytes(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![("add a byte".to_owned(), [bytes, &[0x5a]].concat())];
    if let Some((last, head)) = bytes.split_last() {
        all.push(("drop the last byte".into(), head.to_vec()));
        all.push(("flip a bit".into(), [head, &[last ^ 1]].concat()));
    }
    all
}

#[derive(Clone)]
enum Place {
    Index(usize),
    Key(String),
}

fn show(path: &[Place]) -> String {
    let parts: Vec<String> = path
        .iter()
        .map(|place| match place {
            Place::Index(index) => format!("[{index}]"),
            Place::Key(key) => format!(".{key}"),
        })
        .collect();
    if parts.is_empty() {
        "the top".into()
    } else {
        parts.concat()
    }
}

fn collect_paths(value: &Value, here: &mut Vec<Place>, paths: &mut Vec<Vec<Place>>) {
    paths.push(here.clone());
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate().take(MOST_FIELDS) {
                here.push(Place::Index(index));
                collect_paths(item, here, paths);
                here.pop();
            }
        }
        Value::Object(members) => {
            for (key, member) in members.iter().take(MOST_FIELDS) {
                here.push(Place::Key(key.clone()));
                collect_paths(member, here, paths);
                here.pop();
            }
        }
        _ => {}
    }
}

fn at<'v>(value: &'v mut Value, path: &[Place]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, place| match place {
        Place::Index(index) => value.get_mut(*index),
        Place::Key(key) => value.get_mut(key),
    })
}

fn changes(value: &Value, path: &[Place], source: &str) -> Vec<(&'static str, Value)> {
    let mut all = Vec::new();
    let mut change = |name, with: &dyn Fn(&mut Value)| {
        let mut other = value.clone();
        if let Some(place) = at(&mut other, path) {
            with(place);
            all.push((name, other));
        }
    };
    let mut probe = value.clone();
    let Some(here) = at(&mut probe, path) else {
        return all;
    };
    let open = source.contains("...");
    // A member that the line does not name is free by its `...`.
    if !named(path, source) {
        return all;
    }
    match here {
        Value::Array(items) => {
            if !open {
                change("add an element", &|v| {
                    if let Value::Array(items) = v {
                        items.push(Value::String("siospec".into()));
                    }
                });
            }
            if !items.is_empty() && !path.is_empty() {
                change("empty the array", &|v| *v = Value::Array(Vec::new()));
            }
            if !path.is_empty() {
                change("make it a number", &|v| *v = 7.into());
            }
        }
        Value::Object(members) => {
            if !open {
                change("add a member", &|v| {
                    if let Value::Object(members) = v {
                        members.insert("siospec".into(), Value::Null);
                    }
                });
            }
            for key in members
                .keys()
                .filter(|key| source.contains(&format!("\"{key}\"")))
            {
                change("drop a member", &|v| {
                    if let Value::Object(members) = v {
                        members.shift_remove(key);
                    }
                });
            }
            if !path.is_empty() {
                change("make it a number", &|v| *v = 7.into());
            }
        }
        Value::String(text) => {
            change("make it a number", &|v| *v = 7.into());
            if source.contains(&Value::String(text.clone()).to_string()) {
                change("change the text", &|v| *v = Value::String(format!("{text}x")));
            }
        }
        Value::Number(number) => {
            change("make it a text", &|v| *v = Value::String("siospec".into()));
            if source.contains(&number.to_string()) {
                change("change the number", &|v| *v = 987_654_321.into());
            }
        }
        Value::Bool(_) | Value::Null => {
            change("make it a text", &|v| *v = Value::String("siospec".into()));
        }
    }
    all
}

/// Whether the line speaks of this place at all: it names its key, or states an element.
fn named(path: &[Place], source: &str) -> bool {
    path.iter()
        .rev()
        .find_map(|place| {
            if let Place::Key(key) = place {
                Some(key)
            } else {
                None
            }
        })
        .is_none_or(|key| source.contains(&format!("\"{key}\"")))
}
