//! A real file system of a few megabytes, to be filled up.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::process::{Process, Runtime};

const MOUNT_TIMEOUT: Duration = Duration::from_secs(20);
/// Mounts in a mount namespace of its own and stays until it is killed: the file system goes with it, whatever ends the test.
const HOLD_EXT4: &str = r#"mkfs.ext4 -q -m 0 "$2" && mount -o loop "$2" "$1" && echo mounted && exec cat"#;
const HOLD_TMPFS: &str = r#"mount -t tmpfs -o size="$3" tmpfs "$1" && echo mounted && exec cat"#;

/// See the module. Unmounted when dropped.
#[derive(Debug)]
pub struct SmallDisk {
    /// Lives in the namespace of the mount.
    holder: Process,
    mount_point: PathBuf,
}

impl SmallDisk {
    /// A file system of `size_bytes` with its files in `folder`: ext4 on a loop device where this process may mount one (as
    /// root), else tmpfs in a user namespace.
    pub fn new(folder: &Path, size_bytes: u64) -> SmallDisk {
        let mount_point = folder.join("mounted");
        fs::create_dir_all(&mount_point)
            .unwrap_or_else(|e| panic!("cannot create {}: {e}", mount_point.display()));
        let image = folder.join("image");
        let file = fs::File::create(&image).and_then(|file| file.set_len(size_bytes));
        file.unwrap_or_else(|e| panic!("cannot create {}: {e}", image.display()));
        let has_loop = rustix::process::geteuid().is_root() && Path::new("/dev/loop-control").exists();
        let (namespaces, script) = if has_loop { ("-m", HOLD_EXT4) } else { ("-rm", HOLD_TMPFS) };
        let mut command = Command::new("unshare");
        command.args([namespaces, "sh", "-c", script, "sh"]);
        command.arg(&mount_point).arg(&image).arg(size_bytes.to_string());
        let mut holder = Process::spawn("small-disk", Runtime::Native, command, folder);
        holder.wait_for_line("mounted", MOUNT_TIMEOUT);
        SmallDisk { holder, mount_point }
    }

    /// Its root directory, as every process sees it.
    pub fn path(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        let inside = self.mount_point.strip_prefix("/").unwrap_or(&self.mount_point);
        root.join(inside)
    }
}
