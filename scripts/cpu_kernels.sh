# shellcheck shell=bash
# Sourced by own_functions.sh: the innermost loops of its products, for processors with AVX2 and with AVX-512.

# Sums of products in registers, for one kind of processor: rows of x times outputs of a matrix [out, in], dense or packed
# (affine, 4 or 8 bits). Both lie along what is summed, so that nothing is copied into another order, as OpenBLAS does.
# shellcheck disable=SC2317 # called by products
kernels() {
  cat <<'END'
// The sum of the lanes of each: of four in two instructions a number.
template <int count>
INLINE void totals(const V *sums, float *values) {
#pragma GCC unroll 4
  for (int i = 0; i < count; i += 4) {
    const __m256 a = FOLD(sums[i]), b = i + 1 < count ? FOLD(sums[i + 1]) : a, c = i + 2 < count ? FOLD(sums[i + 2]) : a,
                 d = i + 3 < count ? FOLD(sums[i + 3]) : a;
    const __m256 pairs = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    _mm_storeu_ps(values + i, _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps(pairs, 1)));
  }
}

// Sums of `count` products for some rows and outputs, added to what stands there if `isMore`.
template <int rows, int outs>
WIDE void dots(const float *x, long xs, const float *w, long ws, int count, float *y, long ys, bool isMore) {
  V sum[rows][outs];
  float values[rows * outs + 3];
  for (int r = 0; r < rows; r++)
    for (int o = 0; o < outs; o++) sum[r][o] = ZERO;
  int i = 0;
  for (; i + LANES <= count; i += LANES) {
    V v[outs];
    for (int o = 0; o < outs; o++) v[o] = LOAD(w + o * ws + i);
    for (int r = 0; r < rows; r++) {
      V u = LOAD(x + r * xs + i);
      asm("" : "+v"(u)); // read once, not by each instruction that needs it
      for (int o = 0; o < outs; o++) sum[r][o] = FMA(u, v[o], sum[r][o]);
    }
  }
  totals<rows * outs>(sum[0], values);
  for (int r = 0; r < rows; r++)
    for (int o = 0; o < outs; o++) {
      float value = values[r * outs + o];
      for (int j = i; j < count; j++) value += x[r * xs + j] * w[o * ws + j];
      y[r * ys + o] = isMore ? y[r * ys + o] + value : value;
    }
}

template <int rows, int outs>
WIDE void across(const float *x, long xs, const float *w, long ws, int count, int out, float *y, long ys, bool isMore) {
  int o = 0;
  for (; o + outs <= out; o += outs) dots<rows, outs>(x, xs, w + o * ws, ws, count, y + o, ys, isMore);
  for (; o < out; o++) dots<rows, 1>(x, xs, w + o * ws, ws, count, y + o, ys, isMore);
}

// All rows times some outputs, as many at once as there are registers for; the outputs stay in a processor's cache.
WIDE void down(const float *x, long xs, int rows, const float *w, long ws, int count, int out, float *y, long ys, bool isMore) {
  for (int taken; rows > 0; rows -= taken, x += taken * xs, y += taken * ys) {
    taken = rows >= TALL ? TALL : std::min(rows, 4);
    (taken == TALL ? across<TALL, BROAD>
     : taken == 4  ? across<4, 3>
     : taken == 3  ? across<3, 4>
     : taken == 2  ? across<2, 4>
                   : across<1, 4>)(x, xs, w, ws, count, out, y, ys, isMore);
  }
}

WIDE void dense(const float *x, long xs, int rows, const float *w, long ws, int in, int out, float *y, long ys, bool isMore) {
  float *const panel = own_panel();
  const bool isCopied = rows >= WORTH_COPYING;
  for (int start = 0; start < in; start += DEPTH) {
    const int count = std::min(DEPTH, in - start), apart = count + GAP;
    if (isCopied)
      for (int o = 0; o < out; o++) __builtin_memcpy(panel + o * apart, w + o * ws + start, count * sizeof(float));
    down(x + start, xs, rows, isCopied ? panel : w + start, isCopied ? apart : ws, count, out, y, ys, isMore || start > 0);
  }
}

