# shellcheck shell=bash
# Sourced by build_mlx_c.sh: what libmlxc has on Linux besides mlx-c, for a CPU. docs/building.md has the reasons.

# shellcheck source=scripts/cpu_kernels.sh disable=SC2154 # build_mlx_c.sh has set it
. "$here/cpu_kernels.sh"
# shellcheck source=scripts/processors.sh
. "$here/processors.sh"
# shellcheck source=scripts/pass_kernels.sh
. "$here/pass_kernels.sh"
# shellcheck source=scripts/own_passes.sh
. "$here/own_passes.sh"

# shellcheck disable=SC2317 # called by compile
own_functions() { crew && processors && dense_products && operations && packed_products && passes && run_ahead; }

# Work in parts, and what both kinds of products need. Who asks for work does all of it, but for the parts that helpers take
# meanwhile: nobody waits for a thread that has not begun, however busy the machine is, as OpenBLAS's threads do.
# shellcheck disable=SC2317 # called by own_functions
crew() {
  cat <<'END'
#include <algorithm>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <exception>
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
    std::exception_ptr error; // of a part, and what that left undone is anybody's guess
    std::mutex mutex;
    Job(std::function<void(int)> part, int parts, int helpers) : part(std::move(part)), parts(parts), helpers(helpers) {}
  };
  std::mutex mutex;
  std::condition_variable wake;
  std::shared_ptr<Job> job;
  std::atomic<unsigned> jobs{0};
  int helpers = 0;

  static void join(Job &job) {
    for (int part; (part = job.next++) < job.parts; job.done.fetch_add(1, std::memory_order_release)) {
      try {
        job.part(part);
      } catch (...) {
        std::lock_guard lock(job.mutex);
        job.error = std::current_exception();
      }
    }
  }

  static void rest() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }

  void help() {
    bool hasHelped = false;
    for (unsigned seen = 0;;) {
      // The next product of a step is some microseconds away: a thread that sleeps would come too late for it.
      for (int turn = 0; hasHelped && turn < 4000 && jobs.load(std::memory_order_acquire) == seen; turn++) rest();
      std::shared_ptr<Job> mine;
      {
        std::unique_lock lock(mutex);
        // Where it is not wanted it sleeps, as with fewer threads than before.
        wake.wait(lock, [&] { return jobs != seen && job && job->helpers > 0; });
        seen = jobs;
        job->helpers--;
        mine = job;
      }
      hasHelped = true;
      join(*mine);
    }
  }

public:
  std::atomic<int> threads{1};

  // `work` says how many products there are in all, or what takes as long: to wake somebody takes as long as some hundred
  // thousand.
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
    for (int i = 1; i < most; i++) wake.notify_one();
    join(*mine);
    {
      std::lock_guard lock(mutex);
      job.reset();
    }
    for (int turn = 0; mine->done.load(std::memory_order_acquire) < parts; turn++)
      turn < 1000 ? rest() : std::this_thread::yield();
    if (mine->error) std::rethrow_exception(mine->error);
  }
};

Crew &crew() {
  static Crew &one = *new Crew; // never destroyed: its threads wait for it until the process has ended
  return one;
}

} // namespace

// Threads of the products below, from the next one on.
extern "C" void qwen3asr_use_threads(int threads) { crew().threads = std::clamp(threads, 1, 64); }
extern "C" int qwen3asr_threads() { return crew().threads; }
END
}

