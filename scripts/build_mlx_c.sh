#!/usr/bin/env bash
# Makes a usable libmlxc (with libmlx and all that it needs, side by side) and prints its path.
#
#   MLX itself     comes compiled in a Python wheel (mlx-cpu, mlx-metal, mlx-cuda-13), which pip fetches by checksum
#   mlx-c          is compiled here from the source that lies beside this script, 38 kB
#   BLAS on Linux  is OpenBLAS (wheel scipy-openblas32), put in front of the slow reference BLAS of the MLX wheel
#
# It needs a C++ compiler and pip. The published module carries it: the command `setup` runs it from the user's cache.
#
# The result is built beside its final folder and renamed to it, so it is either complete or absent: the script may be
# killed at any time, and two may run at once. docs/building.md has the reasons.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"
# shellcheck source=scripts/own_functions.sh
. "$here/own_functions.sh"

MLX=0.32.2
OPENBLAS=0.3.34.481.3
SOURCE=$here/mlx-c-source.tar.gz
SOURCE_SHA256=63963f89fe1fd2826bcc37358fbfdb365cc5fbcd52749e64286bc01046f94984 # of the compiled files, concatenated
RECIPE=7 # raise it when the same versions must be built in another way

usage() {
  cat <<END
Usage: bash scripts/build_mlx_c.sh [--backend cpu|metal|cuda] [--prefix DIR] [--jobs N]

Builds mlx-c over MLX $MLX and prints the path of libmlxc on stdout. When it is already there, that takes no time.

  --backend NAME  cpu (default on Linux), metal (default on macOS), cuda (Linux with an NVIDIA GPU; not proved yet)
  --prefix DIR    make the folder DIR instead of one in the per-user cache
  --jobs N        compile with N processes at once (default: one per processor)
  --help          print this
Environment: QWEN3_ASR_CACHE moves the cache; CXX chooses the C++ compiler.
END
}

os=$(uname -s | tr '[:upper:]' '[:lower:]')
arch=$(uname -m)
if [ "$arch" = arm64 ]; then arch=aarch64; fi
backend='' prefix='' jobs=''
while [ $# -gt 0 ]; do
  case $1 in
    --backend | --prefix | --jobs)
      [ $# -ge 2 ] || die "$1 needs a value; see --help"
      case $1 in --backend) backend=$2 ;; --prefix) prefix=$2 ;; --jobs) jobs=$2 ;; esac
      shift
      ;;
    --backend=*) backend=${1#*=} ;;
    --prefix=*) prefix=${1#*=} ;;
    --jobs=*) jobs=${1#*=} ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) die "unknown option $1; see --help" ;;
  esac
  shift
done

case $os in darwin) default=metal so=dylib ;; linux) default=cpu so=so ;; *) die "no MLX for $os; Linux and macOS have it" ;; esac
backend=${backend:-$default}
case $os-$backend in
  linux-cpu | linux-cuda | darwin-metal) ;;
  darwin-cpu) die "on macOS use --backend metal: its library computes on the CPU too" ;;
  *-cpu | *-metal | *-cuda) die "no backend $backend on $os; use --backend $default" ;;
  *) die "unknown backend '$backend'; use cpu, metal or cuda" ;;
esac
case $os-$arch in
  linux-x86_64 | linux-aarch64 | darwin-aarch64) ;;
  *) die "there is no MLX $MLX wheel for $os on $arch" ;;
esac
jobs=${jobs:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}
case $jobs in [1-9] | [1-9][0-9] | [1-9][0-9][0-9]) ;; *) die "--jobs needs a number from 1 to 999, not '$jobs'" ;; esac

key="$MLX-r$RECIPE-$backend-$os-$arch"
store=$(cache_root)/mlx-c
if [ -n "$prefix" ]; then
  case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
  final=${prefix%/}
else
  final=$store/$key
fi

# ---------------------------------------------------------------- is it there already?

is_complete() { [ -f "$final/lib/libmlxc.$so" ] && [ "$(head -n 1 "$final/complete" 2>/dev/null)" = "$key" ]; }

# point TARGET: makes <cache>/mlx-c/current-<backend> a link to the folder whose lib/ holds libmlxc.
point() {
  local link=$store/current-$backend new
  [ -z "$prefix" ] || return 0
  if [ "$(readlink "$link" 2>/dev/null)" = "$1" ]; then return 0; fi
  new=$store/.link.$$
  mkdir -p "$store"
  rm -rf "$new"
  ln -s "$1" "$new"
  move "$new" "$link"
}

