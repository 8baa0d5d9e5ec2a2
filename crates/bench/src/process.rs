//! What the operating system says about a process, on Linux: `/proc` (proc(5)).

use std::{fs, io};

/// A process to be watched.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    folder: String,
    micros_per_tick: u64,
}

/// A process at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// CPU time of all its threads, ended ones too, outside the kernel. The kernel counts in
    /// ticks, of which 100 are a second.
    pub(crate) user_micros: u64,
    /// The same, inside the kernel.
    pub(crate) system_micros: u64,
    /// Resident memory (`VmRSS`).
    pub(crate) rss_bytes: u64,
}

impl Sample {
    /// CPU time in the kernel and outside.
    pub(crate) fn cpu_micros(&self) -> u64 {
        self.user_micros + self.system_micros
    }
}

impl Process {
    /// The process `pid`, or this one.
    pub(crate) fn of(pid: Option<u32>) -> Self {
        let name = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
        Self {
            folder: format!("/proc/{name}"),
            micros_per_tick: 1_000_000 / rustix::param::clock_ticks_per_second().max(1),
        }
    }

    /// Looks at it.
    ///
    /// # Errors
    /// When it has ended, or belongs to another user, or this is not Linux.
    pub(crate) fn sample(&self) -> io::Result<Sample> {
        let stat = fs::read_to_string(format!("{}/stat", self.folder))?;
        let status = fs::read_to_string(format!("{}/status", self.folder))?;
        let odd = || io::Error::new(io::ErrorKind::InvalidData, "/proc has an unknown form");
        let (user, system) = ticks(&stat).ok_or_else(odd)?;
        Ok(Sample {
            user_micros: user * self.micros_per_tick,
            system_micros: system * self.micros_per_tick,
            rss_bytes: resident_kib(&status).ok_or_else(odd)? * 1024,
        })
    }
}

/// CPU time of all programs on this machine, in microseconds, without what the kernel does for the
/// network on its own account: that is part of some program's time already. `None` beyond Linux.
pub(crate) fn machine_micros() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let tick = 1_000_000 / rustix::param::clock_ticks_per_second().max(1);
    Some(busy_ticks(&stat)? * tick)
}

/// User, nice and system time of all processors.
fn busy_ticks(stat: &str) -> Option<u64> {
    let all = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let mut ticks = all.split_ascii_whitespace().take(3);
    ticks.try_fold(0, |sum: u64, field| Some(sum + field.parse::<u64>().ok()?))
}

/// `utime` and `stime`. The name of the program, in parentheses, may hold spaces and parentheses.
fn ticks(stat: &str) -> Option<(u64, u64)> {
    let (_, fields) = stat.rsplit_once(')')?;
    // The first field here is the third of all, the state.
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user = fields.next()?.parse().ok()?;
    let system = fields.next()?.parse().ok()?;
    Some((user, system))
}

fn resident_kib(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_parenthesis_does_not_move_the_fields() {
        let stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20";
        assert_eq!(ticks(stat), Some((250, 50)));
        assert_eq!(ticks("12 (a) S 1"), None);
    }

    #[test]
    fn the_machine_is_busy_with_programs_and_not_with_waiting() {
        assert_eq!(
            busy_ticks("cpu  10 20 30 4000 5 6 7 8\ncpu0 1 2 3\n"),
            Some(60)
        );
        assert_eq!(busy_ticks("intr 1"), None);
    }

    #[test]
    fn resident_memory_is_in_kib() {
        assert_eq!(
            resident_kib("Name:\ta\nVmRSS:\t    5120 kB\nX:\t1\n"),
            Some(5120)
        );
        assert_eq!(resident_kib("Name:\tzombie\n"), None);
    }

    #[test]
    fn this_process_can_be_watched() {
        let sample = Process::of(None).sample().expect("Linux");
        assert!(sample.rss_bytes > 0);
        assert!(Process::of(Some(u32::MAX)).sample().is_err());
    }
}
