#include "matrix.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

#include "norm.h"
#include "simd.h"

namespace limelight {
namespace {

constexpr int64_t kLine = 64, kStep = 128;                            // bytes of a cache line, and of a step of a panel
constexpr int64_t kGroupBytes = 2 * kPanel + kGroup * kPanel / 2;
constexpr int64_t kBlockBytes = 512 << 10;                            // converted rows that are worked on together: they stay in the second cache
constexpr int V = 2;                                                 // vectors of 16 outputs in a panel

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// ---- where converted rows lie in scratch ----

struct Converted {
  uint8_t* words;
  int64_t stride;                      // bytes from row to row: an odd number of lines, so that rows do not share a cache set
  float* scale;                        // of each row; int8 and int4
  int32_t* start;                      // of each row (and group of int4): what the sum of products with u8 weights starts from
  int64_t steps, groups;
};

Converted layout(const Matrix& m, int64_t rows, void* scratch) {
  Converted c{};
  c.groups = m.kind == Kind::int4 ? ceil_div(m.inputs, kGroup) : 1;
  switch (m.kind) {
    case Kind::float32: c.steps = m.inputs; break;
    case Kind::bfloat16: c.steps = ceil_div(m.inputs, 2); break;
    case Kind::int8: c.steps = ceil_div(m.inputs, 4); break;
    case Kind::int4: c.steps = c.groups * (kGroup / 4); break;
  }
  c.stride = (ceil_div(c.steps * 4, kLine) | 1) * kLine;
  c.words = static_cast<uint8_t*>(scratch);
  c.scale = reinterpret_cast<float*>(c.words + rows * c.stride);
  c.start = reinterpret_cast<int32_t*>(c.scale + rows);
  return c;
}

// ---- rows of x in the words of a kind ----

__m256i to_bfloat16(__m512 x) {
#ifdef __AVX512BF16__
  return (__m256i)_mm512_cvtneps_pbh(x);
#else
  const __m512i bits = _mm512_castps_si512(x), low = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, _mm512_add_epi32(low, _mm512_set1_epi32(0x7FFF))), 16);
  rounded = _mm512_mask_mov_epi32(rounded, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), _mm512_set1_epi32(0x7FC0));
  return _mm512_cvtepi32_epi16(rounded);
#endif
}

void to_floats(const float* x, int64_t width, uint8_t* words) { std::memcpy(words, x, width * sizeof(float)); }

void to_bfloats(const float* x, int64_t width, uint8_t* words) {
  for (int64_t i = 0; i < width; i += 16)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(words + 2 * i), to_bfloat16(_mm512_maskz_loadu_ps(lanes(width - i), x + i)));
}

// The largest size in a row, as bits: there NaN and infinity are above all numbers.
int32_t largest(const float* x, int64_t width) {
  const __m512i size = _mm512_set1_epi32(0x7FFFFFFF);
  __m512i most = _mm512_setzero_si512(), other = most;
  int64_t i = 0;
  for (; i + 32 <= width; i += 32) {
    most = _mm512_max_epi32(most, _mm512_and_si512(size, _mm512_loadu_si512(x + i)));
    other = _mm512_max_epi32(other, _mm512_and_si512(size, _mm512_loadu_si512(x + i + 16)));
  }
  for (; i < width; i += 16) most = _mm512_max_epi32(most, _mm512_and_si512(size, _mm512_maskz_loadu_epi32(lanes(width - i), x + i)));
  return _mm512_reduce_max_epi32(_mm512_max_epi32(most, other));
}

struct Scales { float down, up; };                                    // to whole numbers and back

// A row that holds NaN or infinity has no scale: all that it gives is NaN. One too small for a float's range is taken for zero.
Scales scales(const float* x, int64_t width) {
  const int32_t bits = largest(x, width);
  float most;
  std::memcpy(&most, &bits, sizeof most);
  if (bits >= 0x7F800000) return {0.f, __builtin_nanf("")};
  return most < 1e-30f ? Scales{0.f, 0.f} : Scales{127.f / most, most / 127.f};
}

// Sixteen numbers of a row; what lies behind its end, and all of a row without a scale, is zero.
__m512i whole(const float* x, __mmask16 there, __m512 down) {
  const __mmask16 sound = _mm512_mask_cmp_ps_mask(there, down, _mm512_setzero_ps(), _CMP_GT_OQ);
  return _mm512_maskz_cvtps_epi32(sound, _mm512_mul_ps(_mm512_maskz_loadu_ps(sound, x), down));
}

