//! What is decoded and encoded, for all contestants alike.

use bytes::Bytes;

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Task {
    pub(crate) input: Input,
    pub(crate) encode: bool,
}

/// What is decoded and encoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Input {
    /// An event of 18 bytes.
    Small,
    /// An event with 10 KB of JSON.
    Large,
    /// An event with two attachments of 1 KB.
    Binary,
    /// An Engine.IO payload of 16 packets, each with a small event.
    Payload,
}

/// The bytes of all of them.
pub(crate) struct Inputs {
    pub(crate) small: Event,
    pub(crate) large: Event,
    pub(crate) binary: Event,
    pub(crate) payload: String,
}

/// An event, as it is sent and in its parts.
pub(crate) struct Event {
    pub(crate) name: &'static str,
    /// Its arguments as a JSON array, with placeholders.
    pub(crate) arguments: String,
    pub(crate) text: String,
    pub(crate) attachments: Vec<Bytes>,
}

impl Task {
    /// Every line, in the order of the table.
    pub(crate) const ALL: [Self; 8] = {
        const fn both(input: Input) -> [Task; 2] {
            [Task { input, encode: false }, Task { input, encode: true }]
        }
        let [small, large] = [both(Input::Small), both(Input::Large)];
        let [binary, payload] = [both(Input::Binary), both(Input::Payload)];
        [
            small[0], small[1], large[0], large[1], binary[0], binary[1], payload[0], payload[1],
        ]
    };

    /// Its name in the table, and for Node.
    pub(crate) fn name(self) -> &'static str {
        match (self.input, self.encode) {
            (Input::Small, false) => "small event, decode",
            (Input::Small, true) => "small event, encode",
            (Input::Large, false) => "10 KB event, decode",
            (Input::Large, true) => "10 KB event, encode",
            (Input::Binary, false) => "binary event, decode",
            (Input::Binary, true) => "binary event, encode",
            (Input::Payload, false) => "payload of 16, decode",
            (Input::Payload, true) => "payload of 16, encode",
        }
    }
}

impl Event {
    fn new(name: &'static str, arguments: &str, attachments: Vec<Bytes>) -> Self {
        let kind = if attachments.is_empty() {
            "2".to_owned()
        } else {
            format!("5{}-", attachments.len())
        };
        Self {
            name,
            text: format!("{kind}[\"{name}\",{arguments}]"),
            arguments: format!("[{arguments}]"),
            attachments,
        }
    }
}

impl Inputs {
    pub(crate) fn new() -> Self {
        let small = Event::new("message", "\"hi!\"", Vec::new());
        let placeholders = r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#;
        let attachment = |step: u32| (0..1024).map(|index: u32| (index * step) as u8).collect();
        let packet = format!("4{}", small.text);
        Self {
            large: Event::new("records", &records(), Vec::new()),
            binary: Event::new("upload", placeholders, vec![attachment(1), attachment(2)]),
            payload: vec![packet.as_str(); 16].join("\u{1e}"),
            small,
        }
    }

    /// The event of an input; none for a payload.
    pub(crate) fn event(&self, input: Input) -> Option<&Event> {
        match input {
            Input::Small => Some(&self.small),
            Input::Large => Some(&self.large),
            Input::Binary => Some(&self.binary),
            Input::Payload => None,
        }
    }

    /// The limit: copying the bytes.
    pub(crate) fn copy(&self, task: Task) -> impl FnMut() -> (String, Vec<Vec<u8>>) + '_ {
        let event = self.event(task.input);
        let text = event.map_or(&self.payload, |event| &event.text);
        let attachments = event.map_or(&[][..], |event| &event.attachments);
        move || {
            let text = std::hint::black_box(text).to_owned();
            (text, attachments.iter().map(|data| data.to_vec()).collect())
        }
    }
}

/// A list of records, as an application sends them: texts, numbers, nested objects, a few escapes.
fn records() -> String {
    let mut text = String::from("[");
    let mut index = 0;
    while text.len() < 10_000 {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&format!(
            concat!(
                r#"{{"id":{id},"name":"Record number {id}","active":{active},"score":{score},"tags":["red","green","#,
                r#""blue"],"position":{{"x":{x},"y":-{y},"note":null}},"text":"A line\nand \"another\" one, é €"}}"#
            ),
            id = 1000 + index,
            active = index % 3 == 0,
            score = f64::from(index) * 1.25 + 0.5,
            x = index * 7,
            y = index * 11,
        ));
        index += 1;
    }
    text.push(']');
    text
}
