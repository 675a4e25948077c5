# shellcheck shell=bash
# Sourced by own_functions.sh: the innermost loops of its products, for processors with AVX2 and with AVX-512.

# Sums of products in registers, for one kind of processor: rows of x times outputs of a matrix [out, in], dense or packed
# (affine, 4 or 8 bits). Both lie along what is summed, so that for some rows nothing is copied into another order, as
# OpenBLAS does; for many, parts of the matrix are turned, so that outputs lie side by side.
# shellcheck disable=SC2317 # called by processors
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

// Asks for what lies some way ahead, in the order of memory: rows read side by side are not what a processor foresees.
template <int outs>
INLINE void fetch(const char *first, long turn, long bytes) {
  // Not __builtin_prefetch: to the compiler that may read any memory, so that sums would not stay in registers.
  for (int o = 0; o < outs; o++) asm volatile("prefetcht1 (%0)" : : "r"(first + (turn * outs + o) * bytes + AHEAD));
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
    if constexpr (rows < TALL) fetch<outs>((const char *)w, i / LANES, sizeof(V));
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

// As many numbers of a row of a matrix as a register takes, from the number `at` on, as they are stored.
template <int bits>
INLINE V numbers(const unsigned char *row, long at) {
  if constexpr (bits == 32) return LOAD((const float *)row + at);
  else if constexpr (bits == 8) return BYTES(row + at);
  else return NIBBLES(row + at / 2);
}

// The same as what they stand for; `group` is theirs, of all groups of the matrix.
template <int bits>
INLINE V values(const Matrix &w, long out, long at, long group) {
  const V stored = numbers<bits>(w.weight + out * w.apart, at);
  if constexpr (bits == 32) return stored;
  else return FMA(stored, ALL(w.scales[group]), ALL(w.biases[group]));
}

// Sums for some rows and outputs of a packed matrix, unpacked on the way.
template <int bits, int rows, int outs>
WIDE void unpacked(const Matrix &w, int first, const float *x, long xs, float *y, long ys) {
  const int groups = w.in / w.group;
  V sum[rows][outs];
  float values[rows * outs + 3];
  for (int r = 0; r < rows; r++)
    for (int o = 0; o < outs; o++) sum[r][o] = ZERO;
  for (int g = 0; g < groups; g++) {
    V scale[outs], bias[outs];
    fetch<outs>((const char *)w.weight + first * w.apart, g, w.group * bits / 8);
    for (int o = 0; o < outs; o++) {
      scale[o] = ALL(w.scales[(long)(first + o) * groups + g]);
      bias[o] = ALL(w.biases[(long)(first + o) * groups + g]);
    }
    for (int i = g * w.group; i < (g + 1) * w.group; i += LANES) {
      V v[outs];
      for (int o = 0; o < outs; o++) v[o] = FMA(numbers<bits>(w.weight + (first + o) * w.apart, i), scale[o], bias[o]);
      for (int r = 0; r < rows; r++) {
        V u = LOAD(x + r * xs + i);
        asm("" : "+v"(u));
        for (int o = 0; o < outs; o++) sum[r][o] = FMA(u, v[o], sum[r][o]);
      }
    }
  }
  totals<rows * outs>(sum[0], values);
  for (int r = 0; r < rows; r++)
    for (int o = 0; o < outs; o++) y[r * ys + o] = values[r * outs + o];
}

template <int bits, int rows>
WIDE void unpacked_all(const Matrix &w, int from, int to, const float *x, long xs, float *y, long ys) {
  for (; from + PAIR <= to; from += PAIR, y += PAIR) unpacked<bits, rows, PAIR>(w, from, x, xs, y, ys);
  for (; from < to; from++, y++) unpacked<bits, rows, 1>(w, from, x, xs, y, ys);
}

// Rows become columns: in each four rows within quarters of a register, then quarter by quarter.
INLINE void turn(V *x) {
  V a[LANES];
  for (int i = 0; i < LANES; i += 2) {
    a[i] = LOWS(x[i], x[i + 1]);
    a[i + 1] = HIGHS(x[i], x[i + 1]);
  }
  for (int i = 0; i < LANES; i += 4)
    for (int j = 0; j < 2; j++) {
      x[i + 2 * j] = HALVES(a[i + j], a[i + j + 2], 0x44);
      x[i + 2 * j + 1] = HALVES(a[i + j], a[i + j + 2], 0xee);
    }
  join(x, a);
  for (int i = 0; i < LANES; i++) x[i] = a[i];
}

// A panel of some numbers of at most PART outputs: side by side, as many as go into registers, then the next number.
template <int bits>
WIDE void turned(const Matrix &w, int from, int to, int start, int count, float *panel) {
  const int whole = count / LANES * LANES, groups = w.in / w.group, first = start / w.group;
  for (int side = from; side < to; side += BESIDE, panel += count * BESIDE)
    for (int out = side; out < side + BESIDE; out += LANES) {
      float *const column = panel + out - side;
      for (int at = 0, group = first, left = w.group; at < whole; at += LANES) {
        V square[LANES];
        for (int i = 0; i < LANES; i++)
          square[i] = out + i < to ? values<bits>(w, out + i, start + at, (long)(out + i) * groups + group) : ZERO;
        if ((left -= LANES) <= 0) group++, left = w.group;
        turn(square);
        for (int i = 0; i < LANES; i++) STORE(column + (at + i) * BESIDE, square[i]);
      }
      if constexpr (bits == 32)
        for (int at = whole; at < count; at++)
          for (int i = 0; i < LANES; i++)
            column[at * BESIDE + i] = out + i < to ? ((const float *)(w.weight + (out + i) * w.apart))[start + at] : 0;
    }
}

// Some rows times a panel: each number of a row by all outputs at once.
template <int rows>
WIDE void outer(const float *x, long xs, const float *panel, int count, int out, float *y, long ys, bool isMore) {
  for (int side = 0; side < out; side += BESIDE, panel += count * BESIDE) {
    V sum[rows][BESIDE / LANES];
    for (int r = 0; r < rows; r++)
      for (V &s : sum[r]) s = ZERO;
    for (int k = 0; k < count; k++) {
      V w[BESIDE / LANES];
      for (int o = 0; o < BESIDE / LANES; o++) w[o] = LOAD(panel + k * BESIDE + o * LANES);
      for (int r = 0; r < rows; r++) {
        const V v = ALL(x[r * xs + k]);
        for (int o = 0; o < BESIDE / LANES; o++) sum[r][o] = FMA(v, w[o], sum[r][o]);
      }
    }
    for (int r = 0; r < rows; r++)
      for (int o = 0; o < BESIDE / LANES; o++) {
        float *const at = y + r * ys + side + o * LANES;
        const int here = std::min(LANES, out - side - o * LANES);
        float rest[LANES];
        if (here == LANES) STORE(at, isMore ? LOAD(at) + sum[r][o] : sum[r][o]);
        else STORE(rest, sum[r][o]);
        for (int i = 0; i < here && here < LANES; i++) at[i] = isMore ? at[i] + rest[i] : rest[i];
      }
  }
}

// Outputs `from` to `to` of many rows, from as many of their numbers at once as stay in a processor's cache.
template <int bits>
WIDE void many(const Matrix &w, int from, int to, const float *x, long xs, int rows, float *y, long ys, bool isMore) {
  if constexpr (bits != 32)
    if (rows < WORTH_TURNING) {
      constexpr decltype(&unpacked_all<bits, 1>) some[]{unpacked_all<bits, 1>, unpacked_all<bits, 2>, unpacked_all<bits, 3>,
                                                        unpacked_all<bits, 4>, unpacked_all<bits, 5>, unpacked_all<bits, 6>,
                                                        unpacked_all<bits, 7>, unpacked_all<bits, 8>};
      for (int turns = (rows + DEEP - 1) / DEEP, taken; rows > 0; rows -= taken, x += taken * xs, y += taken * ys) {
        taken = (rows + turns - 1) / turns--;
        some[taken - 1](w, from, to, x, xs, y, ys);
      }
      return;
    }
  float *const panel = own_panel();
  const int depth = DEPTH / w.group * w.group;
  for (int start = 0; start < w.in; start += depth) {
    const int count = std::min(depth, w.in - start);
    const float *row = x + start;
    float *next = y;
    turned<bits>(w, from, to, start, count, panel);
    for (int left = rows, taken; left > 0; left -= taken, row += taken * xs, next += taken * ys) {
      taken = left >= HIGH ? HIGH : left >= 4 ? 4 : left >= 2 ? 2 : 1;
      (taken == HIGH ? outer<HIGH> : taken == 4 ? outer<4> : taken == 2 ? outer<2> : outer<1>)(
          row, xs, panel, count, to - from, next, ys, isMore || start > 0);
    }
  }
}

WIDE void dense(const Matrix &w, int from, int to, const float *x, long xs, int rows, float *y, long ys, bool isMore) {
  if (rows >= WORTH_TURNING) many<32>(w, from, to, x, xs, rows, y, ys, isMore);
  else
    down(x, xs, rows, (const float *)(w.weight + from * w.apart), w.apart / sizeof(float), w.in, to - from, y, ys, isMore);
}

// y = over all groups, scale * (q x) + bias * (sum of x), for some rows and outputs.
template <int bits, int rows, int outs>
WIDE void block(const Matrix &w, int first, const float *x, const float *sums, float *y) {
  const int groups = w.in / w.group;
  V sum[rows][outs];
  float rest[rows][outs] = {}, values[rows * outs + 3];
  for (int r = 0; r < rows; r++)
    for (int o = 0; o < outs; o++) sum[r][o] = ZERO;
  for (int g = 0; g < groups; g++) {
    V part[rows][outs];
    fetch<outs>((const char *)w.weight + first * w.apart, g, w.group * bits / 8);
    for (int r = 0; r < rows; r++)
      for (int o = 0; o < outs; o++) part[r][o] = ZERO;
    for (int i = g * w.group; i < (g + 1) * w.group; i += LANES) {
      V q[outs];
      for (int o = 0; o < outs; o++) q[o] = numbers<bits>(w.weight + (first + o) * w.apart, i);
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
WIDE void some(const Matrix &w, int from, int to, const float *x, const float *sums, float *y) {
  for (; from + outs <= to; from += outs) block<bits, rows, outs>(w, from, x, sums, y);
  for (; from < to; from++) block<bits, rows, 1>(w, from, x, sums, y);
}

// Outputs `from` to `to` of at most four rows.
template <int bits>
WIDE void few(const Matrix &w, int from, int to, const float *x, int rows, const float *sums, float *y) {
  (rows == 1 ? some<bits, 1, 4> : rows == 2 ? some<bits, 2, 2> : rows == 3 ? some<bits, 3, 2> : some<bits, 4, 2>)(
      w, from, to, x, sums, y);
}

const Kernels KERNELS{dense, {few<4>, few<8>}, {many<4>, many<8>}};
END
}
