# shellcheck shell=bash
# Sourced by build_mlx_c.sh: what libmlxc has on Linux besides mlx-c, for a CPU. docs/building.md has the reasons.

# Work in parts, and what both kinds of products need. Who asks for work does all of it, but for the parts that helpers take
# meanwhile: nobody waits for a thread that has not begun, however busy the machine is, as OpenBLAS's threads do.
# shellcheck disable=SC2317 # called by compile
crew() {
  cat <<'END'
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

class Crew {
  struct Job {
    const std::function<void(int)> part;
    const int parts;
    int helpers; // that may still come
    std::atomic<int> next{0}, done{0};
    Job(std::function<void(int)> part, int parts, int helpers) : part(std::move(part)), parts(parts), helpers(helpers) {}
  };
  std::mutex mutex;
  std::condition_variable wake;
  std::shared_ptr<Job> job;
  std::atomic<unsigned> jobs{0};
  int helpers = 0;

  static void join(Job &job) {
    for (int part; (part = job.next++) < job.parts; job.done.fetch_add(1, std::memory_order_release)) job.part(part);
  }

  static void rest() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  void help() {
    for (unsigned seen = 0;;) {
      // The next product of a step is some microseconds away: a thread that sleeps would come too late for it.
      for (int turn = 0; turn < 4000 && jobs.load(std::memory_order_acquire) == seen; turn++) rest();
      std::shared_ptr<Job> mine;
      {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return jobs != seen; });
        seen = jobs;
        if (job && job->helpers > 0) {
          job->helpers--;
          mine = job;
        }
      }
      if (mine) join(*mine);
    }
  }

public:
  std::atomic<int> threads{1};

  // `work` says how many products there are in all: to wake somebody takes as long as some hundred thousand.
  void run(int parts, long work, std::function<void(int)> part) {
    const int most = work < 1 << 20 ? 1 : std::min<int>(parts, threads);
    std::shared_ptr<Job> mine;
    if (most > 1) {
      std::lock_guard lock(mutex);
      if (!job) { // else somebody else has the helpers
        mine = job = std::make_shared<Job>(part, parts, most - 1);
        try {
          for (; helpers < most - 1; helpers++) std::thread([this] { help(); }).detach();
        } catch (const std::system_error &) { // The system has no more threads: those that are there help.
        }
        jobs++;
      }
    }
    if (!mine) {
      for (int i = 0; i < parts; i++) part(i);
      return;
    }
    wake.notify_all();
    join(*mine);
    {
      std::lock_guard lock(mutex);
      job.reset();
    }
    for (int turn = 0; mine->done.load(std::memory_order_acquire) < parts; turn++)
      turn < 1000 ? rest() : std::this_thread::yield();
  }
};

Crew &crew() {
  static Crew &one = *new Crew; // never destroyed: its threads wait for it until the process has ended
  return one;
}

} // namespace

// Threads of the products below. Nobody may be multiplying.
extern "C" void qwen3asr_use_threads(int threads) { crew().threads = std::max(1, threads); }
extern "C" int qwen3asr_threads() { return crew().threads; }
END
}

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
  for (int start = 0; start < in; start += DEPTH) {
    const int count = std::min(DEPTH, in - start), apart = count + GAP;
    const bool isCopied = rows >= WORTH_COPYING;
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
#else
namespace {
const Kernels *chosen() { return nullptr; }
} // namespace
#endif
END
}

