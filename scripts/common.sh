# shellcheck shell=bash disable=SC2034 # the variables are used by those who source this
# Sourced by scripts/run and scripts/test: what both need to set a Debian 12 machine up.
#
# Nothing is installed that is already there, so a second run is quick and works without a network.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly root

# What building the server takes.
readonly build_packages=(
    gcc libc6-dev cmake ninja-build pkg-config
    libcivetweb-dev libconfig-dev libcurl4-openssl-dev libidn2-dev libjansson-dev libjwt-dev
    libpcre2-dev libsqlite3-dev libssl-dev libsystemd-dev libunistring-dev liburing-dev zlib1g-dev
)

say() {
    printf '%s: %s\n' "${0##*/}" "$*"
}

die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

package_installed() {
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

# Runs a command as root: by itself when we are root, else through sudo.
as_root() {
    if [[ $(id -u) -eq 0 ]]; then
        "$@"
    else
        sudo "$@"
    fi
}

# need_packages NAME...: installs those Debian packages that are missing.
need_packages() {
    local missing=() name
    for name in "$@"; do
        package_installed "$name" || missing+=("$name")
    done
    if ((${#missing[@]} == 0)); then
        return 0
    fi
    command -v apt-get >/dev/null || die "this machine has no apt-get; install these by hand: ${missing[*]}"
    say "installing Debian packages: ${missing[*]}"
    if [[ $(id -u) -ne 0 ]]; then
        command -v sudo >/dev/null || die "as root, run first: apt-get install ${missing[*]}"
        say "that takes root's rights: sudo may ask for your password"
    fi
    as_root apt-get -qq update </dev/null || say "apt-get update failed; going on with the package lists at hand"
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends "${missing[@]}" </dev/null ||
        die "apt-get could not install them"
}