# Dense products. MLX calls cblas_sgemm for all of them; libmlxc has it, as the dynamic linker looks there first. Products
# with the transpose of a matrix go to the kernels; few rows of another kind to OpenBLAS's product with a vector, as it would
# copy the matrix into its own order first. The rest is OpenBLAS's, in one thread, part by part.
# shellcheck disable=SC2317 # called by own_functions
dense_products() {
  cat <<'END'
enum { ROW_MAJOR = 101, AS_IS = 111, TRANSPOSED = 112 };

extern "C" {
void scipy_cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, const float *a, int lda,
                       const float *b, int ldb, float beta, float *c, int ldc);
void scipy_cblas_sgemv(int order, int trans, int m, int n, float alpha, const float *a, int lda, const float *x, int incx,
                       float beta, float *y, int incy);
char *scipy_openblas_get_corename(void);
int scipy_openblas_get_num_threads(void);
void scipy_openblas_set_num_threads(int threads);

// Threads as OpenBLAS chose them, which has one from then on: what is left to it goes in parts, and its threads would take
// the cores from the helpers.
int qwen3asr_natural_threads() {
  static const int natural = [] {
    const int threads = scipy_openblas_get_num_threads();
    scipy_openblas_set_num_threads(1);
    return threads;
  }();
  return natural;
}

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
  const int size = isTall ? m : n, threads = crew().threads, most = threads > 1 ? std::min(2 * threads, size / 64) : 1;
  const long work = (long)m * n * k;
  const int step = most > 1 && work >= 1 << 21 ? ((size + most - 1) / most + 15) / 16 * 16 : size; // else some 50 us
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

// Some rows times some outputs of a matrix, in parts.
static void by_blocks(int rows, int out, int in, const std::function<void(int row, int count, int from, int to)> &some) {
  if (rows < 1 || out < 1) return;
  // Of few rows reading the matrix is all there is to do: what one thread fetches ahead should not be another's.
  const int wide = rows > FEW ? PART : std::clamp(out / (2 * crew().threads) / PART, 1, 4) * PART;
  const int parts = (out + wide - 1) / wide, blocks = (rows + ROWS - 1) / ROWS, most = (rows + blocks - 1) / blocks;
  crew().run(parts * blocks, (long)rows * in * out, [=, &some](int part) {
    const int from = part % parts * wide, row = part / parts * most;
    some(row, std::min(most, rows - row), from, std::min(out, from + wide));
  });
}

void cblas_sgemm(int order, int transA, int transB, int m, int n, int k, float alpha, const float *a, int lda,
                 const float *b, int ldb, float beta, float *c, int ldc) {
  static const char *const core = scipy_openblas_get_corename(); // Haswell, Zen: the kernels with AVX2
  static const int few = __builtin_strcmp(core, "Haswell") == 0 || __builtin_strcmp(core, "Zen") == 0 ? 3 : 1;
  const bool isA = transA == AS_IS, isB = transB == AS_IS, isPlain = alpha == 1 && (beta == 0 || beta == 1);
  if (order != ROW_MAJOR || k < 1 || m < 1 || n < 1)
    scipy_cblas_sgemm(order, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
  // Of a few short sums adding up the lanes is too large a part.
  else if (chosen() && isA && !isB && isPlain && n > few && (m <= FEW || k >= 192 || m >= WORTH_TURNING)) {
    const Matrix w{(const unsigned char *)b, nullptr, nullptr, ldb * (long)sizeof(float), n, k, 1};
    by_blocks(m, n, k, [=](int row, int count, int from, int to) {
      chosen()->dense(w, from, to, a + (long)row * lda, lda, count, c + (long)row * ldc + from, ldc, beta == 1);
    });
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

# Operations of MLX's graph, for a CPU.
# shellcheck disable=SC2317 # called by own_functions
operations() {
  cat <<'END'
#include "mlx/allocator.h"
#include "mlx/backend/cpu/encoder.h"
#include "mlx/c/error.h"
#include "mlx/c/private/mlx.h"
#include "mlx/primitives.h"

namespace {

// What an operation has of an input: numbers that are there when it runs, as far apart as `strides` says.
struct Rows {
  const float *at = nullptr;
  long size = 0;
  bool isWhole = true;
  mlx::core::Shape shape;
  mlx::core::Strides strides;

  Rows() = default;
  Rows(const mlx::core::array &x)
      : at(x.data<float>()), size(x.size()), isWhole(x.flags().row_contiguous), shape(x.shape()), strides(x.strides()) {}

  // Those of an array of one dimension.
  int number(long i) const { return ((const int *)at)[i * strides[0]]; }

  // All of them one after the other, in `copy` if they are not so.
  const float *whole(std::vector<float> &copy) const {
    if (isWhole) return at;
    copy.resize(size);
    const long width = shape.back();
    for (long r = 0; r * width < size; r++) {
      long from = 0;
      for (long left = r, axis = (long)shape.size() - 2; axis >= 0; left /= shape[axis--])
        from += left % shape[axis] * strides[axis];
      for (long i = 0; i < width; i++) copy[r * width + i] = at[from + i * strides.back()];
    }
    return copy.data();
  }
};

class Operation : public mlx::core::UnaryPrimitive {
public:
  // Says what to do on the stream's thread.
  using Plan = std::function<std::function<void()>(const std::vector<mlx::core::array> &inputs, float *out)>;

  Operation(mlx::core::Stream stream, const char *title, Plan plan)
      : UnaryPrimitive(stream), title(title), plan(std::move(plan)) {}

  const char *name() const override { return title; }

  void eval_cpu(const std::vector<mlx::core::array> &inputs, mlx::core::array &out) override {
    out.set_data(mlx::core::allocator::malloc(out.nbytes()));
    if (out.size() > 0) mlx::core::cpu::get_command_encoder(stream()).dispatch(plan(inputs, out.data<float>()));
  }

  void eval_gpu(const std::vector<mlx::core::array> &, mlx::core::array &) override {
    throw std::runtime_error(std::string("[qwen3asr] ") + title + " is for a CPU");
  }

private:
  const char *const title;
  const Plan plan;
};

// An operation's result, float32.
mlx::core::array operation(const char *title, const mlx::core::Shape &shape, const mlx_stream s,
                           std::vector<mlx::core::array> inputs, Operation::Plan plan) {
  return mlx::core::array(shape, mlx::core::float32,
                          std::make_shared<Operation>(mlx_stream_get_(s), title, std::move(plan)), std::move(inputs));
}

// For C: 0, or 1 and a message.
int made(const std::function<void()> &make) {
  try {
    make();
  } catch (std::exception &e) {
    mlx_error(e.what());
    return 1;
  }
  return 0;
}

} // namespace
END
}

# Products with packed weights: MLX's own kernel unpacks number by number, for each row again.
# shellcheck disable=SC2317 # called by own_functions
packed_products() {
  cat <<'END'
namespace {

void packed_product(const Matrix &w, int bits, const float *x, int rows, float *y) {
  const int groups = w.in / w.group, kind = bits / 8;
  const Kernels *kernels = chosen();
  std::vector<float> sums(rows <= FEW ? rows * groups : 0);
  for (size_t i = 0; i < sums.size(); i++)
    for (int j = 0; j < w.group; j++) sums[i] += x[(long)i * w.group + j];
  by_blocks(rows, w.out, w.in, [&](int row, int count, int from, int to) {
    const float *xr = x + (long)row * w.in;
    if (rows <= FEW) kernels->few[kind](w, from, to, xr, rows, sums.data(), y);
    else kernels->many[kind](w, from, to, xr, w.in, count, y + (long)row * w.out + from, w.out, false);
  });
}

} // namespace

// Whether this processor can.
extern "C" bool qwen3asr_has_packed_product() { return chosen() != nullptr; }

// x [..., in] times the transpose of w [out, in], which is packed to `bits` (4 or 8) in groups: all float32, affine.
extern "C" int qwen3asr_packed_product(mlx_array *res, const mlx_array x, const mlx_array w, const mlx_array scales,
                                       const mlx_array biases, int bits, int group, const mlx_stream s) {
  return made([&] {
    const auto &in = mlx_array_get_(x), &weight = mlx_array_get_(w), &scale = mlx_array_get_(scales),
               &bias = mlx_array_get_(biases);
    const int width = in.shape(-1), out = weight.shape(0);
    const mlx::core::Shape groups{out, group > 0 ? width / group : 0};
    if (group < 16 || in.dtype() != mlx::core::float32 || scale.dtype() != mlx::core::float32 || bias.dtype() != mlx::core::float32 ||
        weight.dtype() != mlx::core::uint32 || (bits != 4 && bits != 8) || group % 16 != 0 || group > DEPTH ||
        width % group != 0 || weight.shape(-1) * 32L != (long)width * bits || scale.shape() != groups ||
        bias.shape() != groups || !chosen())
      throw std::invalid_argument("[qwen3asr_packed_product] the processor, types or shapes do not fit");
    auto shape = in.shape();
    shape.back() = out;
    mlx_array_set_(*res, operation("PackedProduct", shape, s, {in, weight, scale, bias}, [=](const auto &inputs, float *y) {
      for (int i = 1; i < 4; i++)
        if (!inputs[i].flags().row_contiguous) throw std::runtime_error("[qwen3asr_packed_product] weights lie apart");
      const Matrix matrix{(const unsigned char *)inputs[1].template data<uint32_t>(), inputs[2].template data<float>(),
                          inputs[3].template data<float>(), (long)width * bits / 8, out, width, group};
      return [matrix, bits, x = Rows(inputs[0]), y] {
        std::vector<float> copy;
        packed_product(matrix, bits, x.whole(copy), x.size / matrix.in, y);
      };
    }));
  });
}
END
}

# MLX prepares ten tasks (a hundred operations) ahead, all streams together. This tells it of so many tasks as done that it
# has not begun, or (fewer than none) as begun.
# shellcheck disable=SC2317 # called by own_functions
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
