# shellcheck shell=bash
# Functions that the scripts in this folder share. Sourced, never run. Written for bash 3.2, the version of macOS.

# Messages for people go to stderr: stdout has only what a script promises to print.
say() { printf '%s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# limited COMMAND...: runs it for at most five minutes where there is a `timeout` (macOS has none).
limited() { if have timeout; then timeout 300 "$@"; else "$@"; fi; }

# cache_root: prints this project's folder in the user's cache; QWEN3_ASR_CACHE moves it.
cache_root() {
  if [ -n "${QWEN3_ASR_CACHE:-}" ]; then
    case $QWEN3_ASR_CACHE in
      /*) printf '%s/qwen3-asr\n' "$QWEN3_ASR_CACHE" ;;
      *) printf '%s/%s/qwen3-asr\n' "$PWD" "$QWEN3_ASR_CACHE" ;;
    esac
  elif [ "$(uname -s)" = Darwin ]; then
    printf '%s/Library/Caches/qwen3-asr\n' "${HOME:?HOME is not set; set it or QWEN3_ASR_CACHE}"
  elif [ -n "${XDG_CACHE_HOME:-}" ]; then
    printf '%s/qwen3-asr\n' "$XDG_CACHE_HOME"
  else
    printf '%s/.cache/qwen3-asr\n' "${HOME:?HOME is not set; set it or QWEN3_ASR_CACHE}"
  fi
}

# move OLD NEW: renames OLD. If NEW is a link, even to a folder, the link is replaced in one step.
move() {
  if [ "$(uname -s)" = Darwin ]; then mv -fh "$1" "$2"; else mv -fT "$1" "$2"; fi
}

# sha256_of: prints the SHA-256 of stdin in hex.
sha256_of() {
  if have sha256sum; then sha256sum; else shasum -a 256; fi | cut -d' ' -f1
}

# can_apt: true where the script can install Debian packages itself.
can_apt() { [ "$(id -u)" = 0 ] && have apt-get; }

# apt_install PACKAGE...: installs Debian packages as root, and says so.
apt_install() {
  say "installing with apt-get (as root): $*"
  local log
  log=$(mktemp)
  if DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >"$log" 2>&1 </dev/null ||
    { DEBIAN_FRONTEND=noninteractive apt-get update >"$log" 2>&1 </dev/null &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1 </dev/null; }; then
    rm -f "$log"
  else
    tail -n 15 "$log" >&2
    rm -f "$log"
    return 1
  fi
}

# need_tools TOOL:DEBIAN_PACKAGE:MAC_COMMAND...: installs missing tools, or ends and says how to install them.
need_tools() {
  local entry tool missing='' packages=() cures=''
  for entry in "$@"; do
    tool=${entry%%:*}
    have "$tool" && continue
    missing="$missing${missing:+, }$tool"
    entry=${entry#*:}
    packages+=("${entry%%:*}")
    cures="$cures${cures:+ && }${entry#*:}"
  done
  [ -n "$missing" ] || return 0
  if can_apt && apt_install "${packages[@]}"; then return 0; fi
  if [ "$(uname -s)" = Linux ]; then cures="sudo apt-get install ${packages[*]} (Debian, Ubuntu)"; fi
  die "missing: $missing. Install: $cures"
}

# find_pip: sets the array PIP to the command that runs pip; false when there is no pip.
find_pip() {
  PIP=(python3 -m pip)
  if "${PIP[@]}" --version >/dev/null 2>&1; then return 0; fi
  PIP=(pip3)
  "${PIP[@]}" --version >/dev/null 2>&1
}

# need_pip: find_pip; installs pip if it is missing, or ends and says how to install it.
need_pip() {
  find_pip && return 0
  if can_apt && apt_install python3 python3-pip && find_pip; then return 0; fi
  die "pip is missing. Install it: Debian or Ubuntu: sudo apt-get install python3-pip; macOS: brew install python"
}

# pip_into DIR ARGUMENT...: pip install into a separate folder, which Debian allows outside a virtual environment. User
# settings that conflict with --target are switched off.
pip_into() {
  local dir=$1
  shift
  PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
    "${PIP[@]}" install --no-input --quiet --no-compile --ignore-requires-python --target "$dir" "$@" </dev/null >&2
}
