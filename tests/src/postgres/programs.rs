use std::{
    env, fs,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest version that the tests accept.
const OLDEST: u32 = 13;

/// Directories of systems that keep several versions beside each other, outside of the `PATH`: a
/// directory, and the beginning of the names in it that end with the version.
const VERSIONED: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/opt/homebrew/opt", "postgresql@"),
    ("/usr/local/opt", "postgresql@"),
];

/// The programs of PostgreSQL, and the user who runs the server.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    dir: PathBuf,
    /// The user and group, if the present one is root.
    user: Option<(u32, u32)>,
}

impl Programs {
    /// Finds the programs of a version that is new enough.
    pub(super) fn find() -> Programs {
        let dir = match env::var_os("PG_BIN") {
            Some(dir) => PathBuf::from(dir),
            None => in_path().or_else(newest).unwrap_or_else(|| {
                panic!("no PostgreSQL in the PATH; `make setup` installs it, or PG_BIN names its directory")
            }),
        };
        let programs = Programs { dir, user: server_user() };
        let version = programs.version();
        assert!(version >= OLDEST, "PostgreSQL {version} is too old: the tests need {OLDEST}");
        programs
    }

    /// Makes a directory the property of the user who runs the server.
    pub(super) fn give_to_user(&self, dir: &Path) {
        if let Some((user, group)) = self.user {
            chown(dir, Some(user), Some(group)).expect("root may change the owner");
        }
    }

    /// Returns a program of the server, to be run by its user in a directory that this user can read.
    pub(super) fn server_program(&self, name: &str, dir: &Path) -> Command {
        let mut command = self.program(name);
        command.current_dir(dir);
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// Returns the client, which reads statements from its input and ends at the first error.
    pub(super) fn psql(&self) -> Command {
        let mut command = self.program("psql");
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        command.args(["--set", "ON_ERROR_STOP=1", "--file", "-"]);
        command.env("PGCLIENTENCODING", "UTF8");
        command
    }

    /// Returns a program that reads no setting of the caller's environment.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.dir.join(name));
        let of_client = env::vars_os().map(|(name, _)| name);
        for name in of_client.filter(|name| name.to_string_lossy().starts_with("PG")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C");
        command
    }

    /// Returns the main version: 15 of `postgres (PostgreSQL) 15.14 (Debian ..)`.
    fn version(&self) -> u32 {
        let dir = self.dir.display();
        let output = self.program("postgres").arg("--version").output();
        let output = output.unwrap_or_else(|error| panic!("{dir}/postgres: {error}"));
        let text = String::from_utf8_lossy(&output.stdout);
        let number = text.split_whitespace().nth(2).map(number_before_the_end);
        number.flatten().unwrap_or_else(|| panic!("{dir}/postgres is of no known version: {text}"))
    }
}

/// Returns the directory of a server in the `PATH`, beyond links to it: its other programs are there.
fn in_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut programs =
        env::split_paths(&path).filter_map(|dir| dir.join("postgres").canonicalize().ok());
    programs.find_map(|program| program.parent().filter(|dir| is_complete(dir)).map(Path::to_owned))
}

/// Returns the directory of the newest version outside of the `PATH`.
fn newest() -> Option<PathBuf> {
    let versions = VERSIONED.iter().flat_map(|(parent, prefix)| {
        let entries = fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok);
        entries.filter_map(move |entry| {
            let name = entry.file_name();
            let version = number_before_the_end(name.to_str()?.strip_prefix(prefix)?)?;
            Some((version, entry.path().join("bin")))
        })
    });
    versions.filter(|(_, dir)| is_complete(dir)).max().map(|(_, dir)| dir)
}

fn is_complete(dir: &Path) -> bool {
    ["initdb", "postgres", "psql"].iter().all(|program| dir.join(program).exists())
}

/// Returns the number that a text begins with, up to a character that is no digit.
fn number_before_the_end(text: &str) -> Option<u32> {
    text.split(|char: char| !char.is_ascii_digit()).next()?.parse().ok()
}

/// Returns the user and group for the server, if this is root.
fn server_user() -> Option<(u32, u32)> {
    (id(&["-u"]) == Some(0)).then(|| {
        let user = ["postgres", "nobody"]
            .iter()
            .find_map(|user| Some((id(&["-u", user])?, id(&["-g", user])?)));
        user.expect("a user postgres or nobody, because root may not run PostgreSQL")
    })
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
