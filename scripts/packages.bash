# To be sourced: installing from the system's packages.

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

as_root() {
  echo "+ $*"
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif ! command -v sudo >/dev/null; then
    fail "Installing needs root and there is no sudo. Run as root: $*"
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@" || fail "sudo asks for a password here. Run by hand: sudo $*"
  fi
}

# install_packages APT DNF APK BREW ADVICE: the names of what is to be installed, by package manager, and what
# to do where there is none of those.
install_packages() {
  # Several names are several words.
  # shellcheck disable=SC2086
  if command -v apt-get >/dev/null; then
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -q -y --no-install-recommends $1
  elif command -v dnf >/dev/null; then
    as_root dnf install -y $2
  elif command -v apk >/dev/null; then
    as_root apk add $3
  elif command -v brew >/dev/null; then
    echo "+ brew install $4"
    brew install $4
  else
    fail "No apt-get, dnf, apk or brew here. $5"
  fi
}
