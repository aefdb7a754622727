//! Puts the tables of several areas one after the other, at compile time: the faults of servers, and those of clients.

/// How many entries these areas have.
pub(crate) const fn count<T>(areas: &[&[T]]) -> usize {
    let (mut area, mut count) = (0, 0);
    while area < areas.len() {
        count += areas[area].len();
        area += 1;
    }
    count
}

/// The entries of all areas; `N` is their [`count`].
pub(crate) const fn table<T: Copy, const N: usize>(areas: &[&[T]]) -> [T; N] {
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
