// Attention's two products, queries with keys and weights with values: a few rows by a few registers, each lane a sum in order.
#pragma once
#include <type_traits>

#include "attention_kinds.h"

namespace limelight {

constexpr int ROWS = 6;                          // of a microkernel, with 24 sums in registers

// c (M rows, N registers) = c * fade + a (M rows of steps, each broadcast) x b (steps of N registers). fade null: c = a x b.
template <class Kind, int M, int N>
void product(const uint32_t* a, int64_t a_row, const uint32_t* b, int64_t b_step, int64_t b_vector, int64_t steps, float* c, int64_t c_row,
             const float* fade) {
  Vec sum[M][N];
  UNROLLED for (int m = 0; m < M; ++m)
    UNROLLED for (int n = 0; n < N; ++n) sum[m][n] = _mm512_setzero_ps();
  if (fade) {
    UNROLLED for (int m = 0; m < M; ++m)
      UNROLLED for (int n = 0; n < N; ++n) sum[m][n] = _mm512_mul_ps(_mm512_loadu_ps(c + m * c_row + n * LANES), _mm512_set1_ps(fade[m]));
  }
  for (int64_t s = 0; s < steps; ++s, b += b_step) {
    Bits right[N];
    UNROLLED for (int n = 0; n < N; ++n) right[n] = _mm512_loadu_si512(b + n * b_vector);
    UNROLLED for (int m = 0; m < M; ++m) {
      const Bits left = _mm512_set1_epi32(static_cast<int>(a[m * a_row + s]));
      UNROLLED for (int n = 0; n < N; ++n) sum[m][n] = Kind::add_product(sum[m][n], left, right[n]);
    }
  }
  UNROLLED for (int m = 0; m < M; ++m)
    UNROLLED for (int n = 0; n < N; ++n) _mm512_storeu_ps(c + m * c_row + n * LANES, sum[m][n]);
}

using Product = void (*)(const uint32_t*, int64_t, const uint32_t*, int64_t, int64_t, int64_t, float*, int64_t, const float*);

// The most registers that so many rows can have sums in: enough of them hide the latency of a product.
constexpr int widest(int rows) { return rows <= 3 ? 8 : 4; }

template <class Kind, int M> inline constexpr Product by_vectors[8] = {
    product<Kind, M, 1>, product<Kind, M, 2>, product<Kind, M, 3>, product<Kind, M, 4>,
    M <= 3 ? product<Kind, M <= 3 ? M : 1, 5> : nullptr, M <= 3 ? product<Kind, M <= 3 ? M : 1, 6> : nullptr,
    M <= 3 ? product<Kind, M <= 3 ? M : 1, 7> : nullptr, M <= 3 ? product<Kind, M <= 3 ? M : 1, 8> : nullptr};

template <class Kind> inline constexpr const Product* products[ROWS] = {by_vectors<Kind, 1>, by_vectors<Kind, 2>, by_vectors<Kind, 3>,
                                                                 by_vectors<Kind, 4>, by_vectors<Kind, 5>, by_vectors<Kind, 6>};

// Calls what(m) with the number of rows as a constant.
template <class What> void with_count(int rows, What what) {
  switch (rows) {
    case 1: return what(std::integral_constant<int, 1>());
    case 2: return what(std::integral_constant<int, 2>());
    case 3: return what(std::integral_constant<int, 3>());
    case 4: return what(std::integral_constant<int, 4>());
    case 5: return what(std::integral_constant<int, 5>());
    default: return what(std::integral_constant<int, ROWS>());
  }
}

}  // namespace limelight