float to_bytes(const float* x, int64_t width, uint8_t* words, int32_t* start) {
  const Scales by = scales(x, width);
  const __m512 down = _mm512_set1_ps(by.down);
  __m512i sum = _mm512_setzero_si512();
  for (int64_t i = 0; i < width; i += 16) {
    const __m512i q = whole(x + i, lanes(width - i), down);
    sum = _mm512_add_epi32(sum, q);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(words + i), _mm512_cvtsepi32_epi8(q));
  }
  *start = -128 * _mm512_reduce_add_epi32(sum);
  return by.up;
}

float to_grouped_bytes(const float* x, int64_t width, uint8_t* words, int32_t* start) {
  const Scales by = scales(x, width);
  const __m512 down = _mm512_set1_ps(by.down);
  for (int64_t i = 0; i < width; i += kGroup) {
    const __m512i low = whole(x + i, lanes(width - i), down);
    const __m512i high = whole(x + i + 16, lanes(width - i > 16 ? width - i - 16 : 0), down);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(words + i), _mm512_cvtsepi32_epi8(low));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(words + i + 16), _mm512_cvtsepi32_epi8(high));
    start[i / kGroup] = -8 * _mm512_reduce_add_epi32(_mm512_add_epi32(low, high));
  }
  return by.up;
}

// ---- sums: R rows by one panel, an accumulator for each row and vector ----
// The instructions are written out because gcc, given the intrinsics, keeps moving accumulators to the stack and back.

struct Float32 {
  using Sum = __m512;
  static Sum start(const int32_t*, int64_t) { return _mm512_setzero_ps(); }
  static void add(Sum& sum, __m512i w, __m512i x) { asm("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x)); }
  static __m512 value(Sum sum) { return sum; }
};

struct Bfloat16 {
  using Sum = __m512;
  static Sum start(const int32_t*, int64_t) { return _mm512_setzero_ps(); }
  static void add(Sum& sum, __m512i w, __m512i x) {
#ifdef __AVX512BF16__
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x));
#else
    const __m512i high = _mm512_set1_epi32(static_cast<int32_t>(0xFFFF0000));
    sum = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(w, high)), _mm512_castsi512_ps(_mm512_and_si512(x, high)), sum);
    sum = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(w, 16)), _mm512_castsi512_ps(_mm512_slli_epi32(x, 16)), sum);
#endif
  }
  static __m512 value(Sum sum) { return sum; }
};

struct Int8 {
  using Sum = __m512i;
  static Sum start(const int32_t* starts, int64_t row) { return _mm512_set1_epi32(starts[row]); }
  static void add(Sum& sum, __m512i w, __m512i x) { asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x)); }
  static __m512 value(Sum sum) { return _mm512_cvtepi32_ps(sum); }
};

__m512i broadcast(const uint8_t* word) { return _mm512_set1_epi32(*reinterpret_cast<const int32_t*>(word)); }

// Asks for what a panel's stream brings later. Few rows run at the memory's speed, and near lines suffice; many rows read so slowly that the
// processor's own prefetching falls asleep: then far lines are called into the second cache first (measured: 17 -> 24 GB/s with 8 rows).
template <int R> void ask_ahead(const uint8_t* at) {
  if constexpr (R > 4) _mm_prefetch(reinterpret_cast<const char*>(at + 8192), _MM_HINT_T1);
  _mm_prefetch(reinterpret_cast<const char*>(at + (R > 4 ? 1024 : 1536)), _MM_HINT_T0);
}

// sums (R, 32): rows `first` ... of c times panel `w`.
template <class Dot, int R> void add_up(const Converted& c, int64_t first, const uint8_t* w, float* sums) {
  const uint8_t* x = c.words + first * c.stride;
  typename Dot::Sum sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) sum[r][v] = Dot::start(c.start, first + r);
  for (int64_t step = 0; step < c.steps; ++step, w += kStep, x += 4) {
    __m512i part[V];
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) {
      ask_ahead<R>(w + v * kLine);
      part[v] = _mm512_loadu_si512(w + v * kLine);
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const __m512i word = broadcast(x + r * c.stride);
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) Dot::add(sum[r][v], part[v], word);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) _mm512_store_ps(sums + (r * V + v) * 16, Dot::value(sum[r][v]));
}

struct Int4 {};

template <int R> void add_up_groups(const Converted& c, int64_t first, const uint8_t* w, float* sums) {
  const __m512i nibble = _mm512_set1_epi8(15);
  const uint8_t* x = c.words + first * c.stride;
  __m512 sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) sum[r][v] = _mm512_setzero_ps();
  for (int64_t group = 0; group < c.groups; ++group, w += kGroupBytes, x += kGroup) {
    __m512i part[R][V];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) part[r][v] = _mm512_set1_epi32(c.start[(first + r) * c.groups + group]);