finish() {
  point "$key"
  printf '%s\n' "$final/lib/libmlxc.$so"
  exit 0
}

if is_complete; then finish; fi
if [ -n "$prefix" ] && [ -e "$final" ] && [ ! -f "$final/complete" ]; then
  rmdir "$final" 2>/dev/null || die "$final is not empty and was not made by this script; name another folder"
fi
# Of Homebrew's mlx-c one that is too old is told by the marker symbol of the oldest usable one (ffi/generation.ts).
MARKER=mlx_stream_new_thread_unsafe
if [ "$os" = darwin ] && [ -z "$prefix" ] && have brew && brewed=$(brew --prefix mlx-c 2>/dev/null) &&
  [ -f "$brewed/lib/libmlxc.dylib" ]; then
  if nm -gU "$brewed/lib/libmlxc.dylib" 2>/dev/null | grep -q "_$MARKER\$"; then
    say "using Homebrew's mlx-c in $brewed"
    point "$brewed"
    printf '%s\n' "$brewed/lib/libmlxc.dylib"
    exit 0
  fi
  say "Homebrew's mlx-c in $brewed is too old for this module (brew upgrade mlx-c makes it new); building another one"
fi

# ---------------------------------------------------------------- one build at a time

parent=$(dirname "$final")
mkdir -p "$parent" 2>/dev/null || die "cannot make the folder $parent; set QWEN3_ASR_CACHE or --prefix to one that can be written"
lock=$parent/.lock-$(basename "$final")
work=$parent/.work-$(basename "$final").$$
owner=''

# shellcheck disable=SC2317 # called by trap
cleanup() {
  # A clock that is ended as it begins still has this script's traps.
  [ "$BASH_SUBSHELL" = 0 ] || return 0
  rm -rf "$work"
  if [ -n "$owner" ]; then rm -rf "$lock"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The lock only saves work: two builders cannot disturb each other, because each has its own folder and the final rename
# is atomic. So the lock of a killed run is simply taken over.
lock_is_dead() {
  local pid
  pid=$(cat "$lock/pid" 2>/dev/null || true)
  if [ -n "$pid" ] && ! kill -0 "$pid" 2>/dev/null; then return 0; fi
  [ -n "$(find "$lock" -maxdepth 0 -mmin +30 2>/dev/null)" ]
}
told=''
while ! mkdir "$lock" 2>/dev/null; do
  [ -w "$parent" ] || die "cannot write in $parent; set QWEN3_ASR_CACHE or --prefix to a folder that can be written"
  if lock_is_dead; then
    move "$lock" "$lock.dead.$$" 2>/dev/null || true
    rm -rf "$lock.dead.$$"
    continue
  fi
  [ -n "$told" ] || say "another build of the same library is running; waiting for it"
  told=1
  sleep 0.5
  if is_complete; then finish; fi
done
owner=1
echo $$ >"$lock/pid"
if is_complete; then finish; fi
for old in "$parent/.work-$(basename "$final")".*; do # left by killed runs
  if [ -d "$old" ] && ! kill -0 "${old##*.}" 2>/dev/null; then rm -rf "$old"; fi
done
mkdir -p "$work/out/lib" "$work/out/include"

# ---------------------------------------------------------------- tools

need_glibc() { # the wheels are made for glibc 2.35: Debian 12, Ubuntu 22.04
  local version
  version=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
  case ${version:-none} in
    2.3[5-9] | 2.[4-9][0-9] | 2.[1-9][0-9][0-9]) ;;
    *) die "MLX's wheel needs glibc 2.35 or newer (Debian 12, Ubuntu 22.04); here: ${version:-another C library}" ;;
  esac
}

get_tools() { # all at once, and before anything is downloaded
  if [ "$os" = linux ]; then need_glibc; fi
  need_tools compiler nm pip # sets CXX_FOUND and PIP
}

# ---------------------------------------------------------------- MLX and OpenBLAS, from wheels

