#!/bin/sh
# Prints the path of a Chromium or Chrome for the browser tests. If there is none, it installs Debian's package or says
# what to install. It checks $CHROMIUM, then the usual names on PATH, then macOS's applications.
set -u

works() {
    [ -n "$1" ] && "$1" --version 2>/dev/null | grep -Eqi 'chrom(e|ium)'
}

offer() {
    if works "$1"; then
        printf '%s\n' "$1"
        exit 0
    fi
}

find_installed() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        offer "$(command -v "$name" 2>/dev/null)"
    done
    for application in Chromium "Google Chrome"; do
        offer "/Applications/$application.app/Contents/MacOS/$application"
    done
}

# Installs Debian's package without questions. It fails if a mirror or another apt process takes too long.
install_by_apt() {
    if [ "$(id -u)" -eq 0 ]; then as_root=; elif sudo -n true 2>/dev/null; then as_root=sudo; else return 1; fi
    command -v apt-get >/dev/null 2>&1 || return 1
    echo "Installing the package chromium, for the browser tests (once)" >&2
    apt() {
        $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::Retries=2 -o Acquire::http::Timeout=30 \
            -o Acquire::https::Timeout=30 -o DPkg::Lock::Timeout=120 "$@" >&2
    }
    apt update
    apt install --yes --no-install-recommends chromium fonts-dejavu-core || apt install --yes chromium-browser
}

if [ -n "${CHROMIUM:-}" ]; then
    offer "$(command -v "$CHROMIUM" 2>/dev/null)"
    echo "CHROMIUM is '$CHROMIUM', which is no Chromium or Chrome that starts here. Fix it or unset it." >&2
    exit 1
fi
find_installed
install_by_apt
find_installed
echo "The browser tests need Chromium or Chrome and found none. Install it (on Debian 'sudo apt-get install chromium'," \
    "on macOS 'brew install --cask google-chrome'), or set CHROMIUM to its path." >&2
exit 1
