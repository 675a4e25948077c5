# shellcheck shell=bash
# Sourced by own_functions.sh: what the processors can that cpu_kernels.sh and pass_kernels.sh are written for.

# The macros of one kind of processor end.
# shellcheck disable=SC2317 # called by processors
undefine() {
  local name
  for name in WIDE V LANES TALL BROAD HIGH DEEP PAIR BESIDE ZERO ALL LOAD STORE FMA LOWS HIGHS HALVES; do echo "#undef $name"; done
}

# The kernels for AVX2 and for AVX-512, those of passes for any other processor too, and who chooses.
# shellcheck disable=SC2317 # called by compile
processors() {
  cat <<'END'
namespace {

// [out, in]: numbers, or packed ones in groups with a scale and a bias each.
struct Matrix {
  const unsigned char *weight;
  const float *scales, *biases;
  long apart; // bytes from a row to the next
  int out, in, group;
};

constexpr int FEW = 4;      // more rows are cheaper by unpacked numbers
constexpr int PART = 48;    // outputs that a thread takes at once
constexpr int ROWS = 256;   // and rows
constexpr int AHEAD = 1 << 15; // bytes
constexpr int DEPTH = 512;  // numbers of an output that are summed one after the other: of more, rounding would add up
constexpr int WORTH_TURNING = 32; // rows

// Where a thread puts the outputs that it multiplies with.
float *own_panel() {
  alignas(64) static thread_local float panel[PART * DEPTH];
  return panel;
}

struct Kernels {
  // Outputs `from` to `to` of some rows, `xs` and `ys` numbers apart, added to what stands there if `isMore`.
  void (*dense)(const Matrix &w, int from, int to, const float *x, long xs, int rows, float *y, long ys, bool isMore);
  void (*few[2])(const Matrix &w, int from, int to, const float *x, int rows, const float *sums, float *y); // 4 and 8 bits
  void (*many[2])(const Matrix &w, int from, int to, const float *x, long xs, int rows, float *y, long ys, bool isMore);
};

struct Passes { // own_passes.sh
  void (*gelu)(const float *x, const float *bias, int count, float *y);
  void (*swiglu)(const float *gate, const float *up, int count, float *y);
  void (*norm)(const float *x, const float *weight, const float *bias, float eps, int width, float *y);
  void (*rotate)(const float *x, const float *weight, const float *cosines, const float *sines, float eps, int width, float *y);
  float (*weigh)(float *row, int first, int until, int keys);
};

#define INLINE static inline __attribute__((always_inline)) WIDE

namespace plain {
#define WIDE
#define V Four
typedef float Four __attribute__((vector_size(16)));
END
  pass_kernels && undefine
  cat <<'END'
} // namespace plain
} // namespace

#if defined(__x86_64__)
#include <immintrin.h>

namespace {
namespace avx2 {
#define WIDE __attribute__((target("avx2,fma")))
#define V __m256
#define LANES 8
#define TALL 4
#define BROAD 3
#define HIGH 6
#define DEEP 4
#define PAIR 2
#define BESIDE 16
#define ZERO _mm256_setzero_ps()
#define ALL _mm256_set1_ps
#define LOAD _mm256_loadu_ps
#define STORE _mm256_storeu_ps
#define FMA _mm256_fmadd_ps
#define LOWS _mm256_unpacklo_ps
#define HIGHS _mm256_unpackhi_ps
#define HALVES _mm256_shuffle_ps
INLINE __m256 FOLD(V x) { return x; }
INLINE void join(const V *x, V *columns) {
  for (int i = 0; i < 4; i++) {
    columns[i] = _mm256_permute2f128_ps(x[i], x[i + 4], 0x20);
    columns[i + 4] = _mm256_permute2f128_ps(x[i], x[i + 4], 0x31);
  }
}
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
  kernels && pass_kernels && undefine
  cat <<'END'
} // namespace avx2

namespace avx512 {
#define WIDE __attribute__((target("avx512f,avx2,fma")))
#define V __m512
#define LANES 16
#define TALL 6
#define BROAD 4
#define HIGH 8
#define DEEP 8
#define PAIR 3
#define BESIDE 48
#define ZERO _mm512_setzero_ps()
#define ALL _mm512_set1_ps
#define LOAD _mm512_loadu_ps
#define STORE _mm512_storeu_ps
#define FMA _mm512_fmadd_ps
#define LOWS _mm512_unpacklo_ps
#define HIGHS _mm512_unpackhi_ps
#define HALVES _mm512_shuffle_ps
INLINE void join(const V *x, V *columns) {
  for (int i = 0; i < 4; i++) {
    const V b[4] = {_mm512_shuffle_f32x4(x[i], x[i + 4], 0x44), _mm512_shuffle_f32x4(x[i], x[i + 4], 0xee),
                    _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0x44), _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0xee)};
    columns[i] = _mm512_shuffle_f32x4(b[0], b[2], 0x88);
    columns[i + 4] = _mm512_shuffle_f32x4(b[0], b[2], 0xdd);
    columns[i + 8] = _mm512_shuffle_f32x4(b[1], b[3], 0x88);
    columns[i + 12] = _mm512_shuffle_f32x4(b[1], b[3], 0xdd);
  }
}
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
  kernels && pass_kernels && undefine
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

const Passes &own_passes() {
  static const Passes &passes = !chosen() ? plain::PASSES : chosen() == &avx512::KERNELS ? avx512::PASSES : avx2::PASSES;
  return passes;
}
} // namespace
#else
namespace {
const Kernels *chosen() { return nullptr; }
const Passes &own_passes() { return plain::PASSES; }
} // namespace
#endif
#undef INLINE
END
}
