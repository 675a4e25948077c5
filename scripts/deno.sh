#!/usr/bin/env bash
# deno.sh ARGUMENT...: runs Deno, if there is one that is new enough; otherwise installs it into the project's own cache
# first. DENO=/path/to/deno chooses another one.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"

VERSION=2.9.8 # the one to install; any Deno from 2.9 on will do
NPM_RANGE='2.9.6 - 2.9.8'
home=$here/../.cache/deno

is_good() { # is_good DENO: true when it runs and is new enough
  local line major minor
  line=$("$1" -V 2>/dev/null) || return 1
  IFS=. read -r major minor _ <<<"${line#deno }"
  case $major$minor in '' | *[!0-9]*) return 1 ;; esac
  [ "$major" -gt 2 ] || { [ "$major" = 2 ] && [ "$minor" -ge 9 ]; }
}

# Deno's own words for a cache that it cannot write are several lines about SQLite.
if [ -n "${DENO_DIR:-}" ] && ! { mkdir -p "$DENO_DIR" && [ -w "$DENO_DIR" ]; } 2>/dev/null; then
  die "DENO_DIR=$DENO_DIR is no folder that can be written; unset DENO_DIR or point it to one"
fi

if [ -n "${DENO:-}" ]; then
  is_good "$DENO" || die "DENO=$DENO is not a Deno from version 2.9 on; unset DENO or point it to one"
  exec "$DENO" "$@"
fi
if have deno && is_good deno; then exec deno "$@"; fi
if is_good "$home/bin/deno"; then exec "$home/bin/deno" "$@"; fi

# ---------------------------------------------------------------- install

work=$home/.work.$$
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Each way leaves Deno as $work/deno.
by_installer() {
  have curl || return 1
  curl -fsSL --connect-timeout 5 --max-time 20 -o "$work/install.sh" https://deno.land/install.sh || return 1
  DENO_INSTALL=$work/installer CI=true limited sh "$work/install.sh" --no-modify-path "v$VERSION" </dev/null &&
    mv "$work/installer/bin/deno" "$work/deno"
}

by_pip() {
  find_pip || return 1
  if pip_into "$work/pip" "deno==$VERSION"; then mv "$work/pip/bin/deno" "$work/deno"; else cat "$work/pip.log" && return 1; fi
}

by_npm() {
  have npm || return 1
  mkdir -p "$work/npm"
  npm install --prefix "$work/npm" --no-save --ignore-scripts --no-audit --no-fund "deno@$NPM_RANGE" </dev/null &&
    mv "$work"/npm/node_modules/@deno/*/deno "$work/deno"
}

no_network=''
install() {
  local way reason
  for way in by_installer by_pip by_npm; do
    rm -rf "$work"
    mkdir -p "$work" 2>/dev/null || die "cannot write in $home; install Deno 2.9 or newer, or set DENO to one"
    if watched 'installing Deno' logged "$work/log" $way && is_good "$work/deno"; then
      mkdir -p "$home/bin"
      mv -f "$work/deno" "$home/bin/deno" # one rename, so that another run sees either the old file or the new one
      say "installed $("$home/bin/deno" -V) into .cache/deno (${way#by_})"
      return 0
    fi
    if reason=$(network_reason "$work/log"); then no_network=$reason; fi
    if [ -s "$work/log" ]; then say "Deno ${way/_/ }: $(tail -n 1 "$work/log")"; fi
  done
  return 1
}

say "no Deno from version 2.9 on here; installing one into .cache/deno"
need_tools downloader
if ! install && ! { can_apt && ! find_pip && apt_install python3-pip && install; }; then
  if [ -n "$no_network" ]; then die "no network: Deno cannot be fetched ($no_network); connect this machine and start again, or set DENO to a Deno 2.9 or newer"; fi
  die "Deno could not be installed: its installer, pip and npm all failed, or are missing. Install one of them (Debian or Ubuntu: sudo apt-get install python3-pip; macOS: brew install deno) or set DENO to a Deno 2.9 or newer"
fi
rm -rf "$work"
exec "$home/bin/deno" "$@"
