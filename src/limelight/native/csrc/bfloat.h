// bfloat16: the upper half of a float32. To it numbers go by rounding to nearest, ties to even; denormals may become zero, NaN stays NaN.
#pragma once
#include "simd.h"

namespace limelight {

inline __m256i narrowed(__m512 x) {
#ifdef __AVX512BF16__
  return (__m256i)_mm512_cvtneps_pbh(x);
#else
  const __m512i b = _mm512_castps_si512(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(b, 16), _mm512_set1_epi32(1));
  const __m512i round = _mm512_add_epi32(b, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
  const __m512i kept = _mm512_mask_or_epi32(round, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), b, _mm512_set1_epi32(0x400000));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(kept, 16));
#endif
}

inline __m512 widened(__m256i x) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16)); }

// A row of floats as bfloat16.
inline void narrow_row(const float* x, int64_t width, uint16_t* to) {
  for (int64_t i = 0; i < width; i += 16) {
    const __mmask16 there = lanes(width - i);
    _mm256_mask_storeu_epi16(to + i, there, narrowed(_mm512_maskz_loadu_ps(there, x + i)));
  }
}

// What is left of a row after a trip to bfloat16.
inline void rounded_row(const float* x, int64_t width, float* to) {
  for (int64_t i = 0; i < width; i += 16) {
    const __mmask16 there = lanes(width - i);
    _mm512_mask_storeu_ps(to + i, there, widened(narrowed(_mm512_maskz_loadu_ps(there, x + i))));
  }
}

// sum + a * b, two neighbours to a lane.
inline __m512 add_pairs(__m512 sum, __m512i a, __m512i b) {
#ifdef __AVX512BF16__
  asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
#else
  const __m512i high = _mm512_set1_epi32(static_cast<int>(0xFFFF0000u));
  sum = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(a, high)), _mm512_castsi512_ps(_mm512_and_si512(b, high)), sum);
  return _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(a, 16)), _mm512_castsi512_ps(_mm512_slli_epi32(b, 16)), sum);
#endif
}

}  // namespace limelight
