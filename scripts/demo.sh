#!/usr/bin/env bash
# demo.sh [RECORDING...]: turns recordings of demo/recordings into text with the small model that comes with the project,
# and compares it with what was really said (demo/refs.tsv). Exit code 1 when a text differs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

if [ $# = 0 ]; then set -- dev-00-en.wav; fi
if [ -z "${QWEN3_ASR_MLX_C:-}" ]; then
  QWEN3_ASR_MLX_C=$(bash scripts/build_mlx_c.sh)
  export QWEN3_ASR_MLX_C
fi

wrong=0
for recording in "$@"; do
  name=$(basename "$recording")
  said=$(awk -F '\t' -v name="$name" '$1 == name { print $3 }' demo/refs.tsv)
  [ -n "$said" ] || die "demo/refs.tsv has no recording '$name'"
  heard=$(bash scripts/deno.sh run -A mod.ts --model demo "demo/recordings/$name" </dev/null) ||
    die "no transcript of demo/recordings/$name; the reason stands above"
  printf 'recording  demo/recordings/%s\nheard      %s\n' "$name" "$heard"
  if [ "$heard" = "$said" ]; then
    echo 'said       the same'
  else
    printf 'said       %s\n' "$said"
    wrong=1
  fi
done
exit $wrong
