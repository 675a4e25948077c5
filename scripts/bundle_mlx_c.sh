#!/usr/bin/env bash
# bundle_mlx_c.sh [--backend cpu|metal|cuda] [--from DIR] [--out DIR] [--part-bytes N]
#
# Packs what build_mlx_c.sh builds into the files of a release, which `setup` fetches and unpacks: a compressed tar archive
# NAME.tar.gz, split into NAME.tar.gz.aa, .ab, ... when it is too large for a release (2 GiB a file), and NAME.sha256 with
# the checksum of each file (for `sha256sum -c`). Prints the paths. The libraries work wherever the archive is unpacked.
# Runs a build of its own, unless --from names a folder that build_mlx_c.sh made.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/lib.sh"

backend='' from='' out=dist part_bytes=1900000000
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || die "$1 needs a value: --backend cpu|metal|cuda, --from DIR, --out DIR, --part-bytes N"
  case $1 in
    --backend) backend=$2 ;;
    --from) from=$2 ;;
    --out) out=$2 ;;
    --part-bytes) part_bytes=$2 ;;
    *) die "unknown option $1: --backend, --from, --out and --part-bytes are known" ;;
  esac
  shift 2
done
case $part_bytes in '' | *[!0-9]* | 0*) die "--part-bytes needs a number, not '$part_bytes'" ;; esac
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Built in a separate folder, so that it never holds this machine's Homebrew library and the cache stays untouched.
if [ -n "$from" ]; then
  [ -f "$from/complete" ] || die "$from was not made by build_mlx_c.sh: it has no file 'complete'"
  cp -R "$from/." "$work/bundle"
else
  bash "$here/build_mlx_c.sh" --prefix "$work/bundle" ${backend:+--backend "$backend"} >/dev/null
fi
name=$(head -n 1 "$work/bundle/complete")

# relocatable_mac: makes every library name itself and its neighbours by @rpath, search its own folder, and signs it again
# (a change breaks its signature, and Apple silicon loads no library without one; "-" signs without an identity).
relocatable_mac() {
  local file dependency
  for file in "$work"/bundle/lib/*.dylib; do
    chmod u+w "$file"
    install_name_tool -id "@rpath/$(basename "$file")" "$file"
    otool -L "$file" | awk 'NR > 1 { print $1 }' | while read -r dependency; do
      case $dependency in
        @rpath/* | /usr/lib/* | /System/*) ;;
        *)
          [ -f "$work/bundle/lib/$(basename "$dependency")" ] || die "$(basename "$file") needs $dependency, which is not in the bundle"
          install_name_tool -change "$dependency" "@rpath/$(basename "$dependency")" "$file"
          ;;
      esac
    done
    if ! otool -l "$file" | grep -q 'path @loader_path '; then install_name_tool -add_rpath @loader_path "$file"; fi
    codesign --force --sign - "$file"
    codesign --verify "$file"
  done
  [ -f "$work/bundle/lib/libmlx.dylib" ] || die "the bundle has no libmlx.dylib"
  [ -f "$work/bundle/lib/mlx.metallib" ] || die "the bundle has no mlx.metallib beside libmlx"
}

# closed_linux: checks that every needed library is inside the bundle or belongs to the system.
closed_linux() {
  local missing
  missing=$(ldd "$work"/bundle/lib/libmlxc.so | awk '/not found/ { print $1 }' | grep -v '^libcuda\.so' || true)
  [ -z "$missing" ] || die "the bundle lacks $missing"
}

if [ "$(uname -s)" = Darwin ]; then relocatable_mac; else closed_linux; fi

rm -f "$out/$name".tar.gz* "$out/$name.sha256"
(cd "$work/bundle" && COPYFILE_DISABLE=1 tar --format=ustar -cf - complete lib include) | gzip -n >"$out/$name.tar.gz"
if [ "$(wc -c <"$out/$name.tar.gz")" -gt "$part_bytes" ]; then
  split -b "$part_bytes" -a 2 "$out/$name.tar.gz" "$out/$name.tar.gz." # .aa, .ab, ...
  rm "$out/$name.tar.gz"
fi
for file in "$out/$name".tar.gz*; do
  printf '%s  %s\n' "$(sha256_of <"$file")" "$(basename "$file")" >>"$out/$name.sha256"
  printf '%s\n' "$file"
done
printf '%s\n' "$out/$name.sha256"