#pragma GCC unroll 4
    for (int step = 0; step < 4; ++step) {
#pragma GCC unroll 16
      for (int v = 0; v < V; ++v) {
        const uint8_t* at = w + 2 * kPanel + step * kStep + v * kLine;
        ask_ahead<1>(at);
        const __m512i both = _mm512_loadu_si512(at);
        const __m512i low = _mm512_and_si512(both, nibble), high = _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
          Int8::add(part[r][v], low, broadcast(x + r * c.stride + 8 * step));
          Int8::add(part[r][v], high, broadcast(x + r * c.stride + 8 * step + 4));
        }
      }
    }
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) {
      const __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + v * 32)));
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) sum[r][v] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(part[r][v]), scale, sum[r][v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < V; ++v) _mm512_store_ps(sums + (r * V + v) * 16, sum[r][v]);
}

// ---- which kernel for how many rows ----

using Kernel = void (*)(const Converted&, int64_t, const uint8_t*, float*);

template <class Dot, int R> constexpr Kernel kernel_of() {
  if constexpr (std::is_same_v<Dot, Int4>) return add_up_groups<R>;
  else return add_up<Dot, R>;
}

template <class Dot, int... R> Kernel choose(int rows, std::integer_sequence<int, R...>) {
  static constexpr Kernel all[] = {kernel_of<Dot, R + 1>()...};
  return all[rows - 1];
}

constexpr int most_rows(Kind kind) { return kind == Kind::int4 ? 5 : 12; }

Kernel choose(Kind kind, int rows) {
  switch (kind) {
    case Kind::float32: return choose<Float32>(rows, std::make_integer_sequence<int, most_rows(Kind::float32)>());
    case Kind::bfloat16: return choose<Bfloat16>(rows, std::make_integer_sequence<int, most_rows(Kind::bfloat16)>());
    case Kind::int8: return choose<Int8>(rows, std::make_integer_sequence<int, most_rows(Kind::int8)>());
    default: return choose<Int4>(rows, std::make_integer_sequence<int, most_rows(Kind::int4)>());
  }
}

// ---- from sums to y ----

template <Act act> __m512 bend(__m512 x) {
  switch (act) {
    case Act::relu: return relu16(x);
    case Act::gelu: return gelu16(x);
    case Act::gelu_tanh: return gelu_tanh16(x);
    case Act::silu: return silu16(x);
    case Act::tanh: return tanh16(x);
    default: return x;
  }
}

struct Place { int64_t row; int rows; int64_t column; };             // a tile of y, one panel wide: it may reach over the end

template <Act act> void finish(const Matrix& m, const Converted& c, const Place& at, const float* sums, Rows y, const Epilogue& e) {
  for (int r = 0; r < at.rows; ++r)
    for (int v = 0; v < kPanel && at.column + v < m.outputs; v += 16) {
      const int64_t row = at.row + r, column = at.column + v;
      const __mmask16 there = lanes(m.outputs - column);
      __m512 z = _mm512_load_ps(sums + r * kPanel + v);
      if (m.scale) z = _mm512_mul_ps(z, _mm512_mul_ps(_mm512_set1_ps(c.scale[row]), _mm512_maskz_loadu_ps(there, m.scale + column)));
      if (m.bias) z = _mm512_add_ps(z, _mm512_maskz_loadu_ps(there, m.bias + column));
      z = bend<act>(z);
      if (e.gate) z = _mm512_mul_ps(z, _mm512_maskz_loadu_ps(there, e.gate + row * e.gate_stride + column));
      if (e.residual) z = _mm512_add_ps(z, _mm512_maskz_loadu_ps(there, e.residual + row * e.residual_stride + column));
      _mm512_mask_storeu_ps(y.at + row * y.stride + column, there, z);
    }
}

using Finish = void (*)(const Matrix&, const Converted&, const Place&, const float*, Rows, const Epilogue&);

Finish finishing(Act act) {
  static constexpr Finish all[] = {finish<Act::none>, finish<Act::relu>, finish<Act::gelu>, finish<Act::gelu_tanh>, finish<Act::silu>, finish<Act::tanh>};
  return all[static_cast<int>(act)];
}

// Asks for the lines of y that a tile will write, while its sums are still being made.
void expect(const Place& at, Rows y) {
  for (int r = 0; r < at.rows; ++r)
    for (int v = 0; v < kPanel; v += kLine / 4) __builtin_prefetch(y.at + (at.row + r) * y.stride + at.column + v, 1);
}

// One block of rows against panels first ... last, which stay in a cache from tile to tile of the rows.
struct Block { int64_t row, rows; Range panels; };

int64_t panel_bytes(const Matrix& m, const Converted& c) { return m.kind == Kind::int4 ? c.groups * kGroupBytes : c.steps * kStep; }

