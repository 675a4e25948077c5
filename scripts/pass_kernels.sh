# shellcheck shell=bash
# Sourced by own_functions.sh: the innermost loops of own_passes.sh, for any processor.

# Vectors of V numbers, which the compiler knows for every processor.
# shellcheck disable=SC2317 # called by processors
pass_kernels() {
  cat <<'END'
typedef int Ints __attribute__((vector_size(sizeof(V))));
constexpr int WIDTH = sizeof(V) / sizeof(float);

INLINE V read(const float *at) {
  V v;
  __builtin_memcpy(&v, at, sizeof v);
  return v;
}

INLINE void write(float *at, V v) { __builtin_memcpy(at, &v, sizeof v); }

INLINE float total(V v) {
  float sum = 0;
  for (int i = 0; i < WIDTH; i++) sum += v[i];
  return sum;
}

// e^x to a relative 1e-7; x is at most 87, and what lies below -87 taken as that, nearly 0.
INLINE V power(V x) {
  const V least = V{} - 87.f, rounding = V{} + 12582912.f; // 3 * 2^22: who adds it rounds to whole numbers.
  x = x < least ? least : x; // What is no number stays none.
  V n = x * 1.44269504f + rounding;
  const Ints twos = ((Ints)n - (Ints)rounding + 127) << 23;
  n -= rounding;
  const V r = x - n * 0.693359375f + n * 2.12194440e-4f; // ln 2 in two parts
  V y = r * 1.9875691500e-4f + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  return (y * r * r + r + 1.f) * (V)twos;
}

// x Phi(x): of |x| is lost what the tail of a normal distribution has, e^(-x^2/2) g(1 / (1 + 0.3 |x|)). g is fitted for the
// least relative error, 8e-8, up to |x| = 12.
INLINE V gelu(V x) {
  const V zero{}, size = x < zero ? zero - x : x, t = 1.f / (size * 0.3f + 1.f);
  V tail = t * 0.03674179253404982f - 0.1616802469826366f;
  tail = tail * t + 0.21413452687500656f;
  tail = tail * t - 0.06092142576258855f;
  tail = tail * t + 0.1324409246540459f;
  tail = tail * t + 0.09871901482240127f;
  tail = tail * t + 0.12094910144593718f;
  tail = tail * t + 0.11961627166315662f;
  const V counted = size > 20.f ? zero + 20.f : size; // An infinite one times 0 would be no number.
  return (x > zero ? x : zero) - counted * (tail * t) * power(counted * counted * -0.5f);
}

INLINE V silu(V x) {
  const V zero{}, size = x < zero ? zero - x : x, small = power(zero - size); // e^-|x|
  const V counted = x < -87.f ? zero - 87.f : x; // power() does not become smaller below.
  return counted * (x < zero ? small : zero + 1.f) / (small + 1.f);
}

// y = function(x + bias) of `count` numbers, or function(x) times `factor`.
template <V function(V)>
INLINE void each(const float *x, const float *bias, const float *factor, int count, float *y) {
  for (int i = 0; i < count; i += WIDTH) {
    const int here = std::min(count - i, WIDTH);
    float rest[3][WIDTH] = {};
    if (here < WIDTH) {
      __builtin_memcpy(rest[0], x + i, here * sizeof(float));
      if (bias) __builtin_memcpy(rest[1], bias + i, here * sizeof(float));
      if (factor) __builtin_memcpy(rest[2], factor + i, here * sizeof(float));
    }
    const bool isWhole = here == WIDTH;
    V v = read(isWhole ? x + i : rest[0]);
    if (bias) v += read(isWhole ? bias + i : rest[1]);
    v = function(v);
    if (factor) v *= read(isWhole ? factor + i : rest[2]);
    write(isWhole ? y + i : rest[0], v);
    if (!isWhole) __builtin_memcpy(y + i, rest[0], here * sizeof(float));
  }
}

WIDE void gelus(const float *x, const float *bias, int count, float *y) { each<gelu>(x, bias, nullptr, count, y); }
WIDE void swiglus(const float *gate, const float *up, int count, float *y) { each<silu>(gate, nullptr, up, count, y); }

// The mean of (x - middle)^2 of a row.
INLINE float spread(const float *x, float middle, int width) {
  V sum{};
  int i = 0;
  for (; i + WIDTH <= width; i += WIDTH) {
    const V v = read(x + i) - middle;
    sum += v * v;
  }
  float squares = total(sum);
  for (; i < width; i++) squares += (x[i] - middle) * (x[i] - middle);
  return squares / width;
}

// One row: (x - its mean) / the root of its variance + eps, times the weight, and the bias; without a bias the mean stays.
WIDE void norm(const float *x, const float *weight, const float *bias, float eps, int width, float *y) {
  float mean = 0;
  if (bias) {
    V sum{};
    int i = 0;
    for (; i + WIDTH <= width; i += WIDTH) sum += read(x + i);
    mean = total(sum);
    for (; i < width; i++) mean += x[i];
    mean /= width;
  }
  const float scale = 1 / std::sqrt(spread(x, mean, width) + eps);
  for (int i = 0; i < width; i++) {
    const float v = (x[i] - mean) * scale * weight[i];
    y[i] = bias ? v + bias[i] : v;
  }
}

// A head's row divided by its root mean square, times the weight, its halves rotated against each other.
WIDE void rotate(const float *x, const float *weight, const float *cosines, const float *sines, float eps, int width, float *y) {
  const int half = width / 2;
  const float scale = 1 / std::sqrt(spread(x, 0, width) + eps);
  for (int i = 0; i < half; i++) {
    const float a = x[i] * scale * weight[i], b = x[i + half] * scale * weight[i + half];
    y[i] = a * cosines[i] - b * sines[i];
    y[i + half] = b * cosines[i] + a * sines[i];
  }
}

// A row of scores becomes e^(score - the largest) from `first` to `until` and 0 elsewhere; their sum.
WIDE float weigh(float *row, int first, int until, int keys) {
  float most = -INFINITY;
  V mosts = V{} + most, sum{};
  int i = first;
  for (; i + WIDTH <= until; i += WIDTH) {
    const V v = read(row + i);
    mosts = v > mosts ? v : mosts;
  }
  for (int lane = 0; lane < WIDTH; lane++) most = std::max(most, mosts[lane]);
  for (; i < until; i++) most = std::max(most, row[i]);
  for (i = first; i + WIDTH <= until; i += WIDTH) {
    const V v = power(read(row + i) - most);
    write(row + i, v);
    sum += v;
  }
  float all = total(sum);
  if (i < until) {
    float rest[WIDTH] = {};
    for (int j = i; j < until; j++) rest[j - i] = row[j] - most;
    write(rest, power(read(rest)));
    for (int j = i; j < until; j++) all += row[j] = rest[j - i];
  }
  for (int j = 0; j < first; j++) row[j] = 0;
  for (int j = until; j < keys; j++) row[j] = 0;
  return all;
}

const Passes PASSES{gelus, swiglus, norm, rotate, weigh};
END
}
