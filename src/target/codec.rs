//! A codec as a target: the reference in this process, or a library behind a driver.

use super::driver::{DriverError, DriverProgram, Hello, Pipe, Request};
use super::instance::StartError;
use super::launch::Limits;
use super::manifest::{FuzzEntry, KnownEntry, Manifest};
use super::memory;
use super::raw::RawInputs;
use super::{
    builtin_codec,
    codec_driver::{self, Reply},
};
use crate::outcome::TargetInfo;
use crate::suite::{Codec, Outcome};
use serde_json::Value;
use std::time::Duration;

/// What is tested.
#[derive(Clone, Debug)]
pub struct CodecTarget {
    program: DriverProgram,
    limits: Limits,
    patience: Duration,
}

/// A codec that can be asked.
#[derive(Debug)]
pub struct CodecInstance(Body);

#[derive(Debug)]
enum Body {
    Builtin,
    Driver(Box<Pipe>),
}

/// Several inputs that are encoded or decoded in the same way.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The codec.
    pub codec: Codec,
    /// Whether the inputs are packets to be encoded; otherwise they are lists of frames.
    pub encode: bool,
    /// Whether decoded packets are reported without their data.
    pub without_data: bool,
    /// How often each packet is encoded from the same value, or decoded from the start; the last outcomes count.
    pub repeat: u32,
    /// The inputs, as the driver protocol has them.
    pub inputs: Vec<Value>,
}

impl Batch {
    /// The same for other inputs.
    #[must_use]
    pub fn of(&self, inputs: Vec<Value>) -> Self {
        Self { inputs, ..*self }
    }

    /// The request of the driver protocol, without its id.
    pub fn request(&self) -> Value {
        let (codec, inputs) = (self.codec.word().to_owned(), self.inputs.clone());
        let repeat = (self.repeat > 1).then_some(self.repeat);
        let request = if self.encode {
            Request::Encode {
                codec,
                inputs,
                repeat,
            }
        } else {
            let data = self.without_data.then_some(false);
            Request::Decode {
                codec,
                inputs: Some(inputs),
                bytes: None,
                data,
                repeat,
            }
        };
        Value::Object(request.to_map())
    }
}

/// The request for a batch as it is written, so that nothing need be made of its inputs but their text.
#[derive(Clone, Debug)]
pub struct BatchText {
    codec: Codec,
    encode: bool,
    inputs: usize,
    text: String,
}

impl Default for BatchText {
    fn default() -> Self {
        Self {
            codec: Codec::SocketPacket,
            encode: false,
            inputs: 0,
            text: String::new(),
        }
    }
}

impl BatchText {
    /// Makes this the request for inputs of this kind, of which `write` appends the JSON texts with commas between them.
    pub fn refill(&mut self, codec: Codec, encode: bool, inputs: usize, write: impl FnOnce(&mut String)) {
        self.begin(codec, encode, inputs);
        self.text.push_str(",\"inputs\":[");
        write(&mut self.text);
        self.text.push(']');
    }

    /// The same for inputs of a decoder that stand behind it as raw bytes, for a driver whose hello has `raw`.
    pub fn refill_raw(&mut self, codec: Codec, inputs: &RawInputs) {
        self.begin(codec, false, inputs.len());
        self.text.push_str(",\"bytes\":");
        self.text.push_str(&inputs.bytes().len().to_string());
    }

    fn begin(&mut self, codec: Codec, encode: bool, inputs: usize) {
        (self.codec, self.encode, self.inputs) = (codec, encode, inputs);
        self.text.clear();
        let work = if encode { "encode" } else { "decode" };
        for part in ["\"do\":\"", work, "\",\"codec\":\"", codec.word(), "\""] {
            self.text.push_str(part);
        }
    }

    /// Its members, without the braces around them.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn batch(&self) -> Batch {
        let value: Value = serde_json::from_str(&format!("{{{}}}", self.text)).unwrap_or_default();
        Batch {
            codec: self.codec,
            encode: self.encode,
            without_data: false,
            repeat: 1,
            inputs: value["inputs"].as_array().cloned().unwrap_or_default(),
        }
    }
}

impl CodecTarget {
    /// The codec of the reference, in this process.
    pub fn builtin() -> Self {
        Self::new(DriverProgram::builtin())
    }

    /// A driver that this command starts, in the current folder. `command` has at least one word.
    pub fn command(command: Vec<String>) -> Self {
        Self::new(DriverProgram::command(command))
    }

    /// The codec of a manifest, which was named by `argument`; `None` where it has none.
    pub fn manifest(manifest: Manifest, argument: &str) -> Option<Self> {
        DriverProgram::manifest(manifest, argument, |manifest| manifest.codec.take()).map(Self::new)
    }

    fn new(program: DriverProgram) -> Self {
        Self {
            program,
            limits: Limits::default(),
            patience: Duration::from_secs(10),
        }
    }

