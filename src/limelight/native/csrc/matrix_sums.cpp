// An accumulator for each row and vector of a panel.
// The instructions are written out because gcc, given the intrinsics, keeps moving accumulators to the stack and back.
#include "matrix_sums.h"

#include <type_traits>
#include <utility>

#include "bfloat.h"
#include "simd.h"

namespace limelight {
namespace {

constexpr int64_t kLine = 64;
constexpr int V = 2;                                                 // vectors of 16 outputs in a panel

struct Float32 {
  using Sum = __m512;
  static Sum start(const int32_t*, int64_t) { return _mm512_setzero_ps(); }
  static void add(Sum& sum, __m512i w, __m512i x) { asm("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(w), "v"(x)); }
  static __m512 value(Sum sum) { return sum; }
};

struct Bfloat16 {
  using Sum = __m512;
  static Sum start(const int32_t*, int64_t) { return _mm512_setzero_ps(); }
  static void add(Sum& sum, __m512i w, __m512i x) { sum = add_pairs(sum, w, x); }
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
template <int R> void ask_ahead(const uint8_t* at, int64_t near, int64_t far) {
  if constexpr (R > 4) _mm_prefetch(reinterpret_cast<const char*>(at + far), _MM_HINT_T1);
  _mm_prefetch(reinterpret_cast<const char*>(at + near), _MM_HINT_T0);
}

// sums (R, 32): rows `first` ... of c times panel `w`.
template <class Dot, int R> void add_up(const Converted& c, int64_t first, const uint8_t* w, bool, float* sums) {
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
      ask_ahead<R>(w + v * kLine, R > 4 ? 1024 : 1536, 8192);
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

// As above: the scales of a group, and its lines that these vectors take.
template <int R, int W> void ask_ahead_group(const uint8_t* w, int v0, int64_t near, int64_t far) {
  ask_ahead<R>(w, near, far);
#pragma GCC unroll 16
  for (int line = 0; line < 4 * W; ++line) ask_ahead<R>(w + (line * V / W + v0 + 1) * kLine, near, far);
}

// Rows by W vectors of a panel, the first of them `v0`: of many rows half a panel at a time, so that nibbles are unpacked for all of them at once.
template <int R, int W> void add_up_groups(const Converted& c, int64_t first, const uint8_t* w, int v0, bool fresh, float* sums) {
  const __m512i nibble = _mm512_set1_epi8(15);
  const int64_t far = c.groups * kGroupBytes;                         // the same lines of the next panel
  const uint8_t* x = c.words + first * c.stride;
  const int32_t* starts = c.start + first;
  __m512 sum[R][W];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < W; ++v) sum[r][v] = _mm512_setzero_ps();
  for (int64_t group = 0; group < c.groups; ++group, w += kGroupBytes, x += c.across, starts += c.rows) {
    if (fresh) ask_ahead_group<R, W>(w, v0, 2 * kGroupBytes, far);
    __m512i part[R][W];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
      for (int v = 0; v < W; ++v) part[r][v] = _mm512_set1_epi32(starts[r]);
#pragma GCC unroll 4
    for (int step = 0; step < 4; ++step) {
#pragma GCC unroll 16
      for (int v = 0; v < W; ++v) {
        const __m512i both = _mm512_loadu_si512(w + 2 * kPanel + step * kStep + (v0 + v) * kLine);
        const __m512i low = _mm512_and_si512(both, nibble), high = _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) Int8::add(part[r][v], low, broadcast(x + r * kGroup + 8 * step));
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) Int8::add(part[r][v], high, broadcast(x + r * kGroup + 8 * step + 4));
      }
    }
#pragma GCC unroll 16
    for (int v = 0; v < W; ++v) {
      const __m512 scale = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + (v0 + v) * 32)));
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) sum[r][v] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(part[r][v]), scale, sum[r][v]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 16
    for (int v = 0; v < W; ++v) _mm512_store_ps(sums + (r * V + v0 + v) * 16, sum[r][v]);
}

template <int R> void add_up_nibbles(const Converted& c, int64_t first, const uint8_t* w, bool fresh, float* sums) {
  constexpr int W = R > 5 ? 1 : V;
  for (int v = 0; v < V; v += W) add_up_groups<R, W>(c, first, w, v, fresh, sums);
}

template <class Dot, int R> constexpr Kernel kernel_of() {
  if constexpr (std::is_same_v<Dot, Int4>) return add_up_nibbles<R>;
  else return add_up<Dot, R>;
}

template <class Dot, int... R> Kernel choose(int rows, std::integer_sequence<int, R...>) {
  static constexpr Kernel all[] = {kernel_of<Dot, R + 1>()...};
  return all[rows - 1];
}

}  // namespace

Kernel choose(Kind kind, int rows) {
  switch (kind) {
    case Kind::float32: return choose<Float32>(rows, std::make_integer_sequence<int, kMostRows>());
    case Kind::bfloat16: return choose<Bfloat16>(rows, std::make_integer_sequence<int, kMostRows>());
    case Kind::int8: return choose<Int8>(rows, std::make_integer_sequence<int, kMostRows>());
    default: return choose<Int4>(rows, std::make_integer_sequence<int, kMostRows>());
  }
}

}  // namespace limelight