void work_on(const Matrix& m, const Converted& c, const Block& b, Rows y, const Epilogue& e) {
  alignas(64) float sums[12 * kPanel];
  const Finish done = finishing(e.act);
  const int64_t tiles = ceil_div(b.rows, most_rows(m.kind)), bytes = panel_bytes(m, c);
  for (int64_t panel = b.panels.first; panel < b.panels.last; ++panel)
    for (int64_t tile = 0; tile < tiles; ++tile) {                    // of nearly equal height: 13 rows are 7 and 6
      const int64_t row = b.row + b.rows * tile / tiles;
      const Place at{row, static_cast<int>(b.row + b.rows * (tile + 1) / tiles - row), panel * kPanel};
      expect(at, y);
      choose(m.kind, at.rows)(c, row, m.panels + panel * bytes, sums);
      done(m, c, at, sums, y, e);
    }
}

}  // namespace

size_t scratch_bytes(const Matrix& m, int64_t rows) {
  const Converted c = layout(m, rows, nullptr);
  return rows * (c.stride + sizeof(float) + c.groups * sizeof(int32_t)) + kLine;
}

void convert(const Matrix& m, Given x, int64_t rows, void* scratch, int index, const Pool& pool) {
  const Converted c = layout(m, rows, scratch);
  const Range mine = pool.mine(rows, index);
  for (int64_t row = mine.first; row < mine.last; ++row) {
    const float* from = x.at + row * x.stride;
    uint8_t* to = c.words + row * c.stride;
    switch (m.kind) {
      case Kind::float32: to_floats(from, m.inputs, to); break;
      case Kind::bfloat16: to_bfloats(from, m.inputs, to); break;
      case Kind::int8: c.scale[row] = to_bytes(from, m.inputs, to, c.start + row); break;
      case Kind::int4: c.scale[row] = to_grouped_bytes(from, m.inputs, to, c.start + row * c.groups); break;
    }
  }
}

void multiply(const Matrix& m, int64_t rows, const void* scratch, Rows y, const Epilogue& e, Pool& pool) {
  if (!rows || !m.outputs) return;
  const Converted c = layout(m, rows, const_cast<void*>(scratch));
  const int64_t tall = most_rows(m.kind), fit = kBlockBytes / c.stride / tall * tall;
  const int64_t blocks = ceil_div(rows, fit < tall ? tall : fit), panels = ceil_div(m.outputs, kPanel);
  const int64_t pieces = pool.count() == 1 ? 1 : 8 * pool.count(), wide = ceil_div(panels, pieces);
  const int64_t across = ceil_div(panels, wide);
  for (int64_t piece = pool.take(); piece < blocks * across; piece = pool.take()) {
    const int64_t block = piece / across, first = piece % across * wide, row = rows * block / blocks;
    work_on(m, c, {row, rows * (block + 1) / blocks - row, {first, first + wide < panels ? first + wide : panels}}, y, e);
  }
}

void product(const Matrix& m, Given x, int64_t rows, void* scratch, Rows y, const Epilogue& e, int index, Pool& pool) {
  convert(m, x, rows, scratch, index, pool);
  pool.barrier();
  multiply(m, rows, scratch, y, e, pool);
  pool.barrier();
}

// ---- from Python ----

// Pages of 2 MiB for memory that will hold panels: a stream of small ones is read at half the speed. Only a wish: nothing fails without them.
LIMELIGHT_API void limelight_huge_pages(void* at, int64_t bytes) { madvise(at, bytes, MADV_HUGEPAGE); }

namespace {

struct Scratch {                                                       // of the calling thread; grows, never shrinks
  void* at = nullptr;
  size_t bytes = 0;
  ~Scratch() { std::free(at); }
  void* of(size_t wanted) {
    if (wanted > bytes) {
      std::free(at);
      bytes = ceil_div(wanted, kLine) * kLine;
      at = std::aligned_alloc(kLine, bytes);
      if (!at) bytes = 0;
    }
    return at;
  }
};

struct Call { const float* x; float* y; int64_t rows; int threads; };   // both without gaps between rows

}  // namespace

// 0, or 1 where there is no memory for the converted rows.
LIMELIGHT_API int limelight_product(const Matrix* m, const Call* call, const Epilogue* e) {
  static thread_local Scratch room;
  void* scratch = room.of(scratch_bytes(*m, call->rows));
  if (!scratch) return 1;
  Pool& pool = Pool::shared();
  pool.run(call->threads, [&](int index) { product(*m, {call->x, m->inputs}, call->rows, scratch, {call->y, m->outputs}, *e, index, pool); });
  return 0;
}

}  // namespace limelight
