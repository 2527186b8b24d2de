// Attention's two number formats, float32 and bfloat16, a register at a time; and bfloat16 whose products are those of float32.
#pragma once
#include "bfloat.h"
#include "simd.h"

namespace limelight {

constexpr int LANES = 16;

#define UNROLLED _Pragma("GCC unroll 16")

using Vec = __m512;
using Bits = __m512i;

inline int up(int n, int step) { return (n + step - 1) / step * step; }

// What they do differently. A `step` is what one lane takes of a sum at a time: one float32, or two bfloat16.
struct Single {
  using Element = float;
  static constexpr int PER_STEP = 1;
  static Vec add_product(Vec sum, Bits a, Bits b) { return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum); }
  using There = __mmask16;
  static There there(int n) { return lanes(n); }                       // the first n elements of a register
  static Bits steps_of(const float* row, There there) { return _mm512_maskz_loadu_epi32(there, row); }
  static void put_weights(uint32_t* at, Vec p) { _mm512_storeu_ps(at, p); }

  // Registers of 16 channels, PAIRED at a time, of the values of one step.
  static constexpr int PAIRED = 1;
  static void value_steps(const float* const* rows, int i, There there, Bits (&out)[1]) { out[0] = steps_of(rows[0] + i, there); }
};

struct Half {
  using Element = uint16_t;
  static constexpr int PER_STEP = 2;
  static Vec add_product(Vec sum, Bits a, Bits b) { return add_pairs(sum, a, b); }
  using There = __mmask32;
  static There there(int n) { return n >= 32 ? 0xFFFFFFFFu : n <= 0 ? 0u : (1u << n) - 1; }
  static Bits steps_of(const uint16_t* row, There there) { return _mm512_maskz_loadu_epi16(there, row); }
  static void put_weights(uint32_t* at, Vec p) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), narrowed(p)); }

  static constexpr int PAIRED = 2;
  static void value_steps(const uint16_t* const* rows, int i, There there, Bits (&out)[2]) {
    const Bits low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
    const Bits a = steps_of(rows[0] + i, there), b = steps_of(rows[1] + i, there);
    out[0] = _mm512_permutex2var_epi16(a, low, b);
    out[1] = _mm512_permutex2var_epi16(a, _mm512_add_epi16(low, _mm512_set1_epi16(16)), b);
  }
};

// bfloat16 that is widened where it is met: queries and weights are not rounded, and a lane takes one number of a sum at a time.
struct Wide : Single {
  using Element = uint16_t;
  static Bits steps_of(const uint16_t* row, There there) { return _mm512_castps_si512(widened(_mm256_maskz_loadu_epi16(there, row))); }
  static void value_steps(const uint16_t* const* rows, int i, There there, Bits (&out)[1]) { out[0] = steps_of(rows[0] + i, there); }
};

}  // namespace limelight
