//! A directory of recordings that never holds more than so many bytes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;

/// How the files that are ours end. No other file is counted or removed.
const ENDING: &str = ".decisions.jsonl";
/// A file is put aside at this part of the whole, so that the oldest decisions go in portions.
const PORTIONS: u64 = 8;

/// The directory. It has one writer.
pub struct Files {
    directory: PathBuf,
    most: u64,
    total: u64,
}

impl Files {
    /// Makes the directory where it is missing. All files of ours together hold at most `most` bytes.
    pub fn open(directory: &Path, most: u64) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let mut files = Self { directory: directory.to_owned(), most, total: 0 };
        files.total = sum(&files.oldest_first()?);
        files.make_room(0)?;
        Ok(files)
    }

    /// Adds a line to the file of this name. Where it does not fit, the oldest files go; a line that never fits is an
    /// error.
    pub fn append(&mut self, name: &str, line: &str) -> io::Result<()> {
        let added = self.add(name, line);
        if added.is_err() {
            // How much of the line was written is not known.
            self.total = self.oldest_first().map_or(self.total, |files| sum(&files));
        }
        added
    }

    fn add(&mut self, name: &str, line: &str) -> io::Result<()> {
        // One more for the end of the line, and one for that of a line before which broke off.
        let bytes = length(line).saturating_add(2);
        if bytes > self.most {
            return Err(io::Error::other(format!("a record of {bytes} bytes is more than there may be")));
        }
        let path = self.directory.join(format!("{name}{ENDING}"));
        let size = fs::metadata(&path).map_or(0, |file| file.len());
        if size > 0 && size.saturating_add(bytes) > self.most / PORTIONS {
            self.put_aside(name, &path)?;
        }
        self.make_room(bytes)?;
        let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(&path)?;
        let whole = if breaks_off(&mut file)? { format!("\n{line}\n") } else { format!("{line}\n") };
        file.write_all(whole.as_bytes())?;
        self.total = self.total.saturating_add(length(&whole));
        Ok(())
    }

    /// Gives the file a name with the time, under which it is only read.
    fn put_aside(&self, name: &str, path: &Path) -> io::Result<()> {
        let time = Timestamp::now().strftime("%Y%m%dT%H%M%S%9f");
        fs::rename(path, self.directory.join(format!("{name}.{time}{ENDING}")))
    }

    /// Removes the oldest files until so many bytes fit.
    fn make_room(&mut self, bytes: u64) -> io::Result<()> {
        if self.total.saturating_add(bytes) <= self.most {
            return Ok(());
        }
        let files = self.oldest_first()?;
        self.total = sum(&files);
        for (_, path, size) in files {
            if self.total.saturating_add(bytes) <= self.most {
                break;
            }
            fs::remove_file(path)?;
            self.total = self.total.saturating_sub(size);
        }
        Ok(())
    }

    /// Our files with the time of their last line and their size.
    fn oldest_first(&self) -> io::Result<Vec<(SystemTime, PathBuf, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().ends_with(ENDING) {
                let about = entry.metadata()?;
                files.push((about.modified()?, entry.path(), about.len()));
            }
        }
        files.sort();
        Ok(files)
    }
}

fn sum(files: &[(SystemTime, PathBuf, u64)]) -> u64 {
    files.iter().map(|(_, _, size)| size).sum()
}

fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

/// Whether the last line has no end: who wrote it died over it.
fn breaks_off(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// A directory that goes with its owner.
    struct Temporary(PathBuf);

    impl Temporary {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("decisions-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn bytes(&self) -> u64 {
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
        }

        /// All lines of all files of this name.
        fn lines(&self, name: &str) -> Vec<String> {
            let files = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap());
            let files = files.filter(|file| file.file_name().to_string_lossy().starts_with(name));
            let texts = files.map(|file| fs::read_to_string(file.path()).unwrap());
            let mut lines: Vec<String> =
                texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
            lines.sort();
            lines
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_bound_holds_and_the_newest_lines_stay() {
        let directory = Temporary::new("bound");
        let mut files = Files::open(&directory.0, 1_000).unwrap();
        for number in 0..500 {
            files.append("shop.orders", &format!("line {number:04}")).unwrap();
            assert!(directory.bytes() <= 1_000, "{number}");
            assert_eq!(files.total, directory.bytes());
        }
        let lines = directory.lines("shop.orders");
        assert!(lines.len() > 60, "{lines:?}");
        let expected: Vec<String> = (500 - lines.len()..500).map(|number| format!("line {number:04}")).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_bound_holds_over_all_applications_and_over_a_restart() {
        let directory = Temporary::new("restart");
        for round in 0..20 {
            let mut files = Files::open(&directory.0, 1_000).unwrap();
            for application in 0..5 {
                files.append(&format!("shop.app-{application}"), &format!("{round:0>50}")).unwrap();
                assert!(directory.bytes() <= 1_000);
            }
        }
        Files::open(&directory.0, 300).unwrap();
        assert!(directory.bytes() <= 300);
    }

    #[test]
    fn files_of_others_are_neither_counted_nor_removed() {
        let directory = Temporary::new("others");
        let other = directory.0.join("mine.jsonl");
        fs::write(&other, "x".repeat(5_000)).unwrap();
        let mut files = Files::open(&directory.0, 1_000).unwrap();
        for _ in 0..100 {
            files.append("shop.orders", "a line").unwrap();
        }
        assert_eq!(fs::metadata(&other).unwrap().len(), 5_000);
        assert!(directory.bytes() - 5_000 > 500);
    }

    #[test]
    fn a_line_that_never_fits_is_an_error_and_removes_nothing() {
        let directory = Temporary::new("long");
        let mut files = Files::open(&directory.0, 1_000).unwrap();
        files.append("shop.orders", "a line").unwrap();
        assert!(files.append("shop.orders", &"x".repeat(1_000)).is_err());
        assert_eq!(directory.lines("shop.orders"), ["a line"]);
    }

    #[test]
    fn a_line_that_broke_off_spoils_no_other() {
        let directory = Temporary::new("broken");
        fs::write(directory.0.join(format!("shop.orders{ENDING}")), "whole\nhal").unwrap();
        Files::open(&directory.0, 1_000).unwrap().append("shop.orders", "next").unwrap();
        assert_eq!(directory.lines("shop.orders"), ["hal", "next", "whole"]);
    }
}
