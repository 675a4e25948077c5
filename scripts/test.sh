#!/usr/bin/env bash
# Installs what is missing and runs every check: format, lint, types, documentation, package, tests with coverage,
# notebooks. The last line of the output is always "N passed, N failed", and the exit code is 0 only when nothing failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/lib.sh
. scripts/lib.sh

passed=0 failed=0
log=$(mktemp)
# shellcheck disable=SC2317 # called by trap
close() {
  local code=$?
  rm -f "$log"
  if [ "$code" != 0 ] && [ "$failed" = 0 ]; then failed=1; fi
  if [ "$code" = 0 ] && [ "$failed" != 0 ]; then code=1; fi
  printf '%s passed, %s failed\n' "$passed" "$failed"
  exit "$code"
}
trap close EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# All at once, those of build_mlx_c.sh too. The server's page is tested in a browser: any of Chromium's names will do;
# the fleet with a real queue.
need_tools compiler nm pip ffmpeg shellcheck zsh fish curl git browser nats-server
if [ -z "${QWEN3_ASR_MLX_C:-}" ]; then bash scripts/build_mlx_c.sh >/dev/null; fi
bash scripts/deno.sh run -A tests/support/fixtures.ts >/dev/null

export NO_COLOR=1
code=0
bash scripts/deno.sh task ok </dev/null 2>&1 | tee "$log" || code=$?
# test_lanes.ts ends with a line like: ok | 120 passed | 0 failed | 1 ignored (12s)
summary=$(grep -E '^(ok|FAILED) \| [0-9]+ passed' "$log" | tail -n 1 || true)
passed=$(sed -nE 's/^[a-zA-Z]+ \| ([0-9]+) passed.*/\1/p' <<<"$summary")
failed=$(sed -nE 's/.*\| ([0-9]+) failed.*/\1/p' <<<"$summary")
passed=${passed:-0} failed=${failed:-0}
if [ "$code" = 0 ] && [ "$passed" = 0 ]; then die "no test ran"; fi

notebooks_code=0
bash scripts/deno.sh task notebooks </dev/null 2>&1 | tee "$log" || notebooks_code=$?
# It ends with: 6 notebooks passed, 0 failed
summary=$(grep -E '^[0-9]+ notebooks passed, [0-9]+ failed$' "$log" | tail -n 1 || true)
notebooks_passed=$(sed -nE 's/^([0-9]+) notebooks passed.*/\1/p' <<<"$summary")
notebooks_failed=$(sed -nE 's/.*passed, ([0-9]+) failed$/\1/p' <<<"$summary")
if [ "$notebooks_code" != 0 ] && [ "${notebooks_failed:-0}" = 0 ]; then notebooks_failed=1; fi
passed=$((passed + ${notebooks_passed:-0})) failed=$((failed + ${notebooks_failed:-0}))
if [ "$code" = 0 ]; then code=$notebooks_code; fi
exit "$code"