wheels() { # one line per wheel, in pip's form; a hash for every platform that has one
  case $backend in
    cpu)
      echo "mlx-cpu==$MLX --hash=sha256:fc5d31b90fc4f457b2f9614ed45651a567d22a6a11a03d114a90a4e10bdd8878" \
        "--hash=sha256:d0f94625588b51a878786dd51cec5617894ce586cf3c94645ce1b64e24c27c0b"
      ;;
    metal)
      echo "mlx-metal==$MLX --hash=sha256:3825fff379dbc107dd3413e564a06caeaa24819910ec49c0439e454c06a1b9b8" \
        "--hash=sha256:55a369250d220b2cf10213a87a2ac1b1a420608c5b35b1df4e7147ac8e32f121" \
        "--hash=sha256:e6abeac9ac5265830c9c1541b6f96e9be37a85c2446763a46ad466c63a3837ab"
      ;;
    cuda) echo "mlx-cuda-13==$MLX --hash=sha256:335094ccd1c0c6dc3e09c8caba207c8180602bacc0c38ba20c1d81e9456ab394" ;;
  esac
  if [ "$os" = linux ]; then
    echo "scipy-openblas32==$OPENBLAS --hash=sha256:0595f94cd58c1f8a0d90c975621f4587337a003916b1979e834ebdf2cb5d9504" \
      "--hash=sha256:e085dddbc5b9aa130f83def515d31c440e69f387a90c7e63b154a5575b4466bc"
  fi
}

# take NAME WHAT ARGUMENT...: pip's result in $work/NAME, or the reason why there is none.
take() {
  local name=$1 what=$2 reason
  shift 2
  if watched "taking $what" pip_into "$work/$name" "$@"; then return 0; fi
  if reason=$(network_reason "$work/$name.log"); then
    die "no network: pip cannot fetch $what ($reason); connect this machine, or tell pip of a proxy or a mirror, and start again"
  fi
  tail -n 5 "$work/$name.log" >&2
  die "pip could not get $what; its reason stands above (they need Linux with glibc 2.35 or macOS 14, and pip 21 or newer)"
}

get_wheels() {
  say "taking MLX $MLX with pip"
  wheels >"$work/wheels.txt"
  take wheels "the wheels of MLX $MLX" --no-deps --only-binary=:all: --require-hashes -r "$work/wheels.txt"
  if [ "$backend" = cuda ]; then # NVIDIA's own libraries, in the versions that the MLX wheel asks for
    take nvidia "NVIDIA's libraries" --only-binary=:all: 'nvidia-cudnn-cu13==9.*' nvidia-nccl-cu13 'nvidia-cublas==13.*' \
      'nvidia-cufft==12.*' 'nvidia-cuda-nvrtc==13.*' 'nvidia-cuda-runtime==13.*'
  fi
}

# ---------------------------------------------------------------- mlx-c's source

# mlx-c's own version (0.6.0) does not identify this source; its folder mlx/ is the one that git calls 45b2f5173730.
get_source() {
  mkdir -p "$work/source"
  tar -xzf "$SOURCE" -C "$work/source" || die "$SOURCE cannot be unpacked; take a fresh copy of this project"
  [ "$(source_digest)" = "$SOURCE_SHA256" ] || die "$SOURCE is not the expected one (checksum); take a fresh copy of this project"
}

source_digest() {
  (cd "$work/source" && find CMakeLists.txt mlx-c.pc.in mlx -type f | LC_ALL=C sort | while read -r file; do cat "$file"; done) | sha256_of
}

# ---------------------------------------------------------------- OpenBLAS in front of the reference BLAS

# The functions of the wheel's OpenBLAS have a prefix (scipy_cblas_sgemm). A small library has the plain names and jumps
# there. It comes before the reference BLAS in libmlxc's dependencies, so the dynamic linker finds its functions first;
# the few that OpenBLAS lacks (the Fortran xerbla_ and internal helpers) still come from the reference BLAS.
make_blas() {
  local lib=$work/out/lib jump reference
  case $arch in x86_64) jump='jmp %s@PLT' ;; aarch64) jump='b %s' ;; esac
  reference=$(echo "$lib"/libblas-*.so*)
  cp "$work/wheels/scipy_openblas32/lib/libscipy_openblas.so" "$lib/"
  nm -D --defined-only "$reference" | awk '$2 == "T" { print "scipy_" $3 }' | LC_ALL=C sort >"$work/wanted"
  nm -D --defined-only "$lib/libscipy_openblas.so" | awk '{ sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort >"$work/offered"
  LC_ALL=C comm -12 "$work/wanted" "$work/offered" >"$work/both"
  grep -qx scipy_cblas_sgemm "$work/both" || die "the OpenBLAS wheel $OPENBLAS has no scipy_cblas_sgemm"
  {
    echo '.section .note.GNU-stack,"",%progbits'
    echo .text
    while read -r name; do
      # shellcheck disable=SC2059
      printf ".globl %s\n.type %s,%%function\n%s: $jump\n" "${name#scipy_}" "${name#scipy_}" "${name#scipy_}" "$name"
    done <"$work/both"
  } >"$work/blas.s"
  # shellcheck disable=SC2016 # $ORIGIN is for the dynamic linker
  "$CXX_FOUND" -shared -nostdlib -o "$lib/libqwen3asr_blas.so" "$work/blas.s" "$lib/libscipy_openblas.so" \
    -Wl,-soname,libqwen3asr_blas.so,--disable-new-dtags,-rpath,'$ORIGIN',-z,noexecstack
  say "OpenBLAS stands in for $(wc -l <"$work/both" | tr -d ' ') of $(wc -l <"$work/wanted" | tr -d ' ') BLAS functions"
}