# Dense products. MLX calls cblas_sgemm for all of them; libmlxc has it, as the dynamic linker looks there first. Some rows
# times the transpose of a matrix go to the kernels: OpenBLAS would copy the matrix into its own order first. Few rows of
# another kind go to its product with a vector, for the same reason. The rest is OpenBLAS's, in one thread, part by part.
# shellcheck disable=SC2317 # called by compile
dense_products() {
  cat <<'END'
enum { ROW_MAJOR = 101, AS_IS = 111, TRANSPOSED = 112 };

extern "C" {
void scipy_cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, const float *a, int lda,
                       const float *b, int ldb, float beta, float *c, int ldc);
void scipy_cblas_sgemv(int order, int trans, int m, int n, float alpha, const float *a, int lda, const float *x, int incx,
                       float beta, float *y, int incy);
char *scipy_openblas_get_corename(void);

// y = alpha op(a) x + beta y; what stands in y at first is not read if beta is 0, it may be no number.
static void vector(bool transposed, int rows, int columns, float alpha, const float *a, int lda, const float *x, int incx,
                   float beta, float *y, int incy) {
  if (beta == 0)
    for (int i = 0; i < rows; i++) y[(long)i * incy] = 0;
  if (transposed)
    scipy_cblas_sgemv(ROW_MAJOR, TRANSPOSED, columns, rows, alpha, a, lda, x, incx, beta, y, incy);
  else
    scipy_cblas_sgemv(ROW_MAJOR, AS_IS, rows, columns, alpha, a, lda, x, incx, beta, y, incy);
}

// c = alpha op(a) op(b) + beta c in parts, of rows or of columns.
static void in_parts(int transA, int transB, int m, int n, int k, float alpha, const float *a, int lda, const float *b,
                     int ldb, float beta, float *c, int ldc) {
  const bool isA = transA == AS_IS, isB = transB == AS_IS, isTall = m >= n;
  const int size = isTall ? m : n, most = std::min(2 * crew().threads, size / 64);
  const long work = (long)m * n * k;
  const int step = most > 1 && work >= 1 << 21 ? (size / most + 15) / 16 * 16 : size; // else some 50 us
  crew().run((size + step - 1) / step, work, [=](int part) {
    const long from = (long)part * step;
    const int count = std::min<long>(step, size - from);
    if (isTall)
      scipy_cblas_sgemm(ROW_MAJOR, transA, transB, count, n, k, alpha, isA ? a + from * lda : a + from, lda, b, ldb, beta,
                        c + from * ldc, ldc);
    else
      scipy_cblas_sgemm(ROW_MAJOR, transA, transB, m, count, k, alpha, a, lda, isB ? b + from : b + from * ldb, ldb, beta,
                        c + from, ldc);
  });
}

void cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc) {
  static const char *const core = scipy_openblas_get_corename(); // Haswell, Zen: the kernels with AVX2
  static const int few = __builtin_strcmp(core, "Haswell") == 0 || __builtin_strcmp(core, "Zen") == 0 ? 3 : 1;
  static const Kernels *const kernels = chosen();
  const bool isA = transA == AS_IS, isB = transB == AS_IS, isPlain = alpha == 1 && (beta == 0 || beta == 1);
  if (order != ROW_MAJOR || k < 1 || m < 1 || n < 1)
    scipy_cblas_sgemm(order, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  // Of shorter sums adding up the lanes is too large a part; of more rows OpenBLAS's copy is a small one.
  else if (kernels && isA && !isB && isPlain && n > few && (m <= FEW || (k >= 192 && m <= (k < 1024 ? 16 : 192)))) {
    const int parts = (n + PART - 1) / PART;
    const auto part = [=](int index) {
      const int from = index * PART;
      kernels->dense(a, lda, m, b + (long)from * ldb, ldb, k, std::min(PART, n - from), c + from, ldc, beta == 1);
    };
    crew().run(parts, (long)m * n * k, part);
  } else if (m > few && n > few)
    in_parts(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  else if (m <= n) // a row of c = op(b)' a row of op(a)
    for (long row = 0; row < m; row++)
      vector(isB, n, k, alpha, b, ldb, isA ? a + row * lda : a + row, isA ? 1 : lda, beta, c + row * ldc, 1);
  else
    for (long column = 0; column < n; column++)
      vector(!isA, m, k, alpha, a, lda, isB ? b + column : b + column * ldb, isB ? ldb : 1, beta, c + column, ldc);
}
}
END
}