// As many numbers of a packed row as a register takes, from the number `at` on.
template <int bits>
INLINE V numbers(const unsigned char *row, long at) {
  if constexpr (bits == 8) return BYTES(row + at);
  else return NIBBLES(row + at / 2);
}

// y = over all groups, scale * (q x) + bias * (sum of x), for some rows and outputs.
template <int bits, int rows, int outs>
WIDE void block(const Packed &w, int first, const float *x, const float *sums, float *y) {
  const int groups = w.in / w.group;
  const long bytes = (long)w.in * bits / 8;
  V sum[rows][outs];
  float rest[rows][outs] = {}, values[rows * outs + 3];
  for (int r = 0; r < rows; r++)
    for (int o = 0; o < outs; o++) sum[r][o] = ZERO;
  for (int g = 0; g < groups; g++) {
    V part[rows][outs];
    for (int r = 0; r < rows; r++)
      for (int o = 0; o < outs; o++) part[r][o] = ZERO;
    for (int i = g * w.group; i < (g + 1) * w.group; i += LANES) {
      V q[outs];
      for (int o = 0; o < outs; o++) q[o] = numbers<bits>(w.weight + (first + o) * bytes, i);
      for (int r = 0; r < rows; r++) {
        V v = LOAD(x + (long)r * w.in + i);
        asm("" : "+v"(v));
        for (int o = 0; o < outs; o++) part[r][o] = FMA(q[o], v, part[r][o]);
      }
    }
    for (int o = 0; o < outs; o++) {
      const long at = (long)(first + o) * groups + g;
      for (int r = 0; r < rows; r++) {
        sum[r][o] = FMA(part[r][o], ALL(w.scales[at]), sum[r][o]);
        rest[r][o] += w.biases[at] * sums[r * groups + g];
      }
    }
  }
  totals<rows * outs>(sum[0], values);
  for (int r = 0; r < rows; r++)
    for (int o = 0; o < outs; o++) y[(long)r * w.out + first + o] = values[r * outs + o] + rest[r][o];
}

template <int bits, int rows, int outs>
WIDE void some(const Packed &w, int from, int to, const float *x, const float *sums, float *y) {
  for (; from + outs <= to; from += outs) block<bits, rows, outs>(w, from, x, sums, y);
  for (; from < to; from++) block<bits, rows, 1>(w, from, x, sums, y);
}

// Outputs `from` to `to` of at most four rows.
template <int bits>
WIDE void few(const Packed &w, int from, int to, const float *x, int rows, const float *sums, float *y) {
  (rows == 1 ? some<bits, 1, 4> : rows == 2 ? some<bits, 2, 2> : rows == 3 ? some<bits, 3, 2> : some<bits, 4, 2>)(
      w, from, to, x, sums, y);
}

// Outputs `from` to `to` of many rows: their numbers are unpacked, as many as stay in a processor's cache.
template <int bits>
WIDE void many(const Packed &w, int from, int to, const float *x, int rows, float *y) {
  float *const panel = own_panel();
  const int groups = w.in / w.group, depth = DEPTH / w.group * w.group;
  for (int start = 0; start < w.in; start += depth) {
    const int stop = std::min(w.in, start + depth);
    for (int o = from; o < to; o++) {
      float *next = panel + (o - from) * (stop - start + GAP);
      for (int g = start / w.group; g < stop / w.group; g++) {
        const V scale = ALL(w.scales[(long)o * groups + g]), bias = ALL(w.biases[(long)o * groups + g]);
        for (int i = g * w.group; i < (g + 1) * w.group; i += LANES, next += LANES)
          STORE(next, FMA(numbers<bits>(w.weight + (long)o * w.in * bits / 8, i), scale, bias));
      }
    }
    down(x + start, w.in, rows, panel, stop - start + GAP, stop - start, to - from, y + from, w.out, start > 0);
  }
}

const Kernels KERNELS{dense, {few<4>, few<8>}, {many<4>, many<8>}};

#undef WIDE
#undef V
#undef LANES
#undef TALL
#undef BROAD
#undef ZERO
#undef ALL
#undef LOAD
#undef STORE
#undef FMA
END
}

