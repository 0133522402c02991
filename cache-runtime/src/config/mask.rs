//! Masks the secrets of addresses, even if the text is not a valid address.

const MASK: &str = "***";

/// Returns the text of an address with everything masked that may be a password.
///
/// In a well-formed address the user name is kept. In any other text it is unknown which part is the
/// password, so the whole login is masked, and any other text in its place.
pub(super) fn mask_url(text: &str, well_formed: bool) -> String {
    let (scheme, rest) = match text.find("://") {
        Some(at) => text.split_at(at + 3),
        None => ("", text),
    };
    let (address, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    if query.contains('@') {
        // An unescaped `?` in a password, or an `@` in a query: either side of it may hold the secret.
        return format!("{scheme}{MASK}");
    }
    let address = match address.rsplit_once('@') {
        Some((login, host)) => format!("{}@{host}", mask_login(login, well_formed)),
        None if well_formed => address.to_owned(),
        None => mask_port(address),
    };
    let query = if query.is_empty() { "" } else { "?***" };
    format!("{scheme}{address}{query}")
}

fn mask_login(login: &str, well_formed: bool) -> String {
    match login.split_once(':') {
        Some((user, _)) if well_formed => format!("{user}:{MASK}"),
        _ => MASK.to_owned(),
    }
}

/// Masks a port that is not a number: `user:password` without a host looks like `host:port`.
fn mask_port(address: &str) -> String {
    match address.split_once(':') {
        Some((host, port)) if !host.starts_with('[') && !is_port(port) => format!("{host}:{MASK}"),
        _ => address.to_owned(),
    }
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/')
}

#[cfg(test)]
mod tests {
    use crate::config::RedisUrl;

    #[test]
    fn masks_the_password_of_a_proper_address() {
        let table = [
            ("redis://host:6379/0", "redis://host:6379/0"),
            ("redis://user:secret@host:6379/0", "redis://user:***@host:6379/0"),
            ("redis://:secret@host", "redis://:***@host"),
            ("redis://user:s:ec:ret@host", "redis://user:***@host"),
            ("unix:///run/redis.sock?pass=secret&db=1", "unix:///run/redis.sock?***"),
            ("redis+unix:///run/r.sock?pass=se@cret", "redis+unix://***"),
        ];
        for (url, masked) in table {
            assert_eq!(RedisUrl::from(url).to_string(), masked);
        }
    }

    #[test]
    fn masks_whatever_may_be_a_password_elsewhere() {
        for url in [
            "redis://secret@host",
            "rediss://user:secret@host",
            "redis://:sec@secret@host:x",
            "redis://user:12?secret@host",
            "redis://user:12#secret@host:6379",
            "redis://user:12/secret@host",
            "user:secret@host",
            "redis:/user:secret@host",
            "redis://:secret",
            "redis://user:secret",
            "redis://host/0?password=secret",
            "redis://a:secret@h1,redis://b:secret@h2",
            "http://user:secret@host/?q=secret@x",
        ] {
            let masked = RedisUrl::from(url).to_string();
            assert!(!masked.contains("secret"), "{masked}");
        }
    }

    #[test]
    fn keeps_what_helps_to_find_the_mistake() {
        let table = [
            ("localhost:6379", "localhost:6379"),
            ("redis://localhost:99999", "redis://localhost:99999"),
            ("redis://[::1]:99999", "redis://[::1]:99999"),
            ("http://host", "http://host"),
            ("", ""),
        ];
        for (url, shown) in table {
            assert_eq!(RedisUrl::from(url).to_string(), shown);
        }
    }
}
