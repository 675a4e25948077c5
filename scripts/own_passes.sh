# shellcheck shell=bash
# Sourced by own_functions.sh: what a network does between its products, each in one pass over the numbers, by all threads.

# Operations of MLX's graph, in float32.
# shellcheck disable=SC2317 # called by own_functions
passes() {
  cat <<'END'
namespace {

using mlx::core::array;

// Numbers that a part of a pass is worth.
constexpr long PART_NUMBERS = 1 << 14;

// Does something with rows from one to another, by all threads.
void by_rows(long rows, long width, const std::function<void(long, long)> &some) {
  const long step = std::max<long>(1, PART_NUMBERS / width), parts = (rows + step - 1) / step;
  crew().run(parts, rows * width * 16, [=, &some](int part) { some(part * step, std::min(rows, (part + 1) * step)); });
}

// Refuses rows whose numbers do not lie one after the other, or fall on each other.
void check_rows(const std::vector<array> &inputs, int count) {
  for (int i = 0; i < count; i++)
    if ((inputs[i].shape(-1) > 1 && inputs[i].strides(-1) != 1) ||
        (inputs[i].shape(-2) > 1 && inputs[i].strides(-2) < inputs[i].shape(-1)))
      throw std::runtime_error("[qwen3asr] numbers of a row lie apart, or rows on each other");
}

struct Attention {
  Rows q, k, v, first, until;
  int batch, heads, kvHeads, length, span, width;
  float scale;
  float *out; // [batch, length, heads, width]

  // Queries that are looked at together: all heads with the same keys for one position, else positions of a head.
  void some(int batchRow, int head, int from, int count) const {
    static const Passes &passes = own_passes();
    const bool isStep = length == 1;
    const int group = heads / kvHeads, kvHead = head / group;
    // How far apart rows are does not matter to one row, whatever it says.
    const long qRow = count == 1 ? width : isStep ? q.strides[1] : q.strides[2],
               keyRow = span == 1 ? width : k.strides[2], valueRow = span == 1 ? width : v.strides[2],
               outRow = isStep ? width : (long)heads * width;
    const auto end = [&](int row) { return until.at ? std::clamp(until.number(isStep ? 0 : from + row), 0, span) : span; };
    const int keys = end(count - 1), start = first.at ? std::clamp(first.number(batchRow), 0, keys) : 0;
    float *y = out + (((long)batchRow * length + (isStep ? 0 : from)) * heads + head) * width;
    if (start == keys) { // Nothing is seen.
      for (int r = 0; r < count; r++) std::fill_n(y + r * outRow, width, 0.f);
      return;
    }
    std::vector<float> scores((size_t)count * keys), sums(count);
    const float *kAt = k.at + batchRow * k.strides[0] + kvHead * k.strides[1],
                *vAt = v.at + batchRow * v.strides[0] + kvHead * v.strides[1],
                *qAt = q.at + batchRow * q.strides[0] + head * q.strides[1] + (isStep ? 0 : from * q.strides[2]);
    cblas_sgemm(ROW_MAJOR, AS_IS, TRANSPOSED, count, keys, width, 1, qAt, qRow, kAt, keyRow, 0, scores.data(), keys);
    for (int r = 0; r < count; r++) {
      float *row = &scores[(size_t)r * keys];
      for (int i = 0; i < keys; i++) row[i] *= scale;
      const int stop = std::clamp(end(r), start, keys); // Those of the queries ascend.
      sums[r] = stop > start ? passes.weigh(row, start, stop, keys) : 1;
      if (stop == start) std::fill_n(row, keys, 0.f);
    }
    cblas_sgemm(ROW_MAJOR, AS_IS, AS_IS, count, width, keys, 1, scores.data(), keys, vAt, valueRow, 0, y, outRow);
    for (int r = 0; r < count; r++)
      for (int i = 0; i < width; i++) y[r * outRow + i] /= sums[r];
  }

  void all() const {
    const int group = heads / kvHeads, tile = 64;
    const long work = (long)batch * heads * length * span * width;
    if (length == 1)
      return crew().run(batch * kvHeads, work, [=, this](int i) { some(i / kvHeads, i % kvHeads * group, 0, group); });
    const int tiles = (length + tile - 1) / tile;
    crew().run(batch * heads * tiles, work, [=, this](int i) {
      const int from = i % tiles * tile, head = i / tiles % heads;
      some(i / tiles / heads, head, from, std::min(tile, length - from));
    });
  }
};

// GELU of a convolution of 3 x 3 that halves both directions, its margin being 0.
struct Convolution {
  Rows x, weight, bias;
  int count, high, wide, in, out;
  float *y; // [count, high / 2, wide / 2, out]

  // Gathers what the outputs from .. to - 1 see of x, [to - from, 9 * in].
  void gather(const float *at, long from, long to, float *patch) const {
    const int rows = (high + 1) / 2, columns = (wide + 1) / 2;
    for (long i = from; i < to; i++) {
      const long block = i / ((long)rows * columns);
      const int row = 2 * (int)(i / columns % rows) - 1, column = 2 * (int)(i % columns) - 1;
      for (int r = row; r < row + 3; r++)
        for (int c = column; c < column + 3; c++, patch += in)
          if (r < 0 || r >= high || c < 0 || c >= wide) std::fill_n(patch, in, 0.f);
          else std::copy_n(at + ((block * high + r) * wide + c) * in, in, patch);
    }
  }

  void all() const {
    const long rows = (long)count * ((high + 1) / 2) * ((wide + 1) / 2), depth = 9L * in, threads = crew().threads;
    // Few and equal parts, a multiple of the threads, as OpenBLAS copies the weights into its own order for each: of at most
    // 8 MB of patches.
    const long most = std::max(64L, (2L << 20) / depth), turns = (rows + most * threads - 1) / (most * threads);
    const long step = std::max(64L, (rows + turns * threads - 1) / (turns * threads));
    std::vector<float> copies[3];
    const float *at = x.whole(copies[0]), *w = weight.whole(copies[1]), *b = bias.whole(copies[2]);
    crew().run((rows + step - 1) / step, rows * depth * out, [=, this](int part) {
      static const Passes &passes = own_passes();
      const long from = part * step, to = std::min(rows, from + step);
      const std::unique_ptr<float[]> patches(new float[(to - from) * depth]); // A vector would fill it with 0 first.
      gather(at, from, to, patches.get());
      cblas_sgemm(ROW_MAJOR, AS_IS, TRANSPOSED, to - from, out, depth, 1, patches.get(), depth, w, depth, 0, y + from * out, out);
      for (long i = from; i < to; i++) passes.gelu(y + i * out, b, out, y + i * out);
    });
  }
};

// Cosines and sines of the angles at a position: the frequency rounded to float32, then its product with the position.
struct Angles {
  float base = 0;
  std::vector<float> frequencies;

  void at(float wanted, int half, int position, float *cosines, float *sines) {
    if (base != wanted || (int)frequencies.size() != half) {
      base = wanted;
      frequencies.resize(half);
      for (int i = 0; i < half; i++) frequencies[i] = 1 / std::pow((double)base, (double)i / half);
    }
    for (int i = 0; i < half; i++) {
      const float angle = position * frequencies[i];
      cosines[i] = std::cos(angle);
      sines[i] = std::sin(angle);
    }
  }
};

const array &floats(const array &x) {
  if (x.dtype() != mlx::core::float32) throw std::invalid_argument("[qwen3asr] own passes are for float32");
  return x;
}

const array &floats(const mlx_array &x) { return floats(mlx_array_get_(x)); }

void check(bool fits) {
  if (!fits) throw std::invalid_argument("[qwen3asr] the shapes do not fit each other");
}

} // namespace

extern "C" {

// x Phi(x), of any shape.
int qwen3asr_gelu(mlx_array *res, const mlx_array x, const mlx_stream s) {
  return made([&] {
    const array &in = floats(x);
    mlx_array_set_(*res, operation("Gelu", in.shape(), s, {in}, [](const auto &in, float *y) {
      return [x = Rows(in[0]), y] {
        std::vector<float> copy;
        const float *at = x.whole(copy);
        by_rows((x.size + 1023) / 1024, 1024, [&](long from, long to) {
          own_passes().gelu(at + from * 1024, nullptr, std::min(x.size, to * 1024) - from * 1024, y + from * 1024);
        });
      };
    }));
  });
}

// silu(gate) * up, each [rows, width], their rows as far apart as they are.
int qwen3asr_swiglu(mlx_array *res, const mlx_array gate, const mlx_array up, const mlx_stream s) {
  return made([&] {
    const array &a = floats(gate), &b = floats(up);
    check(a.ndim() == 2 && a.shape() == b.shape());
    mlx_array_set_(*res, operation("SwiGLU", a.shape(), s, {a, b}, [](const auto &in, float *y) {
      check_rows(in, 2);
      return [gate = Rows(in[0]), up = Rows(in[1]), y] {
        const long width = gate.shape[1];
        by_rows(gate.shape[0], width, [&](long from, long to) {
          for (long r = from; r < to; r++)
            own_passes().swiglu(gate.at + r * gate.strides[0], up.at + r * up.strides[0], width, y + r * width);
        });
      };
    }));
  });
}

// Layer norm over the last axis; without a bias, root mean square norm.
int qwen3asr_norm(mlx_array *res, const mlx_array x, const mlx_array weight, const mlx_array bias, float eps, const mlx_stream s) {
  return made([&] {
    const array &in = floats(x);
    check(floats(weight).shape() == mlx::core::Shape{in.shape(-1)});
    std::vector<array> inputs{in, mlx_array_get_(weight)};
    if (bias.ctx) inputs.push_back(floats(bias));
    check(inputs.back().shape() == inputs[1].shape());
    mlx_array_set_(*res, operation("Norm", in.shape(), s, inputs, [eps](const auto &in, float *y) {
      const bool isCentred = in.size() > 2;
      return [x = Rows(in[0]), weight = Rows(in[1]), bias = isCentred ? Rows(in[2]) : Rows(), eps, y] {
        std::vector<float> copies[3];
        const float *at = x.whole(copies[0]), *w = weight.whole(copies[1]), *b = bias.at ? bias.whole(copies[2]) : nullptr;
        const long width = x.shape.back();
        by_rows(x.size / width, width, [&](long from, long to) {
          for (long r = from; r < to; r++) own_passes().norm(at + r * width, w, b, eps, width, y + r * width);
        });
      };
    }));
  });
}

// The first heads of x [B * L, all heads * width], as many as there are rows of weights: normed, and rotated to their
// positions, which begin where `offset` says (one number, or one of each of B) -> [B, L, heads, width].
int qwen3asr_rotate(mlx_array *res, const mlx_array x, const mlx_array weights, const mlx_array offset, int length, float eps,
                    float base, const mlx_stream s) {
  return made([&] {
    const array &in = floats(x), &w = floats(weights), &at = mlx_array_get_(offset);
    check(in.ndim() == 2 && w.ndim() == 2 && length > 0 && in.shape(0) % length == 0 && w.shape(1) % 2 == 0 &&
          in.shape(1) >= w.size() && at.dtype() == mlx::core::int32 && at.ndim() == 1 && (at.size() == 1 || at.size() == in.shape(0) / length));
    const mlx::core::Shape shape{in.shape(0) / length, length, w.shape(0), w.shape(1)};
    mlx_array_set_(*res, operation("Rotate", shape, s, {in, w, at}, [=](const auto &in, float *y) {
      check_rows(in, 1);
      return [=, x = Rows(in[0]), weights = Rows(in[1]), offset = Rows(in[2])] {
        std::vector<float> copy;
        const float *w = weights.whole(copy);
        const int heads = weights.shape[0], width = weights.shape[1], half = width / 2;
        by_rows(x.shape[0], (long)heads * width, [&](long from, long to) {
          static thread_local Angles angles;
          std::vector<float> turn(width);
          for (long row = from; row < to; row++) {
            const int start = offset.number(offset.size == 1 ? 0 : row / length);
            angles.at(base, half, start + row % length, turn.data(), &turn[half]);
            for (int h = 0; h < heads; h++)
              own_passes().rotate(x.at + row * x.strides[0] + h * width, w + h * width, turn.data(), &turn[half], eps, width,
                                  y + (row * heads + h) * width);
          }
        });
      };
    }));
  });
}

// softmax(q k^T * scale) v. q [B, heads, L, width], k and v [B, kvHeads, S, width], their last axis without gaps; of a row of
// the batch the keys from `first` [B] on are seen, by a query those before `until` [L], ascending; either may be missing.
// Who sees no key reads 0. -> [B, L, heads, width]
int qwen3asr_attention(mlx_array *res, const mlx_array q, const mlx_array k, const mlx_array v, const mlx_array first,
                       const mlx_array until, float scale, const mlx_stream s) {
  return made([&] {
    const array &queries = floats(q), &keys = floats(k), &values = floats(v);
    check(queries.ndim() == 4 && keys.ndim() == 4 && keys.shape() == values.shape() && queries.shape(0) == keys.shape(0) &&
          keys.shape(1) > 0 && queries.shape(1) % keys.shape(1) == 0 && queries.shape(3) == keys.shape(3));
    std::vector<array> inputs{queries, keys, values};
    for (const auto &[limit, count] : {std::pair{first, queries.shape(0)}, {until, queries.shape(2)}}) {
      if (!limit.ctx) continue;
      inputs.push_back(mlx_array_get_(limit));
      check(inputs.back().dtype() == mlx::core::int32 && inputs.back().shape() == mlx::core::Shape{count});
    }
    const mlx::core::Shape shape{queries.shape(0), queries.shape(2), queries.shape(1), queries.shape(3)};
    const bool hasFirst = first.ctx, hasUntil = until.ctx;
    mlx_array_set_(*res, operation("Attention", shape, s, inputs, [=](const auto &in, float *y) {
      check_rows(in, 3);
      if (in[0].shape(2) == 1 && in[0].shape(1) > 1 && in[0].strides(1) < in[0].shape(3))
        throw std::runtime_error("[qwen3asr] heads lie on each other");
      const Attention attention{in[0], in[1], in[2], hasFirst ? Rows(in[3]) : Rows(), hasUntil ? Rows(in.back()) : Rows(),
                                in[0].shape(0), in[0].shape(1), in[1].shape(1), in[0].shape(2), in[1].shape(2), in[0].shape(3),
                                scale, y};
      return [attention] { attention.all(); };
    }));
  });
}

// GELU of the convolution of x [n, H, W, in] with weights [out, 3, 3, in] and a bias, by steps of 2 with a margin of 1
// -> [n, H / 2, W / 2, out], halves rounded up.
int qwen3asr_convolve(mlx_array *res, const mlx_array x, const mlx_array weight, const mlx_array bias, const mlx_stream s) {
  return made([&] {
    const array &in = floats(x), &w = floats(weight), &b = floats(bias);
    check(in.ndim() == 4 && w.shape() == mlx::core::Shape({w.shape(0), 3, 3, in.shape(3)}) &&
          b.shape() == mlx::core::Shape{w.shape(0)});
    const mlx::core::Shape shape{in.shape(0), (in.shape(1) + 1) / 2, (in.shape(2) + 1) / 2, w.shape(0)};
    mlx_array_set_(*res, operation("Convolve", shape, s, {in, w, b}, [](const auto &in, float *y) {
      const Convolution convolution{in[0], in[1], in[2], in[0].shape(0), in[0].shape(1), in[0].shape(2), in[0].shape(3),
                                    in[1].shape(0), y};
      return [convolution] { convolution.all(); };
    }));
  });
}
}
END
}
