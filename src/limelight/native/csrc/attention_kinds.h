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

// What they do differently. A `step` is what one lane takes of a sum at a time: one float32, or two bfloat16. Steps are moved by words, which hold
// one, or two that are parted on arrival.
struct Single {
  using Element = float;
  static constexpr int PER_STEP = 1, PER_WORD = 1;
  static Vec add_product(Vec sum, Bits a, Bits b) { return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sum); }
  using There = __mmask16;
  static There there(int n) { return lanes(n); }                       // the first n elements of a register
  static Bits words_of(const float* row, There there) { return _mm512_maskz_loadu_epi32(there, row); }
  static Bits step_of(Bits words, int) { return words; }
  static void put_weights(uint32_t* at, Vec p) { _mm512_storeu_ps(at, p); }

  // Registers of 16 channels, PAIRED at a time, of the values of one step.
  static constexpr int PAIRED = 1;
  static void value_steps(const float* const* rows, int i, There there, Bits (&out)[1]) { out[0] = words_of(rows[0] + i, there); }
  static void in_order(Vec (&)[1]) {}
};

struct Half {
  using Element = uint16_t;
  static constexpr int PER_STEP = 2, PER_WORD = 1;
  static Vec add_product(Vec sum, Bits a, Bits b) { return add_pairs(sum, a, b); }
  using There = __mmask32;
  static There there(int n) { return n >= 32 ? 0xFFFFFFFFu : n <= 0 ? 0u : (1u << n) - 1; }
  static Bits words_of(const uint16_t* row, There there) { return _mm512_maskz_loadu_epi16(there, row); }
  static Bits step_of(Bits words, int) { return words; }
  static void put_weights(uint32_t* at, Vec p) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), narrowed(p)); }

  static constexpr int PAIRED = 2;
  static void value_steps(const uint16_t* const* rows, int i, There there, Bits (&out)[2]) {
    const Bits low = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37, 5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
    const Bits a = words_of(rows[0] + i, there), b = words_of(rows[1] + i, there);
    out[0] = _mm512_permutex2var_epi16(a, low, b);
    out[1] = _mm512_permutex2var_epi16(a, _mm512_add_epi16(low, _mm512_set1_epi16(16)), b);
  }
  static void in_order(Vec (&)[2]) {}
};

// bfloat16 that is widened where it is met: queries and weights are not rounded, and a lane takes one number of a sum at a time. Two neighbours
// travel as one word, and a shift and a mask part them, for what moves numbers between lanes is what such processors have least of.
struct Wide {
  using Element = uint16_t;
  static constexpr int PER_STEP = 1, PER_WORD = 2, PAIRED = 2;
  static Vec add_product(Vec sum, Bits a, Bits b) { return Single::add_product(sum, a, b); }
  using There = Half::There;
  static There there(int n) { return Half::there(n); }
  static Bits words_of(const uint16_t* row, There there) { return Half::words_of(row, there); }
  static Bits step_of(Bits words, int i) {
    return i ? _mm512_and_si512(words, _mm512_set1_epi32(static_cast<int>(0xFFFF0000u))) : _mm512_slli_epi32(words, 16);
  }
  static void put_weights(uint32_t* at, Vec p) { Single::put_weights(at, p); }

  // Of 32 channels the even ones, then the odd ones: they stay so until the sums are whole.
  static void value_steps(const uint16_t* const* rows, int i, There there, Bits (&out)[2]) {
    const Bits words = words_of(rows[0] + i, there);
    out[0] = step_of(words, 0), out[1] = step_of(words, 1);
  }
  static void in_order(Vec (&sums)[2]) {
    const Bits low = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    const Vec even = sums[0], odd = sums[1];
    sums[0] = _mm512_permutex2var_ps(even, low, odd);
    sums[1] = _mm512_permutex2var_ps(even, _mm512_add_epi32(low, _mm512_set1_epi32(8)), odd);
  }
};

}  // namespace limelight