    /// The same target, with this much granted to its processes, and so much time for an answer.
    #[must_use]
    pub fn with_limits(self, limits: Limits, patience: Duration) -> Self {
        Self {
            limits,
            patience,
            ..self
        }
    }

    /// What reports call it.
    pub fn info(&self) -> &TargetInfo {
        &self.program.info
    }

    /// What its manifest lists as known failures.
    pub fn known(&self) -> &[KnownEntry] {
        &self.program.known
    }

    /// What its manifest lists as known findings of campaigns.
    pub fn fuzz(&self) -> &[FuzzEntry] {
        &self.program.fuzz
    }

    /// How many bytes of memory its processes may use.
    pub fn memory_limit(&self) -> u64 {
        self.limits.memory
    }

    /// Starts it.
    ///
    /// # Errors
    /// Where its driver cannot be run or does not speak the protocol.
    pub async fn start(&self) -> Result<CodecInstance, StartError> {
        let Some(launch) = &self.program.launch else {
            return Ok(CodecInstance(Body::Builtin));
        };
        match Pipe::start(launch, self.limits, self.patience).await {
            Ok(driver) => {
                driver.widen();
                Ok(CodecInstance(Body::Driver(Box::new(driver))))
            }
            Err(error) => {
                let hint = self.program.hint(&error);
                let error = Box::new(error);
                Err(StartError::Driver { error, hint })
            }
        }
    }
}

impl CodecInstance {
    /// What its driver said of itself; `None` for the reference.
    pub fn hello(&self) -> Option<&Hello> {
        match &self.0 {
            Body::Builtin => None,
            Body::Driver(driver) => Some(&driver.hello),
        }
    }

    /// What it is: what its target does not say of itself is taken from its driver's hello.
    pub fn info(&self, target: &CodecTarget) -> TargetInfo {
        let mut info = target.info().clone();
        if let Some(hello) = self.hello() {
            if info.argument.starts_with("-- ") && !hello.name.is_empty() {
                info.name.clone_from(&hello.name);
            }
            for (field, told) in [
                (&mut info.version, &hello.version),
                (&mut info.language, &hello.language),
            ] {
                if field.is_empty() {
                    field.clone_from(told);
                }
            }
        }
        info
    }

    /// Whether its driver reads the inputs of decoders as raw bytes.
    pub fn reads_raw(&self) -> bool {
        self.hello().is_some_and(|hello| hello.raw)
    }

    /// Whether it has this codec.
    pub fn drives(&self, codec: Codec) -> bool {
        self.hello()
            .is_none_or(|hello| hello.codecs.iter().any(|word| word == codec.word()))
    }

    /// Asks for the outcomes of each input of a batch.
    ///
    /// # Errors
    /// Where no proper answer comes; it must be started again then.
    pub async fn ask(&mut self, batch: &Batch) -> Result<Vec<Vec<Outcome>>, DriverError> {
        match &mut self.0 {
            Body::Builtin => Ok(builtin_codec::answer(batch)),
            Body::Driver(driver) => codec_driver::ask(driver, batch).await,
        }
    }

    /// Sends a request, if there is one, with what stands behind it, and takes the answer to the oldest that was not answered
    /// yet, if it is wanted: that is `sent`. So a driver has work while its last answers are looked at.
    ///
    /// # Errors
    /// Where no line comes; it must be started again then.
    pub async fn pass(
        &mut self,
        next: Option<(&BatchText, &[u8])>,
        sent: Option<&BatchText>,
    ) -> Result<Option<Reply>, DriverError> {
        match &mut self.0 {
            Body::Builtin => Ok(sent.map(|sent| Reply::of(&builtin_codec::answer(&sent.batch())))),
            Body::Driver(driver) => {
                let next = next.map(|(next, behind)| (next.text.as_str(), behind));
                codec_driver::pass(driver, next, sent.map(|sent| sent.inputs)).await
            }
        }
    }

    /// Takes an answer back that is of no use any more, for the sake of its memory.
    pub fn reuse(&mut self, answer: Reply) {
        if let Body::Driver(driver) = &mut self.0 {
            driver.reuse(answer.into_line());
        }
    }

    /// The same, with so much time for an answer.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self(match self.0 {
            Body::Builtin => Body::Builtin,
            Body::Driver(driver) => Body::Driver(Box::new(driver.with_patience(patience))),
        })
    }

    /// How many bytes of memory its processes use now; 0 for the reference.
    pub fn memory(&self) -> u64 {
        match &self.0 {
            Body::Builtin => 0,
            Body::Driver(driver) => driver
                .reader
                .process()
                .map_or(0, |process| memory::used_now(process.pid)),
        }
    }

    /// Asks it to end, and waits until it is gone.
    pub async fn stop(&self) {
        if let Body::Driver(driver) = &self.0 {
            driver.reader.stop().await;
        }
    }
}
