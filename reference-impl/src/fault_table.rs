//! What every deliberate fault has, of a server or of a client, and the table of all areas, made at compile time.

/// What is known of a deliberate fault.
#[derive(Clone, Copy, Debug)]
pub struct FaultInfo {
    /// What it is called, in words with dashes.
    pub name: &'static str,
    /// The part of the protocol that it breaks, named as the folders of the cases are.
    pub area: &'static str,
    /// The ids of the rules that it breaks.
    pub breaks: &'static [&'static str],
    /// What the server or client does.
    pub sentence: &'static str,
}

/// A deliberate fault; `S` are the seams around the layers that it is made of.
pub(crate) struct Entry<S: ?Sized + 'static> {
    pub(crate) name: &'static str,
    pub(crate) area: &'static str,
    pub(crate) breaks: &'static [&'static str],
    pub(crate) sentence: &'static str,
    pub(crate) build: fn() -> Box<S>,
}

impl<S: ?Sized> Clone for Entry<S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: ?Sized> Copy for Entry<S> {}

/// How many faults these areas have.
pub(crate) const fn count<S: ?Sized>(areas: &[&[Entry<S>]]) -> usize {
    let (mut area, mut count) = (0, 0);
    while area < areas.len() {
        count += areas[area].len();
        area += 1;
    }
    count
}

/// The faults of all areas; `N` is their [`count`].
pub(crate) const fn table<S: ?Sized, const N: usize>(areas: &[&[Entry<S>]]) -> [Entry<S>; N] {
    let mut table = [areas[0][0]; N];
    let (mut area, mut filled) = (0, 0);
    while area < areas.len() {
        let mut index = 0;
        while index < areas[area].len() {
            table[filled] = areas[area][index];
            filled += 1;
            index += 1;
        }
        area += 1;
    }
    table
}

/// What is known of each fault of a table.
pub(crate) const fn infos<S: ?Sized, const N: usize>(table: &[Entry<S>; N]) -> [FaultInfo; N] {
    let unknown = FaultInfo {
        name: "",
        area: "",
        breaks: &[],
        sentence: "",
    };
    let mut infos = [unknown; N];
    let mut index = 0;
    while index < N {
        let entry = &table[index];
        infos[index] = FaultInfo {
            name: entry.name,
            area: entry.area,
            breaks: entry.breaks,
            sentence: entry.sentence,
        };
        index += 1;
    }
    infos
}