# The kernels for AVX2 and for AVX-512, and who chooses.
# shellcheck disable=SC2317 # called by compile
products() {
  cat <<'END'
namespace {

struct Packed {
  const unsigned char *weight;
  const float *scales, *biases;
  int out, in, group;
};

constexpr int FEW = 4;      // more rows are cheaper by unpacked numbers
constexpr int PART = 48;    // outputs that a thread takes at once
constexpr int ROWS = 128;   // and rows
constexpr int DEPTH = 1024; // numbers of them: 200 kB
constexpr int GAP = 16;     // between outputs: rows a power of two apart would fall on each other in a cache
constexpr int WORTH_COPYING = 24; // rows

// Where a thread puts the outputs that it multiplies with.
float *own_panel() {
  alignas(64) static thread_local float panel[PART * (DEPTH + GAP)];
  return panel;
}

struct Kernels {
  void (*dense)(const float *x, long xs, int rows, const float *w, long ws, int in, int out, float *y, long ys, bool isMore);
  void (*few[2])(const Packed &w, int from, int to, const float *x, int rows, const float *sums, float *y); // 4 and 8 bits
  void (*many[2])(const Packed &w, int from, int to, const float *x, int rows, float *y);
};

} // namespace

#if defined(__x86_64__)
#include <immintrin.h>
#define INLINE static inline __attribute__((always_inline)) WIDE

namespace {
namespace avx2 {
#define WIDE __attribute__((target("avx2,fma")))
#define V __m256
#define LANES 8
#define TALL 4
#define BROAD 3
#define ZERO _mm256_setzero_ps()
#define ALL _mm256_set1_ps
#define LOAD _mm256_loadu_ps
#define STORE _mm256_storeu_ps
#define FMA _mm256_fmadd_ps
INLINE __m256 FOLD(V x) { return x; }
INLINE V BYTES(const unsigned char *at) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)at)));
}
INLINE V NIBBLES(const unsigned char *at) {
  int word;
  __builtin_memcpy(&word, at, sizeof word);
  __m256i apart = _mm256_srlv_epi32(_mm256_set1_epi32(word), _mm256_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28));
  return _mm256_cvtepi32_ps(_mm256_and_si256(apart, _mm256_set1_epi32(15)));
}
END
  kernels
  cat <<'END'
} // namespace avx2

namespace avx512 {
#define WIDE __attribute__((target("avx512f,avx2,fma")))
#define V __m512
#define LANES 16
#define TALL 6
#define BROAD 4
#define ZERO _mm512_setzero_ps()
#define ALL _mm512_set1_ps
#define LOAD _mm512_loadu_ps
#define STORE _mm512_storeu_ps
#define FMA _mm512_fmadd_ps
INLINE __m256 FOLD(V x) {
  return _mm256_add_ps(_mm512_castps512_ps256(x), _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1)));
}
INLINE V BYTES(const unsigned char *at) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)at)));
}
INLINE V NIBBLES(const unsigned char *at) {
  long long words;
  __builtin_memcpy(&words, at, sizeof words);
  const __m512i both = _mm512_set1_epi64(words); // The word of each lane: the even ones first.
  const __m512i word = _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1), both);
  const __m512i apart =
      _mm512_srlv_epi32(word, _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 0, 4, 8, 12, 16, 20, 24, 28));
  return _mm512_cvtepi32_ps(_mm512_and_si512(apart, _mm512_set1_epi32(15)));
}
END
  kernels
  cat <<'END'
} // namespace avx512

// What the processor can, and no more than QWEN3_ASR_KERNELS says (avx512, avx2, none), for tests.
const Kernels *choose() {
  const char *most = getenv("QWEN3_ASR_KERNELS");
  const std::string asked = most ? most : "avx512";
  if (asked == "none" || !__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return nullptr;
  return asked != "avx2" && __builtin_cpu_supports("avx512f") ? &avx512::KERNELS : &avx2::KERNELS;
}

const Kernels *chosen() {
  static const Kernels *const kernels = choose();
  return kernels;
}
} // namespace
#undef INLINE
#else
namespace {
const Kernels *chosen() { return nullptr; }
} // namespace
#endif
END
}
