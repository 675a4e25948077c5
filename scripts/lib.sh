# shellcheck shell=bash disable=SC2034,SC2317 # who sources this file uses what it sets and defines
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

NOTE_SECONDS=20 # so that nobody takes waiting for hanging

# watched WHAT COMMAND...: runs it, and says every 20 seconds that it still does. The clock looks each second whether this
# script is still there, so that it ends with it.
watched() {
  local what=$1 code=0 clock seconds=0
  shift
  (
    while sleep 1 && kill -0 $$; do
      seconds=$((seconds + 1))
      if [ $((seconds % NOTE_SECONDS)) = 0 ]; then say "still $what ($seconds s)"; fi
    done
  ) >/dev/null </dev/null &
  clock=$!
  "$@" || code=$?
  kill "$clock" 2>/dev/null || true
  wait "$clock" 2>/dev/null || true
  return "$code"
}

# logged LOG COMMAND...: runs it apart, with all that it prints in a file.
logged() {
  local log=$1
  shift
  ("$@") >"$log" 2>&1 </dev/null
}

# network_reason LOG: prints the line of a program's output that says that there is no network; false if none does.
network_reason() {
  grep -iE -m 1 'name resolution|could ?n.t resolve|temporary failure resolving|network is unreachable|no route to host|name or service not known|failed to establish a new connection|dns error|getaddrinfo|failed to connect|connection refused|connection timed out' "$1" |
    sed 's/^[[:space:]]*//' | cut -c 1-200
}

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
  local log reason
  say "installing with apt-get (as root): $*"
  log=$(mktemp)
  if watched 'installing' apt_get "$log" "$@"; then
    rm -f "$log"
    return 0
  fi
  reason=$(network_reason "$log" || true)
  [ -n "$reason" ] || tail -n 15 "$log" >&2
  rm -f "$log"
  [ -z "$reason" ] || die "no network: apt-get cannot fetch $* ($reason); connect this machine and start again"
  return 1
}

apt_get() {
  local log=$1
  shift
  if DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >"$log" 2>&1 </dev/null; then return 0; fi
  DEBIAN_FRONTEND=noninteractive apt-get update >"$log" 2>&1 </dev/null &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >>"$log" 2>&1 </dev/null
}

# find_compiler: sets CXX_FOUND to a C++ compiler that has C++20 with its library; false when there is none.
find_compiler() {
  local candidate
  for candidate in ${CXX:+"$CXX"} g++ c++ clang++; do
    have "$candidate" || continue
    # No pipe: a candidate that does not read would break it.
    if "$candidate" -std=c++20 -fsyntax-only -x c++ - <<<$'#include <concepts>\n#include <span>' >/dev/null 2>&1; then
      CXX_FOUND=$candidate
      return 0
    fi
    [ -z "${CXX:-}" ] || return 1
  done
  return 1
}

# find_pip: sets the array PIP to the command that runs pip, or uv in its place; false when there is neither.
find_pip() {
  PIP=(python3 -m pip)
  if "${PIP[@]}" --version >/dev/null 2>&1; then return 0; fi
  PIP=(pip3)
  if "${PIP[@]}" --version >/dev/null 2>&1; then return 0; fi
  PIP=(uv pip)
  "${PIP[@]}" --help >/dev/null 2>&1
}

# pip_into DIR ARGUMENT...: pip install into a separate folder, which Debian allows outside a virtual environment. User
# settings that conflict with --target are switched off. Its output goes to DIR.log.
pip_into() {
  local dir=$1 own=(--no-input --no-compile --ignore-requires-python)
  shift
  if [ "${PIP[0]}" = uv ]; then own=(); fi
  PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
    "${PIP[@]}" install --quiet ${own[@]+"${own[@]}"} --target "$dir" "$@" </dev/null >"$dir.log" 2>&1
}

# is_there TOOL: a command, or one of the names that stand for several: compiler, pip, downloader, browser.
is_there() {
  case $1 in
    compiler) find_compiler ;;
    pip) find_pip ;;
    downloader) have curl || have npm || find_pip ;;
    # Debian has it where only root looks.
    nats-server) have nats-server || [ -x /usr/sbin/nats-server ] ;;
    browser) have google-chrome || have chromium-browser || have chrome || have chromium ;;
    *) have "$1" ;;
  esac
}

# package_of TOOL: what the system's package manager calls it, where that is not the command's own name.
package_of() {
  local os=$1 tool=$2
  case $os-$tool in
    apt-compiler) echo g++ ;;
    dnf-compiler | zypper-compiler) echo gcc-c++ ;;
    pacman-compiler) echo gcc ;;
    pacman-pip) echo python-pip ;;
    brew-pip) echo python ;;
    *-pip) echo python3-pip ;;
    dnf-shellcheck | zypper-shellcheck) echo ShellCheck ;;
    brew-browser) echo chromium ;;
    *-browser) echo chromium ;;
    *-nm) echo binutils ;;
    *-downloader) echo curl ;;
    *) echo "$tool" ;;
  esac
}

# package_manager: prints the one of this system, of those that we know; false when there is none.
package_manager() {
  if [ "$(uname -s)" = Darwin ]; then
    echo brew
  elif have apt-get; then
    echo apt
  else
    local name
    for name in dnf zypper pacman; do
      if have "$name"; then echo "$name" && return 0; fi
    done
    return 1
  fi
}

# need_tools TOOL...: installs all that is missing where that is possible; else ends with one sentence that names all of it.
need_tools() {
  local tool manager cure='' missing=() words='' packages=()
  manager=$(package_manager || echo none)
  for tool in "$@"; do
    if is_there "$tool"; then continue; fi
    missing+=("$tool")
    words="$words${words:+, }$tool$(words_for "$tool")"
    case $manager-$tool in
      brew-compiler | brew-nm) cure='xcode-select --install' ;;
      *) packages+=("$(package_of "$manager" "$tool")") ;;
    esac
  done
  [ ${#missing[@]} != 0 ] || return 0
  if can_apt && apt_install "${packages[@]}"; then
    for tool in "${missing[@]}"; do
      is_there "$tool" || die "$tool$(words_for "$tool") is missing, although ${packages[*]} was installed"
    done
    return 0
  fi
  case $manager in
    apt) cure="sudo apt-get install ${packages[*]}" ;;
    dnf | zypper) cure="sudo $manager install ${packages[*]}" ;;
    pacman) cure="sudo pacman -S ${packages[*]}" ;;
    brew) if [ ${#packages[@]} != 0 ]; then cure="$cure${cure:+ && }brew install ${packages[*]}"; fi ;;
    none) cure='these with the package manager of this system' ;;
  esac
  die "missing: $words. Install: $cure"
}

# words_for TOOL: what it is for people, where its name does not tell.
words_for() {
  case $1 in
    compiler) echo " (g++ 11 or clang 15 or newer${CXX:+; CXX=$CXX is none})" ;;
    nm) echo ' (binutils)' ;;
    browser) echo ' (chromium)' ;;
    downloader) echo ' (curl with unzip, npm or pip)' ;;
    pip) echo ' (or uv)' ;;
  esac
}