# ---------------------------------------------------------------- building

# compile FLAG...: what mlx-c's CMakeLists.txt does for a shared library over an MLX that is there; the flags are for linking.
# Nearly all of the time goes into reading MLX's headers, so the files are compiled in as few pieces as there are jobs:
# 16 s of one processor instead of 97.
# shellcheck disable=SC2317 # called by watched
compile() {
  local lib=$work/out/lib count=0 file
  cd "$work/source" || return 1
  for file in mlx/c/*.cpp; do
    printf '#include "%s"\n' "$file" >>"piece$((count % jobs)).cpp"
    count=$((count + 1))
  done
  if [ "$os" = linux ]; then own_functions >>piece0.cpp; fi
  printf '%s\0' piece*.cpp | xargs -0 -n 1 -P "$jobs" \
    "$CXX_FOUND" -std=gnu++20 -O3 -DNDEBUG -fPIC -I"$work/source" -I"$work/wheels/mlx/include" -c &&
    "$CXX_FOUND" "$@" -o "$lib/libmlxc.$so" piece*.o "$lib/libmlx.$so"
}

build() {
  local out=$work/out dir link rpath
  # shellcheck disable=SC2016 # for the dynamic linker, not for this shell
  rpath='$ORIGIN'
  cp "$work"/wheels/mlx/lib/*."$so"* "$work"/wheels/mlx*.libs/*."$so"* "$work"/wheels/mlx/lib/*.metallib "$out/lib/" 2>/dev/null || true
  [ -f "$out/lib/libmlx.$so" ] || die "the MLX wheel holds no libmlx.$so; this script does not know its layout"
  if [ "$backend" = cuda ]; then
    mv "$work/nvidia/nvidia" "$out/lib/nvidia"
    for dir in "$out"/lib/nvidia/*/lib; do rpath="$rpath:\$ORIGIN${dir#"$out/lib"}"; done
    cp -R "$work/wheels/mlx/include/." "$out/include/" # MLX compiles kernels at run time and needs the headers for it
  fi
  if [ "$os" = darwin ]; then
    link=(-dynamiclib -install_name @rpath/libmlxc.dylib "-Wl,-rpath,@loader_path")
  else
    make_blas
    # DT_RPATH (not RUNPATH), because it also applies to indirect dependencies: libmlx finds its own here. nodelete, because
    # helpers of its products sleep in it.
    link=(-shared "-Wl,-soname,libmlxc.so,-z,nodelete,--disable-new-dtags,-rpath,$rpath,--no-as-needed" "$out/lib/libqwen3asr_blas.so"
      "$out/lib/libscipy_openblas.so")
  fi
  say "compiling mlx-c (about a quarter of a minute)"
  watched 'compiling mlx-c' logged "$work/build.log" compile "${link[@]}" || {
    grep -iE 'error|fatal|not found' "$work/build.log" | head -n 10 >&2 || true
    tail -n 15 "$work/build.log" >&2
    die "mlx-c did not compile (it needs a C++20 compiler: g++ 11 or newer, or clang 15 or newer)"
  }
  (cd "$work/source" && find mlx/c -name private -prune -o -name '*.h' -print) | while read -r header; do
    mkdir -p "$out/include/$(dirname "$header")"
    cp "$work/source/$header" "$out/include/$header"
  done
  {
    echo "$key"
    echo "mlx=$MLX"
    echo "mlx-c=$(sed -n 's/.*set(MLX_C_VERSION \([0-9.]*\)).*/\1/p' "$work/source/CMakeLists.txt") for MLX $MLX"
    if [ "$os" = linux ]; then echo "blas=openblas $OPENBLAS"; fi
  } >"$out/complete"
}

place() {
  if [ -e "$final" ] && ! is_complete; then # an older build in the same --prefix, or a folder without its stamp
    move "$final" "$work/replaced"
  fi
  if ! move "$work/out" "$final" 2>/dev/null; then is_complete || die "cannot write $final"; fi
}

get_tools
get_wheels
get_source
build
place
say "ready: $final"
finish