# Products with packed weights: MLX's own kernel unpacks number by number, for each row again.
# shellcheck disable=SC2317 # called by compile
packed_products() {
  cat <<'END'
#include "mlx/allocator.h"
#include "mlx/backend/cpu/encoder.h"
#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"
#include "mlx/primitives.h"

namespace {

class PackedProduct : public mlx::core::UnaryPrimitive {
  int bits, group;

  static void product(const Packed &w, int bits, const float *x, int rows, float *y) {
    const int groups = w.in / w.group, kind = bits / 8;
    const Kernels *kernels = chosen();
    std::vector<float> sums(rows <= FEW ? rows * groups : 0);
    for (size_t i = 0; i < sums.size(); i++)
      for (int j = 0; j < w.group; j++) sums[i] += x[(long)i * w.group + j];
    const float *all = sums.data();
    const int parts = (w.out + PART - 1) / PART, blocks = (rows + ROWS - 1) / ROWS;
    crew().run(parts * blocks, (long)rows * w.in * w.out, [=](int part) {
      const int from = part % parts * PART, to = std::min(w.out, from + PART), row = part / parts * ROWS;
      const float *xr = x + (long)row * w.in;
      float *yr = y + (long)row * w.out;
      if (rows <= FEW) kernels->few[kind](w, from, to, xr, rows, all, yr);
      else kernels->many[kind](w, from, to, xr, std::min(ROWS, rows - row), yr);
    });
  }

public:
  PackedProduct(mlx::core::Stream stream, int bits, int group) : UnaryPrimitive(stream), bits(bits), group(group) {}
  DEFINE_NAME(PackedProduct)

  void eval_cpu(const std::vector<mlx::core::array> &inputs, mlx::core::array &out) override {
    out.set_data(mlx::core::allocator::malloc(out.nbytes()));
    const auto &x = inputs[0], &weight = inputs[1];
    const Packed w{(const unsigned char *)weight.data<uint32_t>(), inputs[2].data<float>(), inputs[3].data<float>(),
                   weight.shape(0), x.shape(-1), group};
    for (int i = 1; i < 4; i++)
      if (!inputs[i].flags().row_contiguous) throw std::runtime_error("[qwen3asr_packed_product] weights lie apart");
    const int rows = x.size() / w.in;
    mlx::core::cpu::get_command_encoder(stream()).dispatch(
        [w, rows, bits = bits, isWhole = x.flags().row_contiguous, shape = x.shape(), strides = x.strides(),
         x = x.data<float>(), y = out.data<float>()] {
          if (isWhole) return product(w, bits, x, rows, y);
          std::vector<float> copy((size_t)rows * w.in);
          for (int r = 0; r < rows; r++) {
            long at = 0;
            for (int left = r, axis = (int)shape.size() - 2; axis >= 0; left /= shape[axis--])
              at += left % shape[axis] * strides[axis];
            for (int i = 0; i < w.in; i++) copy[(size_t)r * w.in + i] = x[at + i * strides.back()];
          }
          product(w, bits, copy.data(), rows, y);
        });
  }

  void eval_gpu(const std::vector<mlx::core::array> &, mlx::core::array &) override {
    throw std::runtime_error("[qwen3asr_packed_product] it is for a CPU");
  }
};

} // namespace

// Whether this processor can.
extern "C" bool qwen3asr_has_packed_product() { return chosen() != nullptr; }

// x [..., in] times the transpose of w [out, in], which is packed to `bits` (4 or 8) in groups: all float32, affine.
extern "C" int qwen3asr_packed_product(mlx_array *res, const mlx_array x, const mlx_array w, const mlx_array scales,
                                       const mlx_array biases, int bits, int group, const mlx_stream s) {
  try {
    const auto stream = mlx_stream_get_(s);
    const auto &in = mlx_array_get_(x), &weight = mlx_array_get_(w), &scale = mlx_array_get_(scales),
               &bias = mlx_array_get_(biases);
    const int width = in.shape(-1);
    const mlx::core::Shape groups{weight.shape(0), width / group};
    if (in.dtype() != mlx::core::float32 || scale.dtype() != mlx::core::float32 || bias.dtype() != mlx::core::float32 ||
        weight.dtype() != mlx::core::uint32 || (bits != 4 && bits != 8) || group % 16 != 0 || group > DEPTH ||
        width % group != 0 || weight.shape(-1) * 32L != (long)width * bits || scale.shape() != groups ||
        bias.shape() != groups || !chosen())
      throw std::invalid_argument("[qwen3asr_packed_product] the processor, types or shapes do not fit");
    auto shape = in.shape();
    shape.back() = weight.shape(0);
    mlx_array_set_(*res, mlx::core::array(shape, mlx::core::float32, std::make_shared<PackedProduct>(stream, bits, group),
                                          {in, weight, scale, bias}));
  } catch (std::exception &e) {
    mlx_error(e.what());
    return 1;
  }
  return 0;
}
END
}

# MLX prepares ten tasks (a hundred operations) ahead, all streams together. This tells it of so many tasks as done that it
# has not begun, or (fewer than none) as begun.
# shellcheck disable=SC2317 # called by compile
run_ahead() {
  cat <<'END'
#include "mlx/scheduler.h"

extern "C" void qwen3asr_run_ahead(int tasks) {
  mlx::core::Stream stream = mlx::core::default_stream(mlx::core::Device::cpu);
  for (; tasks > 0; tasks--) mlx::core::scheduler::notify_task_completion(stream);
  for (; tasks < 0; tasks++) mlx::core::scheduler::notify_new_task(stream);
}
END
}
